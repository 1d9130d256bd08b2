"""Checks of images that are readable but not an MR scan of a hip."""

from __future__ import annotations

import numpy as np

from onfh_nnunet.core.anatomy import LONGEST_VOXEL_EDGES_MM, SHORTEST_SCAN_EDGES_MM
from onfh_nnunet.core.errors import GeometryError, ReadError
from onfh_nnunet.core.grid import FloatArray, Grid
from onfh_nnunet.core.image_checks import require_no_label_map
from onfh_nnunet.core.volume import Volume


def require_hip_scan(scan: Volume, case: object) -> None:
    """Refuse an image that cannot be an MR scan of a hip.

    Args:
        scan: The image (z, y, x).
        case: For messages.

    Raises:
        ReadError: It is constant, or a label map.
        GeometryError: Its voxels or its edges are of a size that no such scan has.
    """
    _require_size(scan.grid, case)
    if np.ptp(scan.array) == 0:
        problem = f"is {scan.array.flat[0]} everywhere, expected an MR image"
        raise ReadError(case, problem, "Export it again from the source")
    require_no_label_map(scan, case)


def _require_size(grid: Grid, case: object) -> None:
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
