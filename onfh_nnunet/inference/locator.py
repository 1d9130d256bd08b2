"""Locator of femoral heads: the whole scan, in voxels of 4 mm, through a small U-Net.

The network is bundled. It saw synthetic bodies and a few real scans, in random contrast, resolution, field of view and
shape, so that it depends on none of them (domain randomisation as in SynthSeg; Billot et al., Med Image Anal
2023;86:102789); `recipes/README.md` says how it is made. It says where a head is and on which side; what is head
and what is necrosis, the model of the study says. It never saw a scan without a hip, so elsewhere in the body it may
see one, which the model then does not outline.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onfh_nnunet.core.anatomy import LOCATED_HEADS_APART_MM, LOCATED_HEADS_UNEVEN_MM, POSSIBLE_HEAD_ML
from onfh_nnunet.core.components import components_of
from onfh_nnunet.core.grid import FloatArray
from onfh_nnunet.core.hip import Side
from onfh_nnunet.core.hip_crop import HipCrop
from onfh_nnunet.core.volume import Volume
from onfh_nnunet.inference.head_candidates import roundness

VOXEL_MM = 4.0
FEATURES = (8, 16, 32, 64)
"""Of the U-Net's stages; each halves the voxels once, but for the first."""

WEIGHTS = Path(__file__).parents[1] / "models" / "locator.safetensors"

EVEN_CONFIDENCE = 0.5
"""Share of the best confidence that both heads of a pair need; with less, only the best one is a head."""


@dataclass(frozen=True, eq=False)
class LocatedHead:
    """A region that looks like a femoral head.

    Args:
        centre_mm: Its centroid in LPS.
        rightness: How likely it is a right one, from 0 to 1.
        confidence: From 0 to 1: the mean probability of being head inside it, times its roundness.
    """

    centre_mm: FloatArray
    rightness: float
    confidence: float

    @property
    def side(self) -> Side:
        """The side by its shape."""
        return Side.RIGHT if self.rightness >= 0.5 else Side.LEFT


def locate_heads(scan: Volume) -> list[LocatedHead]:
    """Locate the heads of a scan: a plausible pair, right before left, or the most confident one; empty for none."""
    probabilities, to_mm = _probabilities(scan)
    heads = sorted(_heads(probabilities, to_mm), key=lambda head: -head.confidence)
    pairs = [pair for pair in itertools.combinations(heads, 2) if _is_plausible_pair(pair)]
    best = max(pairs, key=lambda pair: pair[0].confidence + pair[1].confidence, default=())
    if best and min(head.confidence for head in best) >= EVEN_CONFIDENCE * heads[0].confidence:
        return sorted(best, key=lambda head: float(head.centre_mm[0]))
    return heads[:1]


def resample_coarsely(image: NDArray[Any], spacing_mm: Sequence[float]) -> NDArray[np.float32]:
    """Resample an image (z, y, x) to `VOXEL_MM`, with mean 0 and standard deviation 1; voxel 0 keeps its position."""
    from scipy import ndimage

    steps = VOXEL_MM / np.asarray(spacing_mm)
    smooth = ndimage.gaussian_filter(image.astype(np.float32), np.maximum(steps - 1, 0) / 2)
    size = np.maximum(np.floor((np.array(image.shape) - 1) / steps).astype(int) + 1, 1)
    grey = ndimage.affine_transform(smooth, steps, output_shape=tuple(size.tolist()), order=1)
    normal: NDArray[np.float32] = (grey - grey.mean()) / max(float(grey.std()), 1e-6)
    return normal


def _probabilities(scan: Volume) -> tuple[NDArray[np.float32], Any]:
    """Probabilities (2, z, y, x) of right and left head in coarse voxels, and a function from indices to LPS mm."""
    import torch

    whole = HipCrop.whole(scan.grid)
    upright = whole.extract(scan)
    spacing = np.array(upright.grid.spacing_mm)
    image = resample_coarsely(upright.array, upright.grid.spacing_mm)
    edge = 2 ** (len(FEATURES) - 1)
    room = [(0, max(2 * edge, -(-n // edge) * edge) - n) for n in image.shape]
    data = torch.from_numpy(np.pad(image, room)[None, None])
    with torch.inference_mode():
        padded = _network(WEIGHTS)(data)[0].softmax(0).numpy()
    z, y, x = image.shape
    return padded[1:, :z, :y, :x], lambda index: upright.grid.to_mm(np.asarray(index) * VOXEL_MM / spacing)


@cache
def _network(weights: Path) -> Any:
    from safetensors.torch import load_file

    network = build_network()
    network.load_state_dict(load_file(weights), strict=False)
    return network.eval()


def build_network() -> Any:
    """Build the U-Net with random weights: one channel in; background, right head and left head out."""
    from dynamic_network_architectures.architectures.unet import PlainConvUNet
    from torch import nn

    return PlainConvUNet(
        1,
        len(FEATURES),
        FEATURES,
        nn.Conv3d,
        [3] * len(FEATURES),
        [1, *[2] * (len(FEATURES) - 1)],
        [2] * len(FEATURES),
        3,
        [1] * (len(FEATURES) - 1),
        conv_bias=True,
        norm_op=nn.InstanceNorm3d,
        norm_op_kwargs={"eps": 1e-5, "affine": True},
        nonlin=nn.LeakyReLU,
        nonlin_kwargs={"inplace": True},
    )


def _heads(probabilities: NDArray[np.float32], to_mm: Any) -> list[LocatedHead]:
    head, (least, most) = probabilities.sum(0), POSSIBLE_HEAD_ML
    components = components_of(head > 0.5)
    ml = components.voxels * VOXEL_MM**3 / 1000
    found = np.flatnonzero((ml >= least) & (ml <= most)).tolist()
    return [_located_head(probabilities, head, components.mask(number), to_mm) for number in found]


def _located_head(
    probabilities: NDArray[np.float32], head: NDArray[np.float32], where: NDArray[np.bool_], to_mm: Any
) -> LocatedHead:
    points = np.argwhere(where).astype(float)
    centre = np.average(points, axis=0, weights=head[where])
    right = float(probabilities[0][where].sum() / head[where].sum())
    return LocatedHead(to_mm(centre), right, float(head[where].mean()) * roundness(points, centre, 1.0))


def _is_plausible_pair(pair: Sequence[LocatedHead]) -> bool:
    x, y, z = np.abs(pair[0].centre_mm - pair[1].centre_mm)
    nearest, farthest = LOCATED_HEADS_APART_MM
    return bool(nearest <= x <= farthest and max(y, z) <= LOCATED_HEADS_UNEVEN_MM)
