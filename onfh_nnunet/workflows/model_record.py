"""What a report in OUT says of the model, kept by `onfh predict`: the report does not need the model file."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from onfh_nnunet.core.folder_record import RECORDS
from onfh_nnunet.core.provenance import Provenance
from onfh_nnunet.models.model_file import BUNDLED_MODEL
from onfh_nnunet.workflows.calibration import calibrated_intervals
from onfh_nnunet.workflows.model import about_lines
from postprocessing.report.model_statement import ModelStatement, StatedScore

if TYPE_CHECKING:
    from onfh_nnunet.models.model_file import ModelFile

STATED = (("head", "dice"), ("necrosis", "dice"), ("head", "assd_mm"), ("necrosis", "assd_mm"))
"""Which figures of its card a report shows, by region and metric."""


def statement_of(path: Path, model_file: ModelFile) -> ModelStatement:
    """What a report says of a model file."""
    about = dict(about_lines(path, model_file, calibrated_intervals(model_file, path)))
    scores = {(score.region, score.metric): score for score in model_file.card.crossval}
    shown = [scores[name] for name in STATED if name in scores]
    spreads = [(one.region, one.metric, one.n, one.median, one.q1, one.q3) for one in shown]
    return ModelStatement(
        "the bundled demo model" if path == BUNDLED_MODEL else about["model"],
        model_file.sha256,
        model_file.card.said_of_results,
        tuple((name, text) for name, text in about.items() if name not in ("model", "sha256", "caution", "")),
        tuple(StatedScore(*spread) for spread in spreads),
    )


def write_statement(out: Path, statement: ModelStatement) -> None:
    """Keep the statement in OUT, unless it is there.

    Raises:
        WorkspaceError: It cannot be written.
    """
    record = Provenance(asdict(statement))
    if Provenance.read(_record(out)) != record:
        record.write(_record(out))


def read_statement(out: Path) -> ModelStatement | None:
    """The statement in OUT; None where there is none that can be read."""
    record = Provenance.read(_record(out))
    if record is None:
        return None
    try:
        facts = dict(record.facts)
        about = tuple((str(name), str(text)) for name, text in facts.pop("about"))
        scores = tuple(StatedScore(**score) for score in facts.pop("scores"))
        return ModelStatement(about=about, scores=scores, **facts)
    except (KeyError, TypeError, ValueError):
        return None


def _record(out: Path) -> Path:
    return out / RECORDS / "model.json"
