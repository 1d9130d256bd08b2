"""All scans and labels in a folder, recognised by their content and not by their names."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass, field
from pathlib import Path

from dataset_conversion.discovery.candidates import LabelCandidate, ScanCandidate, words_of
from dataset_conversion.discovery.dicom_series import RatedScan, label_of_seg, scans_of_series
from dataset_conversion.discovery.label_content import label_values, parts_of
from dataset_conversion.readers.dicom_seg import SEGMENTATION_CLASSES
from dataset_conversion.readers.dicom_start import is_dicom
from dataset_conversion.readers.headers import DIRECTORY, EXPORT_AGAIN, Header, read_header, sop_class
from dataset_conversion.readers.segmentation import read_segmentation
from dataset_conversion.readers.segnrrd import is_seg_nrrd
from onfh_nnunet.core.errors import OnfhError, ReadError
from onfh_nnunet.core.folder_record import RECORDS
from onfh_nnunet.core.image_files import format_of, read_image
from onfh_nnunet.core.printable import on_one_line
from onfh_nnunet.core.progress import Progress, silent
from onfh_nnunet.core.user_files import is_regular, refused_whole, walk

LABEL_WORDS = {"label", "labels", "labelmap", "seg", "segmentation", "mask"}
"""Words that promise a label; content decides, and a broken promise is noted."""


@dataclass
class Collection:
    """The scans and labels found in a folder.

    Args:
        folder: The folder.
        scans: In the order of their paths.
        labels: In the order of their paths.
        notes: What was left out or is doubtful, a line each.
        rated: Those of the scans that are DICOM series, each with how well it suits.
    """

    folder: Path
    scans: list[ScanCandidate] = field(default_factory=list)
    labels: list[LabelCandidate] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    rated: tuple[RatedScan, ...] = ()


def files_in(folder: Path) -> tuple[list[Path], list[str]]:
    """All files below a folder in a fixed order, and notes on what is left out.

    Raises:
        ReadError: A folder cannot be listed.
    """
    files: list[Path] = []
    results: list[Path] = []
    n_links = n_special = 0
    for place, names in walk(folder):
        if (place / RECORDS).is_dir():
            results.append(place)
        if any(place.is_relative_to(one) for one in results):
            continue
        found = [place / name for name in names]
        links = {path for path in found if path.is_symlink()}
        with refused_whole(place):
            regular = [path for path in found if path not in links and is_regular(path)]
            n_links += len(links) + sum(entry.is_symlink() and entry.is_dir() for entry in place.iterdir())
        n_special += len(found) - len(links) - len(regular)
        files += regular
    listed = [path for path in files if on_one_line(path) == str(path)]
    left_out = {
        "links were not followed": n_links,
        "folders hold results of onfh predict, and are passed over": len(results),
        "files have a path with control characters, or one that is no UTF-8": len(files) - len(listed),
        "entries are devices, pipes or sockets": n_special,
    }
    return listed, [f"{folder}: {number} {what}" for what, number in left_out.items() if number]


def collect(folder: Path, files: list[Path], progress: Progress = silent) -> Collection:
    """Inspect each file once: DICOM headers without pixels, image files completely.

    What cannot be read, or is no 3D MR image and no label, is left out with a note; files of other formats without.
    """
    found = Collection(folder)
    headers: list[Header] = []
    for done, path in enumerate(files, start=1):
        progress(path.name, done, len(files))
        try:
            with refused_whole(path):
                _look_into(path, found, headers)
        except OnfhError as error:
            found.notes.append(f"{path}: left out, it {error.problem}")
    series = scans_of_series(headers, folder)
    found.scans = sorted(
        (*found.scans, *(rated.scan for rated in series.scans)), key=lambda scan: (scan.path.parts, scan.series)
    )
    found.notes += series.notes
    found.rated = series.scans
    return found


def _look_into(path: Path, found: Collection, headers: list[Header]) -> None:
    if is_dicom(path):
        header = read_header(path)
        if sop_class(header) in SEGMENTATION_CLASSES:
            drawn = read_segmentation(path)
            found.labels.append(label_of_seg(path, found.folder, drawn, parts_of(drawn.layers, drawn.grid)))
        elif not header.get("SeriesInstanceUID") and sop_class(header) != DIRECTORY:
            raise ReadError(path, "lacks SeriesInstanceUID", EXPORT_AGAIN)
        elif sop_class(header) != DIRECTORY:
            for name in ("SeriesDescription", "Modality"):
                header.get(name)  # raises here, if at all, and not where series are told apart
            headers.append(header)
    elif path.suffix.lower() == ".zip" and zipfile.is_zipfile(path):
        found.notes.append(f"{path}: not looked into; unpack it, or name the archive as the image of a row")
    elif format_of(path) is not None:
        _image_file(path, found)


def _image_file(path: Path, found: Collection) -> None:
    words = words_of(path, found.folder)
    if is_seg_nrrd(path):
        drawn = read_segmentation(path)
        names = tuple(segment.name for segment in drawn.segments)
        found.labels.append(LabelCandidate(path, drawn.grid, words, names, parts_of(drawn.layers, drawn.grid)))
        return
    array, grid = read_image(path)
    values = label_values(path, array)
    if values is not None:
        found.labels.append(LabelCandidate(path, grid, words, values, parts_of([array], grid)))
        return
    found.scans.append(ScanCandidate(path, grid, words))
    if words & LABEL_WORDS:
        found.notes.append(f"{path}: named like a label and holds grey values; taken as a scan")
