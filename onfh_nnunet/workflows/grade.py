"""Masks from any tool, graded from their files; many of them on all cores."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from onfh_nnunet.core.hip import Side
from onfh_nnunet.core.parallel import all_or_none, attempt, for_each
from onfh_nnunet.core.progress import Progress, silent
from onfh_nnunet.core.user_files import refused_whole
from onfh_nnunet.core.volume import Volume
from postprocessing.masks.clean import refuse_lesion_alone, require_hip_labels
from postprocessing.measurement.grade_rows import GradeRow, grade_row, with_landmarks
from postprocessing.measurement.jic import JicTies
from postprocessing.measurement.landmarks import Landmarks


@dataclass(frozen=True)
class MaskFile:
    """A NIfTI, NRRD or MetaImage file of one hip: labels 0, 1 and 2, whole numbers of any type."""

    path: Path
    case_id: str
    side: Side | None


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
    return for_each(grade_file, files, progress)


def add_landmarks(rows: Iterable[GradeRow], landmarks: Mapping[str, Landmarks], ties: JicTies) -> list[GradeRow]:
    """Add what the landmarks of each case tell; a case without any says so in `warnings`.

    Raises:
        OnfhError: Landmarks do not fit their heads; all of them are named.
    """
    return all_or_none(attempt(lambda row: with_landmarks(row, landmarks.get(row.case_id), ties), row) for row in rows)


def grade_file(file: MaskFile) -> GradeRow:
    """Grade one mask.

    Raises:
        OnfhError: It cannot be read or graded.
    """
    with refused_whole(file.path):
        volume = Volume.read(file.path)
    mask = require_hip_labels(volume, file.path)
    refuse_lesion_alone(mask, file.path)
    return grade_row(file.case_id, str(file.path), file.side, mask)
