"""A volume as a DICOM series, in the style of each vendor."""

from __future__ import annotations

from pathlib import Path

from dataset_conversion.phantom.dicom.classic_mr import neutral_files
from dataset_conversion.phantom.dicom.ge import ge_files
from dataset_conversion.phantom.dicom.header import Examination
from dataset_conversion.phantom.dicom.philips import philips_files
from dataset_conversion.phantom.dicom.siemens import siemens_files
from onfh_nnunet.core.choices import Vendor
from onfh_nnunet.core.volume import Volume

_FILES = {
    Vendor.NEUTRAL: neutral_files,
    Vendor.SIEMENS: siemens_files,
    Vendor.GE: ge_files,
    Vendor.PHILIPS: philips_files,
}


def write_series(volume: Volume, examination: Examination, folder: Path) -> None:
    """Write a uint16 volume of values below 4096 into a new folder, explicit VR little endian."""
    folder.mkdir(parents=True)
    for name, image in _FILES[examination.protocol.vendor](volume, examination):
        image.save_as(folder / name, enforce_file_format=True)
