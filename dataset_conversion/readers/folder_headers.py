"""The DICOM headers of a whole folder, from which no slice may be missing."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

from dataset_conversion.readers.archive import is_packed
from dataset_conversion.readers.dicom_start import PREAMBLE_BYTES, is_dicom
from dataset_conversion.readers.headers import DIRECTORY, EXPORT_AGAIN, Header, path_of, read_header, sop_class
from onfh_nnunet.core.errors import ReadError
from onfh_nnunet.core.user_files import is_regular, walk

_SLICE_SUFFIXES = {".dcm", ".dicom", ".ima"}

_COMPANIONS = {
    *("dicomdir", "thumbs.db", "desktop.ini", "readme", "license", "version"),
    *(".txt", ".xml", ".json", ".csv", ".tsv", ".html", ".htm", ".pdf", ".log", ".md", ".ini", ".bval", ".bvec"),
    *(".docx", ".xlsx", ".pptx", ".jpg", ".jpeg", ".png", ".gif", ".bmp", ".tif", ".tiff", ".svg", ".ico"),
    *(".exe", ".inf", ".dll", ".jar"),
}
"""What lies beside slices and is none, by whole name or suffix in lower case: texts, pictures, viewers."""


def headers_in(folder: Path) -> list[Header]:
    """The headers of all DICOM files in a folder and in the folders below it, by path; DICOMDIRs are left out.

    Other files are passed over where they cannot be slices: the last ones of a series would leave no gap.

    Raises:
        ReadError: A folder cannot be listed; a file is damaged; or beside DICOM images lies what may be or hold slices:
            a file named like them, one too short for DICOM, an archive, a link to a folder outside.
    """
    images, others = [], []
    for place, names in walk(folder):
        others += _links(folder, place)
        for path in (place / name for name in names):
            if not (is_regular(path) and is_dicom(path)):
                others.append(path)
            elif sop_class(header := read_header(path)) != DIRECTORY:
                images.append(header)
    _refuse_lost(folder, [path_of(header) for header in images], others)
    return images


def _links(root: Path, place: Path) -> list[Path]:
    """Links of a folder to folders that are not read anyway."""
    with os.scandir(place) as entries:
        links = sorted(path for entry in entries if entry.is_symlink() and (path := Path(entry.path)).is_dir())
    return [link for link in links if not link.resolve().is_relative_to(root.resolve())]


def _refuse_lost(root: Path, images: Sequence[Path], others: Sequence[Path]) -> None:
    """Refuse what may be or hold slices and is not among the images of a tree."""
    names = {_marked(path.name) for path in images}
    suffixes = {(path.parent, _marked(path.suffix)) for path in images}
    folders = {_marked(path.parent.relative_to(root)) for path in images}
    companions = _COMPANIONS - {path.suffix.lower() for path in images}
    for path in others if images else ():
        if path.name.startswith(".") or not companions.isdisjoint((path.name.lower(), path.suffix.lower())):
            continue
        alike = _marked(path.name) in names or (path.parent, _marked(path.suffix)) in suffixes
        if path.is_dir():
            problem, remedy = "is a link to a folder, which is not followed", "Give the folder it points to"
            raise ReadError(path, problem, f"{remedy}, or move the link away")
        if alike or path.suffix.lower() in _SLICE_SUFFIXES:
            raise ReadError(
                path,
                "is named like the slices beside it and is not DICOM",
                f"{EXPORT_AGAIN}. If it is no slice, move it away",
            )
        if not is_regular(path):
            continue
        if path.stat().st_size < PREAMBLE_BYTES and _marked(path.parent.relative_to(root)) in folders:
            problem = f"has {path.stat().st_size} bytes and lies where slices do, expected {PREAMBLE_BYTES} or more"
            raise ReadError(path, problem, f"{EXPORT_AGAIN}. If it is no slice, move it away")
        if is_packed(path):
            problem = "is an archive among the slices, which is not opened"
            raise ReadError(path, problem, "Unpack it if it holds slices, and move it away")


def _marked(name: object) -> str:
    """A name in lower case with one mark for each number: the same for all slices of a series."""
    return re.sub(r"\d+", "#", str(name).lower())
