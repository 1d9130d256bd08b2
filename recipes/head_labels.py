"""Labels of femoral heads from masks of whole femora, for implants and for training.

    python -m recipes.head_labels BONES.nii.gz HEADS.nii.gz [--value 1]

Public masks hold whole femora, drawn slice by slice. Here the head is the femur within a ball fitted to its head, 1 mm
larger: towards the neck it ends at the ball, which is a cut that everybody can repeat. Strays and holes are mended
first. Two drawings of the same femora, of CPTAC-UCEC, agree with a Dice of 0.82: that is how exact a label is. Look at
each before it teaches anything.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from onfh_nnunet.core.components import components_of
from onfh_nnunet.core.errors import LabelError
from onfh_nnunet.core.grid import FloatArray
from onfh_nnunet.core.hip_mask import HipMask
from onfh_nnunet.core.labels import BoolArray, Label
from onfh_nnunet.core.volume import Volume
from postprocessing.measurement.sphere import Sphere, fit_sphere

LEAST_FEMUR_ML = 40.0
"""A component of less is a stray; the upper end of a femur has more than 100 ml."""

BEYOND_MM = 1.0
"""The head's surface lies off the ball by a voxel or so."""

MOST_RESIDUAL_MM = 1.5
"""Root mean square; the 24 heads in slices of 5 mm lie 0.6 to 0.9 mm off theirs."""

_FIRST_BALL_MM, _ROUNDS = 27.0, 6
_RADII_MM = (17.0, 29.0)


def main() -> None:
    """Write the heads of both femora of a mask."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("bones", type=Path)
    parser.add_argument("heads", type=Path)
    parser.add_argument("--value", type=int, default=1, help="of the femora")
    options = parser.parse_args()
    bones = Volume.read(options.bones)
    heads, balls = femoral_heads(Volume(bones.array == options.value, bones.grid), options.bones)
    heads.write(options.heads)
    for side, ball in zip("RL", balls, strict=True):
        x, y, z = ball.centre_mm.round(1).tolist()
        print(
            f"{side}: centre {x}, {y}, {z} mm (LPS), radius {ball.radius_mm:.1f} mm, off it {ball.residual_mm:.2f} mm"
        )


def femoral_heads(femora: Volume, subject: object) -> tuple[Volume, tuple[Sphere, Sphere]]:
    """The heads of both femora, and the balls that were fitted to them, the right one first.

    Args:
        femora: Mask (z, y, x) of both femora.
        subject: For messages.

    Returns:
        A label map with 1 in both heads.

    Raises:
        LabelError: There are not two femora, or no ball of a head's size fits one.
    """
    parts = components_of(femora.array.astype(np.uint8))
    large = [n for n in parts.by_size if parts.voxels[n] * femora.grid.voxel_ml >= LEAST_FEMUR_ML]
    if len(large) != 2:
        raise LabelError(subject, f"holds {len(large)} femora above {LEAST_FEMUR_ML:g} ml, expected 2", "Correct it")
    masks = [_without_holes(parts.numbers == number) for number in large]
    right, left = sorted(masks, key=lambda mask: float(femora.grid.to_mm(np.argwhere(mask).mean(axis=0))[0]))
    heads = np.zeros(femora.grid.size, np.uint8)
    balls = []
    for mask, medial in ((right, 1), (left, -1)):  # LPS: x grows to the patient's left
        ball, head = _head(Volume(mask, femora.grid), medial, subject)
        heads[head] = Label.VIABLE_HEAD
        balls.append(ball)
    return Volume(heads, femora.grid), (balls[0], balls[1])


def _without_holes(mask: BoolArray) -> BoolArray:
    from scipy import ndimage

    first = int(np.argmin(mask.shape))  # drawn slice by slice
    filled = [ndimage.binary_fill_holes(part) for part in np.moveaxis(mask, first, 0)]
    return np.moveaxis(np.stack(filled), 0, first)


def _head(femur: Volume, medial: int, subject: object) -> tuple[Sphere, BoolArray]:
    """The ball of a femur's head, fitted again and again to the femur near it, and the femur within it."""
    centre, reach = _thickest_medially(femur, medial), _FIRST_BALL_MM
    for _ in range(_ROUNDS):
        within = _within(femur, centre, reach)
        ball = fit_sphere(HipMask(Volume(within.astype(np.uint8), femur.grid)).head)
        if ball is None or not _RADII_MM[0] <= ball.radius_mm <= _RADII_MM[1]:
            size = "none" if ball is None else f"one of {ball.radius_mm:.1f} mm"
            raise LabelError(subject, f"has a femur whose head fits no ball of {_RADII_MM} mm ({size})", "Correct it")
        centre, reach = ball.centre_mm, ball.radius_mm + 2 * BEYOND_MM
    if ball.residual_mm > MOST_RESIDUAL_MM:
        problem = f"has a femur whose head fits no ball: it lies {ball.residual_mm:.1f} mm off one"
        raise LabelError(subject, f"{problem}, expected up to {MOST_RESIDUAL_MM:g} mm", "Correct it")
    return ball, _within(femur, centre, ball.radius_mm + BEYOND_MM)


def _thickest_medially(femur: Volume, medial: int) -> FloatArray:
    """The place deepest inside the upper and medial part of a femur, LPS."""
    from scipy import ndimage

    depth = ndimage.distance_transform_edt(femur.array, femur.grid.spacing_mm)
    index = np.argwhere(femur.array)
    mm = femur.grid.to_mm(index)
    inward = mm[:, 0] * medial
    near = (inward > np.percentile(inward, 55)) & (mm[:, 2] > mm[:, 2].max() - 75)
    best = index[near][np.argmax(depth[tuple(index[near].T)])]
    return femur.grid.to_mm(best)


def _within(femur: Volume, centre: FloatArray, radius_mm: float) -> BoolArray:
    index = np.argwhere(femur.array)
    kept = index[np.linalg.norm(femur.grid.to_mm(index) - centre, axis=1) <= radius_mm]
    mask = np.zeros(femur.grid.size, bool)
    mask[tuple(kept.T)] = True
    return mask


if __name__ == "__main__":
    main()
