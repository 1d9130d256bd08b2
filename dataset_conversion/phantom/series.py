"""A volume as a DICOM series, as the scanners of each vendor write it."""

from __future__ import annotations

from pathlib import Path

from dataset_conversion.phantom.classic import neutral_files
from dataset_conversion.phantom.ge import ge_files
from dataset_conversion.phantom.header import Examination
from dataset_conversion.phantom.philips import philips_files
from dataset_conversion.phantom.protocol import Vendor
from dataset_conversion.phantom.siemens import siemens_files
from onfh_nnunet.volume import Volume

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
