"""What an output folder of `onfh predict` says of the model that made its results, for its report."""

from __future__ import annotations

from pathlib import Path

from onfh_nnunet.core.provenance import Provenance
from onfh_nnunet.models.model_file import SYNTHETIC, ModelFile
from onfh_nnunet.workflows.calibration import calibration_of
from onfh_nnunet.workflows.model import about_lines
from onfh_nnunet.workflows.scan_records import record_files
from onfh_nnunet.workflows.table_record import RECORDS

_SAID = ("trained on", "healthy hips", "caution", "intended use", "sha256")
"""The lines of a model's card that a report repeats."""


def record_model(out: Path, model_file: ModelFile, path: Path) -> None:
    """Keep in OUT what the model is, if there are results of it.

    Args:
        out: OUT.
        model_file: The model.
        path: Its file.

    Raises:
        WorkspaceError: It cannot be written.
    """
    if not record_files(out):
        return
    lines = dict(about_lines(path, model_file, calibration_of(model_file, path)))
    name = "the bundled demo model" if path == SYNTHETIC else f"the model {path.name}"
    said = Provenance({"made by": name, **{key: lines[key] for key in _SAID if key in lines}})
    if Provenance.read(_file(out)) != said:
        said.write(_file(out))


def recorded_model(out: Path) -> dict[str, str]:
    """What is said of the model in OUT, by heading; empty where nothing was kept."""
    said = Provenance.read(_file(out))
    return {name: str(text) for name, text in said.facts.items()} if said else {}


def _file(out: Path) -> Path:
    return out / RECORDS / "model.json"
