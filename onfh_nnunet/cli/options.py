"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from onfh_nnunet.core import choices
from onfh_nnunet.core.devices import Device

Work = Annotated[Path, typer.Option("--work", help="Folder of the study: data, plan, trained folds, tables.")]
DeviceOption = Annotated[Device, typer.Option("--device", help="auto takes cuda, then mps, then cpu.")]
Cohort = Annotated[Path, typer.Argument(help="cohort.csv: patient_id, image, side, label, grade.")]
HeadLabel = Annotated[str, typer.Option(help="Value, segment name or code of the viable head in the labels.")]
NecrosisLabel = Annotated[str, typer.Option(help="Value, segment name or code of the necrosis in the labels.")]
LabelNames = Annotated[Path | None, typer.Option(help="ITK-SNAP's label description file, to name label values.")]
ResampleLabels = Annotated[
    bool, typer.Option("--resample-labels", help="Bring labels on another grid onto the scan's, nearest neighbour.")
]
Series = Annotated[
    str | None,
    typer.Option(help="DICOM series by number, description, pattern or UID, and its part: 't1 vibe, water', 'echo 2'."),
]
Strict = Annotated[bool, typer.Option("--strict", help="Treat warnings as errors.")]

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout instead of text.")]

DEFAULT_WORK = Path(choices.DEFAULT_WORK)
