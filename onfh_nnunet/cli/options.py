"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from onfh_nnunet.cli.console import be_quiet
from onfh_nnunet.core import choices
from onfh_nnunet.core.devices import Device

Work = Annotated[Path, typer.Option("--work", help="Folder of the study: data, plan, trained folds, tables.")]
DeviceOption = Annotated[Device, typer.Option("--device", help="auto takes cuda, then mps, then cpu.")]
Cohort = Annotated[Path, typer.Argument(help="cohort.csv: patient_id, image, side, label, grade.")]
HeadLabel = Annotated[
    str | None,
    typer.Option(help="Value, segment name or code of the viable head. Default: the name that says so, or 1."),
]
NecrosisLabel = Annotated[
    str | None, typer.Option(help="The same of the necrosis. Default: the name that says so, or 2; none: no necrosis.")
]
LabelNames = Annotated[Path | None, typer.Option(help="ITK-SNAP's label description file, to name label values.")]
NecrosisMasks = Annotated[
    Path | None, typer.Option(help="Masks of the necrosis alone: a folder with the same names, or the file of one hip.")
]
ResampleLabels = Annotated[
    bool, typer.Option("--resample-labels", help="Resample labels from another grid, nearest neighbour.")
]
Series = Annotated[
    str | None,
    typer.Option(help="DICOM series by number, description, pattern or UID, and its part: 't1 vibe, water', 'echo 2'."),
]
Strict = Annotated[bool, typer.Option("--strict", help="Treat warnings as errors.")]

Fold = Annotated[str, typer.Option("--fold", help="Which folds: all, a number, or several such as 0,2.")]
Quiet = Annotated[
    bool,
    typer.Option(
        *("--quiet", "-q"),
        callback=be_quiet,
        expose_value=False,
        help="Print only warnings, errors and the last line of the result.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout instead of text.")]

PacsServer = Annotated[
    Path, typer.Option("--server", help="Settings file (TOML) of the PACS: the one server that is spoken to.")
]

DEFAULT_WORK = Path(choices.DEFAULT_WORK)


def fold_numbers(text: str) -> tuple[int, ...] | Literal["all"]:
    """What `--fold` names: all, or numbers of folds."""
    try:
        return "all" if text == "all" else tuple(int(part) for part in text.split(","))
    except ValueError:
        problem = f"{text!r} is neither 'all' nor numbers such as 0 or 0,2"
        raise typer.BadParameter(problem, param_hint="--fold") from None
