"""Classic files in the style of GE scanners: signed pixels, numbered against the normal, names without a suffix.

A 3D slab has two partitions for each one that was encoded (ZIP2): its SliceThickness is twice the step.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dataset_conversion.phantom.dicom.classic_mr import Files, slices
from dataset_conversion.phantom.dicom.header import Examination, private
from onfh_nnunet.core.volume import Volume

if TYPE_CHECKING:
    from pydicom import Dataset

_FIRST_FILE = 230


def ge_files(volume: Volume, examination: Examination) -> Files:
    """The slices of a volume below 32768, numbered from the last one."""
    count = volume.grid.size[0]
    for number, image in enumerate(slices(volume, examination)):
        image.InstanceNumber = count - number
        _describe(image, examination)
        _annotate(image, examination, count)
        yield f"i{_FIRST_FILE + number}.MRDC.{image.InstanceNumber}", image


def _describe(image: Dataset, examination: Examination) -> None:
    """The standard attributes in which a GE header differs."""
    image.Manufacturer = "GE MEDICAL SYSTEMS"
    image.ManufacturerModelName = "SIGNA Artist" if examination.sequence.field_t < 3 else "SIGNA Pioneer"
    image.SoftwareVersions = ["28", "LX", "MR29.1"]
    image.SeriesDescription = f"{examination.protocol.plane.capitalize()} {examination.dimensions} SPGR"
    image.ImageType = ["ORIGINAL", "PRIMARY", "OTHER"]
    image.SequenceVariant = ["SS", "SP"]
    image.ScanOptions = ["FAST_GEMS", "FILTERED_GEMS"] + ([] if examination.protocol.thick else ["ZIP2_GEMS"])
    image.PixelRepresentation = 1
    del image.SequenceName


def _annotate(image: Dataset, examination: Examination, count: int) -> None:
    """The private blocks."""
    slab, thick = examination.protocol.plane, examination.protocol.thick
    private(image, 0x0009, "GEMS_IDEN_01", [(0x02, "SH", "PH01"), (0x04, "SH", "SIGNA"), (0x30, "SH", "phantom")])
    private(image, 0x0019, "GEMS_ACQU_01", [(0x9C, "LO", "SPGR" if thick else "EFGRE3D"), (0x7E, "SS", 1)])
    private(image, 0x0021, "GEMS_RELA_01", [(0x4F, "SS", count), (0x56, "SL", 0 if thick else 1)])
    private(image, 0x0025, "GEMS_SERS_01", [(0x07, "SL", count), (0x19, "SL", count)])
    private(image, 0x0027, "GEMS_IMAG_01", [(0x40, "SH", slab[0].upper()), (0x41, "FL", float(image.SliceLocation))])
    patient = f"{examination.patient_id} {examination.patient_name}"
    private(image, 0x0043, "GEMS_PARM_01", [(0x2F, "SS", 0), (0x96, "CS", "PRODUCT"), (0x9A, "IS", 1)])
    private(image, 0x0029, "GEMS_IMPS_01", [(0x26, "SS", 2), (0x04, "LO", patient)])
