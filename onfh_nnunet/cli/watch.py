"""``onfh watch``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from onfh_nnunet.cli import console
from onfh_nnunet.cli.options import DeviceOption, PacsServer, Quiet
from onfh_nnunet.core.devices import Device

if TYPE_CHECKING:
    from onfh_nnunet.workflows.watch import State


def watch(
    server: PacsServer,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for masks, tables and the queue of studies.")],
    folder: Annotated[
        Path | None,
        typer.Option(help="Folder in which studies arrive, each an entry. Default: they arrive at the server."),
    ] = None,
    model: Annotated[
        Path | None,
        typer.Option(help="Model file; default: the bundled demo model, trained on drawn and painted lesions."),
    ] = None,
    device: DeviceOption = Device.AUTO,
    once: Annotated[bool, typer.Option("--once", help="Look once, work on what waits, and end: for cron.")] = False,
    _quiet: Quiet = False,
) -> None:
    """Predict studies as they arrive, each once, and store DICOM SEG, SR and PDF back; until it is interrupted."""
    from onfh_nnunet.workflows.watch import watch as watch_studies

    watch_studies(server, out, say, folder=folder, model=model, device=device, once=once)
    console.result(f"Nothing waits; masks and tables: {out}")


def say(study: str, state: State, reason: str) -> None:
    """Print where a study stands; on stderr where it has no result."""
    (console.say if state == "done" else console.warn)(f"{study}: {state}, {reason}")
