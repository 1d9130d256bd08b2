"""A trained model as one portable file: safetensors and JSON in a zip, each member hashed, nothing that runs.

Any changed byte is noticed: the manifest names the SHA-256 of every member, and the zip's comment is the SHA-256 of
all bytes before it.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from onfh_nnunet.dataset import Dataset
from onfh_nnunet.errors import ModelError
from onfh_nnunet.files import written_whole
from onfh_nnunet.model import Model, Weights
from onfh_nnunet.plan import Plan
from onfh_nnunet.splits import Splits
from onfh_nnunet.train import Training, finished_checkpoint, fold_folder, model_folder

FORMAT = "onfh-model"
FORMAT_VERSION = 1
MANIFEST = "manifest.json"
_DIGEST_LENGTH = 64
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the same model gives the same bytes
_REMEDY = "Get the file again from where it was exported"


@dataclass(frozen=True)
class Bundle:
    """A model file, verified.

    Args:
        model: The network.
        manifest: Format, provenance and hashes.
        sha256: Of the file, less its own digest.
    """

    model: Model
    manifest: dict[str, Any]
    sha256: str

    @classmethod
    def read(cls, path: Path) -> Bundle:
        """Load and verify a model file; nothing in it is run.

        Raises:
            ModelError: It is missing, no model file, of another format version, or a byte of it was changed.
        """
        try:
            content = path.read_bytes()
        except OSError as error:
            raise ModelError(path, f"cannot be read ({error.strerror})", "Check the path") from error
        digest = hashlib.sha256(content[:-_DIGEST_LENGTH]).hexdigest()
        if not content.startswith(b"PK") or digest.encode() != content[-_DIGEST_LENGTH:]:
            raise ModelError(path, "is no model file of onfh export, or was changed since", _REMEDY)
        members = _members(path, content)
        manifest = _manifest(path, members)
        return cls(_model(manifest, members), manifest, digest)


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


def export(
    dataset: Dataset, splits: Splits, plan: Plan, out: Path, calibration: dict[str, Any] | None = None
) -> Bundle:
    """Write the model of all folds into one file, with the calibration of its intervals where there is one.

    Raises:
        TrainingError: A fold is not trained to its end.
        StaleError: A fold was trained by another plan or on other data.
        WorkspaceError: The file cannot be written.
    """
    from safetensors.torch import save

    folds = [out_of_fold_model(dataset, plan, fold) for fold in range(splits.n_folds)]
    members = {
        "plans.json": _json(folds[0].plans),
        "dataset.json": _json(folds[0].dataset),
        **{_fold_name(k): save(_stored_once(model.weights[k])) for k, model in enumerate(folds)},
    }
    manifest = _provenance(dataset, splits, plan) | {
        "mirroring_axes": folds[0].mirroring_axes,
        "calibration": calibration,
        "aliases": _aliases(folds[0].weights[0]),
        "members": {name: hashlib.sha256(content).hexdigest() for name, content in members.items()},
    }
    with written_whole(out) as part:
        part.write_bytes(_zipped({MANIFEST: _json(manifest), **members}))
    return Bundle.read(out)


def _provenance(dataset: Dataset, splits: Splits, plan: Plan) -> dict[str, Any]:
    training = Training.read(fold_folder(dataset.workspace, plan, 0))
    return {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "intended_use": "Research. Not a medical device.",
        "folds": list(range(splits.n_folds)),
        "hips": len(dataset.cases),
        "patients": len({case.patient for case in dataset.cases}),
        "training": asdict(training) if training else None,
    }


def _aliases(weights: Weights) -> dict[str, str]:
    """For each further name of a tensor, the one it is stored by: nnU-Net lists most tensors up to four times."""
    first: dict[tuple[int, tuple[int, ...]], str] = {}
    stored = {name: first.setdefault((tensor.data_ptr(), tensor.shape), name) for name, tensor in weights.items()}
    return {name: other for name, other in stored.items() if name != other}


def _stored_once(weights: Weights) -> dict[str, Any]:
    aliases = _aliases(weights)
    return {name: tensor.contiguous() for name, tensor in weights.items() if name not in aliases}


def _zipped(members: dict[str, bytes]) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name, _EPOCH), content)
        archive.comment = b"0" * _DIGEST_LENGTH
    body = target.getvalue()[:-_DIGEST_LENGTH]
    return body + hashlib.sha256(body).hexdigest().encode()


def _members(path: Path, content: bytes) -> dict[str, bytes]:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return {name: archive.read(name) for name in archive.namelist()}
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError) as error:
        raise ModelError(path, f"is damaged ({error})", _REMEDY) from error


def _manifest(path: Path, members: dict[str, bytes]) -> dict[str, Any]:
    manifest: dict[str, Any] = json.loads(members.get(MANIFEST, b"{}"))
    if manifest.get("format") != FORMAT or manifest.get("format_version") != FORMAT_VERSION:
        got = f"is {manifest.get('format')} version {manifest.get('format_version')}"
        raise ModelError(
            path, f"{got}, expected {FORMAT} version {FORMAT_VERSION}", "Export it with this version of onfh"
        )
    found = {name: hashlib.sha256(content).hexdigest() for name, content in members.items() if name != MANIFEST}
    if found != manifest["members"]:
        raise ModelError(path, "has members other than its manifest says", _REMEDY)
    return manifest


def _model(manifest: dict[str, Any], members: dict[str, bytes]) -> Model:
    from safetensors.torch import load

    axes = manifest["mirroring_axes"]
    weights = {fold: load(members[_fold_name(fold)]) for fold in manifest["folds"]}
    for tensors in weights.values():
        tensors |= {name: tensors[stored] for name, stored in manifest["aliases"].items()}
    plans, dataset = (json.loads(members[name]) for name in ("plans.json", "dataset.json"))
    return Model(plans, dataset, None if axes is None else tuple(axes), weights)


def _fold_name(fold: int) -> str:
    return f"fold_{fold}.safetensors"


def _json(value: Any) -> bytes:
    return json.dumps(value, indent=1, default=dict).encode()
