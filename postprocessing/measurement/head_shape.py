"""Whether a head is what its numbers take it for: whole, round, cut at the neck, and of the stated side."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from onfh_nnunet.core.anatomy import (
    ARTICULAR_MM,
    FITTED_SHARE,
    HEAD_OF_SPHERE,
    NECK_TO_SIDE,
    PLAUSIBLE_RESIDUAL_MM,
    PLAUSIBLE_ROUGHNESS_MM,
)
from onfh_nnunet.core.grid import FloatArray
from onfh_nnunet.core.hip import Side
from onfh_nnunet.core.scan_half import neck_doubt
from postprocessing.measurement.collapse import has_collapsed
from postprocessing.measurement.head_surface import NECK_RIM_DEG, HeadSurface

_TOWARDS = ("left", "back", "head")
_AGAINST = ("right", "front", "feet")


@dataclass(frozen=True)
class HeadShape:
    """The shape of a head about its sphere.

    Args:
        surface_residual_mm: Root mean square distance of the whole surface from the sphere, without the neck.
        roughness_mm: The same without what voxels alone make.
        fitted_share: Share of all directions in which the surface lies within `ARTICULAR_MM` of the sphere, or has
            collapsed.
        of_sphere: Volume of the head over that of the sphere.
        cut_towards: Where the head ends flat inside the sphere and no neck is, and how many mm inside.
    """

    surface_residual_mm: float | None
    roughness_mm: float
    fitted_share: float
    of_sphere: float
    cut_towards: tuple[tuple[str, float], ...] = ()


def head_shape(surface: HeadSurface, head_ml: float, side: Side | None) -> HeadShape:
    """The shape of a head.

    Args:
        surface: The head, and its sphere.
        head_ml: Its volume.
        side: The patient's side, where known: the neck is lateral.
    """
    rays = surface.rays
    counted = np.isfinite(rays.depth_mm)
    if surface.neck is not None:
        counted &= ~surface.neck.holds(rays.directions, NECK_RIM_DEG)
    squares = rays.depth_mm[counted] ** 2
    mean = float(squares.mean()) if squares.size else 0.0
    return HeadShape(
        surface_residual_mm=float(np.sqrt(mean)) if squares.size else None,
        roughness_mm=float(np.sqrt(max(mean - _voxel_noise_mm2(surface, rays.directions[counted]), 0.0))),
        fitted_share=float(surface.articular(rays).mean()),
        of_sphere=head_ml / surface.sphere.volume_ml,
        cut_towards=tuple(_cuts(surface, side)),
    )


def shape_warnings(shape: HeadShape, surface: HeadSurface, side: Side | None) -> Iterator[str]:
    """What contradicts a whole, round head of the stated side that is cut at the neck."""
    residual, (low, high) = surface.sphere.residual_mm, HEAD_OF_SPHERE
    otherwise = has_collapsed(surface) or shape.cut_towards
    if residual > PLAUSIBLE_RESIDUAL_MM or (shape.roughness_mm > PLAUSIBLE_ROUGHNESS_MM and not otherwise):
        yield (
            f"the head is not round: the best fitting part of its surface lies {residual:.1f} mm off the fitted "
            f"sphere, the whole surface {shape.surface_residual_mm or 0:.1f} mm"
        )
    if not low <= shape.of_sphere <= high:
        why = "it may hold a piece of the neck" if shape.of_sphere > high else "a part of it may be missing"
        yield (
            f"the head has {100 * shape.of_sphere:.0f} % of the volume of its fitted sphere, expected {100 * low:g} to "
            f"{100 * high:g} %: {why}, and the percentage of the head is not to be relied on"
        )
    if shape.fitted_share < FITTED_SHARE:
        yield f"the sphere fits only a part of the head's surface, {100 * shape.fitted_share:.0f} % of all directions"
    for towards, inside_mm in shape.cut_towards:
        yield f"the head ends flat {inside_mm:.0f} mm inside its sphere towards the {towards}: it may be cut off there"
    if surface.neck is not None and side is not None and (doubt := neck_doubt(float(surface.neck.axis[0]), side)):
        yield f"side {side}, and the head {doubt.place}: check the side"


def _voxel_noise_mm2(surface: HeadSurface, directions: FloatArray) -> float:
    """The mean square error of a surface that is known to a voxel: uniform, across each array axis."""
    across = directions @ np.asarray(surface.mask.grid.direction) * np.asarray(surface.mask.grid.spacing_mm)
    return float((across**2).sum(axis=1).mean() / 12) if len(across) else 0.0


def _cuts(surface: HeadSurface, side: Side | None) -> Iterator[tuple[str, float]]:
    """Ends of the mask along its array axes that lie inside the sphere, where neither neck nor collapse explains it."""
    grid, labels, sphere = surface.mask.grid, surface.mask.array, surface.sphere
    middle = grid.to_index(sphere.centre_mm)
    for axis, step in enumerate(grid.spacing_mm):
        for sign, layer in ((-1, 1), (1, labels.shape[axis] - 2)):
            outward = sign * np.asarray(grid.direction)[:, axis]
            inside = sphere.radius_mm - (sign * (layer - middle[axis]) + 0.5) * step
            if inside > ARTICULAR_MM and not _may_be_neck(outward, side) and not _is_necrotic(surface, outward, inside):
                main = int(np.abs(outward).argmax())
                yield (_TOWARDS if outward[main] > 0 else _AGAINST)[main], float(inside)


def _is_necrotic(surface: HeadSurface, outward: FloatArray, inside_mm: float) -> bool:
    """Whether most of the surface in a direction, where a plane so far inside the sphere cuts it, is necrotic."""
    there = surface.rays.directions @ outward > 1 - inside_mm / surface.sphere.radius_mm
    return bool(surface.rays.involved[there].mean() > 0.5)


def _may_be_neck(outward: FloatArray, side: Side | None) -> bool:
    lateral = abs(outward[0]) if side is None else outward[0] if side is Side.LEFT else -outward[0]
    return bool(outward[2] < -NECK_TO_SIDE or lateral > NECK_TO_SIDE)
