"""A trained model as one portable file: safetensors and JSON, every byte verified, nothing that runs.

The SHA-256 detects damage; it does not prove who made the file. So what a file states is checked as well: it must be
within `bounds`, and plan, labels, weights and the manifest's `data_format` must agree. Who changes all of
them alike, or the weights, makes another model.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from onfh_nnunet.core.errors import ModelError
from onfh_nnunet.models.bounds import FOLDS, LINE
from onfh_nnunet.models.container import Archive, from_json, to_json, write_archive
from onfh_nnunet.models.model import Model
from onfh_nnunet.models.model_card import Card
from onfh_nnunet.models.schema import identical, line, listed, refused, same, shown, whole, wrong
from onfh_nnunet.models.validation import MIRRORS, require_sound_weights, require_supported
from onfh_nnunet.models.weights import from_safetensors, to_safetensors
from onfh_nnunet.models.zip_members import REMEDY
from onfh_nnunet.study.dataset import Dataset
from onfh_nnunet.study.splits import Splits
from onfh_nnunet.training.plan import Plan
from onfh_nnunet.training.train import finished_checkpoint, model_folder

SYNTHETIC = Path(__file__).with_name("synthetic.onfh")
"""The model that comes with the package; `benchmarks/train_synthetic.py` makes it."""


@dataclass(frozen=True)
class Bundle:
    """A model file, verified.

    Args:
        model: The network; its weights lie in the mapped file.
        manifest: Format, the card and hashes.
        sha256: Names the file's content.
    """

    model: Model
    manifest: dict[str, Any]
    sha256: str

    @classmethod
    def read(cls, path: Path) -> Bundle:
        """Load and verify a model file; nothing in it is run.

        Raises:
            ModelError: It is missing, no model file, of another version, or a byte of it was changed; or what it states
                is unknown, out of bounds or contradicts itself; or a weight is not finite.
        """
        archive = Archive.read(path)
        manifest = archive.manifest
        try:
            plans, dataset, axes = _stated(path, archive)
            with refused(path, REMEDY):
                Card.from_json(manifest)
            require_supported(Model(plans, dataset, axes, {fold: {} for fold in manifest["folds"]}), path)
            weights = {fold: from_safetensors(archive.members[_fold_name(fold)]) for fold in manifest["folds"]}
        except (KeyError, TypeError, ValueError) as error:
            raise ModelError(path, f"has a member that is not as its version says ({shown(error)})", REMEDY) from error
        bundle = cls(Model(plans, dataset, axes, weights), manifest, archive.sha256)
        _require_data_format(bundle, path)
        for fold in weights:
            require_sound_weights(bundle.model, fold, f"{path}, fold {fold}")
        return bundle

    @property
    def card(self) -> Card:
        """What the model says of itself."""
        return Card.from_json(self.manifest)


def write_bundle(path: Path, model: Model, card: Card) -> Bundle:
    """Write a model file whole.

    Raises:
        ModelError: The model is not ours to run, or a weight of it is not finite.
        WorkspaceError: The file cannot be written.
    """
    require_supported(model, path)
    for fold in model.weights:
        require_sound_weights(model, fold, f"fold {fold}")
    about = card.to_json() | {
        "folds": sorted(model.weights),
        "mirroring_axes": model.mirroring_axes,
        "data_format": model.data_format,
    }
    write_archive(path, about, _members(model))
    return Bundle.read(path)


def out_of_fold_model(dataset: Dataset, plan: Plan, fold: int) -> Model:
    """The model of one trained fold, straight from nnU-Net's checkpoint.

    Raises:
        TrainingError: The fold is not trained to its end.
        StaleError: It was trained by another plan or on other data.
    """
    from onfh_nnunet.nnunet.checkpoint import load_checkpoint

    folder = model_folder(dataset.workspace, plan)
    checkpoint = finished_checkpoint(dataset.workspace, plan, fold)
    dataset.require_same(folder / "dataset.json", f"fold {fold}", "Run onfh train again")
    plans, labels = (json.loads((folder / name).read_text(encoding="utf-8")) for name in ("plans.json", "dataset.json"))
    content = load_checkpoint(checkpoint)
    axes = content["inference_allowed_mirroring_axes"]
    return Model(plans, labels, None if axes is None else tuple(axes), {fold: content["network_weights"]})


def trained_model(dataset: Dataset, splits: Splits, plan: Plan) -> Model:
    """The model of all trained folds.

    Raises:
        TrainingError: A fold is not trained to its end.
        StaleError: A fold was trained by another plan or on other data.
    """
    first, *others = (out_of_fold_model(dataset, plan, fold) for fold in range(splits.n_folds))
    weights = {fold: tensors for model in (first, *others) for fold, tensors in model.weights.items()}
    return Model(first.plans, first.dataset, first.mirroring_axes, weights)


def _members(model: Model) -> Iterator[tuple[str, bytes]]:
    yield "plans.json", to_json(model.plans)
    yield "dataset.json", to_json(model.dataset)
    for fold in sorted(model.weights):
        yield _fold_name(fold), to_safetensors(model.weights[fold])


def _stated(path: Path, archive: Archive) -> tuple[dict[str, Any], dict[str, Any], tuple[int, ...] | None]:
    """Plans, dataset and mirror axes.

    Raises:
        ModelError: The manifest's own entries are wrong, or a member is no object of JSON.
        KeyError: An entry or a member is missing.
    """
    folds, axes = archive.manifest["folds"], archive.manifest["mirroring_axes"]
    with refused(path, REMEDY):
        line(LINE)("onfh_nnunet", archive.manifest["onfh_nnunet"])
        same(*MIRRORS)("mirroring axes", axes)
        listed(whole(*FOLDS), 0, FOLDS[1] + 1)("folds", folds)
        if folds != sorted(set(folds)):
            raise wrong("folds", folds, "each one once, in order")
        known = {"plans.json", "dataset.json", *map(_fold_name, folds)}
        if further := sorted(archive.members.keys() - known):
            raise wrong("members", further, f"only those of folds {folds}")
    plans, dataset = (from_json(f"{path}, {name}", archive.members[name]) for name in ("plans.json", "dataset.json"))
    return plans, dataset, None if axes is None else tuple(axes)


def _require_data_format(bundle: Bundle, path: Path) -> None:
    """What the weights were exported with and what plan and dataset say now must agree; earlier files do not state it.

    Raises:
        ModelError: They differ.
    """
    if "data_format" not in bundle.manifest:
        return
    stated, found = bundle.manifest["data_format"], bundle.model.data_format
    with refused(path, REMEDY):
        if not isinstance(stated, dict) or stated.keys() != found.keys():
            raise wrong("data_format", stated, f"an object of {', '.join(found)}")
        for name, value in found.items():
            if not identical(stated[name], value):
                raise ValueError(f"has {name} {shown(value)}, and was exported with {shown(stated[name])}")


def _fold_name(fold: int) -> str:
    return f"fold_{fold}.safetensors"
