"""One volume from whatever a scanner or a labelling tool exports; what a file is, is told by its bytes."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

from dataset_conversion.readers.archive import unpacked
from dataset_conversion.readers.choice import choose
from dataset_conversion.readers.dicom import read_stack
from dataset_conversion.readers.dicom_start import is_dicom
from dataset_conversion.readers.headers import ENHANCED_MR, read_header, sop_class
from dataset_conversion.readers.scan import Acquisition, Scan
from dataset_conversion.readers.study import contents_of, grouped
from onfh_nnunet.core.errors import ReadError
from onfh_nnunet.core.user_files import refused_whole
from onfh_nnunet.core.volume import Volume

__all__ = ["Acquisition", "Scan", "read_scan", "read_volume"]


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
    return _read(Path(path), series)


def _read(path: Path, series: str | None) -> Scan:
    with refused_whole(path):
        if path.is_dir():
            return _of_folder(path, series, path)
        if not path.exists():
            return Scan(Volume.read(path))
        if is_dicom(path):
            return _read_file(path, series)
        if zipfile.is_zipfile(path):
            with unpacked(path) as folder:
                return _of_folder(folder, series, path)
        return Scan(Volume.read(path))


def read_volume(path: str | os.PathLike[str], series: str | None = None) -> Volume:
    """Read the voxels and the grid of a scan; see `read_scan`."""
    return read_scan(path, series).volume


def _of_folder(folder: Path, series: str | None, place: Path) -> Scan:
    stack, passed_over = choose(contents_of(folder), series, place)
    return read_stack(stack.part.frames, place, passed_over)


def _read_file(path: Path, series: str | None) -> Scan:
    header = read_header(path)
    if sop_class(header) not in ENHANCED_MR:
        raise ReadError(path, "is one DICOM file, expected the folder of a series", "Give its folder instead")
    stack, passed_over = choose(grouped([header]), series, path)
    return read_stack(stack.part.frames, path, passed_over)
