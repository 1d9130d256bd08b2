"""Exchange with stock nnU-Net: result folders of ``nnUNetv2_train`` in, folders for stock prediction out."""

from __future__ import annotations

import re
import warnings
import zipfile
from pathlib import Path
from typing import Any

from onfh_nnunet.core.atomic_files import atomic_write
from onfh_nnunet.core.errors import ModelError, ReadError
from onfh_nnunet.core.user_files import open_regular
from onfh_nnunet.models.bounds import CONVOLUTIONS, FEATURES, JSON_BYTES, STAGES
from onfh_nnunet.models.model import Model
from onfh_nnunet.models.model_card import Card
from onfh_nnunet.models.model_file import ModelFile
from onfh_nnunet.models.schema import from_json, listed, plain, refused, shown, to_json, whole
from onfh_nnunet.models.validation import require_supported
from onfh_nnunet.models.weight_checks import require_sound_weights
from onfh_nnunet.study.preset import CONFIGURATION

CHECKPOINT = "checkpoint_final.pth"
BEST = "checkpoint_best.pth"
"""What stock prediction takes on request: the weights of the best epoch, of a training that may not have ended."""

_TRAINER = "nnUNetTrainer"
_REMEDY = f"Give a result folder of nnUNetv2_train, such as nnUNetTrainer__nnUNetPlans__{CONFIGURATION}"


def read_stock(folder: Path, *, trust_pickle: bool = False) -> tuple[Model, Card]:
    """Read the model of a result folder of ``nnUNetv2_train``, and what the folder says about it.

    It must have been trained on images of one hip as `onfh convert` cuts them; the folder does not tell.

    Args:
        folder: With ``plans.json``, ``dataset.json`` and ``fold_k/checkpoint_final.pth`` of one fold or more; or of
            ``fold_all`` alone, which becomes fold 0. Where no fold has a final checkpoint, ``checkpoint_best.pth``.
        trust_pickle: Whether a checkpoint may call more than makes tensors; see `onfh_nnunet.nnunet.safe_checkpoint`.

    Raises:
        ModelError: A file is missing or damaged, a checkpoint asks for trust, or the model is not ours to run.
    """
    from onfh_nnunet.nnunet.safe_checkpoint import open_checkpoint

    plans, dataset = (_json(folder / name) for name in ("plans.json", "dataset.json"))
    _require_old_sizes(folder, plans)
    checkpoints = _checkpoints(folder)
    contents = {fold: open_checkpoint(path, trust_pickle=trust_pickle) for fold, path in checkpoints.items()}
    about = _common(folder, list(contents.values()))
    weights = {fold: content["network_weights"] for fold, content in contents.items()}
    model = Model(_resolved(folder, plans), dataset, about["inference_allowed_mirroring_axes"], weights)
    require_supported(model, folder)
    for fold in model.weights:
        require_sound_weights(model, fold, checkpoints[fold].parent)
    training = {"trainer": about["trainer_name"], "plans": plans.get("plans_name")}
    if unusual := [one for one in checkpoints.values() if one.name != CHECKPOINT or one.parent.name == "fold_all"]:
        training["checkpoints"] = ", ".join(f"{one.parent.name}/{one.name}" for one in unusual)
    with refused(folder, _REMEDY):
        return model, Card(training=training, hips=dataset.get("numTraining"))


def unpack(file: ModelFile, folder: Path) -> None:
    """Write a folder that stock ``nnUNetv2_predict_from_modelfolder`` runs, with the model card beside it.

    Raises:
        ModelError: The folder is there and not empty.
        WorkspaceError: It cannot be written.
    """
    import torch

    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise ModelError(folder, "exists already and would be replaced", "Name a folder that is new or empty")
    model = file.model
    texts = {"plans.json": model.plans, "dataset.json": model.dataset, "onfh_card.json": file.card.to_json()}
    with atomic_write(folder) as part:
        for fold, weights in model.weights.items():
            checkpoint = checkpoint_of(part, fold)
            checkpoint.parent.mkdir(parents=True)
            try:
                torch.save(_checkpoint(weights, model.mirroring_axes), checkpoint)
            except RuntimeError as error:  # torch's way to report a full disk
                raise OSError(f"{checkpoint.name} could not be written whole") from error
        for name, content in texts.items():
            (part / name).write_bytes(to_json(content))


def checkpoint_of(folder: Path, fold: int) -> Path:
    """Where `unpack` writes a fold."""
    return folder / f"fold_{fold}" / CHECKPOINT


def _checkpoint(weights: Any, mirroring_axes: tuple[int, ...] | None) -> dict[str, Any]:
    """The parts of a checkpoint that stock nnU-Net needs to predict."""
    return {
        "network_weights": dict(weights),
        "init_args": {"configuration": CONFIGURATION},
        "trainer_name": _TRAINER,
        "inference_allowed_mirroring_axes": mirroring_axes,
    }


def _json(path: Path) -> dict[str, Any]:
    try:
        with open_regular(path) as file:
            return from_json(path, file.read(JSON_BYTES + 1))
    except ReadError as error:
        raise ModelError(path, f"cannot be read: it {error.problem}", _REMEDY) from error
    except OSError as error:
        raise ModelError(path, f"cannot be read ({error.strerror})", _REMEDY) from error


def _checkpoints(folder: Path) -> dict[int, Path]:
    """The checkpoints of all folds, by fold: the final ones, or where there are none the best ones."""
    for name in (CHECKPOINT, BEST):
        found = {path.parent.name: path for path in sorted(folder.glob(f"fold_*/{name}"))}
        folds = {int(fold[5:]): path for fold, path in found.items() if re.fullmatch(r"fold_[0-9]+", fold)}
        if not folds and "fold_all" in found:
            folds = {0: found["fold_all"]}
        if folds:
            break
    else:
        got = shown(sorted(path.name for path in folder.glob("fold_*"))) or "no fold"
        raise ModelError(folder, f"holds {got}, expected fold_0/{CHECKPOINT} or more", _REMEDY)
    for path in folds.values():
        _require_stored(path)
    return folds


def _require_stored(path: Path) -> None:
    """Refuse a checkpoint that is not a regular file, or is compressed: torch never compresses."""
    try:
        with open_regular(path) as file:
            compressed = zipfile.is_zipfile(file) and any(
                member.compress_type != zipfile.ZIP_STORED for member in zipfile.ZipFile(file).infolist()
            )
    except ReadError as error:
        raise ModelError(path, f"cannot be read: it {error.problem}", _REMEDY) from error
    except (OSError, ValueError, NotImplementedError, zipfile.BadZipFile) as error:
        reason = getattr(error, "strerror", None) or "it is damaged"
        raise ModelError(path, f"cannot be read ({reason})", _REMEDY) from error
    if compressed:
        raise ModelError(path, "is compressed, expected it stored as torch.save writes it", _REMEDY)


def _common(folder: Path, contents: list[dict[str, Any]]) -> dict[str, Any]:
    """What all folds share beside their weights."""
    first, *others = contents
    for key in ("init_args", "trainer_name", "inference_allowed_mirroring_axes"):
        for other in others:
            if other[key] != first[key]:
                got = f"{plain(first[key])} and {plain(other[key])}"
                raise ModelError(folder, f"has folds of {key} {got}, expected one", _REMEDY)
    configuration = first["init_args"]["configuration"]
    if configuration != CONFIGURATION:
        raise ModelError(folder, f"is of configuration {plain(configuration)}, expected {CONFIGURATION}", _REMEDY)
    return first


def _require_old_sizes(folder: Path, plans: dict[str, Any]) -> None:
    """Check the sizes from which nnU-Net computes the network of plans of an older version."""
    sizes = {
        "n_conv_per_stage_encoder": listed(whole(*CONVOLUTIONS), *STAGES),
        "UNet_base_num_features": whole(*FEATURES),
        "unet_max_num_features": whole(*FEATURES),
    }
    configurations = plans.get("configurations")
    each = configurations.values() if isinstance(configurations, dict) else ()
    with refused(folder / "plans.json", _REMEDY):
        for configuration in (one for one in each if isinstance(one, dict)):
            for name in configuration.keys() & sizes.keys():
                sizes[name](name, configuration[name])


def _resolved(folder: Path, plans: dict[str, Any]) -> dict[str, Any]:
    """The plans of the one configuration, completed by nnU-Net with inherited and missing values."""
    from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that the plans are of an older version
            configuration = PlansManager(plans).get_configuration(CONFIGURATION).configuration
    except Exception as error:  # nnU-Net checks nothing
        problem = f"has no {CONFIGURATION} that can be read ({shown(error)})"
        raise ModelError(folder / "plans.json", problem, _REMEDY) from error
    complete = {key: value for key, value in configuration.items() if key != "inherits_from"}
    return plans | {"configurations": {CONFIGURATION: complete}}
