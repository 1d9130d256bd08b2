"""``onfh predict``."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from onfh_nnunet.cli.options import DeviceOption, Series
from onfh_nnunet.devices import Device
from onfh_nnunet.engine import EngineName
from onfh_nnunet.hip import Side


class SideOption(StrEnum):
    """What `--side` takes."""

    AUTO = "auto"
    LEFT = "L"
    RIGHT = "R"


def predict(
    inputs: Annotated[
        list[Path],
        typer.Argument(metavar="INPUT...", help="Raw scans: DICOM folders, trees, archives, or image files."),
    ],
    model: Annotated[Path, typer.Option(help="Model file of onfh export.")],
    out: Annotated[Path, typer.Option(help="Folder for masks and grades.csv.")],
    side: Annotated[
        SideOption, typer.Option(help="auto tells it from the anatomy and the patient's axes.")
    ] = SideOption.AUTO,
    device: DeviceOption = Device.AUTO,
    engine: Annotated[
        EngineName, typer.Option(help="What runs the network; auto takes OpenVINO on a CPU that has it.")
    ] = EngineName.AUTO,
    folds: Annotated[str | None, typer.Option(help="Folds to average, such as 0,1; all when absent.")] = None,
    tta: Annotated[bool, typer.Option("--tta", help="Average over mirror images: slower.")] = False,
    series: Series = None,
) -> None:
    """Segment and grade every hip of raw scans."""
    from onfh_nnunet.cli.inference import Settings, predict_scans

    wanted = None if side is SideOption.AUTO else Side(side)
    rows = predict_scans(inputs, Settings(model, out, wanted, device, _numbers(folds), tta, engine, series))
    for row in rows:
        percent = f"{row.necrosis_percent:.1f} % ({row.percent_low:.1f}-{row.percent_high:.1f})"
        print(
            f"{row.case_id}: grade {row.steinberg_grade}, necrosis {percent} of the head, may be {row.possible_grades}"
        )
    print(f"{len(rows)} hips: {out / 'grades.csv'}")


def _numbers(text: str | None) -> tuple[int, ...] | None:
    try:
        return None if text is None else tuple(int(part) for part in text.split(","))
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not a list of numbers", param_hint="--folds") from None
