"""What a spoiled gradient echo makes of a tissue: the steady state, and fat and water in or out of phase.

Relaxation at 1.5 T. Gold GE et al., AJR 2004;183:343-351: muscle T1 1130 ms, cartilage 1060, synovial fluid 2850, fat
288 (also of marrow). Blood, Stanisz GJ et al., Magn Reson Med 2005;54:507-512: T1 1441 ms. Fat and water lie 3.4 ppm
apart, 217 Hz at 1.5 T. Proton densities, fat fractions, T2* and all of cortical bone and of the fibrous, sclerotic band
are our own choice: short T2* and few mobile protons where a tissue is known to be dark.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, auto

import numpy as np
from numpy.typing import NDArray

FAT_T1_MS = 288.0
FAT_T2STAR_MS = 25.0
FAT_SHIFT_HZ = 217.0


class Tissue(IntEnum):
    """What fills a point of the body."""

    AIR = 0
    SKIN = auto()
    FAT = auto()
    MUSCLE = auto()
    FLUID = auto()
    BLOOD = auto()
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
class Protons:
    """The signal source of a tissue.

    Args:
        density: Mobile protons, 1 for water.
        fat: The share of them in fat.
        t1_ms: Longitudinal relaxation time of the rest.
        t2star_ms: Effective transverse relaxation time of the rest.
        texture: Standard deviation of the signal inside the tissue, relative to it.
    """

    density: float
    fat: float
    t1_ms: float
    t2star_ms: float
    texture: float = 0.0


_MARROW = Protons(0.9, 0.8, 900, 15, 0.15)

PROTONS: dict[Tissue, Protons] = {
    Tissue.AIR: Protons(0, 0, 1000, 1),
    Tissue.SKIN: Protons(0.7, 0.1, 900, 10),
    Tissue.FAT: Protons(0.95, 0.95, 900, 20, 0.05),
    Tissue.MUSCLE: Protons(0.8, 0.04, 1130, 22, 0.12),
    Tissue.FLUID: Protons(1.0, 0, 2850, 200),
    Tissue.BLOOD: Protons(0.95, 0, 500, 100),  # T1 of 1441 ms, shortened: fresh blood flows in unsaturated
    Tissue.BOWEL: Protons(0.85, 0.15, 900, 20, 0.3),
    Tissue.FIBROUS: Protons(0.5, 0, 900, 5),
    Tissue.CARTILAGE: Protons(0.85, 0, 1060, 25),
    Tissue.CORTEX: Protons(0.2, 0, 500, 1),
    Tissue.MARROW: _MARROW,
    Tissue.BAND: Protons(0.4, 0.1, 900, 4, 0.1),
    Tissue.DEAD_LIKE_MARROW: _MARROW,
    Tissue.DEAD_DARKER: Protons(0.88, 0.76, 900, 14, 0.16),
    Tissue.DEAD_MIXED: Protons(0.93, 0.8, 900, 15, 0.21),
}


@dataclass(frozen=True)
class Sequence:
    """A spoiled gradient echo.

    Args:
        tr_ms: Repetition time.
        te_ms: Echo time.
        flip_deg: Flip angle.
    """

    tr_ms: float
    te_ms: float
    flip_deg: float

    @classmethod
    def draw(cls, rng: np.random.Generator) -> Sequence:
        """A sequence as hips are scanned with at 1.5 T."""
        tr, te, flip = rng.uniform(12, 20), rng.uniform(2.3, 5), rng.uniform(15, 30)
        return cls(round(tr, 1), round(te, 2), round(flip))


def steady_state(density: float, t1_ms: float, t2star_ms: float, sequence: Sequence) -> float:
    """The magnitude of the transverse magnetisation at the echo (Ernst and Anderson, Rev Sci Instrum 1966;37:93)."""
    flip, e1 = np.deg2rad(sequence.flip_deg), np.exp(-sequence.tr_ms / t1_ms)
    return float(density * np.sin(flip) * (1 - e1) / (1 - np.cos(flip) * e1) * np.exp(-sequence.te_ms / t2star_ms))


def echo_table(sequence: Sequence) -> NDArray[np.complex64]:
    """The complex echo of each `Tissue`, in its order: fat turns against water until the echo."""
    turn = np.exp(2j * np.pi * FAT_SHIFT_HZ * sequence.te_ms / 1000)
    echoes = [
        steady_state(p.density * (1 - p.fat), p.t1_ms, p.t2star_ms, sequence)
        + steady_state(p.density * p.fat, FAT_T1_MS, FAT_T2STAR_MS, sequence) * turn
        for p in (PROTONS[tissue] for tissue in Tissue)
    ]
    return np.array(echoes, np.complex64)


def texture_table() -> NDArray[np.float32]:
    """The relative texture of each `Tissue`, in its order."""
    return np.array([PROTONS[tissue].texture for tissue in Tissue], np.float32)
