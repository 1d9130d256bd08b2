"""``onfh grade``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from onfh_nnunet.cli import console
from onfh_nnunet.core.atomic_files import require_file_place, require_output_apart
from onfh_nnunet.core.errors import CohortError, SideError
from onfh_nnunet.core.folder_lock import locked_output
from onfh_nnunet.core.hip import Hip, Side
from onfh_nnunet.core.image_files import without_suffix
from postprocessing.measurement.jic import JicTies

if TYPE_CHECKING:
    from postprocessing.measurement.grade_rows import GradeRow


def grade(
    masks: Annotated[list[Path], typer.Argument(help="NIfTI, NRRD or MetaImage label maps, one hip each: 0, 1, 2.")],
    out: Annotated[Path, typer.Option(help="Table to write.")],
    side: Annotated[Side | None, typer.Option(help="Side of masks whose names do not end with _L or _R.")] = None,
    landmarks: Annotated[
        Path | None, typer.Option(help="Acetabular edge and teardrop of each hip, CSV or Slicer .mrk.json: JIC types.")
    ] = None,
    jic_ties: Annotated[
        JicTies, typer.Option(help="Where exactly 1/3 and 2/3 belong: the ministry's B and C, or A and B of 2001.")
    ] = JicTies.MINISTRY,
) -> None:
    """Measure and grade masks from any tool: 1 viable head, 2 necrosis."""
    from postprocessing.measurement.grade_rows import write_grades

    require_output_apart(out, masks)
    require_file_place(out)
    with locked_output(out, "onfh grade"):
        rows = _graded(masks, side, landmarks, jic_ties)
        write_grades(out, rows)
    console.say(f"{len(rows)} hips graded: {out}")


def _graded(masks: list[Path], side: Side | None, landmarks: Path | None, jic_ties: JicTies) -> list[GradeRow]:
    from onfh_nnunet.workflows.grade import MaskFile, add_landmarks, grade_files
    from postprocessing.measurement.landmarks import read_landmarks

    files = [MaskFile(path, *_name_and_side(path, side)) for path in masks]
    points = read_landmarks(landmarks, [file.case_id for file in files]) if landmarks else None
    with console.steps("grade") as step:
        rows = grade_files(files, step)
    return rows if points is None else add_landmarks(rows, points, jic_ties)


def _name_and_side(path: Path, given: Side | None) -> tuple[str, Side | None]:
    """The file's name without its suffix; the side of a name that ends with _L or _R as case ids do, else as given."""
    name = without_suffix(path.name)
    try:
        side = Hip.parse(name).side
    except CohortError:
        return name, given
    if given not in (None, side):
        raise SideError(path, f"is named as side {side}, and --side says {given}", "Rename it or leave out --side")
    return name, side
