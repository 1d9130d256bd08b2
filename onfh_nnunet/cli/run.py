"""``onfh run``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from onfh_nnunet.cli import console
from onfh_nnunet.cli.options import DeviceOption, Quiet
from onfh_nnunet.cli.predict import say_outcome, show
from onfh_nnunet.cli.progress import steps
from onfh_nnunet.core.devices import Device


def run(
    source: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="Export of a PACS: studies at any depth; or a table of scans.")
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for masks, tables and report.html.")],
    model: Annotated[
        Path | None,
        typer.Option(help="Model file; default: the bundled demo model, trained on drawn and painted lesions."),
    ] = None,
    device: DeviceOption = Device.AUTO,
    keep_ids: Annotated[
        bool, typer.Option("--keep-ids", help="Name results after the scans, instead of P001, P002 ...")
    ] = False,
    _quiet: Quiet = False,
) -> None:
    """Pick the scans of an export, segment and grade every hip, and write a report to look at."""
    from onfh_nnunet.workflows.run import run as run_export

    with steps("run") as progress:
        done = run_export(source, out, say_outcome, model=model, device=device, keep_ids=keep_ids, progress=progress)
    if done.page:
        console.result(f"Look at: {done.page}")
    show(done.predicted, out, keep_ids=keep_ids, reported=True)
