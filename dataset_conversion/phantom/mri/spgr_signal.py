"""Signal of a spoiled gradient echo: the steady state, with fat and water in or out of phase."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dataset_conversion.phantom.anatomy.tissue import FAT_T1_MS, FAT_T2STAR_MS, PROTONS, Tissue
from dataset_conversion.phantom.mri.spgr_sequence import FIELDS_T, Sequence

_T2STAR_SHARE = (1.0, 0.8)  # our own choice: T2* is shorter at 3 T


def steady_state(density: float, t1_ms: float, t2star_ms: float, sequence: Sequence) -> float:
    """The magnitude of the transverse magnetisation at the echo (Ernst and Anderson, Rev Sci Instrum 1966;37:93)."""
    flip, e1 = np.deg2rad(sequence.flip_deg), np.exp(-sequence.tr_ms / t1_ms)
    return float(density * np.sin(flip) * (1 - e1) / (1 - np.cos(flip) * e1) * np.exp(-sequence.te_ms / t2star_ms))


def water_table(sequence: Sequence) -> NDArray[np.float32]:
    """The echo of each `Tissue`'s water, in its order."""
    field = FIELDS_T.index(sequence.field_t)
    share = _T2STAR_SHARE[field]
    tissues = (PROTONS[tissue] for tissue in Tissue)
    echoes = [steady_state(p.density * (1 - p.fat), p.t1_ms[field], p.t2star_ms * share, sequence) for p in tissues]
    return np.array(echoes, np.float32)


def fat_table(sequence: Sequence) -> NDArray[np.float32]:
    """The magnitude of the echo of each `Tissue`'s fat, in its order; `fat_turn` is its phase."""
    field = FIELDS_T.index(sequence.field_t)
    one = steady_state(1.0, FAT_T1_MS[field], FAT_T2STAR_MS * _T2STAR_SHARE[field], sequence)
    return np.array([p.density * p.fat * one for p in (PROTONS[tissue] for tissue in Tissue)], np.float32)


def fat_turn(sequence: Sequence) -> float:
    """Phase of fat against water at the echo, in radians."""
    return float(2 * np.pi * sequence.fat_shift_hz * sequence.te_ms / 1000)


def texture_table() -> NDArray[np.float32]:
    """The relative texture of each `Tissue`, in its order."""
    return np.array([PROTONS[tissue].texture for tissue in Tissue], np.float32)


def patches_table() -> NDArray[np.float32]:
    """Relative darkness of the patches of each `Tissue`, in its order."""
    return np.array([PROTONS[tissue].patches for tissue in Tissue], np.float32)


def magnitude(water: NDArray[np.float32], fat: NDArray[np.float32], turn: float) -> NDArray[np.float32]:
    """Magnitude of the sum of water and fat, with fat at a phase in radians."""
    seen: NDArray[np.float32] = np.hypot(water + fat * np.float32(np.cos(turn)), fat * np.float32(np.sin(turn)))
    return seen
