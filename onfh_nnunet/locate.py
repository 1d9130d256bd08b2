"""Find the femoral heads of a raw scan: windows as large as a training case slide over it and over its mirror image.

The network knows one side only. What it calls a head in the scan or in the mirror image is a candidate; which of the
two it recognises better says the side.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from onfh_nnunet.cut import HIP_BOX_MM, LEFT_RIGHT_AXIS, HipCut
from onfh_nnunet.segment import HipSegmenter
from onfh_nnunet.volume import Triple, Volume

STRIDE_MM = HIP_BOX_MM / 2
"""Half a window: a head of up to 48 mm lies whole in some window."""

LEAST_HEAD_ML = 5.0
"""A smaller blob is no femoral head; the plausible ones have 22 to 65 ml."""


def head_candidates(scan: Volume, segmenter: HipSegmenter) -> list[Triple]:
    """Centres (LPS, mm) of what the network takes for heads, the largest first; empty when it sees none."""
    from scipy import ndimage

    whole = HipCut.whole(scan.grid)
    likely = np.maximum(*(_head_map(scan, whole, segmenter, mirrored=mirrored) for mirrored in (False, True)))
    blobs, n = ndimage.label(likely > 0.5)
    grid = whole.grid
    millilitres = np.bincount(blobs.ravel(), minlength=n + 1)[1:] * grid.voxel_ml
    order = [label for label in np.argsort(-millilitres) + 1 if millilitres[label - 1] >= LEAST_HEAD_ML]
    centres = grid.to_mm(np.array(ndimage.center_of_mass(likely, blobs, order)).reshape(-1, 3))
    return [(float(x), float(y), float(z)) for x, y, z in centres]


def _head_map(scan: Volume, whole: HipCut, segmenter: HipSegmenter, *, mirrored: bool) -> NDArray[np.float32]:
    """The head's probability at each voxel of the scan in anatomical axes; where windows overlap, the largest."""
    likely = np.zeros(whole.size, np.float32)
    for cut in _windows(whole):
        head = segmenter.probabilities(replace(cut, mirrored=mirrored).take(scan))[0]
        window = likely[tuple(slice(first, first + n) for first, n in zip(cut.start, cut.size, strict=True))]
        np.maximum(window, np.flip(head, LEFT_RIGHT_AXIS) if mirrored else head, out=window)
    return likely


def _windows(whole: HipCut) -> Iterator[HipCut]:
    spacing = np.array(whole.grid.spacing_mm)
    size = np.minimum(np.ceil(HIP_BOX_MM / spacing).astype(int), whole.size)
    starts = [_starts(n, edge, step) for n, edge, step in zip(whole.size, size, STRIDE_MM / spacing, strict=True)]
    for z, y, x in itertools.product(*starts):
        yield replace(whole, start=(z, y, x), size=(int(size[0]), int(size[1]), int(size[2])))


def _starts(n: int, edge: int, step: float) -> list[int]:
    """Evenly spread first voxels of windows of `edge` voxels that cover `n`, at most `step` apart."""
    count = int(np.ceil((n - edge) / step)) + 1
    return [int(start) for start in np.rint(np.linspace(0, n - edge, count))]
