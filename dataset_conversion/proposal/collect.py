"""All scans and labels in a folder, told by their content; names decide nothing here."""

from __future__ import annotations

import os
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from dataset_conversion.proposal.candidates import LabelCandidate, ScanCandidate, words_of
from dataset_conversion.proposal.collect_dicom import label_of_seg, scans_of_series
from dataset_conversion.proposal.label_content import label_values, parts_of
from dataset_conversion.readers.dicom_seg import SEGMENTATION_CLASSES
from dataset_conversion.readers.headers import DIRECTORY, EXPORT_AGAIN, Header, is_dicom, read_header, sop_class
from dataset_conversion.readers.segmentation import read_segmentation
from dataset_conversion.readers.segnrrd import is_seg_nrrd
from onfh_nnunet.errors import OnfhError, ReadError
from onfh_nnunet.imagefile import format_of, read_image
from onfh_nnunet.printable import on_one_line

Progress = Callable[[str, int, int], None]
"""Told of each file: its name, how many are done, how many there are."""

LABEL_WORDS = {"label", "labels", "labelmap", "seg", "segmentation", "mask"}
"""Words that promise a label; content decides, and a broken promise is noted."""


@dataclass
class Collection:
    """What was found in a folder.

    Args:
        folder: The folder.
        scans: In the order of their paths.
        labels: In the order of their paths.
        notes: What was left out or is doubtful, a line each.
    """

    folder: Path
    scans: list[ScanCandidate] = field(default_factory=list)
    labels: list[LabelCandidate] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def files_in(folder: Path) -> tuple[list[Path], list[str]]:
    """The files of a folder and of the folders below it, in a fixed order; and notes on what cannot be listed."""
    files: list[Path] = []
    n_links = 0
    for place, below, names in os.walk(folder):
        below.sort()
        found = [Path(place, name) for name in sorted(names)]
        n_links += sum(path.is_symlink() for path in (*found, *(Path(place, name) for name in below)))
        files += [path for path in found if path.is_file() and not path.is_symlink()]
    listed = [path for path in files if on_one_line(path) == str(path)]
    n_hidden = len(files) - len(listed)
    problem = f"{folder}: {n_hidden} files have a path with control characters, or one that is no UTF-8"
    notes = [f"{folder}: {n_links} links were not followed"] if n_links else []
    return listed, notes + ([problem] if n_hidden else [])


def collect(folder: Path, files: list[Path], progress: Progress = lambda *_: None) -> Collection:
    """Look into each file once: DICOM headers without their pixels, image files whole.

    What cannot be read, or is no 3D MR image and no label, is left out with a note; files of other formats without.
    """
    found = Collection(folder)
    headers: list[Header] = []
    for done, path in enumerate(files, start=1):
        progress(path.name, done, len(files))
        try:
            _look_into(path, found, headers)
        except OnfhError as error:
            found.notes.append(f"{path}: left out, it {error.problem}")
        except (OSError, zlib.error) as error:
            found.notes.append(f"{path}: left out, it cannot be read ({error})")
    scans, notes = scans_of_series(headers, folder)
    found.scans = sorted((*found.scans, *scans), key=lambda scan: (scan.path.parts, scan.series))
    found.notes += notes
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
