"""Errors of this project. Each message names the subject, what is wrong with it, and what to do."""

from __future__ import annotations

from onfh_nnunet.core.printable import on_one_line


class OnfhError(Exception):
    """An error that the user can act on; the command line prints it and exits with 1.

    Args:
        subject: What the message is about: a case id, a file, a CSV row, a folder.
        problem: What was got and what was expected.
        remedy: What to do about it.
        details: What follows the problem for the person at the terminal alone, such as a list of what a header says: it
            may name the patient, and stays out of every table.

    Attributes:
        trace: The traceback of a library's error behind it, for a log; empty where there is none.
    """

    def __init__(self, subject: object, problem: str, remedy: str, details: str = "") -> None:
        self.subject, self.problem, self.remedy, self.details, self.trace = str(subject), problem, remedy, details, ""
        super().__init__(_message(self.subject, f"{problem}{details}", remedy))

    @property
    def without_details(self) -> str:
        """The message for a table."""
        return _message(self.subject, self.problem, self.remedy)

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle support: errors are passed between processes, whatever their constructor takes."""
        return _restored, (type(self), self.subject, self.problem, self.remedy, self.details, self.trace)


class OnfhWarning(UserWarning):
    """What a user should look at, though the work goes on; the command line prints it."""


def _message(subject: str, problem: str, remedy: str) -> str:
    """In sentences; a list that a problem ends with stands on lines of its own."""
    end = "" if problem.endswith("\n") else ". "
    return f"{on_one_line(subject)}: {problem}{end}{remedy}."


def _restored(kind: type[OnfhError], subject: str, problem: str, remedy: str, details: str, trace: str) -> OnfhError:
    error = kind.__new__(kind)
    OnfhError.__init__(error, subject, problem, remedy, details)
    error.trace = trace
    return error


class CohortError(OnfhError):
    """A row or a column of cohort.csv cannot be used."""


class ReadError(OnfhError):
    """A file is not the image, mask or table that it should be."""


class NoHipScan(ReadError):
    """A folder holds no scan that may be of a hip."""


class GeometryError(OnfhError):
    """A voxel grid is impossible, unknown or not the expected one."""


class GridMismatch(GeometryError):
    """Two volumes that must share one voxel grid do not."""

    def __init__(self, subject: object, what: str, got: object, expected: object) -> None:
        super().__init__(
            subject,
            f"{what} is {got}, expected {expected}",
            "Both volumes must lie on one voxel grid: resample one of them onto the other's",
        )


class LabelError(OnfhError):
    """A label map holds something other than one femoral head with its necrosis."""


class UnstatedNecrosis(LabelError):
    """A label draws a head alone, and nobody said whether the hip is healthy."""


class SideError(OnfhError):
    """Left and right are unknown, or two sources contradict each other."""


class SplitError(OnfhError):
    """Folds that mix a patient, omit a hip, or do not exist."""


class StaleError(OnfhError):
    """A result was made from other data than the current data."""


class WorkspaceError(OnfhError):
    """A folder or file of the workspace is missing or cannot be written."""


class TrainingError(OnfhError):
    """Planning or training stopped, or its result is missing."""


class DeviceError(OnfhError):
    """The requested device is not available on this machine."""


class ModelError(OnfhError):
    """A model file is damaged, unknown or not supported."""


class HipNotFound(OnfhError):
    """No femoral head was found where one was expected."""


class NoFemoralHead(HipNotFound):
    """A scan shows nothing that looks like a femoral head: it may be of another part of the body."""


class PacsError(OnfhError):
    """The server of a PACS refused a request, or gave an answer that is no answer to it."""


class PacsSettingsError(PacsError):
    """The settings file of a PACS cannot be used."""


class PacsUnreachable(PacsError):
    """The server of a PACS does not answer, or the connection broke: the same request may succeed later."""


class PacsTlsError(PacsError):
    """The connection to a PACS cannot be encrypted as asked, or the server is not who its certificate should name."""


class PacsLoginError(PacsError):
    """The server of a PACS does not accept the user or the password."""


class AssociationRejected(PacsError):
    """The server of a PACS rejects the association: it does not know an application entity title, say."""


class DuplicateInstance(PacsError):
    """Two different objects have one SOP Instance UID."""
