"""A hash by which a scan is recognised at another place, without a name and whatever was drawn or painted in it."""

from __future__ import annotations

import hashlib

import numpy as np

from onfh_nnunet.core.bounding_box import bounding_box
from onfh_nnunet.core.hip_crop import HipCrop
from onfh_nnunet.core.volume import Volume


def scan_sha256(scan: Volume) -> str:
    """SHA-256 of a scan's outermost voxels: the six faces of the smallest box that holds all its non-zero voxels.

    Labels, the axes of the array, the number type, the file format and zeros around the scan do not matter, nor does a
    lesion that `onfh implant` paints into a head, which lies inside. Another scan of the same patient has another hash.
    It names nobody: only who has the scan can compute it.

    Args:
        scan: The whole scan, of grey values.
    """
    array = HipCrop.whole(scan.grid).extract(scan).array
    box = bounding_box(array != 0)
    held = array if box is None else array[box]
    digest = hashlib.sha256(str(held.shape).encode())
    for axis in range(3):
        for end in (0, -1):
            face = held.take(end, axis).astype("<f4") + np.float32(0)  # no negative zero
            digest.update(np.ascontiguousarray(face).tobytes())
    return digest.hexdigest()
