"""The surfaces of a head and its necrosis for the 3D view of a page: few triangles, in 6 bytes a vertex."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from onfh_nnunet.core.errors import LabelError
from onfh_nnunet.core.grid import triple
from onfh_nnunet.core.hip_mask import HipMask
from onfh_nnunet.core.labels import Region
from onfh_nnunet.core.volume import Volume
from postprocessing.masks.lesion_parts import lesion_parts
from postprocessing.mesh.surface import surface

if TYPE_CHECKING:
    from onfh_nnunet.core.grid import FloatArray

TRIANGLES = 5000
"""Of a surface, at most; a head's are then 2 to 3 mm long, and off by less than a voxel."""

COARSEST_MM = 1.3
"""Of small voxels every second or third one is taken, up to this edge: more is not seen in so few triangles."""

STEP_MM = 0.01
"""Of positions, which reach 327 mm in 16 bits; the page's script knows it too."""


@dataclass(frozen=True)
class PageSurface:
    """A closed surface.

    Args:
        vertices: Their number n.
        content: int16 (n, 3) of `STEP_MM` in LPS from the middle of the head, then uint16 (m, 3) of its triangles,
            counter-clockwise from outside; little-endian.
    """

    vertices: int
    content: bytes


def head_surfaces(hip: HipMask, subject: object) -> dict[Region, PageSurface]:
    """The surfaces of a head, and of the necrosis that is measured, without specks.

    Args:
        hip: The hip; not empty.
        subject: What messages name.

    Returns:
        By region; a region without a closed surface is left out, and so is everything where the head has none.
    """
    head = lesion_parts(hip).hip.head
    thinned = _thinned(head)
    middle_mm = head.grid.to_mm((np.array(head.grid.size) - 1) / 2)
    found = {region: _surface(thinned, region, middle_mm, subject) for region in Region}
    if found[Region.HEAD] is None:
        return {}
    return {region: one for region, one in found.items() if one is not None}


def _thinned(head: Volume) -> Volume:
    """Every voxel, or every second or third one of small voxels."""
    z, y, x = steps = [max(1, int(COARSEST_MM / edge)) for edge in head.grid.spacing_mm]
    array = np.ascontiguousarray(head.array[::z, ::y, ::x])
    spacing = triple(np.multiply(steps, head.grid.spacing_mm))
    depth, height, width = array.shape
    return Volume(array, replace(head.grid, size=(depth, height, width), spacing_mm=spacing))


def _surface(head: Volume, region: Region, middle_mm: FloatArray, subject: object) -> PageSurface | None:
    from fast_simplification import simplify

    inside = region.mask(head.array)
    if not inside.any():
        return None
    try:
        mesh = surface(inside, head.grid, subject)
    except LabelError:  # a page without this surface says so
        return None
    vertices, faces = np.asarray(mesh.vertices, np.float64), np.asarray(mesh.faces, np.int32)
    if len(faces) > TRIANGLES:
        vertices, faces = simplify(vertices, faces, target_count=TRIANGLES)
    steps = np.rint((vertices - middle_mm) / STEP_MM)
    if len(vertices) > np.iinfo(np.uint16).max or np.abs(steps).max() > np.iinfo(np.int16).max:
        return None
    return PageSurface(len(vertices), steps.astype("<i2").tobytes() + faces.astype("<u2").tobytes())
