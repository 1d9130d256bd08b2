"""Implants painted into a scan: supersampled over voxel and slice, in grey values of the scan itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dataset_conversion.phantom.anatomy.random_field import RandomField
from dataset_conversion.phantom.anatomy.shapes import Points
from dataset_conversion.phantom.implants.grey_levels import GreyLevels
from dataset_conversion.phantom.implants.implant import Drawing, Implant, Part
from dataset_conversion.phantom.implants.labelled_head import LabelledHead, SampledHead
from dataset_conversion.phantom.mri.slice_profile import SliceProfile
from onfh_nnunet.core.choices import Weighting
from onfh_nnunet.core.grid import FloatArray, Grid
from onfh_nnunet.core.labels import BoolArray, Label
from onfh_nnunet.core.volume import Volume

_SAMPLE_MM = 0.7
"""The farthest that samples lie apart along a slice step."""

_THIN_STEP = 2.0
"""Slices this many pixels apart or more are slices of their own; nearer ones are partitions of a slab."""

_BLUR_PIXELS = 0.45
"""Standard deviation of the blur within a slice that k-space leaves; ours."""

_RIM_MM = 1.2
_LIKE_MARROW = 0.71
"""How often the inside is isointense with fat before fracture: domain notes, section 6."""


@dataclass(frozen=True, eq=False)
class Canvas:
    """The box of a head, supersampled over voxel and slice; many implants are painted on one.

    Args:
        viable: The head's voxels (z, y, x); slices along the first axis.
        shape: The head.
        profile: Of the slices.
        points: Of the samples, in the hip's frame.
        head: The head at these points.
        sample_ml: The volume that a sample stands for.
    """

    viable: Volume
    shape: LabelledHead
    profile: SliceProfile
    points: Points
    head: SampledHead
    sample_ml: float

    @classmethod
    def of(cls, viable: Volume, shape: LabelledHead) -> Canvas:
        """The samples of a head's box."""
        profile = profile_of(viable.grid)
        fine = profile.sampled(viable.grid)
        points = shape.points(fine)
        return cls(viable, shape, profile, points, shape.sampled(points), fine.voxel_ml)

    @property
    def head_ml(self) -> float:
        """The volume of the head between its voxels, as sampled."""
        return float(np.count_nonzero(self.head.distances < 0) * self.sample_ml)

    def voxels(self, samples: NDArray[Any]) -> NDArray[np.float32]:
        """The mean of samples in each voxel, over the slice's profile."""
        slices, rows, columns = self.viable.grid.size
        total = np.zeros((slices, rows, columns), np.float32)
        for weight, plane in self.profile.planes(samples):
            pixels = plane.reshape(slices, rows, self.profile.per_pixel, columns, self.profile.per_pixel)
            total += weight * pixels.mean(axis=(2, 4), dtype=np.float32)
        return total


@dataclass(frozen=True, eq=False)
class Painted:
    """A head with its implant.

    Args:
        grey: Grey values of the head's box (z, y, x), float32.
        labels: Values of `Label` there.
        necrosis_ml: The volume of the lesions inside the head, as sampled.
    """

    grey: NDArray[np.float32]
    labels: NDArray[np.uint8]
    necrosis_ml: float


def profile_of(grid: Grid) -> SliceProfile:
    """The slice profile of a scan by its spacing: 2D slices with gaps where these are thick, else partitions."""
    step, *pixel = grid.spacing_mm
    per_step = max(2, 2 * int(np.ceil(step / _SAMPLE_MM / 2)))
    per_pixel = 3 if max(pixel) > _SAMPLE_MM else 2
    if step < _THIN_STEP * max(pixel):
        return SliceProfile(per_step, per_pixel, (1 / per_step,) * per_step, 1.0, slab=True)
    slope = np.minimum(np.arange(per_step) + 1, per_step - np.arange(per_step)).clip(max=2)
    return SliceProfile(per_step, per_pixel, tuple((slope / slope.sum()).tolist()), 1 / 1.2, slab=False)


def paint(
    grey: NDArray[np.float32],
    canvas: Canvas,
    share: float,
    levels: GreyLevels,
    weighting: Weighting,
    rng: np.random.Generator,
    draw: Drawing = Implant.draw,
) -> Painted:
    """Paint a random implant of a share of the head.

    Args:
        grey: Of the canvas' box of the scan (z, y, x).
        canvas: The head.
        share: Of the head, above 0 and below 1.
        levels: The grey values around it.
        weighting: How a lesion shows.
        rng: The source of chance.
        draw: What draws the implant.
    """
    points, viable = canvas.points, canvas.viable.array
    implant = draw(rng, canvas.head, share, points)
    parts = implant.parts(points, _RIM_MM if weighting is Weighting.T2 else 0.0)
    shares = {part: canvas.voxels((parts == part).view(np.uint8)) for part in Part if part is not Part.NONE}
    lesion = sum(shares.values()) >= 0.5
    labels = np.where(viable, np.where(lesion, Label.NECROSIS, Label.VIABLE_HEAD), Label.BACKGROUND).astype(np.uint8)
    shown: dict[Part, NDArray[np.float32]] = {part: _blurred(one) for part, one in shares.items()}
    painted = _filled(grey, shown, levels, weighting, canvas.shape.points(canvas.viable.grid), rng)
    if weighting is Weighting.FAT_SUPPRESSED:
        painted = _with_oedema(painted, canvas.voxels(implant.distance(points)), viable, levels, rng)
    return Painted(painted, labels, float(np.count_nonzero(parts) * canvas.sample_ml))


def _blurred(share: NDArray[np.float32]) -> NDArray[np.float32]:
    from scipy import ndimage

    blurred: NDArray[np.float32] = ndimage.gaussian_filter(share, (0, _BLUR_PIXELS, _BLUR_PIXELS))
    return blurred


def _filled(
    grey: NDArray[np.float32],
    shares: dict[Part, NDArray[np.float32]],
    levels: GreyLevels,
    weighting: Weighting,
    points: tuple[NDArray[np.float32], ...],
    rng: np.random.Generator,
) -> NDArray[np.float32]:
    """The scan with each part of the lesion in its grey value; the noise of the scan goes on through it."""
    noise = rng.normal(0, levels.noise, grey.shape).astype(np.float32)
    dark = levels.cortex + rng.uniform(0, 0.8) * (levels.muscle - levels.cortex)
    bright = levels.marrow + rng.uniform(0.4, 0.9) * (max(levels.bright, levels.muscle) - levels.marrow)
    band = bright if weighting is Weighting.FAT_SUPPRESSED else dark
    painted = grey.copy()
    if rng.random() >= _LIKE_MARROW:
        painted += shares[Part.INSIDE] * (_dead(grey, levels, weighting, points, rng) - grey)
    painted += shares[Part.INNER_RIM] * (np.float32(bright) + noise - grey)
    painted += shares[Part.BAND] * (np.float32(band) + noise - grey)
    return painted


def _dead(
    grey: NDArray[np.float32],
    levels: GreyLevels,
    weighting: Weighting,
    points: tuple[NDArray[np.float32], ...],
    rng: np.random.Generator,
) -> NDArray[np.float32]:
    """Dead marrow that is not like marrow: evenly darker (brighter where fat is suppressed), or patchy."""
    far = levels.bright if weighting is Weighting.FAT_SUPPRESSED else levels.muscle
    darker = np.float32(rng.uniform(0.25, 0.8) * (far - levels.marrow))
    if rng.random() < 0.5:
        return grey + darker
    x, y, z = points
    patches = np.clip(RandomField.draw(rng, (6, 18), 8)((x, y, z)), 0, 1)
    patchy: NDArray[np.float32] = grey + patches * darker
    return patchy


def _with_oedema(
    grey: NDArray[np.float32],
    distance: FloatArray,
    viable: BoolArray,
    levels: GreyLevels,
    rng: np.random.Generator,
) -> NDArray[np.float32]:
    """Bright marrow beyond the rim, fading with the distance; it is alive, and no part of the lesion."""
    reach, height = rng.uniform(3, 12), rng.uniform(0, 0.6) * max(levels.bright - levels.marrow, 0)
    fading = np.exp(-np.maximum(distance, 0) / reach) * (distance > 0) * viable
    wet: NDArray[np.float32] = (grey + np.float32(height) * fading.astype(np.float32)).astype(np.float32)
    return wet
