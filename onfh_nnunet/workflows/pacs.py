"""A PACS from a settings file: ask, find, fetch, store."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from onfh_nnunet.core.choices import AnyPath
from onfh_nnunet.core.errors import PacsError, ReadError
from onfh_nnunet.core.progress import Progress, silent
from onfh_nnunet.core.user_files import refused_whole, walk
from onfh_nnunet.pacs.archive import Archive, archive_of
from onfh_nnunet.pacs.fetch import Fetched, fetch_study
from onfh_nnunet.pacs.query import Query, Study, find_studies, require_uid
from onfh_nnunet.pacs.retry import retried
from onfh_nnunet.pacs.settings import read_settings
from onfh_nnunet.pacs.store import Stored, read_identity, store_files

__all__ = ["Fetched", "Pacs", "Stored", "Study"]


@dataclass(frozen=True)
class Pacs:
    """The server of a PACS; nothing is sent to any other.

    Example:
        ```python
        from onfh_nnunet.workflows.pacs import Pacs

        pacs = Pacs.of("pacs.toml")
        for study in pacs.find(patient="1234567"):
            pacs.fetch([study.study], "scans")
        ```
    """

    archive: Archive

    @classmethod
    def of(cls, settings: AnyPath) -> Pacs:
        """The server that a settings file names; nothing is sent yet.

        Raises:
            PacsSettingsError: The file cannot be used; see `onfh_nnunet.pacs.settings`.
            ReadError: It cannot be read.
        """
        return cls(archive_of(read_settings(Path(settings))))

    @property
    def name(self) -> str:
        """The server in messages."""
        return self.archive.name

    def echo(self) -> None:
        """Ask whether the server is there and accepts this program.

        Raises:
            PacsError: It does not.
        """
        retried(self.archive.echo)

    def find(
        self, *, patient: str = "", date: str = "", accession: str = "", study: str = "", modality: str = "MR"
    ) -> list[Study]:
        """The studies that match all that is given, by date; one of the first four must be.

        Raises:
            OnfhError: Nothing is asked, or no date or UID.
            PacsError: The server refuses, or cannot be reached.
        """
        return find_studies(self.archive, Query(patient, date, accession, study, modality))

    def fetch(
        self, studies: Sequence[str], out: AnyPath, *, modalities: Sequence[str] = ("MR",), progress: Progress = silent
    ) -> list[Fetched]:
        """Fetch studies by their UIDs, each into a folder of its own in `out`: whole, or not at all.

        Raises:
            OnfhError: A UID is none.
            PacsError: The server refuses, lacks one, or cannot be reached.
            WorkspaceError: `out` cannot be written.
        """
        for study in studies:
            require_uid(study, "the study")
        fetched: list[Fetched] = []
        for study in dict.fromkeys(studies):
            fetched.append(fetch_study(self.archive, study, Path(out), modalities))
            progress(study, len(fetched), len(studies))
        return fetched

    def store(self, paths: Sequence[AnyPath]) -> Stored:
        """Store DICOM files, each once; what the server holds already is not sent.

        Args:
            paths: Files, or folders such as OUT of ``onfh predict --dicom``, of which every ``.dcm`` at any depth is
                meant.

        Raises:
            DuplicateInstance: Two different objects have one UID.
            PacsError: The server refuses, or cannot be reached.
            ReadError: A file is not DICOM, or a folder holds none.
        """
        files = [file for path in paths for file in _files(Path(path))]
        if not files:
            raise PacsError(self.name, "is to be sent nothing, expected files", "Name files or folders")
        return store_files(self.archive, [read_identity(file) for file in files])


def _files(path: Path) -> Iterator[Path]:
    if not path.is_dir():
        yield path
        return
    with refused_whole(path):
        found = [place / name for place, names in walk(path) for name in names if name.lower().endswith(".dcm")]
    if not found:
        raise ReadError(
            path, "holds no .dcm file", "Give a folder of DICOM objects; onfh predict writes some with `dicom`"
        )
    yield from found
