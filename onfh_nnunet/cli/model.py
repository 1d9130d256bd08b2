"""``onfh model``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from onfh_nnunet.core.atomic_files import require_output_apart
from onfh_nnunet.core.folder_lock import locked_output
from onfh_nnunet.models.schema import plain
from onfh_nnunet.study.preset import CONFIGURATION

if TYPE_CHECKING:
    from onfh_nnunet.models.model_card import Card
    from onfh_nnunet.models.model_file import ModelFile
    from postprocessing.uncertainty.conformal import Calibration


def model(
    path: Annotated[
        Path | None,
        typer.Argument(metavar="[MODEL]", help="Model file of onfh export; when absent, the one that comes along."),
    ] = None,
    unpack: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Write it as a folder for stock nnUNetv2_predict_from_modelfolder."),
    ] = None,
) -> None:
    """Say what a model is, for what, on whom it was trained and how well it did."""
    from onfh_nnunet.cli import console
    from onfh_nnunet.models.model_file import SYNTHETIC, ModelFile
    from onfh_nnunet.models.nnunet_interop import unpack as write_folder
    from onfh_nnunet.workflows.calibration import calibration_of

    path = path or SYNTHETIC
    file = ModelFile.read(path)
    card, calibration = file.card, calibration_of(file, path)
    for what, said in _lines(path, file, calibration):
        console.say(f"{what:14}{said}")
    if card.crossval:
        rows = [[s.region, s.metric, _spread(s), f"{s.n}", f"{s.n_undefined}"] for s in card.crossval]
        console.table("On hips that it never saw, median (IQR)", ["region", "metric", "value", "n", "undefined"], rows)
    if unpack is not None:
        require_output_apart(unpack, (path,))
        with locked_output(unpack, "onfh model --unpack"):
            write_folder(file, unpack)
        folds = " ".join(map(str, file.model.weights))
        console.say(f"stock nnU-Net runs it: nnUNetv2_predict_from_modelfolder -i IN -o OUT -m {unpack} -f {folds}")


def _lines(path: Path, file: ModelFile, calibration: Calibration | None) -> Iterator[tuple[str, str]]:
    manifest, card = file.manifest, file.card
    version = f"{manifest['format']} version {manifest['format_version']}, onfh-nnunet {manifest['onfh_nnunet']}"
    yield "model", f"{plain(path.name)}, {version}"
    yield "sha256", file.sha256
    yield "", "the SHA-256 detects damage; it does not prove who made the file"
    yield "intended use", card.intended_use
    if card.caution:
        yield "caution", card.caution
    yield "licence", card.licence
    yield "trained on", _cohort(card)
    yield "trained by", _training(card.training)
    yield "network", _network(file)
    yield "intervals", _calibration(calibration)


def _cohort(card: Card) -> str:
    if card.hips is None:
        return "not stated"
    if card.patients is None:
        return f"{card.hips} images"
    spacing = " x ".join(f"{low:.2f}-{high:.2f}" for low, high in card.spacing_mm or ())
    grades = ", ".join(f"{n} {grade}" for grade, n in (card.grades or {}).items())
    sides = ", ".join(f"{n} {side}" for side, n in (card.sides or {}).items())
    return f"{card.hips} hips of {card.patients} patients; grades {grades}; sides {sides}; spacing {spacing} mm"


def _training(training: Mapping[str, Any] | None) -> str:
    shown = {name: value for name, value in (training or {}).items() if not name.endswith("sha256")}
    return ", ".join(f"{name} {value}" for name, value in shown.items()) or "not stated"


def _network(file: ModelFile) -> str:
    from onfh_nnunet.models.model import n_parameters

    model = file.model
    plan = model.plans["configurations"][CONFIGURATION]
    network, folds = plan["architecture"], model.weights
    name = network["network_class_name"].rsplit(".")[-1]
    patch, spacing = (" x ".join(f"{n:g}" for n in plan[what]) for what in ("patch_size", "spacing"))
    stages = f"{name} of {network['arch_kwargs']['n_stages']} stages"
    size = f"{n_parameters(next(iter(folds.values()))):,} parameters".replace(",", " ")
    return f"{len(folds)} folds of {stages}, {size}; patch {patch} voxels of {spacing} mm"


def _calibration(known: Calibration | None) -> str:
    if known is None:
        return "not calibrated: no cross-validation is in the file"
    if known.half_width is None:
        return known.note
    who = f"{known.n_hips} hips of {known.n_patients} patients"
    return f"{known.level:.0%}, half-width {known.half_width:.3f} rad of the angular scale ({who}, {known.method})"


def _spread(score: Any) -> str:
    if score.median is None:
        return "undefined"
    return f"{score.median:.3f} ({score.q1:.3f}-{score.q3:.3f})"
