"""``onfh phantom``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dataset_conversion.phantom.cohort import PhantomForm, write_phantom_cohort
from onfh_nnunet.grid import Triple


def phantom(
    out: Annotated[Path, typer.Argument(help="Folder to make.")],
    hips: Annotated[int, typer.Option(help="Hips in the cohort.")] = 24,
    seed: Annotated[int, typer.Option(help="Same seed, same bytes.")] = 0,
    form: Annotated[PhantomForm, typer.Option("--format", help="How the scans are written.")] = PhantomForm.DICOM,
    spacing: Annotated[str, typer.Option(help="Slice step, row and column spacing in mm: z,y,x.")] = "1.0,1.25,1.25",
    bilateral: Annotated[bool, typer.Option("--bilateral", help="Both hips in each scan.")] = False,
) -> None:
    """Make a synthetic cohort: images, labels, cohort.csv and the truth in truth.csv."""
    scans = write_phantom_cohort(out, hips=hips, seed=seed, form=form, spacing_mm=_triple(spacing), bilateral=bilateral)
    print(f"{hips} synthetic hips in {scans} scans: {out}")


def _triple(text: str) -> Triple:
    try:
        z, y, x = (float(part) for part in text.split(","))
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not three numbers z,y,x", param_hint="--spacing") from None
    return z, y, x
