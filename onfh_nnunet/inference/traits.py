"""The traits of a predicted hip, from what the network was shown and what it answered."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from onfh_nnunet.core.hip_traits import HipTraits
from onfh_nnunet.core.volume import Volume
from onfh_nnunet.inference.head_candidates import HeadCandidate

UNSURE = (0.1, 0.9)
"""Between these a probability is no answer."""


def hip_traits(image: Volume, probabilities: NDArray[np.float32], head: HeadCandidate) -> HipTraits:
    """The traits of a head.

    Args:
        image: The box (z, y, x) that the network was shown.
        probabilities: Head and necrosis (2, z, y, x) in it.
        head: The head in it.
    """
    grey = image.array.astype(np.float32)
    spread = max(float(grey.std()), 1e-6)
    necrosis = probabilities[1][head.mask]
    unsure = (necrosis > UNSURE[0]) & (necrosis < UNSURE[1])
    return HipTraits(
        thickest_mm=max(image.grid.spacing_mm),
        head_grey_sd=float(np.median(grey[head.mask]) - grey.mean()) / spread,
        head_score=head.score,
        unsure_percent=100 * float(unsure.mean()),
    )
