"""What is no MR image of a hip, though it can be read as one."""

from __future__ import annotations

import numpy as np

from onfh_nnunet.core.errors import GeometryError, ReadError
from onfh_nnunet.core.grid import FloatArray, Grid
from onfh_nnunet.core.image_checks import require_no_label_map
from onfh_nnunet.core.volume import Volume

FINEST_VOXEL_MM, LONGEST_VOXEL_MM = 4.0, 10.0
"""The most that a voxel's shortest and longest edge may be: a head of 43 to 48 mm then lies in ten by five voxels."""

SHORTEST_EDGE_MM, LONGEST_EDGE_MM = 20.0, 80.0
"""The least that a scan's shortest and longest edge may be: less than half a head thick, or less than a hip wide."""


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
    fine = voxel.min() <= FINEST_VOXEL_MM and voxel.max() <= LONGEST_VOXEL_MM
    if fine and edges.min() >= SHORTEST_EDGE_MM and edges.max() >= LONGEST_EDGE_MM:
        return
    got = f"spans {_times(edges)} mm in voxels of {_times(voxel)} mm"
    expected = (
        f"at least {SHORTEST_EDGE_MM:g} mm each way and {LONGEST_EDGE_MM:g} mm one way, in voxels of at most "
        f"{FINEST_VOXEL_MM:g} mm one way and {LONGEST_VOXEL_MM:g} mm each way"
    )
    raise GeometryError(case, f"{got}, expected {expected}", "Check the spacing in its header: it may be in cm or m")


def _times(values: FloatArray) -> str:
    return " x ".join(f"{value:.3g}" for value in values)
