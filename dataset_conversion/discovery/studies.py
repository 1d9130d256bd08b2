"""The scans of a folder as a PACS or a disc exports it: studies at any depth, archives, image files, and all else."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from dataset_conversion.cohort.scan_input import ScanInput
from dataset_conversion.discovery.dicom_series import FoundSeries, scans_of_series
from dataset_conversion.discovery.single_files import is_label_file, labels_passed_over, paired
from dataset_conversion.discovery.study_choice import choose_scans, title_of
from dataset_conversion.readers.archive import unpacked
from dataset_conversion.readers.dicom_seg import SEGMENTATION_CLASSES
from dataset_conversion.readers.dicom_start import is_dicom
from dataset_conversion.readers.headers import DIRECTORY, EXPORT_AGAIN, Header, read_header, sop_class
from onfh_nnunet.core.errors import OnfhError, ReadError
from onfh_nnunet.core.progress import Progress, silent
from onfh_nnunet.core.user_files import refused_whole, walk


@dataclass
class Studies:
    """What was found in a folder.

    Args:
        folder: The folder.
        scans: What is predicted, or refused with the reason.
        lines: Which series of which study was taken and why, and what was passed over.
        no_scans: The files that are no part of a scan.
    """

    folder: Path
    scans: list[ScanInput] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    no_scans: set[Path] = field(default_factory=set)


def find_studies(
    folder: Path, files: Iterable[Path], is_scan: Callable[[Path], bool], progress: Progress = silent
) -> Studies:
    """The scans among files: of each DICOM study the one that suits, each archive's and each image file.

    Headers alone are read, but for archives, which are unpacked for a moment.

    Args:
        folder: Holds the files, at any depth.
        files: The files.
        is_scan: Whether a file that is not DICOM is meant to be a scan.
        progress: Called for each folder.
    """
    found, listed = Studies(folder), sorted(files)
    headers: list[Header] = []
    archives: list[Path] = []
    images: list[ScanInput] = []
    damaged: dict[Path, OnfhError] = {}
    for path in _by_folder(listed, progress):
        try:
            with refused_whole(path):
                if _is_dicom(path):
                    headers += _header(path, found)
                elif _is_archive(path):
                    archives.append(path)
                elif is_scan(path):
                    images.append(ScanInput(path, title=title_of(path, folder)))
                else:
                    found.no_scans.add(path)
        except OnfhError as error:
            if path.is_file():
                damaged.setdefault(path.parent, error)
            elif not is_scan(path):  # a pipe, say
                found.no_scans.add(path)
            else:  # a link that leads nowhere
                found.scans.append(ScanInput(path, title=title_of(path, folder), refusal=error))
    labels = [image.path for image in images if is_label_file(image.path)]
    scans, pairs = paired(image for image in images if image.path not in labels)
    found.scans += scans
    found.lines += [*pairs, *labels_passed_over(labels, folder)]
    series = [scans_of_series(headers, folder), *(_unpacked(path, found) for path in archives)]
    _choose(found, series)
    _refuse_damaged(found, damaged)
    found.scans.sort(key=lambda scan: (scan.path.parts, scan.series or ""))
    return found


def _by_folder(files: list[Path], progress: Progress) -> Iterator[Path]:
    """The files, and a step of progress at the first of each folder."""
    before: Path | None = None
    for done, path in enumerate(files, start=1):
        if path.parent != before:
            before = path.parent
            progress(before.name, done, len(files))
        yield path


def _is_dicom(path: Path) -> bool:
    if is_dicom(path):
        return True
    if path.suffix.lower() in (".dcm", ".dicom", ".ima"):
        raise ReadError(path, "is named like DICOM and is none", EXPORT_AGAIN)
    return False


def _header(path: Path, found: Studies) -> list[Header]:
    """The header of a file that may belong to a scan."""
    header = read_header(path)
    if sop_class(header) == DIRECTORY or sop_class(header) in SEGMENTATION_CLASSES:
        found.no_scans.add(path)
        return []
    if not header.get("SeriesInstanceUID"):
        raise ReadError(path, "lacks SeriesInstanceUID", EXPORT_AGAIN)
    return [header]


def _is_archive(path: Path) -> bool:
    return path.suffix.lower() == ".zip" and zipfile.is_zipfile(path)


def _unpacked(path: Path, found: Studies) -> FoundSeries:
    """The series of an archive; what cannot be unpacked or holds a damaged file is a scan that is refused."""
    try:
        with unpacked(path) as inside:
            files = [place / name for place, names in walk(inside) for name in names]
            headers = [header for file in files if is_dicom(file) for header in _header(file, found)]
            if headers:
                return scans_of_series(headers, inside, path)
            refusal: OnfhError = ReadError(path, "holds no DICOM image", "Unpack it, and give what it holds")
    except OnfhError as error:
        refusal = error
    found.scans.append(ScanInput(path, title=title_of(path, found.folder), refusal=refusal))
    return FoundSeries((), (), ())


def _choose(found: Studies, series: Iterable[FoundSeries]) -> None:
    every = list(series)
    scans = [scan for one in every for scan in one.scans]
    left_out = [left for one in every for left in one.left_out]
    found.lines += [line for one in every for line in one.lines]
    for chosen in choose_scans(scans, left_out, found.folder):
        found.scans += chosen.scans
        found.lines += chosen.lines


def _refuse_damaged(found: Studies, damaged: dict[Path, OnfhError]) -> None:
    """A folder whose files are damaged is a scan that is refused for it, unless the reader of a scan will meet them."""
    read = [scan.path for scan in found.scans if scan.refusal is None]
    for folder, error in damaged.items():
        if not any(folder.is_relative_to(home) for home in read):
            found.scans = [scan for scan in found.scans if scan.path != folder]
            found.scans.append(ScanInput(folder, title=title_of(folder, found.folder), refusal=error))
