"""Octants of the head: superior or inferior, anterior or posterior, lateral or medial."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from onfh_nnunet.core.bounding_box import nonzero_indices
from onfh_nnunet.core.extent import percent_of
from onfh_nnunet.core.grid import FloatArray, Grid
from onfh_nnunet.core.hip import Side
from onfh_nnunet.core.labels import Label
from onfh_nnunet.core.volume import Volume
from postprocessing.measurement.sphere import Sphere


@dataclass(frozen=True)
class Octants:
    """The necrotic share of each octant in percent; None where it contains less than a voxel of head.

    The planes between them run through the centre of the fitted sphere, along the axes of the patient.
    Eight regions are used to map lesions (J Orthop Surg Res 2024, doi:10.1186/s13018-024-05058-3); the planes are ours.
    """

    superior_anterior_lateral_percent: float | None = None
    superior_anterior_medial_percent: float | None = None
    superior_posterior_lateral_percent: float | None = None
    superior_posterior_medial_percent: float | None = None
    inferior_anterior_lateral_percent: float | None = None
    inferior_anterior_medial_percent: float | None = None
    inferior_posterior_lateral_percent: float | None = None
    inferior_posterior_medial_percent: float | None = None


def frame(side: Side) -> FloatArray:
    """Unit vectors (3, 3) in LPS: rows superior, anterior, lateral."""
    return np.array([[0, 0, 1], [0, -1, 0], [1 if side is Side.LEFT else -1, 0, 0]], float)


def octants(mask: Volume, sphere: Sphere, side: Side) -> Octants:
    """The necrotic share of each octant; a voxel that a plane divides counts partly on both sides.

    Args:
        mask: Labels (z, y, x) of a head.
        sphere: The sphere of its articular surface.
        side: The patient's side.
    """
    inside = mask.array > 0
    up, front, lateral = _halves(nonzero_indices(inside), mask.grid, sphere, side)
    quarters = (up[:, None] * front).reshape(4, -1)
    necrotic = mask.array[inside] == Label.NECROSIS
    head, necrosis = ((quarters @ part.T).ravel().tolist() for part in (lateral, lateral * necrotic))
    return Octants(*(percent_of(part, all_) if all_ >= 1 else None for part, all_ in zip(necrosis, head, strict=True)))


def _halves(voxel: NDArray[np.intp], grid: Grid, sphere: Sphere, side: Side) -> FloatArray:
    """The part of each voxel (n, 3) on either side of the plane across each axis: (3, 2, n), 0 to 1."""
    axes = frame(side)
    steps = axes @ grid.matrix
    thickness = np.abs(steps).sum(axis=1, keepdims=True)  # of a voxel along each axis of the frame
    first = axes @ (np.array(grid.origin_mm) - sphere.centre_mm)
    along = steps @ voxel.T + first[:, None]
    towards = np.clip(along / thickness + 0.5, 0, 1)
    return np.stack([towards, 1 - towards], axis=1)
