"""Coded terms: SNOMED CT and DICOM where they have one, this project's own scheme where they have none.

Source: DICOM PS3.16: CID 7150 (segmentation property categories), CID 7151 and CID 4031 (anatomy), CID 244
(laterality), CID 7162 (algorithm families), CID 7181 (units); SNOMED CT.
"""

from __future__ import annotations

from typing import NamedTuple

from onfh_nnunet.core.hip import Side
from onfh_nnunet.core.labels import Region

OWN_SCHEME = "99ONFH"
"""Coding scheme of the terms that no public scheme has; a designator that begins with 99 is private (PS3.16, 8.2)."""


class Term(NamedTuple):
    """A coded term.

    Args:
        value: At most 16 characters.
        scheme: Coding scheme designator.
        meaning: At most 64 characters.
    """

    value: str
    scheme: str
    meaning: str


FEMORAL_HEAD = Term("2812003", "SCT", "Head of femur")
NECROSIS = Term("6574001", "SCT", "Necrosis")
ANATOMY = Term("91723000", "SCT", "Anatomical structure")
ABNORMALITY = Term("49755003", "SCT", "Morphologically abnormal structure")
LATERALITY = {Side.LEFT: Term("7771000", "SCT", "Left"), Side.RIGHT: Term("24028007", "SCT", "Right")}
PRESENT, ABSENT = Term("52101004", "SCT", "Present"), Term("2667000", "SCT", "Absent")

ARTIFICIAL_INTELLIGENCE = Term("123110", "DCM", "Artificial Intelligence")
DEVICE = Term("121007", "DCM", "Device")
COMMENT = Term("121106", "DCM", "Comment")
MEASUREMENT_REPORT = Term("126000", "DCM", "Imaging Measurement Report")
MR_IMAGING = Term("113091000", "SCT", "Magnetic resonance imaging")

VOLUME = Term("118565006", "SCT", "Volume")
DIAMETER = Term("81827009", "SCT", "Diameter")

ML = Term("ml", "UCUM", "ml")
MM = Term("mm", "UCUM", "mm")
PERCENT = Term("%", "UCUM", "%")
DEGREE = Term("deg", "UCUM", "deg")

CATEGORY = {Region.HEAD: ANATOMY, Region.NECROSIS: ABNORMALITY}
KIND = {Region.HEAD: FEMORAL_HEAD, Region.NECROSIS: NECROSIS}
NAME = {Region.HEAD: "femoral head", Region.NECROSIS: "necrosis"}
SIDE_NAME = {Side.LEFT: "Left", Side.RIGHT: "Right"}


def own(value: str, meaning: str) -> Term:
    """A term of this project's scheme."""
    return Term(value, OWN_SCHEME, meaning)


def segment_name(side: Side, region: Region) -> str:
    """What people read: ``Right femoral head`` (its necrosis included), ``Right necrosis``."""
    return f"{SIDE_NAME[side]} {NAME[region]}"


COLOUR = {Region.HEAD: (86, 180, 233), Region.NECROSIS: (230, 159, 0)}
"""Red, green, blue of 255: sky blue and orange of Okabe and Ito's palette, for all kinds of colour vision."""
