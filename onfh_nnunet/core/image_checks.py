"""Checks of images that are readable but cannot be MR."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from onfh_nnunet.core.anatomy import LONGEST_VOXEL_EDGES_MM, SHORTEST_SCAN_EDGES_MM
from onfh_nnunet.core.errors import GeometryError, ReadError
from onfh_nnunet.core.grid import FloatArray, Grid
from onfh_nnunet.core.volume import Volume

MOST_LABELS = 32
"""A whole-number image of so few values is a label map when most of it is one value; MR has hundreds of values."""


AIR_HU, SOFT_TISSUE_HU = (-1100.0, -900.0), (-200.0, 200.0)
"""Hounsfield units: air is -1000, water 0, fat -100, muscle 50."""

LEAST_AIR, LEAST_SOFT_TISSUE = 0.05, 0.1
"""Shares of the voxels of a CT, at the least, that are air and soft tissue. Ours: a whole pelvis has a third of each.
The values of MR begin at 0, or are spread around it with fewer so far below; a phase image is spread evenly."""


def require_mr(image: Volume, case: object) -> None:
    """Refuse a label map, or a CT in Hounsfield units, where an MR image is expected.

    Args:
        image: Voxels (z, y, x).
        case: For messages.

    Raises:
        ReadError: It has few, whole values, and most voxels have the same; or it holds air near -1000 and soft tissue
            near 0.
    """
    air, tissue = (_share(image.array, values) for values in (AIR_HU, SOFT_TISSUE_HU))
    if air >= LEAST_AIR and tissue >= LEAST_SOFT_TISSUE:
        problem = f"looks like a CT ({air:.0%} of its voxels are air near -1000 HU), expected an MR image"
        raise ReadError(case, problem, "Give an MR image; shift its values to begin at 0 if it is one")
    values = _few_values(image.array)
    if values.size > 1:
        shown = ", ".join(f"{value:g}" for value in values[:5]) + (", ..." if values.size > 5 else "")
        problem = f"looks like a label map (values {shown}), expected an MR image"
        raise ReadError(case, problem, "Give the scan; onfh grade takes masks")


def _share(array: NDArray[Any], limits: tuple[float, float]) -> float:
    thinned = array[::2, ::2, ::2]
    return float(np.count_nonzero((thinned >= limits[0]) & (thinned <= limits[1])) / thinned.size)


def is_label_map(array: NDArray[Any]) -> bool:
    """Whether voxels (z, y, x) are those of a label map, by the same rule; or 0 alone, those of an empty one."""
    return _few_values(array).size > 1 or not array.any()


def _few_values(array: NDArray[Any]) -> NDArray[Any]:
    """The values of a label map, or the only one of an image; none for any other image."""
    thinned = array[::2, ::2, ::2]  # an eighth of the voxels says as much
    values, counts = np.unique(thinned, return_counts=True)
    few = values.size <= MOST_LABELS and counts.max() >= thinned.size / 2
    return values if few and np.array_equal(values, np.rint(values)) else values[:0]


def require_hip_size(grid: Grid, case: object) -> None:
    """Refuse a grid whose voxels or edges are of a size that no scan of a hip has.

    Raises:
        GeometryError: They are.
    """
    voxel = np.array(grid.spacing_mm)
    edges = voxel * grid.size
    fine, coarse = LONGEST_VOXEL_EDGES_MM
    thin, wide = SHORTEST_SCAN_EDGES_MM
    if voxel.min() <= fine and voxel.max() <= coarse and edges.min() >= thin and edges.max() >= wide:
        return
    got = f"spans {_times(edges)} mm in voxels of {_times(voxel)} mm"
    expected = (
        f"at least {thin:g} mm each way and {wide:g} mm one way, in voxels of at most "
        f"{fine:g} mm one way and {coarse:g} mm each way"
    )
    raise GeometryError(case, f"{got}, expected {expected}", "Check the spacing in its header: it may be in cm or m")


def _times(values: FloatArray) -> str:
    return " x ".join(f"{value:.3g}" for value in values)
