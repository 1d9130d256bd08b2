"""One scan of a synthetic patient: sequence, field of view, image and label map."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dataset_conversion.phantom.anatomy.patient import Patient
from dataset_conversion.phantom.mri.protocol import ScanProtocol, field_mm
from dataset_conversion.phantom.mri.render import render
from dataset_conversion.phantom.mri.spgr_sequence import Sequence
from dataset_conversion.phantom.mri.voxelize import voxelize_labels
from onfh_nnunet.core.choices import Plane
from onfh_nnunet.core.grid import triple
from onfh_nnunet.core.hip import Side
from onfh_nnunet.core.volume import Volume

_LARGEST_STORED = 4095  # 12 bits; fat lies near 1000, noise never reaches it
_OFF_CENTRE_MM = 3.0
_ABOVE_HIPS_MM = 15.0  # a coronal scan of both hips shows more of the pelvis than of the thighs


@dataclass(frozen=True)
class PhantomScan:
    """The image of a scan and its true label map.

    Args:
        image: Grey values, uint16 below 4096.
        labels: Label values of the hips in the field of view, uint8, on the image's grid.
        sequence: How it was excited and read.
    """

    image: Volume
    labels: Volume
    sequence: Sequence


def acquire(patient: Patient, sides: tuple[Side, ...], protocol: ScanProtocol, rng: np.random.Generator) -> PhantomScan:
    """Scan one hip, or both at once."""
    hips = [patient.hips[side] for side in sides]
    middle = np.mean([hip.frame.centre_mm for hip in hips], axis=0) + rng.uniform(-_OFF_CENTRE_MM, _OFF_CENTRE_MM, 3)
    both = len(hips) > 1
    if both and protocol.plane is not Plane.AXIAL:
        middle = middle + np.array([0, 0, _ABOVE_HIPS_MM])
    grid = protocol.grid(triple(middle), field_mm(protocol.plane, bilateral=both))
    sequence = Sequence.draw(rng, patient.field_t, thick=protocol.thick)
    grey = np.rint(render(patient.parts(), grid, sequence, protocol.profile, rng))
    image = np.minimum(grey, _LARGEST_STORED).astype(np.uint16)
    return PhantomScan(Volume(image, grid), Volume(voxelize_labels(hips, grid), grid), sequence)
