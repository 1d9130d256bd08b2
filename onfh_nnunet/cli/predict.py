"""``onfh predict``."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from onfh_nnunet.cli import console
from onfh_nnunet.cli.options import AsJson, DeviceOption, Series
from onfh_nnunet.core.choices import EngineName
from onfh_nnunet.core.devices import Device
from onfh_nnunet.core.errors import OnfhError
from onfh_nnunet.core.hip import Side

if TYPE_CHECKING:
    from onfh_nnunet.workflows.predict_folder import Predicted, Row


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
            "of them, such as cohort.csv, with the column image and, as needed, side and series.",
        ),
    ],
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Folder for masks, grades.csv and, where scans fail, failed.csv.")
    ],
    model: Annotated[
        Path | None,
        typer.Option(help="Model file; default: the bundled demo model, trained on synthetic hips only."),
    ] = None,
    side: Annotated[
        SideOption, typer.Option(help="auto tells it from the anatomy and the patient's axes.")
    ] = SideOption.AUTO,
    device: DeviceOption = Device.AUTO,
    engine: Annotated[
        EngineName, typer.Option(help="What runs the network; auto takes OpenVINO on a CPU that has it.")
    ] = EngineName.AUTO,
    folds: Annotated[str | None, typer.Option(help="Folds to average, such as 0,1; default: all.")] = None,
    tta: Annotated[bool, typer.Option("--tta", help="Average over mirror images: slower.")] = False,
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
            metavar="GB", help="Refuse scans too large for the process to stay under so many GB, by an estimate."
        ),
    ] = None,
    keep_ids: Annotated[
        bool, typer.Option("--keep-ids", help="Name results after the scans' files, instead of P001, P002 ...")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Segment and grade every hip of raw scans. Of several scans, one that fails is named in failed.csv.

    A second run leaves alone what is done, and OUT keeps the results of scans that are not given again.
    """
    from onfh_nnunet.workflows.predict_folder import predict_scans
    from onfh_nnunet.workflows.predictor import Settings

    wanted = None if side is SideOption.AUTO else Side(side)
    settings = Settings(
        *(model, out, wanted, device, _numbers(folds), tta, engine, series),
        batch=batch,
        max_memory_gb=max_memory,
        keep_ids=keep_ids,
    )
    with console.steps("predict") as progress:
        predicted = predict_scans(inputs, settings, progress)
    if as_json:
        console.document(hips=predicted.rows, failed=predicted.failed, out=out)
    show(predicted, out, keep_ids=keep_ids, rows=not as_json)


def show(predicted: Predicted, out: Path, *, keep_ids: bool, rows: bool = True) -> None:
    """Print what a run came to.

    Raises:
        OnfhError: A scan failed.
    """
    if rows:
        for row in predicted.rows:
            console.say(_line(row))
        if predicted.rows:
            console.say(f"{len(predicted.rows)} hips: {out / 'grades.csv'}")
    _note(predicted, out, keep_ids=keep_ids)
    if predicted.failed:
        problem = f"{len(predicted.failed)} of {predicted.n_scans} scans failed"
        raise OnfhError(out / "failed.csv", problem, "Correct them and run again: what is done is left alone")


def _note(predicted: Predicted, out: Path, *, keep_ids: bool) -> None:
    from onfh_nnunet.workflows.scan_names import key_csv

    for line in predicted.chosen:
        console.note(line)
    for path in predicted.passed_over:
        console.note(f"passed over, it is no scan: {path}")
    for line in predicted.beside:
        console.note(f"passed over: {line}")
    for failed in predicted.failed:
        console.failure(failed.case, failed.message)
    if not keep_ids and (predicted.rows or predicted.failed):
        console.note(f"Which scan is which: {key_csv(out)}; keep it to yourself")
    if predicted.computed_by:
        console.note(f"Computed by {predicted.computed_by}")
    if predicted.rows and predicted.caution:
        console.note(f"Caution: {predicted.caution}")


def _line(row: Row) -> str:
    percent = f"{row.necrosis_percent:.1f} % ({row.percent_low:.1f}-{row.percent_high:.1f})"
    return f"{row.case_id}: grade {row.steinberg_grade}, necrosis {percent} of the head, may be {row.possible_grades}"


def _numbers(text: str | None) -> tuple[int, ...] | None:
    try:
        return None if text is None else tuple(int(part) for part in text.split(","))
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not a list of numbers", param_hint="--folds") from None
