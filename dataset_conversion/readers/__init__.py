"""One volume from whatever a scanner or a labelling tool exports; what a file is, is told by its bytes."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dataset_conversion.readers.archive import unpacked
from dataset_conversion.readers.choice import choose
from dataset_conversion.readers.dicom import read_stack
from dataset_conversion.readers.dicom_start import is_dicom
from dataset_conversion.readers.headers import ENHANCED_MR, Header, read_header, sop_class
from dataset_conversion.readers.scan import Acquisition, Scan
from dataset_conversion.readers.source import source_of
from dataset_conversion.readers.study import Stack, contents_of, grouped
from onfh_nnunet.core.errors import ReadError
from onfh_nnunet.core.source_series import SourceSeries
from onfh_nnunet.core.user_files import refused_whole
from onfh_nnunet.core.volume import Volume

__all__ = ["Acquisition", "Scan", "read_scan", "read_source", "read_volume"]


def read_scan(path: str | os.PathLike[str], series: str | None = None) -> Scan:
    """Read a scan and what its header says.

    Args:
        path: A folder, a tree or a zip archive of DICOM files, an enhanced DICOM file, or a NIfTI, NRRD or MetaImage
            file.
        series: Which DICOM series is meant, where there are several: its number, description, a pattern or part of one,
            or its UID; and which part of it, such as ``echo 2``, ``magnitude``, ``water``, ``b 800`` or ``coronal``.

    Raises:
        ReadError: It is missing, damaged, not one 3D MR image, or holds several series; they are listed.
        GeometryError: Its voxel grid is unknown or impossible.
        SideError: Its header states both sides.

    Example:
        ```python
        import onfh_nnunet as onfh

        scan = onfh.read_scan("scans/0001")
        print(scan.volume.grid.spacing_mm, scan.laterality)
        ```
    """
    place = Path(path)
    with refused_whole(place), _stack(place, series) as chosen:
        if chosen is None:
            return Scan(Volume.read(place))
        stack, passed_over = chosen
        return read_stack(stack.part.frames, place, passed_over)


def read_source(path: str | os.PathLike[str], series: str | None = None) -> SourceSeries:
    """Read what DICOM objects that are made of a scan must say of it: its patient, its study and its frames.

    Args:
        path: As for `read_scan`, which reads the same frames in the same order.
        series: As for `read_scan`.

    Raises:
        ReadError: The scan is no DICOM series, or lacks a UID that must be repeated; or as for `read_scan`.
        GeometryError: The slices are no regular stack.
    """
    place = Path(path)
    with refused_whole(place), _stack(place, series) as chosen:
        if chosen is None:
            problem = "is no DICOM series: a DICOM object made of it would have no patient, study or image"
            raise ReadError(place, problem, "Give the DICOM series that it was made from, or leave out `dicom`")
        return source_of(chosen[0].part.frames, place)


@contextmanager
def _stack(path: Path, series: str | None) -> Iterator[tuple[Stack, tuple[str, ...]] | None]:
    """The stack that is meant and what was passed over, as long as its files are there; None for another format."""
    if path.is_dir():
        yield choose(contents_of(path), series, path)
    elif path.exists() and is_dicom(path):
        yield choose(grouped([_enhanced_header(path)]), series, path)
    elif path.exists() and zipfile.is_zipfile(path):
        with unpacked(path) as folder:
            yield choose(contents_of(folder), series, path)
    else:
        yield None


def read_volume(path: str | os.PathLike[str], series: str | None = None) -> Volume:
    """Read the voxels and the grid of a scan; see `read_scan`."""
    return read_scan(path, series).volume


def _enhanced_header(path: Path) -> Header:
    header = read_header(path)
    if sop_class(header) not in ENHANCED_MR:
        raise ReadError(path, "is one DICOM file, expected the folder of a series", "Give its folder instead")
    return header
