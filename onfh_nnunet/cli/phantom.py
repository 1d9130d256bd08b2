"""``onfh phantom``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from onfh_nnunet.cli import console
from onfh_nnunet.cli.options import Quiet
from onfh_nnunet.core.choices import PhantomForm, Plane, Vendor
from onfh_nnunet.core.printable import plural

_SPACING = "Slice step, row and column spacing in mm: z,y,x; else 1.0,1.25,1.25, with --thick 3.6,0.7,0.7."


def phantom(
    out: Annotated[Path, typer.Argument(help="Folder to create.")],
    hips: Annotated[int, typer.Option(help="Hips in the cohort; about a fifth is healthy.")] = 24,
    seed: Annotated[int, typer.Option(help="Random seed; the same seed gives the same bytes.")] = 0,
    form: Annotated[PhantomForm, typer.Option("--format", help="File format of the scans.")] = PhantomForm.DICOM,
    vendor: Annotated[Vendor, typer.Option(help="Vendor whose DICOM files are imitated.")] = Vendor.NEUTRAL,
    plane: Annotated[
        Plane, typer.Option(help="Plane of the slices; oblique is coronal, turned about two axes.")
    ] = Plane.CORONAL,
    thick: Annotated[bool, typer.Option("--thick", help="2D slices with gaps instead of a 3D slab.")] = False,
    spacing: Annotated[str | None, typer.Option(help=_SPACING, show_default=False)] = None,
    bilateral: Annotated[bool, typer.Option("--bilateral", help="Both hips in each scan.")] = False,
    _quiet: Quiet = False,
) -> None:
    """Generate a synthetic cohort: images, labels, cohort.csv, and the true volumes in truth.csv."""
    from onfh_nnunet.workflows.phantom import phantom as make_cohort

    scans = make_cohort(
        out,
        hips=hips,
        seed=seed,
        form=form,
        vendor=vendor,
        plane=plane,
        thick=thick,
        spacing_mm=None if spacing is None else _triple(spacing),
        bilateral=bilateral,
    )
    console.result(f"{plural(hips, 'synthetic hip')} in {plural(scans, 'scan')}: {out}")
    console.next_step("check", out / "cohort.csv")


def _triple(text: str) -> tuple[float, float, float]:
    try:
        z, y, x = (float(part) for part in text.split(","))
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not three numbers z,y,x", param_hint="--spacing") from None
    return z, y, x
