"""A trained model as one portable file: safetensors and JSON, every byte verified, nothing that runs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from onfh_nnunet.archive import Archive, from_json, to_json, write_archive
from onfh_nnunet.card import Card
from onfh_nnunet.dataset import Dataset
from onfh_nnunet.errors import ModelError
from onfh_nnunet.model import Model
from onfh_nnunet.plan import Plan
from onfh_nnunet.splits import Splits
from onfh_nnunet.supported import require_supported
from onfh_nnunet.train import finished_checkpoint, model_folder
from onfh_nnunet.weights import from_safetensors, stored_names, to_safetensors
from onfh_nnunet.zipmap import REMEDY

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
            ModelError: It is missing, no model file, of another version, not ours to run, or a byte of it was changed.
        """
        archive = Archive.read(path)
        try:
            bundle = cls(_model(path, archive), archive.manifest, archive.sha256)
            Card.from_json(bundle.manifest)
        except (KeyError, TypeError, ValueError) as error:
            raise ModelError(path, f"has a member that is not as its version says ({error!r})", REMEDY) from error
        require_supported(bundle.model, path)
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
    _require_finite(model)
    about = card.to_json() | {"folds": sorted(model.weights), "mirroring_axes": model.mirroring_axes}
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
    dataset.require_same(folder / "dataset.json", f"fold {fold}", f"Run onfh train --fold {fold} again")
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


def _require_finite(model: Model) -> None:
    for fold, weights in model.weights.items():
        for name in set(stored_names(weights).values()):
            if not bool(weights[name].isfinite().all()):
                raise ModelError(f"fold {fold}", f"has weights that are not finite, in {name}", "Train it again")


def _members(model: Model) -> Iterator[tuple[str, bytes]]:
    yield "plans.json", to_json(model.plans)
    yield "dataset.json", to_json(model.dataset)
    for fold in sorted(model.weights):
        yield _fold_name(fold), to_safetensors(model.weights[fold])


def _model(path: Path, archive: Archive) -> Model:
    members, axes = archive.members, archive.manifest["mirroring_axes"]
    plans, dataset = (from_json(f"{path}, {name}", members[name]) for name in ("plans.json", "dataset.json"))
    if not set(axes or ()) <= {0, 1, 2}:
        raise ValueError(f"mirroring axes {axes}, expected some of 0, 1, 2")
    weights = {int(fold): from_safetensors(members[_fold_name(fold)]) for fold in archive.manifest["folds"]}
    return Model(plans, dataset, None if axes is None else tuple(axes), weights)


def _fold_name(fold: int) -> str:
    return f"fold_{fold}.safetensors"
