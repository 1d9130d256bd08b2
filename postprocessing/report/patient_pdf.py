"""One A4 page of a patient as PDF: what the first part of the patient's HTML page says, from the same values.

Typst sets it. Its template gets all texts as data, so that no text of a patient is read as markup. No clock is read:
the same values give the same bytes.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from onfh_nnunet.core.hip import Side
from onfh_nnunet.core.no_telemetry import import_matplotlib
from onfh_nnunet.core.printable import on_one_line
from onfh_nnunet.core.steinberg import MODERATE_FROM_PERCENT, SEVERE_ABOVE_PERCENT, printed_percent
from postprocessing.measurement.grade_rows import GradeRow
from postprocessing.report.model_statement import ModelStatement
from postprocessing.report.prediction_pages import ReportedHip
from postprocessing.report.rendering import number

TITLE = "Necrosis of the femoral head on MRI"
RESEARCH = "Research use only. Not a medical device. The grade is Steinberg's extent, not its stage."
UNKNOWN_MODEL = "This folder does not say which model made these numbers: run onfh predict again."
NO_PICTURES = "No pictures: no part of the scan was kept."

_TEMPLATE = Path(__file__).with_name("patient.typ")
_METRICS = {"dice": ("Dice", ""), "assd_mm": ("surface distance", " mm")}


def patient_pdf(
    hips: Sequence[ReportedHip], model: ModelStatement | None, version: str, name: str, sources: Sequence[str]
) -> bytes:
    """The page of one patient as PDF.

    Args:
        hips: One or both, the right one first.
        model: What made the numbers; None where nothing tells.
        version: The program's version.
        name: The patient's name in these results; empty where the page must not bear it.
        sources: What the hips were predicted from, a line each.
    """
    import typst

    page = _shown(_page(hips, model, version, name, sources))
    fonts = Path(import_matplotlib().get_data_path()) / "fonts" / "ttf"
    compiler = typst.Compiler(_TEMPLATE, root=_TEMPLATE.parent, font_paths=[fonts])
    content: Any = compiler.compile(format="pdf", sys_inputs={"data": json.dumps(page)})
    return bytes(content)


def _page(
    hips: Sequence[ReportedHip], model: ModelStatement | None, version: str, name: str, sources: Sequence[str]
) -> dict[str, Any]:
    by_side = {hip.line.side: hip for hip in hips}
    pair = set(by_side) <= set(Side) and len(by_side) == len(hips)
    days = sorted({hip.day for hip in hips if hip.day})
    return {
        "title": f"{name}: {TITLE[0].lower()}{TITLE[1:]}" if name else TITLE,
        "day": f"predicted on {', '.join(days)}" if days else "",
        "limits": [MODERATE_FROM_PERCENT, SEVERE_ABOVE_PERCENT],
        "cautions": _cautions(model),
        "model": _of_model(model),
        "hips": [_hip(by_side.get(side), side) for side in (Side.RIGHT, Side.LEFT)] if pair else list(map(_hip, hips)),
        "provenance": _provenance(hips, model, version, sources),
    }


def _cautions(model: ModelStatement | None) -> list[str]:
    own = UNKNOWN_MODEL if model is None else f"Caution: {model.caution}." if model.caution else ""
    return [*([own] if own else []), RESEARCH]


def _of_model(model: ModelStatement | None) -> list[tuple[str, str]]:
    if model is None:
        return []
    said = model.lines
    trained = f"{said.get('trained on', 'not stated')}; healthy hips: {said.get('healthy hips', 'not stated')}"
    return [
        ("Model", model.name),
        ("Trained on", trained),
        ("How good there", _scores(model)),
        ("Interval", said.get("intervals", "not stated")),
    ]


def _scores(model: ModelStatement) -> str:
    told = []
    for score in model.scores:
        metric, unit = _METRICS.get(score.metric, (score.metric, ""))
        spread = f"{number(score.q1, 2)} to {number(score.q3, 2)}, n {score.n}"
        told.append(f"{score.region} {metric} {number(score.median, 2)}{unit} ({spread})")
    if not told:
        return "not known: no cross-validation is in the model file."
    return f"{'; '.join(told)}; median (quartiles) of hips that it had not learned from"


def _hip(hip: ReportedHip | None, side: Side | None = None) -> dict[str, Any]:
    words = {Side.RIGHT: "Right hip", Side.LEFT: "Left hip"}
    if hip is None:
        name = words[side] if side else "Hip"
        return {"side": name, "missed": "", "absent": f"No {name.lower()} in these results."}
    if not isinstance(hip.line, GradeRow):
        return {"side": hip.side, "missed": f"Not graded: {hip.line.warnings}", "absent": ""}
    return {"side": hip.side, "missed": "", "absent": "", **_results(hip, hip.line), **_views(hip, hip.line)}


def _results(hip: ReportedHip, row: GradeRow) -> dict[str, Any]:
    percent, low, high = map(printed_percent, (row.necrosis_percent, row.percent_low, row.percent_high))
    margin = ", margin only" if row.interval_method == "margin" else ""
    return {
        "letters": hip.letters,
        "graded": f"range, measured {row.steinberg_grade}" if hip.across_a_cut else "grade",
        **{"percent": row.necrosis_percent, "low": row.percent_low, "high": row.percent_high},
        "percent_text": f"{percent} %",
        "interval_text": f"({low} to {high}{margin})",
        "volumes": f"necrosis {number(row.necrosis_ml)} ml of the head's {number(row.head_ml)} ml",
        "warnings": hip.warnings,
    }


def _views(hip: ReportedHip, row: GradeRow) -> dict[str, Any]:
    if hip.pictures is None:
        return {"telling": None, "no_pictures": NO_PICTURES}
    most = "head" if row.steinberg_grade == "none" else "necrosis"
    return {
        "telling": list(hip.pictures.telling),
        "telling_text": f"The {hip.pictures.plane} slice with most {most}.",
        "whole": list(hip.pictures.whole),
        "whole_text": "The whole scan, coronal. R and L are the patient's; the frame is this head.",
    }


def _provenance(
    hips: Sequence[ReportedHip], model: ModelStatement | None, version: str, sources: Sequence[str]
) -> list[tuple[str, str]]:
    known = [("Program", f"onfh-nnunet {version}")]
    if model is not None:
        known.append(("Model", f"{model.name}, SHA-256 {model.sha256}"))
    voxels = dict.fromkeys(f"voxels {hip.voxel}" for hip in hips if hip.voxel)
    return [*known, ("Scan", "; ".join([*dict.fromkeys(sources), *voxels]))]


def _shown(value: Any) -> Any:
    """The same values with each text on one line and printable."""
    if isinstance(value, dict):
        return {name: _shown(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_shown(each) for each in value]
    return on_one_line(value) if isinstance(value, str) else value
