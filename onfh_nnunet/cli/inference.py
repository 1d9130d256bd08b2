"""From raw scans to masks and grades: read, find, segment, clean, write on the scan's grid, measure, grade."""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from onfh_nnunet.cli import show
from onfh_nnunet.devices import Device, resolve_device
from onfh_nnunet.engine import EngineName, engine_for
from onfh_nnunet.errors import CohortError, ReadError, SideError
from onfh_nnunet.files import remove, write_text
from onfh_nnunet.hip import Hip, Side
from onfh_nnunet.imagefile import FILE_SUFFIXES
from onfh_nnunet.tables import read_rows
from postprocessing.clean import clean
from postprocessing.conformal import Calibration
from postprocessing.extent import extent
from postprocessing.grade_table import GradeRow, grade_row, write_grades

if TYPE_CHECKING:
    from dataset_conversion.readers import Scan
    from onfh_nnunet.bundle import Bundle
    from onfh_nnunet.predict import Prediction


@dataclass(frozen=True)
class Settings:
    """What `onfh predict` was asked."""

    model: Path
    out: Path
    side: Side | None
    device: Device
    folds: tuple[int, ...] | None
    tta: bool
    engine: EngineName = EngineName.AUTO
    series: str | None = None


@dataclass(frozen=True)
class _Graded:
    """What of a row of grades.csv is enough to find its mask, whichever version wrote it."""

    case_id: str


def predict_scans(inputs: Sequence[Path], settings: Settings) -> list[GradeRow]:
    """Segment and grade every hip of every scan; what the same model made of the same files before is left as it is.

    Returns:
        The rows of grades.csv.

    Raises:
        OnfhError: A scan cannot be read or holds no hip, a side contradicts another source, or the model is damaged.
    """
    from onfh_nnunet.bundle import Bundle

    names = _names(inputs)
    bundle = Bundle.read(settings.model)
    table, record = settings.out / "grades.csv", settings.out / "made_from.json"
    made_from = _made_from(inputs, settings, bundle)
    if record.is_file() and record.read_text(encoding="utf-8") == made_from and table.is_file():
        return read_rows(table, GradeRow)
    _clear(settings.out, table, record)
    rows = list(_rows(names, settings, bundle))
    write_grades(table, rows)
    write_text(record, made_from)
    return rows


def _clear(out: Path, table: Path, record: Path) -> None:
    """Remove what an earlier run made: should this one fail, no old mask can be taken for its result."""
    remove(record)
    if table.is_file():
        with contextlib.suppress(ReadError):
            for row in read_rows(table, _Graded):
                remove(out / f"{row.case_id}.nii.gz")
    remove(table)


def _rows(names: dict[str, Path], settings: Settings, bundle: Bundle) -> Iterator[GradeRow]:
    from dataset_conversion.readers import read_scan
    from onfh_nnunet.predict import predict_hips
    from onfh_nnunet.segment import HipSegmenter

    device = resolve_device(settings.device)
    model = bundle.model.of_folds(settings.folds)
    segmenter = HipSegmenter(model, engine_for(model, device, settings.engine), tta=settings.tta)
    first = model.of_folds((min(model.weights),))
    scout = HipSegmenter(first, engine_for(first, device, settings.engine))
    known = bundle.manifest.get("calibration")
    calibration = Calibration.from_json(known) if known else None
    with show.steps("predict") as step:
        for done, (name, source) in enumerate(names.items()):
            step(name, done, len(names))
            scan = read_scan(source, settings.series)
            hips = predict_hips(scan.volume, segmenter, scout, settings.side, source)
            _require_header_agrees(scan, hips, source)
            for hip in hips:
                yield _finish(Hip(name, hip.side), source, hip, settings.out, calibration)


def _finish(hip: Hip, source: Path, prediction: Prediction, out: Path, calibration: Calibration | None) -> GradeRow:
    mask = clean(prediction.mask(), hip.case_id)
    mask.write(out / f"{hip.case_id}.nii.gz")
    percent = extent(mask).percent
    interval = calibration.interval(percent) if calibration and percent is not None else None
    return grade_row(hip.case_id, str(source), hip.side, mask, prediction.warnings, interval)


def _require_header_agrees(scan: Scan, hips: Sequence[Prediction], source: Path) -> None:
    sides = {hip.side for hip in hips}
    if scan.laterality is not None and sides != {scan.laterality}:
        got = f"shows hips {sorted(sides)}, and its DICOM header says {scan.laterality}"
        raise SideError(source, got, "Find out which is right, and give --side or correct the header")


def _names(inputs: Sequence[Path]) -> dict[str, Path]:
    """A name for each scan, safe in file names, from its file or folder."""
    names: dict[str, Path] = {}
    for path in inputs:
        bare = path.resolve().name
        suffix = max((s for s in (*FILE_SUFFIXES, ".zip") if bare.lower().endswith(s)), key=len, default="")
        name = (
            re.sub(r"[^A-Za-z0-9._-]+", "-", bare.removesuffix(bare[len(bare) - len(suffix) :])).strip("._-") or "scan"
        )
        if name in names:
            raise CohortError(path, f"would be named {name}, as {names[name]} is", "Give one of them another name")
        names[name] = path
    return names


def _made_from(inputs: Sequence[Path], settings: Settings, bundle: Bundle) -> str:
    """What a result depends on: the model, the options and the scans, by path, size and time of each file."""
    files = sorted(file for path in inputs for file in ((path,) if path.is_file() else path.rglob("*")))
    stats = [(str(file.resolve()), file.stat().st_size, file.stat().st_mtime_ns) for file in files]
    scans = hashlib.sha256(json.dumps(stats).encode()).hexdigest()
    options = [settings.side, settings.device, settings.engine, settings.folds, settings.tta, settings.series]
    return json.dumps([bundle.sha256, scans, *options])
