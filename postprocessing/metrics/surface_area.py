"""Surface area of a mask, from the number of crossings with lattice lines.

Crofton: the area is twice the mean, over all directions, of the area that the surface throws on a plane across the
direction, each crossing counted. A voxel lattice has 13 directions to the 26 neighbours; each stands for its share of
the sphere. The share is the Voronoi cell of the direction in mm, so that unequal spacing is accounted for.

Ohser J, Muecklich F. Statistical Analysis of Microstructures in Materials Science. Wiley 2000. Lehmann G, Legland D.
Efficient N-dimensional surface estimation using Crofton formula and run-length encoding. Insight Journal 2012 (ITK's
perimeter of a label, whose weights are those of equal spacing).

A flat facet is off by what the 13 directions miss: -7 to +2 % at equal spacing, -9 to +6 % at 1.0 x 0.78 x 0.78 mm, -23
to +10 % at 3.0 x 0.6 x 0.6 mm. A round surface has facets in all directions, and they average out: a ball of a radius
of 16 mm is met within 1.5 %, and one of 24 mm within 1 %, at each of these spacings.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np

from onfh_nnunet.core.bounding_box import bounding_box, crop_with_border
from onfh_nnunet.core.grid import FloatArray, Triple
from onfh_nnunet.core.labels import BoolArray


def surface_area_mm2(mask: BoolArray, spacing_mm: Triple) -> float:
    """The area of the surface of a mask, outer and inner surfaces together.

    Args:
        mask: Bool (z, y, x); the image border counts as background.
        spacing_mm: Of the array axes z, y, x.

    Returns:
        Square millimetres; 0 for an empty mask.
    """
    box = bounding_box(mask)
    if box is None:
        return 0.0
    inside = crop_with_border(mask, box)
    # Read flat, a neighbour is a fixed way off; the layer of background keeps rows apart.
    voxels, ways = inside.ravel(), DIRECTIONS @ (inside.shape[1] * inside.shape[2], inside.shape[2], 1)
    crossings = [np.count_nonzero(voxels[way:] != voxels[:-way]) for way in ways]
    return 2 * float(np.dot(crossings, _areas_mm2(spacing_mm)))


DIRECTIONS = (np.argwhere(np.ones((3, 3, 3))) - 1)[14:]
"""Steps (13, 3) to half of the 26 neighbours along z, y, x; the other half are their opposites."""


@lru_cache
def _areas_mm2(spacing_mm: Triple) -> FloatArray:
    """The area per crossing along each direction: the area of one lattice line, times the direction's weight."""
    from scipy.spatial import SphericalVoronoi

    steps = DIRECTIONS * spacing_mm
    lengths = np.linalg.norm(steps, axis=1)
    directions = steps / lengths[:, None]
    cells = SphericalVoronoi(np.concatenate([directions, -directions])).calculate_areas()[: len(directions)]
    areas: FloatArray = math.prod(spacing_mm) / lengths * cells / (2 * math.pi)
    return areas
