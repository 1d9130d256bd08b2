"""One scan of a patient: sequence, field of view, image and label map."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dataset_conversion.phantom.patient import Patient
from dataset_conversion.phantom.render import label_map, render
from dataset_conversion.phantom.scan import Placement
from dataset_conversion.phantom.signal import Sequence
from onfh_nnunet.grid import FloatArray, Triple
from onfh_nnunet.hip import Side
from onfh_nnunet.volume import Volume

_ONE_HIP_MM = (150.0, 90.0, 150.0)  # left-right, front-back, foot-head
_BOTH_HIPS_MM = (320.0, 80.0, 320.0)
_OFF_CENTRE_MM = 3.0
_ABOVE_HIPS_MM = 15.0  # a scan of both hips shows more of the pelvis than of the thighs


@dataclass(frozen=True)
class Scan:
    """What a scanner and a reader make of a patient.

    Args:
        image: Grey values, uint16.
        labels: Label values of the hips in the field of view, uint8, on the image's grid.
        sequence: How it was scanned.
    """

    image: Volume
    labels: Volume
    sequence: Sequence


def acquire(patient: Patient, sides: tuple[Side, ...], placement: Placement, rng: np.random.Generator) -> Scan:
    """Scan one hip, or both at once."""
    hips = [patient.hips[side] for side in sides]
    middle = np.mean([hip.frame.centre_mm for hip in hips], axis=0) + rng.uniform(-_OFF_CENTRE_MM, _OFF_CENTRE_MM, 3)
    extent = _ONE_HIP_MM
    if len(hips) > 1:
        middle, extent = middle + np.array([0, 0, _ABOVE_HIPS_MM]), _BOTH_HIPS_MM
    grid = placement.grid(_triple(middle), extent)
    sequence = Sequence.draw(rng)
    image = np.rint(render(patient.parts(), grid, sequence, rng)).astype(np.uint16)
    return Scan(Volume(image, grid), Volume(label_map(hips, grid), grid), sequence)


def _triple(values: FloatArray) -> Triple:
    x, y, z = (float(value) for value in values)
    return x, y, z
