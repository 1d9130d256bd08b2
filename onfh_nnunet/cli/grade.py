"""``onfh grade``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from onfh_nnunet.cli import show
from onfh_nnunet.errors import CohortError
from onfh_nnunet.hip import Hip, Side
from onfh_nnunet.imagefile import FILE_SUFFIXES
from onfh_nnunet.volume import Volume


def grade(
    masks: Annotated[list[Path], typer.Argument(help="Masks of one hip each: 1 viable head, 2 necrosis.")],
    out: Annotated[Path, typer.Option(help="Table to write.")],
) -> None:
    """Measure and grade masks from any tool."""
    from postprocessing.clean import require_hip_labels
    from postprocessing.grade_table import grade_row, write_grades

    rows = []
    with show.steps("grade") as step:
        for number, path in enumerate(masks, start=1):
            mask = require_hip_labels(Volume.read(path), path)
            case_id, side = _name_and_side(path)
            rows.append(grade_row(case_id, str(path), side, mask))
            step(case_id, number, len(masks))
    write_grades(out, rows)
    print(f"{len(rows)} hips graded: {out}")


def _name_and_side(path: Path) -> tuple[str, Side | None]:
    """The file's name without its suffix, and the side if it ends with _L or _R as case ids do."""
    suffix = max((s for s in FILE_SUFFIXES if path.name.lower().endswith(s)), key=len)
    name = path.name[: -len(suffix)]
    try:
        return name, Hip.parse(name).side
    except CohortError:
        return name, None
