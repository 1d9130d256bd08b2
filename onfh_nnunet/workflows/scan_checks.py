"""Checks of images that are readable but not an MR scan of a hip."""

from __future__ import annotations

import numpy as np

from onfh_nnunet.core.errors import ReadError
from onfh_nnunet.core.image_checks import require_hip_size, require_mr
from onfh_nnunet.core.volume import Volume


def require_hip_scan(scan: Volume, case: object) -> None:
    """Refuse an image that cannot be an MR scan of a hip.

    Args:
        scan: The image (z, y, x).
        case: For messages.

    Raises:
        ReadError: It is constant, a label map, or a CT.
        GeometryError: Its voxels or its edges are of a size that no such scan has.
    """
    require_hip_size(scan.grid, case)
    if np.ptp(scan.array) == 0:
        problem = f"is {scan.array.flat[0]} everywhere, expected an MR image"
        raise ReadError(case, problem, "Export it again from the source")
    require_mr(scan, case)
