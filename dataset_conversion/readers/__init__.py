"""One volume from whatever a scanner or a labelling tool exports: a folder is a DICOM series, a file a volume."""

from __future__ import annotations

from pathlib import Path

from dataset_conversion.readers import dicom
from dataset_conversion.readers.scan import Scan
from onfh_nnunet.errors import ReadError
from onfh_nnunet.imagefile import FILE_SUFFIXES
from onfh_nnunet.volume import Volume

__all__ = ["Scan", "read_scan", "read_volume"]


def read_scan(path: Path) -> Scan:
    """Read a scan and the side that its header states.

    Args:
        path: A folder with one DICOM series, or a NIfTI, NRRD or MetaImage file.

    Raises:
        ReadError: It is missing, damaged, or not one 3D MR image.
        GeometryError: Its voxel grid is unknown or impossible.
        SideError: Its header states both sides.
    """
    try:
        if path.is_dir():
            return dicom.read_scan(path)
        if path.is_file() and not path.name.lower().endswith(FILE_SUFFIXES) and dicom.is_dicom(path):
            raise ReadError(path, "is one DICOM file, expected the folder of a series", "Give its folder instead")
        return Scan(Volume.read(path))
    except OSError as error:
        raise ReadError(path, f"cannot be read ({error.strerror or error})", "Check that it may be read") from error


def read_volume(path: Path) -> Volume:
    """Read the voxels and the grid of a scan or a label; see `read_scan`."""
    return read_scan(path).volume
