"""Measurement and grading of masks from any tool, in parallel."""

from __future__ import annotations

import codecs
import os
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path

from dataset_conversion.labels.label_map import LabelRules
from onfh_nnunet.core.atomic_files import require_file_place, require_output_apart
from onfh_nnunet.core.choices import JicTies
from onfh_nnunet.core.errors import WorkspaceError
from onfh_nnunet.core.folder_lock import locked_output
from onfh_nnunet.core.hip import Side
from onfh_nnunet.core.parallel import all_or_none, attempt, map_in_threads
from onfh_nnunet.core.progress import Progress, silent
from onfh_nnunet.workflows.hip_labels import label_rules
from onfh_nnunet.workflows.mask_files import MaskFile, Masks, mask_files, named_hips, require_different
from postprocessing.measurement.grade_rows import GradeRow, grade_row, with_landmarks, write_grades
from postprocessing.measurement.landmarks import Landmarks


def grade(
    masks: Masks,
    *,
    side: Side | str | None = None,
    head_label: str | None = None,
    necrosis_label: str | None = None,
    label_names: str | os.PathLike[str] | None = None,
    necrosis_masks: str | os.PathLike[str] | None = None,
    landmarks: str | os.PathLike[str] | None = None,
    jic_ties: JicTies = JicTies.MINISTRY,
    clean: bool = False,
    out: str | os.PathLike[str] | None = None,
    progress: Progress = silent,
) -> list[GradeRow]:
    """Measure and grade masks from any tool, read as `convert` reads labels.

    Args:
        masks: One mask or many: a file, a folder of files, or a `Volume`. A label of both hips is split into two, if
            neither its name nor `side` states one.
        side: The side of masks whose names state none; in a label that names both hips, the one that is meant.
        head_label: Value, segment name or code of the viable head; by default the segment whose name says head, and 1
            where values have no names.
        necrosis_label: The same for the necrosis, and 2; ``none`` where no label draws one.
        label_names: A label description file of ITK-SNAP, to name label values.
        necrosis_masks: Masks of the necrosis alone where they have files of their own: a folder with the same names, or
            the file of a single hip.
        landmarks: Acetabular edge and teardrop of each hip, CSV or Slicer .mrk.json, for JIC types.
        jic_ties: Where a lesion of exactly 1/3 or 2/3 belongs.
        clean: Whether to mend the masks first: drop parts apart from the head, fill holes, and relabel specks of
            necrosis and of viable head; `warnings` say what was done. The files stay as they are.
        out: A table to write.
        progress: Called after each mask.

    Returns:
        A row of grades.csv for each hip, in order, that of a right hip before the left one. A mask in memory is named
        P001, P002 and so on.

    Raises:
        SideError: A head lies on the other side than its name or `side` states.
        OnfhError: Masks cannot be read or graded; all of them are named, and nothing is written.

    Example:
        ```python
        import onfh_nnunet as onfh

        for row in onfh.grade("masks"):
            print(row.case_id, row.steinberg_grade, row.necrosis_percent, row.possible_grades)
        ```
    """
    from postprocessing.measurement.landmarks import read_landmarks

    rules = label_rules(head_label, necrosis_label, label_names)
    files = mask_files(masks, side, necrosis_masks)

    def graded() -> list[GradeRow]:
        rows = grade_files(files, progress, rules, clean=clean)
        require_different((row.case_id, row.source) for row in rows)
        if landmarks is None:
            return rows
        return add_landmarks(rows, read_landmarks(Path(landmarks), [row.case_id for row in rows]), jic_ties)

    if out is None:
        return graded()
    place = Path(out)
    inputs = [file.path for file in files if isinstance(file.path, Path)]
    inputs += [Path(one) for one in (landmarks, label_names, necrosis_masks) if one]
    require_output_apart(place, inputs)
    require_file_place(place)
    _require_own_table(place)
    with locked_output(place, "onfh grade"):
        rows = graded()
        write_grades(place, rows)
    return rows


def _require_own_table(place: Path) -> None:
    """Refuse to replace a file that is no table of grades.

    Raises:
        WorkspaceError: It lies there.
    """
    if not place.is_file():
        return
    with place.open("rb") as file:
        head = file.read(200)
    if head and not (head.removeprefix(codecs.BOM_UTF8).startswith(b"case_id") and b"steinberg_grade" in head):
        raise WorkspaceError(place, "exists and is no table of grades, and would be lost", "Give another name")


def grade_files(
    files: Sequence[MaskFile], progress: Progress = silent, rules: LabelRules | None = None, *, clean: bool = False
) -> list[GradeRow]:
    """Grade masks.

    Args:
        files: The masks.
        progress: Called after each mask.
        rules: What their labels mean; by default what their names say, or 1 and 2.
        clean: Whether to mend them first.

    Returns:
        Their rows, in order.

    Raises:
        OnfhError: Masks cannot be read or graded; all of them are named.
    """
    graded = map_in_threads(partial(grade_file, rules=rules, clean=clean), files, progress)
    return [row for rows in graded for row in rows]


def add_landmarks(rows: Iterable[GradeRow], landmarks: Mapping[str, Landmarks], ties: JicTies) -> list[GradeRow]:
    """Add the results that need landmarks; a case without landmarks gets a warning.

    Raises:
        OnfhError: Landmarks do not fit their heads; all of them are named.
    """
    return all_or_none(attempt(lambda row: with_landmarks(row, landmarks.get(row.case_id), ties), row) for row in rows)


def grade_file(file: MaskFile, rules: LabelRules | None = None, *, clean: bool = False) -> list[GradeRow]:
    """Grade the hip of a mask, or both hips; see `grade_files`.

    Raises:
        OnfhError: It cannot be read or graded.
    """
    return [
        grade_row(name, file.source, hip.mask, hip.notes) for name, hip in named_hips(file, rules, clean=clean).items()
    ]
