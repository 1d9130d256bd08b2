"""The LUND-PROBE dataset: pelvic MR of 432 patients with masks of the left and right femoral head.

Source of the layout: ``directoryStructure.txt`` and ``README.md`` of github.com/jamtheim/LUND-PROBE (the data set's
authors); data set doi 10.23698/aida/lund-probe; Rogowski et al., Scientific Data 2025;12:611. One folder a patient::

    <patient>/MR_StorT2/image.nii.gz                 T2-weighted MR
    <patient>/MR_StorT2/mask_FemoralHead_L.nii.gz    on the grid of the image
    <patient>/MR_StorT2/mask_FemoralHead_R.nii.gz

Masks are 0 and 1 in the authors' conversion code (``convertDataMethods.py`` of
github.com/jamtheim/segmentationUncertaintyPublic). Doses, other structures and the synthetic CT beside them are not
read. Above the patients there may be any folders. The files themselves were not at hand: `onfh check` tells whether
they are as described.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from onfh_nnunet.core.hip import Side

MR_FOLDER = "MR_StorT2"
IMAGE = "image.nii.gz"
HEADS = {Side.RIGHT: "mask_FemoralHead_R.nii.gz", Side.LEFT: "mask_FemoralHead_L.nii.gz"}


def patients_in(files: Sequence[Path]) -> list[Path]:
    """The MR folders of LUND-PROBE among files; empty for other data."""
    images = (file for file in files if file.name == IMAGE)
    return sorted({image.parent for image in images if image.absolute().parent.name == MR_FOLDER})


def hips_of(patient: Path) -> tuple[str, Path, dict[Side, Path]]:
    """The patient's name, the image, and the existing head masks, right before left.

    Args:
        patient: An MR folder of `patients_in`.
    """
    masks = {side: patient / name for side, name in HEADS.items()}
    return (
        patient.resolve().parent.name,
        patient / IMAGE,
        {side: path for side, path in masks.items() if path.is_file()},
    )
