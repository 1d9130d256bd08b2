"""Collapse: the necrotic surface of a head that has sunk below its fitted sphere, and the head before it sank."""

from __future__ import annotations

import math

import numpy as np

from onfh_nnunet.core.anatomy import COLLAPSE_UP_TO_MM
from onfh_nnunet.core.components import components_of
from onfh_nnunet.core.labels import Label
from onfh_nnunet.core.volume import Volume
from postprocessing.measurement.head_surface import NECK_BLUR_DEG, HeadSurface


def has_collapsed(surface: HeadSurface) -> bool:
    """Whether the necrotic surface lies noticeably below the sphere, and no deeper than a collapse may."""
    depth = surface.collapse_mm
    return depth is not None and not surface.lost and depth >= noticed_mm(surface)


def noticed_mm(surface: HeadSurface) -> float:
    """The least depth that is called collapse: 1 mm, or half of the longest voxel edge; ours, what voxels hide."""
    return max(1.0, max(surface.mask.grid.spacing_mm) / 2)


def before_collapse(surface: HeadSurface) -> HeadSurface:
    """The head before it collapsed: what is missing inside the sphere above the lesion was necrotic.

    Missing are voxels of background at least `noticed_mm` and at most `COLLAPSE_UP_TO_MM` below the sphere, above its
    centre and off the neck, which are connected to the lesion.
    """
    padded = _padded(surface.mask)
    labels, grid, radius = np.array(padded.array), padded.grid, surface.sphere.radius_mm
    background = np.argwhere(labels == Label.BACKGROUND)
    place = grid.to_mm(background.astype(float)) - surface.sphere.centre_mm
    away = np.linalg.norm(place, axis=1)
    missing = (away <= radius - noticed_mm(surface)) & (away >= radius - COLLAPSE_UP_TO_MM) & (place[:, 2] > 0)
    if surface.neck is not None:
        missing[missing] = ~surface.neck.holds(place[missing] / away[missing, None], NECK_BLUR_DEG)
    lesion = labels == Label.NECROSIS
    lesion[tuple(background[missing].T)] = True
    labels[components_of(lesion).holding(labels == Label.NECROSIS)] = Label.NECROSIS
    return HeadSurface(Volume(labels, grid), surface.sphere)


def uncollapsed(surface: HeadSurface, *, cut: bool) -> HeadSurface:
    """The surface that angles and shares are measured on: before a collapse, unless a cut may be taken for one."""
    return before_collapse(surface) if has_collapsed(surface) and not cut else surface


def _padded(mask: Volume) -> Volume:
    """A mask (z, y, x) with room for a head that was as much higher as a collapse may be deep."""
    z, y, x = (math.ceil(COLLAPSE_UP_TO_MM / step) for step in mask.grid.spacing_mm)
    array = np.pad(mask.array, ((z, z), (y, y), (x, x)))
    depth, height, width = array.shape
    return Volume(array, mask.grid.part((-z, -y, -x), (depth, height, width)))
