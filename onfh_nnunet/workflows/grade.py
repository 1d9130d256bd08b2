"""Measurement and grading of masks from any tool, in parallel."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Union

from dataset_conversion.labels.label_map import LabelRules
from onfh_nnunet.core.atomic_files import require_file_place, require_output_apart
from onfh_nnunet.core.choices import JicTies
from onfh_nnunet.core.errors import CohortError, SideError
from onfh_nnunet.core.file_names import side_of_name, stem
from onfh_nnunet.core.folder_lock import locked_output
from onfh_nnunet.core.hip import Side
from onfh_nnunet.core.parallel import all_or_none, attempt, map_in_threads
from onfh_nnunet.core.progress import Progress, silent
from onfh_nnunet.core.volume import Volume
from onfh_nnunet.workflows.hip_labels import LabelledHip, label_rules, read_hips
from onfh_nnunet.workflows.label_folders import labels_in, necrosis_beside
from postprocessing.measurement.grade_rows import GradeRow, grade_row, with_landmarks, write_grades
from postprocessing.measurement.landmarks import Landmarks


@dataclass(frozen=True, eq=False)
class MaskFile:
    """The mask of a hip, or of both hips of a patient.

    Args:
        path: A label in any format that `convert` reads; or the mask itself, in memory.
        case_id: The hip; of a mask of both hips what their case ids begin with.
        side: The patient's side, where known.
        necrosis: The mask of the necrosis, where it has a file of its own.
    """

    path: Path | Volume
    case_id: str
    side: Side | None
    necrosis: Path | None = None

    @property
    def source(self) -> str:
        """Its file; empty for a mask in memory."""
        return "" if isinstance(self.path, Volume) else str(self.path)


Masks = Union[str, "os.PathLike[str]", Volume, Iterable[Union[str, "os.PathLike[str]", Volume]]]
"""One mask or many: a file, a folder of files, or a `Volume`."""


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
    with locked_output(place, "onfh grade"):
        rows = graded()
        write_grades(place, rows)
    return rows


def mask_files(
    masks: Masks, side: Side | str | None = None, necrosis_masks: str | os.PathLike[str] | None = None
) -> list[MaskFile]:
    """The masks that are given, in order, by their names; see `grade`.

    Raises:
        CohortError: One is given twice.
        ReadError: A folder holds no mask, or a mask has no necrosis among those of the necrosis.
        SideError: A name and `side` contradict each other.
    """
    several = [masks] if isinstance(masks, str | os.PathLike | Volume) else masks
    given = [path for one in several for path in _files(one)]
    files = [_mask_file(one, number, None if side is None else Side(side)) for number, one in enumerate(given, start=1)]
    _require_once(files)
    return _with_necrosis(files, None if necrosis_masks is None else Path(necrosis_masks))


def _require_once(files: Sequence[MaskFile]) -> None:
    """Refuse a mask that is given twice: it would count twice in every summary."""
    paths = Counter(file.source for file in files if file.source)
    if twice := [path for path, n in paths.items() if n > 1]:
        raise CohortError(twice[0], "is given twice", "Give each mask once")


def require_different(hips: Iterable[tuple[str, str]]) -> None:
    """Refuse a hip that is drawn twice: in a mask of its own, and in one of both hips.

    Args:
        hips: Case id and source of each.

    Raises:
        CohortError: A case id occurs twice.
    """
    sources: dict[str, list[str]] = {}
    for case_id, source in hips:
        sources.setdefault(case_id, []).append(source)
    for case_id, files in sources.items():
        if len(files) > 1:
            problem = f"is in several masks: {', '.join(files)}"
            raise CohortError(case_id, problem, "Give each hip once, or rename one of the files")


def _files(given: str | os.PathLike[str] | Volume) -> list[Path | Volume]:
    """The masks of one argument: for a folder its files in order of their names."""
    if isinstance(given, Volume):
        return [given]
    path = Path(given)
    return list(labels_in(path).values()) if path.is_dir() else [path]


def _with_necrosis(files: Sequence[MaskFile], necrosis: Path | None) -> list[MaskFile]:
    """The masks, each with its necrosis' own file where such files are given."""
    if necrosis is None:
        return list(files)
    paths = [file.path for file in files if isinstance(file.path, Path)]
    if len(paths) < len(files):
        raise CohortError("mask in memory", "has no file, and `necrosis_masks` are files", "Give one mask of both")
    return [replace(file, necrosis=own) for file, own in zip(files, necrosis_beside(paths, necrosis), strict=True)]


def _mask_file(mask: Path | Volume, number: int, side: Side | None) -> MaskFile:
    """With the side that its name states, as ``P001_L`` and ``hip right`` do, else the one that is given.

    Raises:
        SideError: The two contradict each other.
    """
    if isinstance(mask, Volume):
        return MaskFile(mask, f"P{number:03d}_{side}" if side else f"P{number:03d}", side)
    name = stem(mask)
    named = side_of_name(name)
    if None not in (side, named) and side is not named:
        problem = f"is named as side {named}, and `side` says {side}"
        raise SideError(mask, problem, "Rename it, or leave out `side`")
    return MaskFile(mask, name, named or side)


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
    hips = named_hips(file, rules, clean=clean)
    return [grade_row(name, file.source, hip.mask, hip.notes) for name, hip in hips.items()]


def named_hips(file: MaskFile, rules: LabelRules | None = None, *, clean: bool = False) -> dict[str, LabelledHip]:
    """Read the hip of a mask, or both hips, by their case ids.

    Raises:
        OnfhError: It cannot be read.
    """
    place = file.source or file.case_id
    hips = read_hips(file.path, file.necrosis, file.side, rules or LabelRules(), place, clean=clean)
    names = [file.case_id] if len(hips) == 1 else [f"{file.case_id}_{hip.mask.side}" for hip in hips]
    return dict(zip(names, hips, strict=True))
