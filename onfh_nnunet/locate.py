"""Find the femoral heads of a raw scan: windows as large as a training case slide over it and over its mirror image.

The network was trained on boxes around one head, so elsewhere in the body it answers at random. What looks like a head
in some window is therefore judged by its shape, by how decided the network is, and by its place in the scan; of two
heads, also by how they stand to each other.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from onfh_nnunet.cut import HIP_BOX_MM, LEFT_RIGHT_AXIS, HipCut
from onfh_nnunet.grid import FloatArray
from onfh_nnunet.labels import BoolArray
from onfh_nnunet.segment import HipSegmenter
from onfh_nnunet.volume import Volume

STRIDE_MM = HIP_BOX_MM / 2
"""Half a window: a head of up to 48 mm lies whole in some window."""

HEAD_ML = (10.0, 90.0)
"""A wide frame around the 22 to 65 ml of plausible heads: what is outside it is none."""

BETWEEN_HEADS_MM = (140.0, 230.0)
"""Distance of the two heads' centres; about 175 mm in adults."""

MOST_UNLEVEL_MM = 40.0
"""How much higher, or further to the front, one head's centre may lie than the other's."""

OFF_MIDDLE_MM = 60.0
"""Standard deviation, front-back and foot-head, of a head from the middle of a scan: hips are scanned in the middle."""

EVEN_SCORES = 0.6
"""Share of the best score that both heads of a pair need; with less, only the best one is a head."""


@dataclass(frozen=True, eq=False)
class HeadBlob:
    """A connected region that the network calls head.

    Args:
        centre_mm: Centroid in LPS.
        ml: Volume.
        roundness: Share of it inside the ball of the same volume around its centroid: 1 for a ball, 0.9 for a head.
        certainty: Mean of abs(2p - 1) in its box where the probability p is above 0.02.
        mask: Where it is, in the frame of the network's box (z, y, x).
    """

    centre_mm: FloatArray
    ml: float
    roundness: float
    certainty: float
    mask: BoolArray

    @property
    def score(self) -> float:
        """From 0 to 1: round and certain."""
        return self.roundness * self.certainty


def head_blobs(head: NDArray[np.float32], cut: HipCut) -> list[HeadBlob]:
    """What could be a head in the head probabilities (z, y, x) of a box, in the box's own frame."""
    from scipy import ndimage

    components, _ = ndimage.label(head > 0.5)
    ml = np.bincount(components.ravel()) * cut.grid.voxel_ml
    return [
        _blob(head[box], components == label, box, cut)
        for label, box in enumerate(ndimage.find_objects(components), start=1)
        if HEAD_ML[0] <= ml[label] <= HEAD_ML[1]
    ]


def find_heads(scan: Volume, segmenter: HipSegmenter) -> list[HeadBlob]:
    """The heads of a scan: a pair that stands as heads do, or the most head-like blob; empty when there is none."""
    whole = HipCut.whole(scan.grid)
    cuts = [replace(cut, mirrored=mirrored) for cut in _windows(whole) for mirrored in (False, True)]
    blobs = [blob for cut in cuts for blob in head_blobs(segmenter.probabilities(cut.take(scan))[0], cut)]
    middle_mm = scan.grid.corners_mm().mean(axis=0)
    fit = {blob: blob.score * _near(middle_mm, blob) for blob in blobs}
    blobs.sort(key=lambda blob: -fit[blob])
    pairs = [pair for pair in itertools.combinations(blobs, 2) if _stand_as_heads(pair)]
    best_pair = max(pairs, key=lambda pair: fit[pair[0]] + fit[pair[1]], default=())
    if best_pair and min(fit[blob] for blob in best_pair) >= EVEN_SCORES * fit[blobs[0]]:
        return list(best_pair)
    return blobs[:1]


def _blob(head: NDArray[np.float32], mask: BoolArray, box: tuple[slice, ...], cut: HipCut) -> HeadBlob:
    spacing = np.array(cut.grid.spacing_mm)
    points = np.argwhere(mask[box]) * spacing
    centroid = points.mean(axis=0)
    radius = np.cbrt(3 * len(points) * spacing.prod() / (4 * np.pi))
    index = centroid / spacing + [edge.start for edge in box]
    if cut.mirrored:
        index[LEFT_RIGHT_AXIS] = cut.size[LEFT_RIGHT_AXIS] - 1 - index[LEFT_RIGHT_AXIS]
    return HeadBlob(
        centre_mm=cut.grid.to_mm(index),
        ml=float(len(points) * cut.grid.voxel_ml),
        roundness=float((np.linalg.norm(points - centroid, axis=1) <= radius).mean()),
        certainty=float(np.abs(2 * head[head > 0.02] - 1).mean()),
        mask=mask,
    )


def _near(middle_mm: FloatArray, blob: HeadBlob) -> float:
    """From 1 at the height and depth of the scan's middle to 0 far from it; left-right does not count."""
    off_mm = float(np.linalg.norm((blob.centre_mm - middle_mm)[1:]))
    return float(np.exp(-0.5 * (off_mm / OFF_MIDDLE_MM) ** 2))


def _stand_as_heads(pair: Sequence[HeadBlob]) -> bool:
    x, y, z = np.abs(pair[0].centre_mm - pair[1].centre_mm)
    return bool(BETWEEN_HEADS_MM[0] <= x <= BETWEEN_HEADS_MM[1] and max(y, z) <= MOST_UNLEVEL_MM)


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
