"""Description of a model file, and its export to stock nnU-Net."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from onfh_nnunet.core.atomic_files import require_output_apart
from onfh_nnunet.core.choices import AnyPath
from onfh_nnunet.core.folder_lock import locked_output
from onfh_nnunet.core.printable import plural
from onfh_nnunet.models.model import n_parameters
from onfh_nnunet.models.model_card import Card, Score
from onfh_nnunet.models.model_file import BUNDLED_MODEL, ModelFile
from onfh_nnunet.models.nnunet_interop import unpack as write_stock
from onfh_nnunet.models.schema import plain
from onfh_nnunet.study.preset import CONFIGURATION
from onfh_nnunet.workflows.calibration import CalibratedIntervals, calibrated_intervals
from postprocessing.uncertainty.conformal import Calibration

__all__ = ["ModelDescription", "Score", "about_lines", "describe"]


@dataclass(frozen=True)
class ModelDescription:
    """The description of a model file.

    Args:
        lines: Each heading and its text.
        scores: How well it did on hips that it never saw; empty where nobody looked.
        folds: The trained folds in it.
    """

    lines: tuple[tuple[str, str], ...]
    scores: tuple[Score, ...]
    folds: tuple[int, ...]


def describe(path: AnyPath | None = None, *, unpack: AnyPath | None = None) -> ModelDescription:
    """Describe a model: what it is, its intended use, its training cohort and its performance.

    Args:
        path: A model file of `export`; the bundled demo model by default.
        unpack: A new or empty folder to write the model into, as stock ``nnUNetv2_predict_from_modelfolder`` reads it.

    Returns:
        The description.

    Raises:
        ModelError: It is no model file, or damaged; or the folder is not empty.
        WorkspaceError: The folder cannot be written.

    Example:
        >>> from onfh_nnunet.workflows.model import describe
        >>> dict(describe().lines)["intended use"]
        'Research use only. Not a medical device.'
    """
    file = Path(path) if path is not None else BUNDLED_MODEL
    model_file = ModelFile.read(file)
    lines = tuple(about_lines(file, model_file, calibrated_intervals(model_file, file)))
    if unpack is not None:
        folder = Path(unpack)
        require_output_apart(folder, (file,))
        with locked_output(folder, "onfh model"):
            write_stock(model_file, folder)
    return ModelDescription(lines, model_file.card.crossval, tuple(model_file.model.weights))


def about_lines(path: Path, model_file: ModelFile, known: CalibratedIntervals | None) -> Iterator[tuple[str, str]]:
    """The description as lines, each part under its heading."""
    manifest, card = model_file.manifest, model_file.card
    version = f"{manifest['format']} version {manifest['format_version']}, onfh-nnunet {manifest['onfh_nnunet']}"
    yield "model", f"{plain(path.name)}, {version}"
    yield "sha256", model_file.sha256
    yield "", "the SHA-256 detects damage; it does not prove who made the file"
    yield "intended use", card.intended_use
    if card.said_of_results:
        yield "caution", card.said_of_results
    yield "licence", card.licence
    yield "trained on", cohort_line(card)
    yield "healthy hips", _healthy(card)
    yield "scans", _scans(card)
    yield "started from", start_line(card.training)
    yield "trained by", training_line(card.training)
    yield "network", _network(model_file)
    yield "intervals", _calibration(known.calibration if known else None)
    if known:
        yield "they hold for", known.applicability.about


def cohort_line(card: Card) -> str:
    """Hips, patients, grades, sides and voxels that a model learned from."""
    if card.hips is None:
        return "not stated"
    if card.patients is None:
        return f"{card.hips} images"
    spacing = " x ".join(f"{low:.2f}-{high:.2f}" for low, high in card.spacing_mm or ())
    grades = ", ".join(f"{n} {grade}" for grade, n in (card.grades or {}).items())
    sides = ", ".join(f"{n} {side}" for side, n in (card.sides or {}).items())
    who = f"{plural(card.hips, 'hip')} of {plural(card.patients, 'patient')}"
    return f"{who}; grades {grades}; sides {sides}; spacing {spacing} mm"


def _healthy(card: Card) -> str:
    """Numbers of healthy hips: without them nothing is known of how often the model calls one ill."""
    counts = {"trained on": card.healthy, "calibrated on": card.healthy_calibrated}
    return ", ".join(f"{what} {n}" for what, n in counts.items() if n is not None) or "not stated"


def _scans(card: Card) -> str:
    """Whether it can be told of a scan that the model learned from it."""
    if card.scans is None:
        return "not listed: whether it saw a patient cannot be checked"
    return f"{plural(len(card.scans), 'scan')} listed by hash; no study that holds one starts from it"


def start_line(training: Mapping[str, Any] | None) -> str:
    """The weights that its training started from."""
    known = training or {}
    if "started_from" in known:
        return f"{known['started_from']}, sha256 {known.get('started_from_sha256')}"
    return "random weights" if "preset" in known else "not stated"


def training_line(training: Mapping[str, Any] | None) -> str:
    """Preset, epochs and versions of its training."""
    ours = {name: value for name, value in (training or {}).items() if not name.startswith("started_from")}
    shown = {name: value for name, value in ours.items() if not name.endswith("sha256")}
    return ", ".join(f"{name} {value}" for name, value in shown.items()) or "not stated"


def _network(model_file: ModelFile) -> str:
    model = model_file.model
    plan = model.plans["configurations"][CONFIGURATION]
    network, folds = plan["architecture"], model.weights
    name = network["network_class_name"].rsplit(".")[-1]
    patch, spacing = (" x ".join(f"{n:g}" for n in plan[what]) for what in ("patch_size", "spacing"))
    stages = f"{name} of {network['arch_kwargs']['n_stages']} stages"
    size = f"{n_parameters(next(iter(folds.values()))):,} parameters".replace(",", " ")
    return f"{plural(len(folds), 'fold')} of {stages}, {size}; patch {patch} voxels of {spacing} mm"


def _calibration(known: Calibration | None) -> str:
    if known is None:
        return "not calibrated: no cross-validation is in the file"
    if known.note:
        return known.note
    who = f"{plural(known.n_hips, 'hip')} of {plural(known.n_patients, 'patient')}"
    grades = ", ".join(f"{n} {grade}" for grade, n in known.patients.items())
    return f"{known.level:.0%} for each true grade ({who}; patients by grade: {grades}; {known.method})"
