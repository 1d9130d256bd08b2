"""A model file is verified to the byte and runs nothing."""

import io
import json
import pickle
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from onfh_nnunet.bundle import Bundle, _zipped
from onfh_nnunet.errors import ModelError
from onfh_nnunet.model import Model


def sealed(members):
    return _zipped({name: json.dumps(value).encode() for name, value in members.items()})


def test_foreign_and_absent_files_are_refused(tmp_path):
    with pytest.raises(ModelError, match="cannot be read"):
        Bundle.read(tmp_path / "absent.onfh")
    for content in (b"", b"PK", b"not a model at all" * 10):
        (tmp_path / "x.onfh").write_bytes(content)
        with pytest.raises(ModelError, match="is no model file"):
            Bundle.read(tmp_path / "x.onfh")


@pytest.mark.parametrize(
    ("manifest", "match"),
    [
        ({}, "is None version None"),
        ({"format": "onfh-model", "format_version": 99}, "version 99"),
        ({"format": "onfh-model", "format_version": 1, "members": {}}, "members other than"),
    ],
)
def test_unknown_or_inconsistent_manifest_is_refused(tmp_path, manifest, match):
    (tmp_path / "x.onfh").write_bytes(sealed({"manifest.json": manifest, "plans.json": {}}))
    with pytest.raises(ModelError, match=match):
        Bundle.read(tmp_path / "x.onfh")


@dataclass
class Malice:
    target: str

    def __reduce__(self):
        return Path.touch, (Path(self.target),)


def test_a_pickle_in_disguise_is_not_opened(tmp_path):
    witness = tmp_path / "executed"
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("archive/data.pkl", pickle.dumps(Malice(str(witness))))  # as torch.save writes it
    (tmp_path / "x.onfh").write_bytes(archive.getvalue())
    with pytest.raises(ModelError):
        Bundle.read(tmp_path / "x.onfh")
    assert not witness.exists()


def test_a_checkpoint_that_carries_code_is_not_run(tmp_path):
    import torch

    from onfh_nnunet.errors import TrainingError
    from onfh_nnunet.nnunet.checkpoint import load_checkpoint

    witness = tmp_path / "executed"
    torch.save({"network_weights": Malice(str(witness))}, tmp_path / "checkpoint_final.pth")
    with pytest.raises(TrainingError, match="cannot be opened safely"):
        load_checkpoint(tmp_path / "checkpoint_final.pth")
    assert not witness.exists()


def test_fold_that_the_model_lacks_is_refused():
    model = Model({}, {}, None, {0: {}, 1: {}})
    assert list(model.of_folds((1,)).weights) == [1]
    assert model.of_folds(None) is model
    with pytest.raises(ModelError, match="fold 3 is asked for"):
        model.of_folds((0, 3))
