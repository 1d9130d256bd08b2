"""Label values and regions: 0 background, 1 viable femoral head, 2 necrosis.

The *head* of every figure is the viable head and the necrosis together (nested regions).
"""

from __future__ import annotations

import hashlib
from enum import IntEnum, StrEnum

import numpy as np
from numpy.typing import NDArray

BoolArray = NDArray[np.bool_]


class Label(IntEnum):
    """The value of a voxel in a label map."""

    BACKGROUND = 0
    VIABLE_HEAD = 1
    NECROSIS = 2


class Region(StrEnum):
    """A region that is segmented, measured and compared."""

    HEAD = "head"
    NECROSIS = "necrosis"

    @property
    def labels(self) -> tuple[Label, ...]:
        """The label values that make up the region."""
        return REGIONS[self]

    def mask(self, labels: NDArray[np.integer]) -> BoolArray:
        """Where a label map of any shape holds this region."""
        return np.isin(labels, self.labels)


def label_mark(labels: NDArray[np.uint8]) -> str:
    """The mark of a label map (z, y, x) that was written here: a head alone in it is a hip without necrosis.

    It holds a digest of the voxels: programs that change them often keep the header, and with it the mark.
    """
    voxels = np.ascontiguousarray(labels, np.uint8).tobytes()
    return f"onfh {hashlib.sha256(f'{labels.shape}'.encode() + voxels).hexdigest()[:16]}"


REGIONS: dict[Region, tuple[Label, ...]] = {
    Region.HEAD: (Label.VIABLE_HEAD, Label.NECROSIS),
    Region.NECROSIS: (Label.NECROSIS,),
}
"""In nnU-Net's region order: the necrosis is written over the head."""
