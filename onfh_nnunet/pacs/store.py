"""Store DICOM files in a PACS: each once, and none that it holds already."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from onfh_nnunet.core.atomic_files import sha256
from onfh_nnunet.core.errors import DuplicateInstance, ReadError
from onfh_nnunet.core.user_files import refused_whole
from onfh_nnunet.pacs.archive import Archive, DicomFile
from onfh_nnunet.pacs.retry import retried

_UIDS = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "SOPClassUID")


@dataclass(frozen=True)
class Stored:
    """What became of files.

    Args:
        sent: Those that the server took.
        already: Those that it held already; they were not sent.
    """

    sent: tuple[DicomFile, ...]
    already: tuple[DicomFile, ...]


def read_identity(path: Path) -> DicomFile:
    """The identity of a DICOM file.

    Raises:
        ReadError: It is none, or lacks a UID.
    """
    from pydicom import dcmread

    with refused_whole(path):
        header = dcmread(path, stop_before_pixels=True)
        study, series, uid, sop_class = (str(header.get(keyword) or "") for keyword in _UIDS)
        syntax = str(header.file_meta.get("TransferSyntaxUID") or "")
    if not all((study, series, uid, sop_class, syntax)):
        raise ReadError(path, "lacks a UID that every stored object has", "Export it again from the source")
    return DicomFile(path, study, series, uid, sop_class, syntax)


def store_files(archive: Archive, files: Sequence[DicomFile]) -> Stored:
    """Send the files that the server does not hold yet.

    Where the connection breaks, the server is asked again what it holds, and is sent the rest.

    Raises:
        DuplicateInstance: Two different files have one UID, or the server holds another object of it.
        PacsError: The server refuses, or cannot be reached.
    """
    single = _single(files)
    sent: list[DicomFile] = []

    def send() -> None:
        lacking = _lacking(archive, single)
        sent.extend(file for file in lacking if file not in sent)
        if lacking:
            archive.store(lacking)

    retried(send)
    return Stored(tuple(sent), tuple(file for file in single if file not in sent))


def _single(files: Iterable[DicomFile]) -> list[DicomFile]:
    """The files, of equal ones the first."""
    single: dict[str, DicomFile] = {}
    for file in files:
        first = single.setdefault(file.uid, file)
        if first is not file and sha256(first.path) != sha256(file.path):
            problem = f"has the SOPInstanceUID of {first.path} and another content"
            raise DuplicateInstance(file.path, problem, "Store the right one alone; nothing was sent")
    return list(single.values())


def _lacking(archive: Archive, files: Sequence[DicomFile]) -> list[DicomFile]:
    """The files that the server does not hold."""
    held: set[str] = set()
    for study, series in sorted({(file.study, file.series) for file in files}):
        keys = {"StudyInstanceUID": study, "SeriesInstanceUID": series, "SOPInstanceUID": ""}
        held |= {str(one.SOPInstanceUID) for one in archive.find("IMAGE", keys)}
    return [file for file in files if file.uid not in held]
