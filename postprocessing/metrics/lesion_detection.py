"""Lesion detection: components of the predicted mask matched with components of the reference.

A lesion is a component of voxels connected through faces, of at least `LEAST_LESION_ML`. A predicted lesion hits a true
one when their intersection over union is at least `MIN_IOU`: the criterion of PI-CAI (Saha A, Bosma JS et al. Lancet
Oncol 2024;25:879-887). Each lesion is matched once, and as many as possible are. Unlike there, components that meet at
edges or corners only are two, and a second hit of one lesion is a false positive.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from onfh_nnunet.core.anatomy import LEAST_LESION_ML
from onfh_nnunet.core.components import components_of
from onfh_nnunet.core.grid import Triple
from onfh_nnunet.core.labels import BoolArray

MIN_IOU = 0.10


@dataclass(frozen=True)
class LesionDetection:
    """Counts of lesions; all are 0 in a healthy hip without a predicted lesion.

    Args:
        true_positives: True lesions with a predicted one.
        false_negatives: True lesions without.
        false_positives: Predicted lesions without a true one.
    """

    true_positives: int
    false_negatives: int
    false_positives: int


def match_lesions(reference: BoolArray, prediction: BoolArray, spacing_mm: Triple) -> LesionDetection:
    """Match the lesions of two masks.

    Args:
        reference: Where lesions are, bool (z, y, x).
        prediction: Where they are said to be, bool (z, y, x) of the same shape.
        spacing_mm: Of the array axes z, y, x.
    """
    true, n_true = _lesions(reference, spacing_mm)
    pred, n_pred = _lesions(prediction, spacing_mm)
    hits = _matched(true, pred, n_true, n_pred) if n_true and n_pred else 0
    return LesionDetection(hits, n_true - hits, n_pred - hits)


def _lesions(mask: BoolArray, spacing_mm: Triple) -> tuple[NDArray[np.int32], int]:
    """The lesion number of each voxel (z, y, x), 0 for none, and the number of lesions."""
    components = components_of(mask)
    large = components.voxels * math.prod(spacing_mm) / 1000 >= LEAST_LESION_ML
    numbers = np.where(large, large.cumsum(), 0).astype(np.int32)
    return numbers[components.numbers], int(large.sum())


def _matched(true: NDArray[np.int32], pred: NDArray[np.int32], n_true: int, n_pred: int) -> int:
    """The maximum matching of overlapping true and predicted lesions, each in at most one pair."""
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import maximum_bipartite_matching

    pairs = np.bincount((true * (n_pred + 1) + pred).ravel(), minlength=(n_true + 1) * (n_pred + 1))
    shared = pairs.reshape(n_true + 1, n_pred + 1)
    union = shared.sum(axis=1, keepdims=True) + shared.sum(axis=0) - shared
    hit = (shared >= MIN_IOU * union)[1:, 1:]
    return int(np.count_nonzero(maximum_bipartite_matching(csr_array(hit)) >= 0))
