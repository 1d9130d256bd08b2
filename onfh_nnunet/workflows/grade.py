"""Measurement and grading of masks from any tool, in parallel."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from onfh_nnunet.core.atomic_files import require_file_place, require_output_apart
from onfh_nnunet.core.errors import CohortError, SideError
from onfh_nnunet.core.folder_lock import locked_output
from onfh_nnunet.core.hip import Hip, Side
from onfh_nnunet.core.hip_mask import HipMask
from onfh_nnunet.core.image_files import without_suffix
from onfh_nnunet.core.parallel import all_or_none, attempt, map_in_threads
from onfh_nnunet.core.progress import Progress, silent
from onfh_nnunet.core.user_files import refused_whole
from onfh_nnunet.core.volume import Volume
from postprocessing.masks.clean import refuse_lesion_alone, require_hip_labels
from postprocessing.measurement.grade_rows import GradeRow, grade_row, with_landmarks, write_grades
from postprocessing.measurement.jic import JicTies
from postprocessing.measurement.landmarks import Landmarks
from postprocessing.metrics.mask_pairs import masks_in


@dataclass(frozen=True, eq=False)
class MaskFile:
    """The mask of one hip: labels 0, 1 and 2, whole numbers of any type.

    Args:
        path: A NIfTI, NRRD or MetaImage file, or the mask itself.
        case_id: The hip.
        side: The patient's side, where known.
    """

    path: Path | Volume
    case_id: str
    side: Side | None

    @property
    def source(self) -> str:
        """Its file; empty for a mask in memory."""
        return "" if isinstance(self.path, Volume) else str(self.path)


def grade(
    masks: str | os.PathLike[str] | Volume | Iterable[str | os.PathLike[str] | Volume],
    *,
    side: Side | str | None = None,
    landmarks: str | os.PathLike[str] | None = None,
    jic_ties: JicTies = JicTies.MINISTRY,
    out: str | os.PathLike[str] | None = None,
    progress: Progress = silent,
) -> list[GradeRow]:
    """Measure and grade masks from any tool: 1 viable femoral head, 2 necrosis.

    Args:
        masks: One mask or many, each of one hip: a file, a folder of files, or a `Volume`.
        side: The side of masks whose names do not end with _L or _R.
        landmarks: Acetabular edge and teardrop of each hip, CSV or Slicer .mrk.json, for JIC types.
        jic_ties: Where a lesion of exactly 1/3 or 2/3 belongs.
        out: A table to write.
        progress: Called after each mask.

    Returns:
        A row of grades.csv for each mask, in order. A mask in memory is named P001, P002 and so on.

    Raises:
        OnfhError: Masks cannot be read or graded; all of them are named, and nothing is written.

    Example:
        ```python
        import onfh_nnunet as onfh

        for row in onfh.grade("masks"):
            print(row.case_id, row.steinberg_grade, row.necrosis_percent, row.possible_grades)
        ```
    """
    from postprocessing.measurement.landmarks import read_landmarks

    several = [masks] if isinstance(masks, str | os.PathLike | Volume) else masks
    given = [path for one in several for path in _files(one)]
    files = [_mask_file(one, number, None if side is None else Side(side)) for number, one in enumerate(given, start=1)]
    _require_once(files)
    points = read_landmarks(Path(landmarks), [file.case_id for file in files]) if landmarks else None
    if out is None:
        return _graded(files, points, jic_ties, progress)
    place = Path(out)
    inputs = [one for one in given if isinstance(one, Path)]
    require_output_apart(place, [*inputs, Path(landmarks)] if landmarks else inputs)
    require_file_place(place)
    with locked_output(place, "onfh grade"):
        rows = _graded(files, points, jic_ties, progress)
        write_grades(place, rows)
    return rows


def _require_once(files: Sequence[MaskFile]) -> None:
    """Refuse a mask that is given twice: it would count twice in every summary."""
    paths = Counter(file.source for file in files if file.source)
    if twice := [path for path, n in paths.items() if n > 1]:
        raise CohortError(twice[0], "is given twice", "Give each mask once")


def _graded(
    files: Sequence[MaskFile], points: Mapping[str, Landmarks] | None, jic_ties: JicTies, progress: Progress
) -> list[GradeRow]:
    rows = grade_files(files, progress)
    return rows if points is None else add_landmarks(rows, points, jic_ties)


def _files(given: str | os.PathLike[str] | Volume) -> list[Path | Volume]:
    """The masks of one argument: for a folder its files in order of their names."""
    if isinstance(given, Volume):
        return [given]
    path = Path(given)
    return list(masks_in(path).values()) if path.is_dir() else [path]


def _mask_file(mask: Path | Volume, number: int, side: Side | None) -> MaskFile:
    """A mask with the side at the end of its name, as in case ids, else the given side.

    Raises:
        SideError: The two contradict each other.
    """
    if isinstance(mask, Volume):
        return MaskFile(mask, f"P{number:03d}_{side}" if side else f"P{number:03d}", side)
    name = without_suffix(mask.name)
    try:
        named = Hip.parse(name).side
    except CohortError:
        return MaskFile(mask, name, side)
    if side not in (None, named):
        problem = f"is named as side {named}, and `side` says {side}"
        raise SideError(mask, problem, "Rename it, or leave out `side`")
    return MaskFile(mask, name, named)


def grade_files(files: Sequence[MaskFile], progress: Progress = silent) -> list[GradeRow]:
    """Grade masks.

    Args:
        files: The masks.
        progress: Called after each mask.

    Returns:
        Their rows, in order.

    Raises:
        OnfhError: Masks cannot be read or graded; all of them are named.
    """
    return map_in_threads(grade_file, files, progress)


def add_landmarks(rows: Iterable[GradeRow], landmarks: Mapping[str, Landmarks], ties: JicTies) -> list[GradeRow]:
    """Add the results that need landmarks; a case without landmarks gets a warning.

    Raises:
        OnfhError: Landmarks do not fit their heads; all of them are named.
    """
    return all_or_none(attempt(lambda row: with_landmarks(row, landmarks.get(row.case_id), ties), row) for row in rows)


def grade_file(file: MaskFile) -> GradeRow:
    """Grade one mask.

    Raises:
        OnfhError: It cannot be read or graded.
    """
    name = file.source or file.case_id
    hip = HipMask(require_hip_labels(_volume(file.path), name), file.side)
    refuse_lesion_alone(hip, name)
    return grade_row(file.case_id, file.source, hip)


def _volume(mask: Path | Volume) -> Volume:
    if isinstance(mask, Volume):
        return mask
    with refused_whole(mask):
        return Volume.read(mask)
