"""Mask pairs: two folders of masks matched by name; a mask without a partner is an error."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from onfh_nnunet.core.errors import CohortError, ReadError
from onfh_nnunet.core.hip import Hip
from onfh_nnunet.core.hip_mask import HipMask
from onfh_nnunet.core.image_files import FILE_SUFFIXES, without_suffix
from onfh_nnunet.core.parallel import map_in_threads
from onfh_nnunet.core.progress import Progress, silent
from onfh_nnunet.core.user_files import refused_whole
from onfh_nnunet.core.volume import Volume
from postprocessing.masks.clean import refuse_lesion_alone, require_hip_labels
from postprocessing.metrics.case_metrics import CrossvalRow, case_row


@dataclass(frozen=True)
class MaskPair:
    """The files of one hip; `case_id` is their name without suffix."""

    case_id: str
    reference: Path
    prediction: Path


def match_masks(references: Path, predictions: Path) -> list[MaskPair]:
    """Match the NIfTI, NRRD and MetaImage files of two folders by their names without suffix, in order.

    Files of other suffixes, hidden files and folders are passed over.

    Raises:
        ReadError: A folder does not exist or holds no mask, two files have one name, or the folders hold masks of
            different names; all of these are listed.
    """
    true, pred = masks_in(references), masks_in(predictions)
    missing, surplus = sorted(true.keys() - pred.keys()), sorted(pred.keys() - true.keys())
    if missing or surplus:
        parts = (("lacks", missing), ("holds without a reference", surplus))
        problem = " and ".join(f"{what} {', '.join(names)}" for what, names in parts if names)
        raise ReadError(
            predictions, f"{problem} (references: {references})", "Give both folders masks of the same hips"
        )
    return [MaskPair(case_id, true[case_id], pred[case_id]) for case_id in sorted(true)]


def compare_pairs(pairs: Sequence[MaskPair], progress: Progress = silent) -> list[CrossvalRow]:
    """Compare each pair, in parallel.

    Args:
        pairs: The hips.
        progress: Called after each hip.

    Returns:
        Their rows, in order.

    Raises:
        OnfhError: Hips cannot be read or compared; all of them are named.
    """
    return map_in_threads(compare_pair, pairs, progress)


def compare_pair(pair: MaskPair) -> CrossvalRow:
    """Compare one pair; a name such as ``P001_R`` gives patient and side, else each hip is its own patient.

    Raises:
        ReadError: A file is no image.
        LabelError: A mask is no label map of one hip, or the reference holds no head.
        GridMismatch: The masks do not lie on one grid.
    """
    with refused_whole(pair.reference):
        drawn = Volume.read(pair.reference)
    with refused_whole(pair.prediction):
        predicted = Volume.read(pair.prediction)
    return compare_masks(pair.case_id, drawn, predicted, (pair.reference, pair.prediction))


def compare_masks(
    case_id: str, drawn: Volume, predicted: Volume, names: tuple[object, object] = ("reference", "prediction")
) -> CrossvalRow:
    """Compare two masks in memory.

    Args:
        case_id: Its name; patient and side are those of a name such as ``P001_R``.
        drawn: The reference (z, y, x), a label map of any numeric type.
        predicted: The prediction on the same grid.
        names: What messages call the two masks.

    Raises:
        LabelError: A mask is no label map of one hip, or the reference holds no head.
        GridMismatch: The masks do not lie on one grid.
    """
    reference = HipMask(require_hip_labels(drawn, names[0]))
    refuse_lesion_alone(reference, names[0])
    prediction = HipMask(_prediction(predicted, names[1]))
    return case_row(case_id, _hip(case_id), None, reference, prediction)


def masks_in(folder: Path) -> dict[str, Path]:
    """The NIfTI, NRRD and MetaImage files of a folder by their names without suffix, in order.

    Raises:
        ReadError: The folder does not exist or holds no mask, or two files have one name.
    """
    if not folder.is_dir():
        raise ReadError(folder, "is not a folder", "Give a folder of masks")
    found: dict[str, Path] = {}
    with refused_whole(folder):
        entries = sorted(path for path in folder.iterdir() if not path.is_dir())
    for path in entries:
        name = without_suffix(path.name)
        if name == path.name or path.name.startswith("."):
            continue
        if name in found:
            raise ReadError(folder, f"holds {found[name].name} and {path.name}", "Keep one mask per hip")
        found[name] = path
    if not found:
        raise ReadError(folder, f"holds no mask ({', '.join(FILE_SUFFIXES)})", "Give a folder of masks")
    return found


def _prediction(mask: Volume, name: object) -> Volume:
    """Read a prediction; an empty one is a missed hip, and counts as such."""
    if mask.array.any():
        return require_hip_labels(mask, name)
    return Volume(np.zeros(mask.grid.size, np.uint8), mask.grid)


def _hip(case_id: str) -> Hip | None:
    try:
        return Hip.parse(case_id)
    except CohortError:
        return None
