"""What the checks before training find: errors stop a conversion, warnings are for a person to look at, notes tell."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from onfh_nnunet.core.csv_rows import NO_COLUMN
from onfh_nnunet.core.errors import GeometryError, LabelError, OnfhError, ReadError, SideError
from onfh_nnunet.core.printable import plural
from onfh_nnunet.core.tables import quoted


class Severity(StrEnum):
    """The severity of a finding."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True)
class Finding:
    """A row of checks.csv.

    Args:
        case_id: The case, the scan (its side ``B``), or ``cohort``.
        line: The scan's line in cohort.csv; none for a finding about the whole cohort.
        level: Error, warning, or note of what is right.
        check: What was looked at, in one word.
        message: What was got and what was expected.
        in_full: The message with what a table must not repeat, for the person at the terminal; empty for the same.
        patient_id: The patient's own id in cohort.csv, for the person at the terminal.
        remedy: What to do, where the message ends with it.
    """

    case_id: str
    line: int | None
    level: Severity
    check: str
    message: str
    in_full: str = field(default="", compare=False, metadata=NO_COLUMN)
    patient_id: str = field(default="", compare=False, metadata=NO_COLUMN)
    remedy: str = field(default="", compare=False, metadata=NO_COLUMN)

    @property
    def shown(self) -> str:
        """The message for the terminal."""
        return self.in_full or self.message

    @property
    def place(self) -> str:
        """The row of cohort.csv, for the terminal; empty for a finding about the whole cohort."""
        return f"line {self.line}, patient {quoted(self.patient_id)}" if self.line else ""

    def __str__(self) -> str:
        return f"{self.case_id}: {self.shown}"


class Note(str):
    """A note for the terminal that has a separate text for tables.

    A name that somebody typed into a file may be a patient's: it stands in the note, and not in its `in_table`.
    """

    __slots__ = ("in_table",)
    in_table: str

    @classmethod
    def of(cls, text: str, in_table: str) -> Note:
        """Create a note from both texts."""
        note = cls(text)
        note.in_table = in_table
        return note


def in_table(note: str) -> str:
    """The text of a note for tables."""
    return note.in_table if isinstance(note, Note) else note


def finding_of_error(error: OnfhError, case_id: str, line: int) -> Finding:
    """Convert an exception into a finding."""
    kinds = {GeometryError: "geometry", LabelError: "label", SideError: "side", ReadError: "file"}
    check = next((name for kind, name in kinds.items() if isinstance(error, kind)), "scan")
    message = str(error).removeprefix(f"{place_in_cohort(case_id, line)}: ")
    return Finding(case_id, line, Severity.ERROR, check, message, remedy=f"{error.remedy}.")


def place_in_cohort(case_id: str, line: int) -> str:
    """What errors call a row of cohort.csv."""
    return f"line {line} of the cohort, {case_id}"


def shown_once(findings: Iterable[Finding]) -> list[str]:
    """The message of each finding for the terminal; what to do stands with the first of those that share it."""
    first: dict[str, Finding] = {}
    texts = []
    for one in findings:
        owner = first.setdefault(one.remedy, one) if one.remedy else one
        again = f"What to do: as for line {owner.line}."
        texts.append(one.shown if owner is one else f"{one.shown.removesuffix(one.remedy)}{again}")
    return texts


def of_severity(findings: Iterable[Finding], level: Severity) -> list[Finding]:
    """The findings of one severity, in their order."""
    return [finding for finding in findings if finding.level is level]


def refuse(findings: Sequence[Finding], *, strict: bool) -> None:
    """Raise one error that lists all errors, or with `strict` warnings too; nothing where there are none.

    Raises:
        OnfhError: There are some.
    """
    stopping = (Severity.ERROR, Severity.WARNING) if strict else (Severity.ERROR,)
    bad = [finding for finding in findings if finding.level in stopping]
    if bad:
        texts = zip(bad, shown_once(bad), strict=True)
        places = ((", ".join(filter(None, (one.level, one.place, one.case_id))), text) for one, text in texts)
        listed = "\n  ".join(f"{place}: {text}" for place, text in places)
        remedy = "Correct them" + (", or run without `strict`" if strict else "")
        raise OnfhError("cohort", f"has {plural(len(bad), 'finding')}:\n  {listed}\n", remedy)
