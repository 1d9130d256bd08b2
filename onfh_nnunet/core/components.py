"""The separate parts of a mask: components of voxels that are connected through faces, or through corners too."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onfh_nnunet.core.grid import FloatArray
from onfh_nnunet.core.labels import BoolArray


@dataclass(frozen=True, eq=False)
class Components:
    """Connected components, numbered from 1 in the order of their first voxels.

    Args:
        numbers: The component of each voxel (z, y, x); 0 is background.
        voxels: How many voxels the component of each number has, from 0 on; 0 for the background.
    """

    numbers: NDArray[np.integer[Any]]
    voxels: NDArray[np.integer[Any]]

    def __len__(self) -> int:
        """How many there are."""
        return len(self.voxels) - 1

    @property
    def by_size(self) -> list[int]:
        """All numbers, that of the largest component first; of equal ones the first in the array comes first."""
        return [int(number) + 1 for number in np.argsort(-self.voxels[1:], kind="stable")]

    def mask(self, number: int) -> BoolArray:
        """Where one component is (z, y, x)."""
        where: BoolArray = self.numbers == number
        return where

    def holding(self, where: BoolArray) -> BoolArray:
        """All voxels (z, y, x) of the components that hold a voxel of a mask."""
        wanted = np.zeros(len(self.voxels), bool)
        wanted[self.numbers[where]] = True
        wanted[0] = False
        found: BoolArray = wanted[self.numbers]
        return found

    def boxes(self) -> list[tuple[slice, ...]]:
        """The bounding box of each component, in order of their numbers."""
        from scipy import ndimage

        return list(ndimage.find_objects(self.numbers))

    def centroids(self, numbers: Sequence[int]) -> FloatArray:
        """The centres of gravity (n, 3) of components, as indices of the array."""
        from scipy import ndimage

        return np.array(ndimage.center_of_mass(self.numbers > 0, self.numbers, numbers))


def components_of(foreground: NDArray[Any], *, corners: bool = False) -> Components:
    """The components of all that is not 0 in an array (z, y, x).

    Args:
        foreground: The array.
        corners: Whether voxels that share an edge or a corner are connected, as those that share a face are.
    """
    from scipy import ndimage

    numbers, n = ndimage.label(foreground, np.ones((3, 3, 3)) if corners else None)
    voxels = np.bincount(numbers.ravel(), minlength=n + 1)
    voxels[0] = 0
    return Components(numbers, voxels)
