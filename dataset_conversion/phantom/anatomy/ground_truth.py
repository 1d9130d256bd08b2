"""Ground-truth volumes: the shapes themselves, sampled every 0.25 mm around the head's centre."""

from __future__ import annotations

import math

import numpy as np

from dataset_conversion.phantom.anatomy.head import FemoralHead
from dataset_conversion.phantom.anatomy.lesion import Head, Lesion
from dataset_conversion.phantom.anatomy.shapes import Points

SAMPLE_MM = 0.25


def samples(head: Head, step_mm: float = SAMPLE_MM) -> Points:
    """Points on a regular grid, symmetric about the head's centre, that covers the head."""
    n = math.ceil(head.radius_mm / step_mm)
    axis = ((np.arange(2 * n) - n + 0.5) * step_mm).astype(np.float32)
    return axis[:, None, None], axis[None, :, None], axis[None, None, :]


def lesion_of_share(lesion: Lesion, share: float) -> Lesion:
    """Grow a lesion until it fills a share of its head."""
    return lesion.of_share(share, samples(lesion.head))


def head_and_necrosis_ml(head: FemoralHead, lesion: Lesion | None) -> tuple[float, float]:
    """Volumes in ml of the head, necrosis included, and of the necrosis; 0 without a lesion."""
    points = samples(head)
    sample_ml = SAMPLE_MM**3 / 1000
    head_ml = np.count_nonzero(head.signed_distance(points) < 0) * sample_ml
    return head_ml, 0.0 if lesion is None else np.count_nonzero(lesion.signed_distance(points) < 0) * sample_ml
