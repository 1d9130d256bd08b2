"""Which series of a study suits the measurement of a femoral head: the rule, and why a series takes its place in it.

1. 3D or coronal, T1-weighted: what necrosis is read and outlined on.
2. T1-weighted in another plane.
3. 3D or coronal, of another weighting or of one that its header does not say.
4. Anything else.

Among equals goes first: both hips in one scan, no suppressed fat, a magnitude, in-phase or water image, no contrast
agent, original instead of derived, the smaller voxel, the lower number.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import IntEnum

from dataset_conversion.readers.headers import Header
from dataset_conversion.readers.parts import Part, number_of, plane_of
from dataset_conversion.readers.series_table import weighting
from dataset_conversion.readers.study import Stack
from onfh_nnunet.core.errors import GeometryError
from onfh_nnunet.core.grid import Grid
from onfh_nnunet.core.image_checks import require_hip_size
from onfh_nnunet.core.scan_half import shows_both_hips

_T1 = re.compile(r"(?<![a-z0-9])t1|vibe|spgr|flash|lava|thrive|mp-?rage|bravo", re.IGNORECASE)
_NOT_T1 = re.compile(
    r"t2|(?<![a-z])pdw?(?![a-z])|proton|stir|tirm|flair|dwi|diff|(?<![a-z])adc|dess|ciss|fiesta|tru?fi|fisp|medic|merge",
    re.IGNORECASE,
)
_FAT_SUPPRESSED = re.compile(r"(?<![a-z])(fs|fatsat|fat ?sat|spair|spir|stir|tirm|we)(?![a-z])|fat.?sup", re.IGNORECASE)
_CONTRAST = re.compile(r"(?<![a-z])(gd|km|ce|post|dyn(amic)?|twist)(?![a-z])|\+c|contrast", re.IGNORECASE)

_MAPS = {"ADC", "FA", "MIP", "MNIP", "PROJECTION IMAGE", "SUBTRACTION", "SUB", "TENSOR", "TRACEW", "DIFFUSION"}
"""Terms of ImageType (0008,0008) of what is computed from scans and shows no anatomy as it is."""

_ELSEWHERE = re.compile(
    r"HEAD|BRAIN|SKULL|FACE|ORBIT|NECK|SPINE|CHEST|THORAX|LUNG|BREAST|HEART|CARDIAC|SHOULDER|ARM|ELBOW|WRIST|HAND|FINGER"
    r"|KNEE|CALF|ANKLE|FOOT|TOE"
)
"""Of Body Part Examined (0018,0015): parts that lie away from the hip. ABDOMEN, PROSTATE or LEG may show it."""

_SPOILED_TR_MS, _SPOILED_FLIP_DEG = 50.0, 8.0
"""A 3D gradient echo up to this repetition and from this flip angle on is T1-weighted."""

_LESS_USUAL = ({"out of phase"}, {"fat"}, {"phase", "real", "imaginary"})


class Class(IntEnum):
    """The four classes of the rule, the best first."""

    T1_BEST = 1
    T1 = 2
    BEST = 3
    OTHER = 4


@dataclass(frozen=True, order=True)
class Suitability:
    """How well a series suits: the smaller, the better.

    Args:
        place: Its class.
        order: What decides among series of one class, and its number last.
        described: What it is, for a person.
    """

    place: Class
    order: tuple[float, ...]
    described: str

    def __str__(self) -> str:
        return f"{self.described} (class {self.place:d})"

    @property
    def shows_both_hips(self) -> bool:
        """Whether the scan is wide enough for both hips."""
        return self.order[0] == 0


def suitability(stack: Stack, grid: Grid) -> Suitability:
    """How well a stack suits, by its header."""
    series, part = stack.series, stack.part
    description, plane = series.description, plane_of(part.frames[0])
    is_3d = str(stack.headers[0].get("MRAcquisitionType") or "") == "3D"
    is_t1 = _is_t1(description, part, is_3d=is_3d)
    is_best = is_3d or plane == "coronal"
    place = (Class.T1_BEST if is_best else Class.T1) if is_t1 else (Class.BEST if is_best else Class.OTHER)
    kinds = stack.headers[0].get("ImageType") or ("",)
    names = set(part.names)
    order = (
        float(not shows_both_hips(grid)),
        float(_FAT_SUPPRESSED.search(description) is not None),
        float(next((rank for rank, less in enumerate(_LESS_USUAL, start=1) if names & less), 0)),
        float(_CONTRAST.search(description) is not None),
        float(kinds[0] == "DERIVED"),
        round(grid.voxel_ml, 6),
        float(series.number) if series.number.isdigit() else float("inf"),
    )
    words = (plane, "3D" if is_3d else "", "T1-weighted" if is_t1 else "", f"{len(part.frames)} slices")
    return Suitability(place, order, ", ".join(filter(None, words)))


def why_unfit(stack: Stack, grid: Grid) -> str:
    """Why a stack is no scan of a hip, by its header; empty where nothing speaks against it."""
    first = stack.headers[0]
    if found := _MAPS & {str(kind).upper() for kind in first.get("ImageType") or ()}:
        return f"is computed from other images (ImageType {min(found)})"
    try:
        require_hip_size(grid, "")
    except GeometryError as error:
        return error.problem
    return f"shows {first.BodyPartExamined}, by its header" if is_elsewhere(first) else ""


def is_elsewhere(header: Header) -> bool:
    """Whether a header names a body part that lies away from the hip."""
    return _ELSEWHERE.search(str(header.get("BodyPartExamined") or "").upper()) is not None


def _is_t1(description: str, part: Part, *, is_3d: bool) -> bool:
    """By the description, or else by the times of spin echoes and of spoiled 3D gradient echoes."""
    frame = part.frames[0]
    flip, repetition = number_of(frame, "FlipAngle"), number_of(frame, "RepetitionTime")
    if flip is not None and flip < _SPOILED_FLIP_DEG / 2 and is_3d:
        return False
    if re.search(r"(?<![a-z0-9])t1", description, re.IGNORECASE):
        return True
    if _NOT_T1.search(description):
        return False
    if _T1.search(description) or weighting(part).startswith("T1"):
        return True
    is_gradient = "GR" in str(frame.header.get("ScanningSequence") or "")
    known = is_3d and is_gradient and repetition is not None and flip is not None
    return bool(known and repetition <= _SPOILED_TR_MS and flip >= _SPOILED_FLIP_DEG)  # type: ignore[operator]
