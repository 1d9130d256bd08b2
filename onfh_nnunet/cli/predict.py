"""``onfh predict``."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Protocol

import typer

from onfh_nnunet.cli import console
from onfh_nnunet.cli.options import AsJson, DeviceOption, Fold, Quiet, Series, fold_numbers
from onfh_nnunet.cli.progress import steps
from onfh_nnunet.core.choices import EngineName
from onfh_nnunet.core.devices import Device
from onfh_nnunet.core.errors import OnfhError
from onfh_nnunet.core.hip import Side
from onfh_nnunet.core.printable import plural
from onfh_nnunet.core.steinberg import printed_percent

if TYPE_CHECKING:
    from onfh_nnunet.workflows.output_rows import FailedRow
    from onfh_nnunet.workflows.predict_folder import GradeRow, Lines, Predicted


class Warned(Protocol):
    """A row with warnings."""

    @property
    def case_id(self) -> str:
        """The hip."""

    @property
    def warnings(self) -> str:
        """Joined with ``; ``."""


class SideOption(StrEnum):
    """What `--side` takes."""

    AUTO = "auto"
    LEFT = "L"
    RIGHT = "R"


def predict(
    inputs: Annotated[
        list[Path],
        typer.Argument(
            metavar="INPUT...",
            help="Raw scans, each a DICOM folder, tree or zip archive with one MR series, or an image file; or a table "
            "of them, such as cohort.csv, with the column image and, as needed, patient_id, side, series and visit.",
        ),
    ],
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Folder for masks, grades.csv and, where scans fail, failed.csv.")
    ],
    model: Annotated[
        Path | None,
        typer.Option(help="Model file; default: the bundled demo model, trained on drawn and painted lesions."),
    ] = None,
    side: Annotated[
        SideOption, typer.Option(help="auto decides from the anatomy and the patient's axes.")
    ] = SideOption.AUTO,
    device: DeviceOption = Device.AUTO,
    engine: Annotated[
        EngineName, typer.Option(help="Inference engine; auto takes OpenVINO on a CPU where it is installed.")
    ] = EngineName.AUTO,
    fold: Fold = "all",
    folds: Annotated[str | None, typer.Option(hidden=True)] = None,
    tta: Annotated[bool, typer.Option("--tta", help="Average over mirrored images; slower.")] = False,
    series: Series = None,
    batch: Annotated[
        bool,
        typer.Option(
            "--batch",
            help="Each INPUT is a folder of studies, at any depth; of each the series that suits is taken.",
        ),
    ] = False,
    max_memory: Annotated[
        float | None,
        typer.Option(
            metavar="GB",
            help="Refuse scans that would take the process over this limit, by an estimate; default: the free memory.",
        ),
    ] = None,
    keep_ids: Annotated[
        bool, typer.Option("--keep-ids", help="Name results by patient_id or the files of the scans, not P001 ...")
    ] = False,
    dicom: Annotated[
        bool,
        typer.Option(
            "--dicom", help="DICOM SEG, SR and PDF of each DICOM scan, naming the patient, in OUT/private/dicom."
        ),
    ] = False,
    seg_nrrd: Annotated[
        bool, typer.Option("--seg-nrrd", help="A segmentation of each scan for 3D Slicer, in OUT/slicer.")
    ] = False,
    no_images: Annotated[
        bool, typer.Option("--no-images", help="Keep no part of the scans in OUT/images: the report has no pictures.")
    ] = False,
    as_json: AsJson = False,
    _quiet: Quiet = False,
) -> None:
    """Segment and grade every hip of raw scans. Scans that fail are listed in failed.csv.

    A second run leaves alone what is done, and OUT keeps the results of scans that are not given again.
    """
    from onfh_nnunet.workflows.predict_folder import predict_scans
    from onfh_nnunet.workflows.predictor import Settings
    from onfh_nnunet.workflows.scan_objects import dicom_folder

    if folds is not None:
        console.warn("--folds of onfh predict is --fold now: --folds is how many folds onfh plan makes")
    named = fold_numbers(fold if folds is None else folds)
    wanted = None if side is SideOption.AUTO else Side(side)
    settings = Settings(
        *(model, out, wanted, device, None if named == "all" else named, tta, engine, series),
        batch=batch,
        max_memory_gb=max_memory,
        keep_ids=keep_ids,
        dicom=dicom,
        seg_nrrd=seg_nrrd,
        images=not no_images,
    )
    with steps("predict") as progress:
        predicted = predict_scans(inputs, settings, progress, partial(say_outcome, as_json=as_json))
    if as_json:
        console.document(hips=predicted.rows, missed=predicted.missed, failed=predicted.failed, out=out)
    elif predicted.rows:
        console.result(f"{_count(predicted)}: {out / 'grades.csv'}")
    if dicom and predicted.rows:
        console.note(f"DICOM objects, which name the patient: {dicom_folder(out)}")
    show(predicted, out, keep_ids=keep_ids)


def show(predicted: Predicted, out: Path, *, keep_ids: bool, reported: bool = False) -> None:
    """Print what a run came to, beside its hips.

    Args:
        predicted: What it came to.
        out: Where its results are.
        keep_ids: Whether they go by the names of the scans.
        reported: Whether there is a report of them.

    Raises:
        OnfhError: A scan failed, or none shows a hip.
    """
    _note(predicted, out, keep_ids=keep_ids)
    if predicted.rows and not reported:
        console.next_step("report", out)
    for failed in predicted.failed:
        _fail(failed)
    of_all = f"of {plural(predicted.n_scans, 'scan')}"
    if predicted.wrong:
        problem = f"{len(predicted.wrong)} {of_all} failed"
        raise OnfhError(out / "failed.csv", problem, "Correct them and run again; finished scans are kept")
    if not predicted.rows:
        raise OnfhError(out / "failed.csv", f"no hip was found in any {of_all}", "Give MR images of the hip")


def say_outcome(outcome: Lines | FailedRow, *, as_json: bool = False) -> None:
    """Print what became of a scan, as soon as it is known."""
    from onfh_nnunet.workflows.predict_folder import MissedHip

    if not isinstance(outcome, list):
        _fail(outcome)
    elif not as_json:
        for line in outcome:
            text = f"{line.case_id}: not graded, {line.warnings}" if isinstance(line, MissedHip) else _graded(line)
            console.say(text)


def _fail(row: FailedRow) -> None:
    if row.shows_no_hip:
        console.warn(f"{row.case} passed over: {row.message}")
    else:
        console.failure(row.case, row.message)


def _note(predicted: Predicted, out: Path, *, keep_ids: bool) -> None:
    from onfh_nnunet.workflows.scan_names import key_csv

    for line in predicted.chosen:
        console.note(line)
    for path in predicted.passed_over:
        console.warn(f"passed over, it is no scan: {path}")
    for line in predicted.beside:
        console.note(f"passed over: {line}")
    if not keep_ids and (predicted.rows or predicted.failed):
        console.note(f"Which scan is which: {key_csv(out)}; keep it to yourself")
    if predicted.computed_by:
        console.note(f"Computed by {predicted.computed_by}")
    warn_of(predicted.rows, predicted.caution)
    if predicted.rows and predicted.caution:
        console.warn(f"Caution: {predicted.caution}")


def warn_of(rows: Sequence[Warned], caution: str = "") -> None:
    """Print the warnings of each hip, without the caution that all begin with."""
    for row in rows:
        if own := row.warnings.removeprefix(caution).removeprefix("; "):
            console.warn(f"warning: {row.case_id}: {own}")


def _count(predicted: Predicted) -> str:
    missed = f", and {len(predicted.missed)} missed" if predicted.missed else ""
    return f"{plural(len(predicted.rows), 'hip')}{missed}"


def _graded(row: GradeRow) -> str:
    percent, low, high = map(printed_percent, (row.necrosis_percent, row.percent_low, row.percent_high))
    necrosis = f"{percent} % ({low}-{high}) of the head"
    return f"{row.case_id}: grade {row.steinberg_grade}, necrosis {necrosis}, may be {row.possible_grades}"
