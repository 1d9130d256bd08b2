"""The margin of the lesion between voxels: a smooth local surface that divides necrotic from viable voxel centres.

A voxel says on which side of the margin its centre lies. Many of them around one place say where the margin is, much
more closely than a voxel. It is the zero of a logistic regression of the labels (Cox, J R Stat Soc B 1958;20:215) on
position, with a little ridge, so that centres which can be divided are divided midway.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from onfh_nnunet.core.bounding_box import nonzero_indices
from onfh_nnunet.core.grid import FloatArray
from onfh_nnunet.core.labels import BoolArray, Label
from onfh_nnunet.core.volume import Volume
from postprocessing.measurement.sphere import Sphere

REACH_MM, REACH_VOXELS = 6.5, 3.2
"""How far around a place voxels count: 6.5 mm, where a margin is nearly flat, or 3.2 of the longest voxel
edges."""

_RIDGE = np.array([1e-3, 1e-3, 1e-3, 1e-3, 0.05, 0.05])
_ROUNDS, _SETTLED = 12, 1e-3


@dataclass(frozen=True, eq=False)
class HeadVoxels:
    """The voxels of a head.

    Args:
        place_mm: Their centres (n, 3) in LPS, from the centre of the sphere.
        necrotic: Which are necrotic (n).
        reach_mm: How far around a place voxels count for the margin there.
    """

    place_mm: FloatArray
    necrotic: BoolArray
    reach_mm: float

    @classmethod
    def of(cls, mask: Volume, sphere: Sphere) -> HeadVoxels:
        """Those of labels (z, y, x)."""
        head = mask.array > 0
        place = mask.grid.to_mm(nonzero_indices(head).astype(float)) - sphere.centre_mm
        reach = max(REACH_MM, REACH_VOXELS * max(mask.grid.spacing_mm))
        return cls(place, mask.array[head] == Label.NECROSIS, reach)

    def near(self, place_mm: FloatArray, below_mm: float = np.inf) -> HeadVoxels:
        """Those within reach of a place (3), and no farther from the centre of the sphere than this."""
        around = self._around(place_mm)
        return HeadVoxels(self.place_mm[around], self.necrotic[around], self.reach_mm).deeper(below_mm)

    def deeper(self, radius_mm: float) -> HeadVoxels:
        """Those that are no farther from the centre of the sphere than this."""
        if radius_mm == np.inf:
            return self
        inner = np.linalg.norm(self.place_mm, axis=1) <= radius_mm
        return HeadVoxels(self.place_mm[inner], self.necrotic[inner], self.reach_mm)

    def _around(self, place_mm: FloatArray) -> BoolArray:
        away = self.place_mm - place_mm
        within: BoolArray = np.einsum("ij,ij->i", away, away) < self.reach_mm**2
        return within


@dataclass(frozen=True, eq=False)
class LocalMargin:
    """Where the margin crosses lines along a first coordinate, for given second and third ones, all in mm.

    Args:
        terms: Weights (6) of 1, the three coordinates, and the squares of the second and third one per reach.
        reach_mm: How far from the middle it holds.
    """

    terms: FloatArray
    reach_mm: float

    @classmethod
    def fit(cls, coordinates_mm: FloatArray, necrotic: BoolArray, reach_mm: float) -> LocalMargin | None:
        """Fit it to labelled places.

        Args:
            coordinates_mm: (n, 3) from the middle; nearer ones weigh more.
            necrotic: Labels (n).
            reach_mm: Where the weight is 0.

        Returns:
            The margin; None where all labels are the same, or nothing divides them along the first coordinate.
        """
        if necrotic.all() or not necrotic.any():
            return None
        weights = np.clip(1 - (coordinates_mm**2).sum(axis=1) / reach_mm**2, 0, 1)
        squares = coordinates_mm[:, 1:] ** 2 / reach_mm
        columns = np.column_stack([np.ones(len(necrotic)), coordinates_mm, squares])
        terms = _logistic(columns, necrotic, weights)
        return None if terms is None or terms[1] == 0 else cls(terms, reach_mm)

    @property
    def rises(self) -> bool:
        """Whether the lesion lies towards higher values of the first coordinate."""
        return bool(self.terms[1] > 0)

    @property
    def steepness(self) -> float:
        """Cosine of the angle between the lines and the margin's normal: 1 for a margin right across them."""
        return float(abs(self.terms[1]) / np.linalg.norm(self.terms[1:4]))

    def crossing_mm(self, second_mm: FloatArray | float = 0.0, third_mm: FloatArray | float = 0.0) -> FloatArray:
        """The first coordinate of the margin."""
        constant, first, *slopes = self.terms
        bends = (second_mm**2 * slopes[2] + third_mm**2 * slopes[3]) / self.reach_mm
        crossing: FloatArray = np.asarray(-(constant + second_mm * slopes[0] + third_mm * slopes[1] + bends) / first)
        return crossing


def _logistic(columns: FloatArray, labels: BoolArray, weights: FloatArray) -> FloatArray | None:
    """Newton's method; None where it fails."""
    terms = np.zeros(columns.shape[1])
    for _ in range(_ROUNDS):
        chance = 1 / (1 + np.exp(-np.clip(columns @ terms, -50, 50)))
        slope = columns.T @ (weights * (labels - chance)) - _RIDGE * terms
        curvature = (columns * (weights * chance * (1 - chance))[:, None]).T @ columns + np.diag(_RIDGE)
        step = np.linalg.solve(curvature, slope)
        terms = terms + step
        if np.abs(step).max() < _SETTLED:
            break
    return terms if np.isfinite(terms).all() else None
