"""A labelled head of a real scan as a shape, in the hip's frame: lateral, posterior, superior, mm."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dataset_conversion.phantom.anatomy.shapes import LATERAL, Box, Distances, LocalFrame, Points, positions
from onfh_nnunet.core.bounding_box import bounding_box, crop_with_border
from onfh_nnunet.core.grid import Grid, triple
from onfh_nnunet.core.hip import Side
from onfh_nnunet.core.volume import Volume

_MARGIN = 3
"""Voxels around the head where distances are known."""


@dataclass(frozen=True, eq=False)
class SampledHead:
    """A head at the points where it was sampled.

    Args:
        radius_mm: Of the ball of the same volume.
        box: Bounding box of what is known of it.
        distances: From its surface, at those points.
    """

    radius_mm: float
    box: Box
    distances: Distances

    def signed_distance(self, points: Points) -> Distances:
        """Below 0 inside, in mm, at the points where it was sampled and no others."""
        if self.distances.shape != np.broadcast_shapes(*(axis.shape for axis in points)):
            raise ValueError("these are not the points where the head was sampled")
        return self.distances


@dataclass(frozen=True, eq=False)
class LabelledHead:
    """A head whose surface is interpolated between the voxels of its label.

    Args:
        frame: Its centre, and the lateral direction.
        radius_mm: Of the ball of the same volume.
        distances: On the voxels around the head: about the signed distance from its surface, mm.
    """

    frame: LocalFrame
    radius_mm: float
    distances: Volume

    @classmethod
    def of(cls, head: Volume, side: Side) -> LabelledHead:
        """The shape of a mask (z, y, x) of one head; its surface lies midway between inner and outer voxels."""
        from scipy import ndimage

        box = bounding_box(head.array)
        if box is None:
            raise ValueError("a head has voxels")
        inside = crop_with_border(head.array, box, _MARGIN)
        z, y, x = (part.start - _MARGIN for part in box)
        depth, height, width = inside.shape
        grid = head.grid.part((z, y, x), (depth, height, width))
        outer, inner = (ndimage.distance_transform_edt(mask, grid.spacing_mm) for mask in (~inside, inside))
        centre = triple(grid.to_mm(np.array(ndimage.center_of_mass(inside))))
        mm3 = np.count_nonzero(inside) * grid.voxel_ml * 1000
        radius = float((3 * mm3 / (4 * np.pi)) ** (1 / 3))
        return cls(LocalFrame(centre, LATERAL[side]), radius, Volume((outer - inner).astype(np.float32), grid))

    @property
    def box(self) -> Box:
        """Bounding box of the voxels around the head."""
        corners = self.distances.grid.corners_mm()
        points = self.frame.local((corners[:, 0], corners[:, 1], corners[:, 2]))
        low, high = (triple([float(edge(axis)) for axis in points]) for edge in (np.min, np.max))
        return low, high

    def signed_distance(self, points: Points) -> Distances:
        """Below 0 inside, in mm; far off the head at least the distance at the border of the known voxels."""
        from scipy import ndimage

        x, y, z = np.broadcast_arrays(*points)
        left, back, up = self.frame.centre_mm
        position = np.stack([x * self.frame.lateral + left, y + back, z + up], axis=-1)
        index = np.moveaxis(self.distances.grid.to_index(position), -1, 0)
        distances: Distances = ndimage.map_coordinates(self.distances.array, index, order=1, mode="nearest")
        return distances

    def sampled(self, points: Points) -> SampledHead:
        """This head where its surface is looked up once, for points that are used again and again."""
        return SampledHead(self.radius_mm, self.box, self.signed_distance(points))

    def points(self, grid: Grid) -> Points:
        """The centres of a grid's voxels in this hip's frame."""
        return self.frame.local(positions(grid))
