"""Comparison of masks with reference masks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from dataset_conversion.labels.label_map import LabelRules
from onfh_nnunet.core.atomic_files import require_output_apart
from onfh_nnunet.core.choices import AnyPath
from onfh_nnunet.core.errors import CohortError, LabelError, OnfhError
from onfh_nnunet.core.file_names import side_of_name
from onfh_nnunet.core.folder_lock import locked_output
from onfh_nnunet.core.folder_record import written_folder
from onfh_nnunet.core.hip import Side
from onfh_nnunet.core.parallel import map_in_threads
from onfh_nnunet.core.progress import Progress, silent
from onfh_nnunet.core.run_log import LOGGER, log_into
from onfh_nnunet.core.volume import Volume
from onfh_nnunet.workflows.hip_labels import LabelledHip, label_rules, on_one_grid, read_hips, read_prediction
from onfh_nnunet.workflows.label_folders import necrosis_beside
from onfh_nnunet.workflows.mask_matching import MaskPair, match_masks, match_table
from onfh_nnunet.workflows.scan_inputs import is_table
from postprocessing.metrics.case_metrics import CrossvalRow
from postprocessing.metrics.mask_pairs import compare_masks
from postprocessing.statistics.summary_tables import write_tables

__all__ = ["CrossvalRow", "compare"]

IN_MEMORY = "hip"
"""The case id of two masks that are in memory."""


def compare(
    reference: AnyPath | Volume,
    prediction: AnyPath | Volume,
    *,
    head_label: str | None = None,
    necrosis_label: str | None = None,
    label_names: AnyPath | None = None,
    necrosis_masks: AnyPath | None = None,
    out: AnyPath | None = None,
    progress: Progress = silent,
) -> list[CrossvalRow]:
    """Compare two folders of masks hip by hip, the labels of a table with predictions, or the two masks of one hip.

    Args:
        reference: A folder of labels in the formats of `convert`, of one hip each or of both; a table of scans and
            their labels (``cohort.csv``, where the label may say the side); or one mask (z, y, x) in memory.
        prediction: A folder of masks of the same hips under the same names, on the same voxels (``P001_R`` and
            ``P001_L`` for a label ``P001`` of both hips); what `predict` made of the same table; or the other mask, on
            the same grid. One without necrosis, or an empty one, is an answer. Values 1 and 2 are viable head and
            necrosis, whatever the options say of the references.
        head_label: Value, segment name or code of the viable head; by default the segment whose name says head, and 1
            where values have no names.
        necrosis_label: The same for the necrosis, and 2; ``none`` where no label draws one.
        label_names: A label description file of ITK-SNAP, to name label values.
        necrosis_masks: A folder of masks of the necrosis alone, where those of the references have files of their own.
        out: A folder for cases.csv, summary.csv, summary_by_group.csv, agreement.csv and confusion.csv; those of an
            earlier comparison are replaced. Nothing is written by default.
        progress: Called after each hip.

    Returns:
        The metrics of each hip, in order of the case ids; distances in mm, volumes in ml, None where undefined.

    Raises:
        GridMismatch: The masks of a hip do not share their voxels.
        LabelError: A mask is no label map of one hip, or a reference holds no head.
        OnfhError: Several hips cannot be compared; all of them are named.
        SideError: The head of a reference lies on the other side than its name states.
        ReadError: A folder holds no mask, the folders hold masks of different names, or a mask cannot be read.
        WorkspaceError: `out` cannot be written, lies in an input, or holds something else.

    Example:
        >>> import numpy as np
        >>> from onfh_nnunet.core.grid import Grid
        >>> from onfh_nnunet.core.volume import Volume
        >>> from onfh_nnunet.workflows.compare import compare
        >>> axes = ((0.0, 0.0, 1.0), (0.0, 1.0, 0.0), (1.0, 0.0, 0.0))
        >>> head = np.pad(np.ones((40, 40, 40), np.uint8), 4)
        >>> labels = np.where(np.arange(48) < 16, 2 * head, head)
        >>> mask = Volume(labels, Grid(labels.shape, (1.0, 1.0, 1.0), (0.0, 0.0, 0.0), axes))
        >>> compare(mask, mask)[0].head_dice
        1.0
    """
    rules = label_rules(head_label, necrosis_label, label_names)
    necrosis = None if necrosis_masks is None else Path(necrosis_masks)
    if out is None:
        return _rows(reference, prediction, necrosis, rules, progress)
    folder = Path(out)
    inputs = [Path(given) for given in (reference, prediction) if not isinstance(given, Volume)]
    require_output_apart(folder, [*inputs, *([necrosis] if necrosis else [])])
    with locked_output(folder, "onfh compare"), written_folder(folder, "tables") as part:
        rows = _rows(reference, prediction, necrosis, rules, progress)
        write_tables(part, rows)
    for row in rows:
        LOGGER.info("%s: compared, grade %s, reference grade %s", row.case_id, row.grade_pred, row.grade_true)
    log_into(folder)  # only now it is there
    return rows


def _rows(
    reference: AnyPath | Volume,
    prediction: AnyPath | Volume,
    necrosis: Path | None,
    rules: LabelRules,
    progress: Progress,
) -> list[CrossvalRow]:
    if isinstance(reference, Volume) and isinstance(prediction, Volume):
        hips = read_hips(reference, necrosis, None, rules, "reference")
        return _judged(IN_MEMORY, hips, prediction, ("reference", "prediction"))
    if isinstance(reference, Volume) or isinstance(prediction, Volume):
        problem = "are a mask and a folder, expected two masks or two folders"
        raise OnfhError("reference and prediction", problem, "Read the other mask as well")
    rows = compare_pairs(_matched(Path(reference), Path(prediction), necrosis), progress, rules)
    if twice := [case_id for case_id, n in Counter(row.case_id for row in rows).items() if n > 1]:
        raise CohortError(reference, f"labels {', '.join(twice)} more than once", "Keep one label a hip")
    return rows


def _matched(reference: Path, prediction: Path, necrosis: Path | None) -> list[MaskPair]:
    if not is_table(reference):
        pairs = match_masks(reference, prediction)
        own = necrosis_beside([pair.reference for pair in pairs], necrosis)
        return [replace(pair, necrosis=one) for pair, one in zip(pairs, own, strict=True)]
    if necrosis is not None:
        problem = "is given beside a table, which has the column label_necrosis for it"
        raise OnfhError("`necrosis_masks`", problem, "Fill that column, and leave out `necrosis_masks`")
    return match_table(reference, prediction)


def compare_pairs(
    pairs: Sequence[MaskPair], progress: Progress = silent, rules: LabelRules | None = None
) -> list[CrossvalRow]:
    """Judge each hip, many of them on all cores.

    Args:
        pairs: The hips.
        progress: Called after each hip.
        rules: What the labels mean; by default what their names say, or 1 and 2.

    Returns:
        Their rows, in order.

    Raises:
        OnfhError: Hips cannot be read or compared; all of them are named.
    """
    compared = map_in_threads(partial(compare_pair, rules=rules), pairs, progress)
    return [row for rows in compared for row in rows]


def compare_pair(pair: MaskPair, rules: LabelRules | None = None) -> list[CrossvalRow]:
    """Judge one hip, or both; patient and side are those of a name such as ``P001_R``, else the pair is a patient.

    Raises:
        ReadError: A file is no image.
        LabelError: A mask is no label of one hip or of both, the reference holds no head, or a hip has no prediction or
            no reference.
        SideError: The head of the reference lies on the other side than its name states.
        GridMismatch: The masks do not share their voxels.
    """
    meant, names = rules or LabelRules(), (pair.reference, pair.prediction)
    if isinstance(pair.prediction, Path):
        answer = read_prediction(pair.prediction, meant)
        return _judged(pair.case_id, _references(pair, side_of_name(pair.case_id), meant, answer), answer, names)
    answers = {side: read_prediction(path, meant) for side, path in pair.prediction.items()}
    hips = _references(pair, pair.side, meant, next(iter(answers.values())))
    sides = [hip.mask.side for hip in hips]
    if not pair.side_stated and None not in sides:
        answers = {side: answer for side, answer in answers.items() if side in sides}
    if set(sides) != set(answers):
        got, expected = (", ".join(map(str, one)) or "no known side" for one in (sorted(answers), filter(None, sides)))
        problem = f"has predictions of side {got}, and its label {pair.reference} is of {expected}"
        remedy = "Give a label and a mask of each hip" if pair.side_stated else "Fill the column side"
        raise LabelError(pair.case_id, problem, remedy)
    return [
        _row(f"{pair.case_id}_{side}", hip, answers[side], (pair.reference, pair.prediction[side]))
        for side, hip in zip(sides, hips, strict=True)
        if side
    ]


def _references(pair: MaskPair, side: Side | None, rules: LabelRules, answer: Volume) -> list[LabelledHip]:
    place = str(pair.reference)
    return read_hips(pair.reference, pair.necrosis, side, rules, place, answer.grid, healthy=pair.healthy)


def _judged(
    case_id: str, hips: Sequence[LabelledHip], answer: Volume, names: tuple[object, object]
) -> list[CrossvalRow]:
    if len(hips) == 1:
        return [_row(case_id, hips[0], answer, names)]
    parts = zip(hips, _by_nearest_head(answer, hips), strict=True)
    return [_row(f"{case_id}_{hip.mask.side}", hip, own, names) for hip, own in parts]


def _row(case_id: str, hip: LabelledHip, answer: Volume, names: tuple[object, object]) -> CrossvalRow:
    drawn, predicted = on_one_grid(hip.mask.labels, answer, case_id)
    return replace(compare_masks(case_id, drawn, predicted, names), warnings="; ".join(map(str, hip.notes)))


def _by_nearest_head(answer: Volume, hips: Sequence[LabelledHip]) -> list[Volume]:
    """The parts of a prediction of both hips: each voxel goes with the hip whose drawn head is nearer."""
    voxels = np.nonzero(answer.array)
    places = answer.grid.to_mm(np.stack(voxels, axis=1).astype(float))
    nearest = np.argmin([np.linalg.norm(places - hip.centre_mm, axis=1) for hip in hips], axis=0)
    parts = []
    for number in range(len(hips)):
        own = np.zeros_like(answer.array)
        taken = tuple(axis[nearest == number] for axis in voxels)
        own[taken] = answer.array[taken]
        parts.append(Volume(own, answer.grid))
    return parts
