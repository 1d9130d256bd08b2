"""Tissues of the body and their MR signal properties.

Longitudinal relaxation at 1.5 and 3 T, after Gold GE et al., AJR 2004;183:343-351: muscle T1 1130 and 1420 ms,
cartilage 1060 and 1240, synovial fluid 2850 and 3620, fat 288 and 371 (also of marrow). Blood, after Stanisz GJ et al.,
Magn Reson Med 2005;54:507-512: T1 1441 and 1932 ms. Proton densities, fat fractions, T2*, the T1 of the other tissues
and all of cortical bone and of the fibrous, sclerotic band are our own choice: short T2* and few mobile protons where
a tissue is known to be dark.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import IntEnum, auto

FAT_T1_MS = (288.0, 371.0)
"""At 1.5 and at 3 T."""

FAT_T2STAR_MS = 25.0
"""At 1.5 T."""


class Tissue(IntEnum):
    """The tissue at a point of the body."""

    AIR = 0
    SKIN = auto()
    FAT = auto()
    MUSCLE = auto()
    FLUID = auto()
    ARTERY = auto()
    VEIN = auto()
    BOWEL = auto()
    FIBROUS = auto()
    CARTILAGE = auto()
    CORTEX = auto()
    MARROW = auto()
    BAND = auto()
    DEAD_LIKE_MARROW = auto()
    DEAD_DARKER = auto()
    DEAD_MIXED = auto()


@dataclass(frozen=True)
class TissueProperties:
    """The MR properties of a tissue.

    Args:
        density: Mobile protons, 1 for water.
        fat: The share of them in fat.
        t1_ms: Longitudinal relaxation time of the rest at 1.5 and at 3 T.
        t2star_ms: Effective transverse relaxation time of the rest at 1.5 T.
        texture: Standard deviation of the signal inside the tissue, relative to it.
        patches: How dark its large darker patches are, such as islands of red marrow, relative to it.
    """

    density: float
    fat: float
    t1_ms: tuple[float, float]
    t2star_ms: float
    texture: float = 0.0
    patches: float = 0.0


_T1 = (900.0, 1080.0)
_MARROW = TissueProperties(0.9, 0.8, _T1, 15, 0.105, 0.24)
# red marrow lives: a dark patch as large as a lesion, and by chance in its place, would tell it by one grey value
_DEAD = replace(_MARROW, patches=0.0)

PROTONS: dict[Tissue, TissueProperties] = {
    Tissue.AIR: TissueProperties(0, 0, _T1, 1),
    Tissue.SKIN: TissueProperties(0.7, 0.1, _T1, 10),
    Tissue.FAT: TissueProperties(0.95, 0.95, _T1, 20, 0.035, 0.08),
    Tissue.MUSCLE: TissueProperties(0.8, 0.04, (1130, 1420), 22, 0.085, 0.19),
    Tissue.FLUID: TissueProperties(1.0, 0, (2850, 3620), 200),
    # T1 of 1441 and 1932 ms, shortened: blood flows in unsaturated, in arteries faster than in veins
    Tissue.ARTERY: TissueProperties(0.95, 0, (350, 470), 100),
    Tissue.VEIN: TissueProperties(0.95, 0, (600, 800), 100),
    Tissue.BOWEL: TissueProperties(0.85, 0.15, _T1, 20, 0.21, 0.48),
    Tissue.FIBROUS: TissueProperties(0.5, 0, _T1, 5),
    Tissue.CARTILAGE: TissueProperties(0.85, 0, (1060, 1240), 25),
    Tissue.CORTEX: TissueProperties(0.2, 0, _T1, 1),
    Tissue.MARROW: _MARROW,
    Tissue.BAND: TissueProperties(0.4, 0.1, _T1, 4, 0.07),
    Tissue.DEAD_LIKE_MARROW: _DEAD,
    # darker by its density alone: a smaller share of fat is twice as dark where fat and water oppose each other
    Tissue.DEAD_DARKER: replace(_DEAD, density=0.83),
    Tissue.DEAD_MIXED: replace(_DEAD, density=0.92, texture=0.15),
}
