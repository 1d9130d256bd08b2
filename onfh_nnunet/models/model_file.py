"""Model files: safetensors with JSON metadata; every byte is verified, and nothing is executed.

The digest detects damage; it does not prove who made the file. So what a file states is checked as well: it must be
within `bounds`, and plan, labels, weights and the manifest's `data_format` must agree. Who changes all of
them alike, or the weights, makes another model.

The tensors of fold 0 are called ``fold_0/`` and nnU-Net's name. The metadata has ``format``, ``format_version``,
``manifest`` (the card, the folds, the mirror axes, the data format and the version that wrote it), ``plans`` and
``dataset`` (nnU-Net's), ``further_names`` (nnU-Net lists most tensors under up to four names; each is stored once) and
the two hashes of `tensor_file`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from onfh_nnunet.core.errors import ModelError
from onfh_nnunet.models.bounds import FOLDS, LINE
from onfh_nnunet.models.model import Model, stored_names
from onfh_nnunet.models.model_card import Card
from onfh_nnunet.models.schema import (
    REMEDY,
    from_json,
    identical,
    line,
    listed,
    plain,
    refused,
    same,
    shown,
    whole,
    wrong,
)
from onfh_nnunet.models.tensor_file import TensorFile, write_tensor_file
from onfh_nnunet.models.validation import MIRRORS, require_supported
from onfh_nnunet.models.weight_checks import require_fitting_weights, require_sound_values, require_sound_weights
from onfh_nnunet.study.dataset import Dataset
from onfh_nnunet.study.splits import Splits
from onfh_nnunet.training.plan import Plan
from onfh_nnunet.training.train import finished_checkpoint, model_folder

FORMAT = "onfh-model"
FORMAT_VERSION = 3

BUNDLED_MODEL = Path(__file__).with_name("bundled.safetensors")
"""The bundled demo model; `recipes/` makes it."""


@dataclass(frozen=True)
class ModelFile:
    """A verified model file.

    Args:
        model: The network; its weights lie in the mapped file.
        manifest: Format, version, the card and how the model was exported.
        sha256: The digest, which names the file's content; not that of `sha256sum`, since it is written in the file.
    """

    model: Model
    manifest: dict[str, Any]
    sha256: str

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> ModelFile:
        """Load and verify a model file; nothing in it is executed.

        Raises:
            ModelError: It is missing, no model file, of another version, or a byte of it was changed; or what it states
                is unknown, out of bounds or contradicts itself; or a weight is not finite.
        """
        file = TensorFile.open(path := Path(path))
        _require_version(file)
        file.require_same_header()
        try:
            manifest, stated = _stated(file)
            require_supported(stated, path)
        except (KeyError, TypeError, ValueError) as error:
            raise ModelError(path, f"has metadata that is not as its version says ({shown(error)})", REMEDY) from error
        tensors = file.tensors()
        weights = _by_fold(file, {name: _single(tensor) for name, tensor in tensors.items()}, stated.weights)
        model = Model(stated.plans, stated.dataset, stated.mirroring_axes, weights)
        _require_data_format(model, manifest, path)
        for fold in weights:
            require_fitting_weights(model, fold, f"{path}, fold {fold}")
        file.require_same_data(tensors.values())
        for fold in weights:
            require_sound_values(model, fold, f"{path}, fold {fold}")
        return cls(model, manifest | {"format": FORMAT, "format_version": FORMAT_VERSION}, file.digest)

    @property
    def card(self) -> Card:
        """The model card."""
        return Card.from_json(self.manifest)


def load_model(path: str | os.PathLike[str] | None = None) -> ModelFile:
    """Load a trained model and verify every byte of its file; nothing in it is executed.

    The digest (SHA-256) detects damage; it does not prove who made the file.

    Args:
        path: A model file of ``onfh export``; default: the bundled demo model, trained on drawn and painted lesions.

    Returns:
        The model with its card: what it is for, on whom it was trained and how well it did.

    Raises:
        ModelError: The file is missing, is no model file, was changed, or states what no model can have.

    Example:
        >>> from onfh_nnunet.models.model_file import load_model
        >>> file = load_model()
        >>> file.card.intended_use
        'Research use only. Not a medical device.'
        >>> sorted(file.model.weights)  # its folds
        [0]
    """
    return ModelFile.read(BUNDLED_MODEL if path is None else path)


def write_model_file(path: Path, model: Model, card: Card) -> ModelFile:
    """Write a model file atomically.

    Raises:
        ModelError: The model is not ours to run, or a weight of it is not finite.
        WorkspaceError: The file cannot be written.
    """
    require_supported(model, path)
    for fold in model.weights:
        require_sound_weights(model, fold, f"fold {fold}")
    manifest = {
        "onfh_nnunet": version("onfh-nnunet"),
        **card.to_json(),
        "folds": sorted(model.weights),
        "mirroring_axes": model.mirroring_axes,
        "data_format": model.data_format,
    }
    tensors, further = _named(model)
    texts = {"manifest": manifest, "plans": model.plans, "dataset": model.dataset, "further_names": further}
    metadata = {name: json.dumps(value, default=dict) for name, value in texts.items()}
    write_tensor_file(path, {"format": FORMAT, "format_version": f"{FORMAT_VERSION}", **metadata}, tensors)
    return ModelFile.read(path)


def out_of_fold_model(dataset: Dataset, plan: Plan, fold: int) -> Model:
    """The model of one trained fold, directly from nnU-Net's checkpoint.

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


def _named(model: Model) -> tuple[dict[str, Any], dict[str, str]]:
    """The distinct tensors of all folds by their names in the file, and their aliases."""
    tensors, further = {}, {}
    for fold, weights in sorted(model.weights.items()):
        for name, stored in sorted(stored_names(weights).items()):
            if name == stored:
                tensors[_in_file(fold, name)] = weights[name]
            else:
                further[_in_file(fold, name)] = _in_file(fold, stored)
    return tensors, further


def _in_file(fold: int, name: str) -> str:
    return f"fold_{fold}/{name}"


def _require_version(file: TensorFile) -> None:
    kind, number = file.metadata.get("format"), file.metadata.get("format_version")
    if kind != FORMAT:
        got = "it states no format" if kind is None else f"it is of format {plain(kind)}"
        raise ModelError(file.path, f"is not a model file of onfh export: {got}", REMEDY)
    if number != f"{FORMAT_VERSION}":
        expected = f"this is onfh-nnunet {version('onfh-nnunet')}, which reads version {FORMAT_VERSION}"
        problem = f"is of {FORMAT} version {plain(number)}; {expected}"
        raise ModelError(file.path, problem, "Read it with the version that wrote it, or export it again")


def _stated(file: TensorFile) -> tuple[dict[str, Any], Model]:
    """The manifest, and the model with its folds but without weights.

    Raises:
        ModelError: A text is missing or no object of JSON, or an entry of the manifest is wrong.
        KeyError: An entry is missing.
    """
    texts = {}
    for name in ("manifest", "plans", "dataset"):
        if name not in file.metadata:
            raise ModelError(file.path, f"has metadata without {name}, expected it", REMEDY)
        texts[name] = from_json(f"{file.path}, {name}", file.metadata[name])
    manifest = texts["manifest"]
    folds, axes = manifest["folds"], manifest["mirroring_axes"]
    with refused(file.path, REMEDY):
        line(LINE)("onfh_nnunet", manifest["onfh_nnunet"])
        same(*MIRRORS)("mirroring axes", axes)
        listed(whole(*FOLDS), 0, FOLDS[1] + 1)("folds", folds)
        if folds != sorted(set(folds)):
            raise wrong("folds", folds, "each one once, in order")
        Card.from_json(manifest)
    axes = None if axes is None else tuple(axes)
    return manifest, Model(texts["plans"], texts["dataset"], axes, {fold: {} for fold in folds})


def _single(tensor: Any) -> Any:
    """A tensor of float16 in the float32 that networks have; all others as they are."""
    import torch

    return tensor.float() if tensor.dtype is torch.float16 else tensor


def _by_fold(file: TensorFile, tensors: Mapping[str, Any], folds: Iterable[int]) -> dict[int, dict[str, Any]]:
    """The tensors of each fold under all their names.

    Raises:
        ModelError: A further name stands for no tensor or is that of another one, or a tensor is of no fold.
    """
    further = from_json(f"{file.path}, further names", file.metadata.get("further_names", "{}"))
    weights: dict[str, dict[str, Any]] = {f"fold_{fold}": {} for fold in folds}
    with refused(file.path, REMEDY):
        if twice := sorted(tensors.keys() & further.keys()):
            raise ValueError(f"has two tensors of the name {shown(twice[0])}")
        for name, stored in ({name: name for name in tensors} | further).items():
            if (tensor := tensors.get(stored) if isinstance(stored, str) else None) is None:
                raise ValueError(f"has a name {shown(name)} for {shown(stored)}, which is not one of its tensors")
            fold, _, parameter = name.partition("/")
            if fold not in weights:
                raise wrong("a tensor", name, f"only those of {', '.join(weights)}")
            weights[fold][parameter] = tensor
    return dict(zip(folds, weights.values(), strict=True))


def _require_data_format(model: Model, manifest: Mapping[str, Any], path: Path) -> None:
    """Refuse weights whose exported data format differs from that of plans and dataset.

    Raises:
        ModelError: They differ.
    """
    stated, found = manifest.get("data_format"), model.data_format
    with refused(path, REMEDY):
        if not isinstance(stated, dict) or stated.keys() != found.keys():
            raise wrong("data_format", stated, f"an object of {', '.join(found)}")
        for name, value in found.items():
            if not identical(stated[name], value):
                raise ValueError(f"has {name} {shown(value)}, and was exported with {shown(stated[name])}")
