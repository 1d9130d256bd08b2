"""``onfh export``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from onfh_nnunet.cli import console
from onfh_nnunet.cli.options import DEFAULT_WORK, Quiet, Work
from onfh_nnunet.core.choices import UNSTATED
from onfh_nnunet.core.printable import plural


def export(
    out: Annotated[Path, typer.Option("--out", "-o", help="Model file to write, such as hips.safetensors.")],
    work: Work = DEFAULT_WORK,
    stock: Annotated[
        Path | None, typer.Option("--from", "-i", help="Result folder of nnUNetv2_train, instead of a study.")
    ] = None,
    trust_pickle: Annotated[
        bool,
        typer.Option(
            "--trust-pickle", help="With --from: let checkpoints run code that they bring, in a child process."
        ),
    ] = False,
    licence: Annotated[str, typer.Option(help="Under which the model may be used, such as CC-BY-4.0.")] = UNSTATED,
    _quiet: Quiet = False,
) -> None:
    """Put all trained folds into one model file that runs nothing when it is opened."""
    from onfh_nnunet.workflows.export import export as write_model

    made = write_model(out, work=work, stock=stock, trust_pickle=trust_pickle, licence=licence)
    for note in made.notes:
        console.warn(note)
    written = made.model_file
    console.result(f"model of {plural(len(written.model.weights), 'fold')}, sha256 {written.sha256[:12]}: {out}")
    console.next_step("model", out)
    console.next_step("predict", "SCAN", "--model", out, "--out", "out")
