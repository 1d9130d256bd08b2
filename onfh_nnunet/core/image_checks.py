"""Checks of images that are readable but cannot be MR."""

from __future__ import annotations

import numpy as np

from onfh_nnunet.core.errors import ReadError
from onfh_nnunet.core.volume import Volume

MOST_LABELS = 32
"""A whole-number image of so few values is a label map when most of it is one value; MR has hundreds of values."""


def require_no_label_map(image: Volume, case: object) -> None:
    """Refuse a label map where an image is expected.

    Args:
        image: Voxels (z, y, x).
        case: For messages.

    Raises:
        ReadError: It has few, whole values, and most voxels have the same.
    """
    thinned = image.array[::2, ::2, ::2]  # an eighth of the voxels says as much
    values, counts = np.unique(thinned, return_counts=True)
    few = 1 < values.size <= MOST_LABELS and counts.max() >= thinned.size / 2
    if few and np.array_equal(values, np.rint(values)):
        shown = ", ".join(f"{value:g}" for value in values[:5]) + (", ..." if values.size > 5 else "")
        problem = f"looks like a label map (values {shown}), expected an MR image"
        raise ReadError(case, problem, "Give the scan; onfh grade takes masks")
