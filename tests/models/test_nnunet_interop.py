"""Models go to stock nnU-Net and come from it; a checkpoint from elsewhere runs nothing that is not trusted."""

import ctypes
import io
import os
import shutil
import socket
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
import pytest
import torch

from onfh_nnunet.core.choices import EngineName
from onfh_nnunet.core.devices import Device
from onfh_nnunet.core.errors import ModelError
from onfh_nnunet.core.volume import Volume
from onfh_nnunet.inference.engine import engine_for
from onfh_nnunet.inference.segmenter import HipSegmenter, labels_of
from onfh_nnunet.models.model_card import Card
from onfh_nnunet.models.model_file import ModelFile, write_model_file
from onfh_nnunet.models.nnunet_interop import read_stock, unpack
from onfh_nnunet.models.schema import to_json
from onfh_nnunet.study.dataset import Dataset
from onfh_nnunet.study.splits import Splits
from onfh_nnunet.study.workspace import Workspace
from onfh_nnunet.training.plan import Plan
from onfh_nnunet.training.train import model_folder
from tests.helpers.small_model import DATASET, PLANS, small_model


@pytest.fixture
def model_file(tmp_path):
    return write_model_file(tmp_path / "x.safetensors", small_model(0, 2), Card(licence="CC-BY-4.0", hips=7))


@pytest.fixture
def stock(model_file, tmp_path):
    """A folder as nnU-Net trains it, to be spoiled."""
    unpack(model_file, tmp_path / "stock")
    return tmp_path / "stock"


def same(one, other):
    return set(one) == set(other) and all(torch.equal(one[name], other[name]) for name in one)


def test_stock_predictor_reads_what_is_unpacked(model_file, stock):
    from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor

    predictor = nnUNetPredictor(device=torch.device("cpu"), allow_tqdm=False)
    predictor.initialize_from_trained_model_folder(str(stock), None)
    assert predictor.trainer_name == "nnUNetTrainer"
    assert predictor.allowed_mirroring_axes == (0, 1)
    theirs = sorted(predictor.list_of_parameters, key=lambda weights: not same(weights, model_file.model.weights[0]))
    assert [same(*pair) for pair in zip(theirs, model_file.model.weights.values(), strict=True)] == [True, True]
    assert predictor.plans_manager.plans == PLANS
    assert predictor.dataset_json == DATASET


def test_checkpoints_do_not_store_shared_tensors_twice(model_file, stock):
    numbers = sum(t.numel() for t in {t.data_ptr(): t for t in model_file.model.weights[0].values()}.values())
    with torch.serialization.safe_globals([]):
        content = torch.load(stock / "fold_0" / "checkpoint_final.pth", weights_only=True)["network_weights"]
    assert sum(t.numel() for t in {t.data_ptr(): t for t in content.values()}.values()) == numbers


def test_what_is_unpacked_is_taken_back(model_file, stock, tmp_path):
    model, card = read_stock(stock)
    assert (model.plans, model.dataset, model.mirroring_axes) == (PLANS, DATASET, (0, 1))
    assert all(same(model.weights[fold], model_file.model.weights[fold]) for fold in (0, 2))
    assert (card.hips, card.training) == (7, {"trainer": "nnUNetTrainer", "plans": "small"})
    again = write_model_file(tmp_path / "again.safetensors", model, model_file.card)
    assert again.sha256 == model_file.sha256


def test_folder_that_is_not_empty_is_not_replaced(model_file, tmp_path):
    (tmp_path / "empty").mkdir()
    unpack(model_file, tmp_path / "empty")
    before = sorted(path.name for path in (tmp_path / "empty").iterdir())
    assert before == ["dataset.json", "fold_0", "fold_2", "onfh_card.json", "plans.json"]
    for there in ("empty", "x.safetensors"):
        with pytest.raises(ModelError, match="exists already and would be replaced"):
            unpack(model_file, tmp_path / there)


def checkpoint(stock, fold=0):
    return stock / f"fold_{fold}" / "checkpoint_final.pth"


def respoil(stock, fold=0, **changes):
    """Change or add keys of a checkpoint."""
    content = torch.load(checkpoint(stock, fold), weights_only=True)
    torch.save(content | changes, checkpoint(stock, fold))


def write(name, **changes):
    def spoil(stock):
        (stock / name).write_bytes(to_json({"plans.json": PLANS, "dataset.json": DATASET}[name] | changes))

    return spoil


def missing(name):
    return lambda stock: (stock / name).unlink()


def elsewhere(stock):
    (stock / "fold_0").rename(stock / "fold_x")
    shutil.rmtree(stock / "fold_2")


def cut(stock):
    checkpoint(stock).write_bytes(checkpoint(stock).read_bytes()[:-300])


def another_network(stock):
    respoil(stock, 2, network_weights={"a": torch.zeros(1)})


def lowres(stock):
    for fold in (0, 2):
        respoil(stock, fold, init_args={"configuration": "3d_lowres"})


@pytest.mark.parametrize(
    "name", ["fold_all/checkpoint_final.pth", "fold_0/checkpoint_best.pth", "fold_all/checkpoint_best.pth"]
)
def test_all_cases_in_one_fold_and_best_checkpoints_are_taken_and_named(model_file, stock, name):
    shutil.rmtree(stock / "fold_2")
    original = checkpoint(stock)
    (stock / name).parent.mkdir(exist_ok=True)
    original.rename(stock / name)
    model, card = read_stock(stock)
    assert list(model.weights) == [0]
    assert same(model.weights[0], model_file.model.weights[0])
    assert card.training["checkpoints"] == name


@pytest.mark.parametrize("wrapper", ["module.", "_orig_mod.", "module._orig_mod."])
def test_names_of_wrapped_networks_are_those_of_the_bare_one(model_file, stock, wrapper):
    """`module.` of DistributedDataParallel, `_orig_mod.` of torch.compile."""
    weights = {f"{wrapper}{name}": tensor for name, tensor in model_file.model.weights[0].items()}
    respoil(stock, network_weights=weights)
    model, _ = read_stock(stock)
    assert same(model.weights[0], model_file.model.weights[0])
    respoil(stock, network_weights=weights | dict(model_file.model.weights[0]))
    with pytest.raises(ModelError, match="a tensor is there twice, inside and outside of a wrapper"):
        read_stock(stock)


def test_final_checkpoints_go_before_best_ones_and_numbered_folds_before_all(stock):
    shutil.copytree(stock / "fold_0", stock / "fold_all")
    (stock / "fold_1").mkdir()
    shutil.copy(checkpoint(stock), stock / "fold_1" / "checkpoint_best.pth")
    model, card = read_stock(stock)
    assert sorted(model.weights) == [0, 2]
    assert "checkpoints" not in card.training


@pytest.mark.parametrize(
    ("spoil", "match"),
    [
        (missing("plans.json"), r"plans\.json: cannot be read .* Give a result folder"),
        (missing("dataset.json"), r"dataset\.json: cannot be read"),
        (lambda stock: (stock / "plans.json").write_text("{"), r"plans\.json: is damaged"),
        (write("plans.json", configurations={"2d": {}}), "has no 3d_fullres that can be read"),
        (write("plans.json", configurations=7), "has no 3d_fullres that can be read"),
        (write("dataset.json", channel_names={"0": "T1", "1": "T2"}), "takes the channels .* expected one"),
        (write("dataset.json", labels={"background": 0, "femoral_head": 1, "necrosis": 2}), "are not regions"),
        (elsewhere, r"holds \['fold_x'\], expected fold_0/checkpoint_final\.pth"),
        (cut, r"checkpoint_final\.pth: cannot be read"),
        (lambda stock: checkpoint(stock).write_bytes(b""), r"checkpoint_final\.pth: cannot be read"),
        (
            lambda stock: torch.save({"a": 1}, checkpoint(stock)),
            "is not an nnU-Net checkpoint: it lacks network_weights",
        ),
        (lambda stock: torch.save([1], checkpoint(stock)), "is not an nnU-Net checkpoint"),
        (lambda stock: respoil(stock, trainer_name="other"), "has folds of trainer_name other and nnUNetTrainer"),
        (lowres, "is of configuration 3d_lowres, expected 3d_fullres"),
        (another_network, "fold_2: has weights that do not fit"),
    ],
)
def test_folders_that_are_not_ours_to_take_are_refused(stock, spoil, match):
    spoil(stock)
    with pytest.raises(ModelError, match=match):
        read_stock(stock)


def test_configuration_that_inherits_is_completed(stock):
    settings = PLANS["configurations"]["3d_fullres"]
    child = {"inherits_from": "3d_lowres", "patch_size": settings["patch_size"]}
    parent = {name: value for name, value in settings.items() if name != "patch_size"}
    write("plans.json", configurations={"3d_fullres": child, "3d_lowres": parent})(stock)
    model, _ = read_stock(stock)
    assert model.plans["configurations"] == {"3d_fullres": settings}
    engine_for(model, Device.CPU, EngineName.TORCH)


def test_numbers_of_old_and_new_numpy_need_no_trust(stock):
    """Training logs hold numpy numbers, by another name before numpy 2.0."""
    respoil(stock, logging={"dice": [np.float64(0.5), np.float32(0.25)]})
    read_stock(stock)
    content = checkpoint(stock).read_bytes()
    source = zipfile.ZipFile(io.BytesIO(content))
    with zipfile.ZipFile(checkpoint(stock), "w") as target:
        for name in source.namelist():
            target.writestr(name, source.read(name).replace(b"numpy._core.multiarray\n", b"numpy.core.multiarray\n"))
    assert b"numpy._core" in content
    assert b"numpy._core" not in checkpoint(stock).read_bytes()
    read_stock(stock)


@dataclass
class Call:
    """An object whose opening calls a function."""

    function: object
    arguments: tuple

    def __reduce__(self):
        return self.function, self.arguments


def test_a_checkpoint_with_more_than_numbers_needs_trust(stock, model_file):
    respoil(stock, init_args={"configuration": "3d_fullres", "folder": PurePosixPath("a")}, extra=PurePosixPath("b"))
    with pytest.raises(ModelError, match=r"is a pickle that calls pathlib\.PurePosixPath .* give `trust_pickle`"):
        read_stock(stock)
    model, _ = read_stock(stock, trust_pickle=True)
    assert all(same(model.weights[fold], model_file.model.weights[fold]) for fold in (0, 2))


@pytest.mark.parametrize("kind", ["write", "program", "process", "network", "remove", "library"])
def test_trusted_code_is_kept_from_files_programs_and_network(stock, tmp_path, kind):
    witness, there = tmp_path / "executed", tmp_path / "there"
    there.write_text("kept")
    harm = {
        "write": Call(Path.touch, (witness,)),
        "program": Call(os.system, (f"touch {witness}",)),
        "process": Call(subprocess.check_call, (["touch", str(witness)],)),
        "network": Call(socket.create_connection, (("127.0.0.1", 9),)),
        "remove": Call(os.unlink, (str(there),)),
        "library": Call(ctypes.CDLL, ("libc.so.6",)),
    }
    respoil(stock, extra=harm[kind])
    with pytest.raises(ModelError, match="is a pickle that calls"):
        read_stock(stock)
    with pytest.raises(ModelError, match=r"cannot be opened \(PermissionError: the checkpoint calls .* is refused"):
        read_stock(stock, trust_pickle=True)
    assert not witness.exists()
    assert there.read_text() == "kept"


def test_environment_is_not_shown_to_trusted_code(stock, monkeypatch):
    monkeypatch.setenv("A_SECRET", "of the user")
    respoil(stock, extra=Call(exec, ("import os\nassert 'A_SECRET' in os.environ",)))
    with pytest.raises(ModelError, match=r"cannot be opened \(AssertionError"):
        read_stock(stock, trust_pickle=True)


@pytest.mark.slow
@pytest.mark.xdist_group("study")
def test_stock_nnunet_predicts_the_same_mask_with_the_unpacked_model(study, tmp_path):
    dataset = Dataset.read(Workspace.open(study / "work"))
    model_file = ModelFile.read(study / "model.safetensors")
    unpack(model_file, tmp_path / "stock")
    case = dataset.cases[0]
    (tmp_path / "in").mkdir()
    shutil.copy(dataset.image(case), tmp_path / "in")
    program = Path(sys.executable).with_name("nnUNetv2_predict_from_modelfolder")
    arguments = ["-i", tmp_path / "in", "-o", tmp_path / "out", "-m", tmp_path / "stock"]
    flags = ["-f", "0", "1", "--disable_tta", "-device", "cpu", "-npp", "1", "-nps", "1"]
    subprocess.run([str(word) for word in (program, *arguments, *flags)], check=True, capture_output=True)
    theirs = Volume.read(tmp_path / "out" / f"{case.case_id}.nii.gz").array
    segmenter = HipSegmenter(model_file.model, engine_for(model_file.model, Device.CPU, EngineName.TORCH, exact=True))
    ours = labels_of(segmenter.probabilities(Volume.read(dataset.image(case))))
    assert theirs.any()
    assert (ours == theirs).mean() >= 0.9999


@pytest.mark.slow
@pytest.mark.xdist_group("study")
def test_folder_that_nnunet_trained_becomes_a_model_file(study, onfh, tmp_path):
    dataset = Dataset.read(Workspace.open(study / "work"))
    plan = Plan.read(dataset, Splits.read(dataset.workspace.folds_csv))
    folder = model_folder(dataset.workspace, plan)
    done = onfh("export", "--from", folder, "--out", tmp_path / "x.safetensors", "--licence", "CC0-1.0")
    assert "trained on single hips" in done.stderr
    taken, exported = ModelFile.read(tmp_path / "x.safetensors"), ModelFile.read(study / "model.safetensors")
    assert taken.card.licence == "CC0-1.0"
    assert taken.card.hips == exported.card.hips == len(dataset.cases)
    assert taken.model.mirroring_axes == exported.model.mirroring_axes
    for fold, weights in exported.model.weights.items():
        assert same(taken.model.weights[fold], weights)
