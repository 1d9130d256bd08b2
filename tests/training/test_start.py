"""Folds that start from a model: its weights, only if it fits the plan and saw no patient; recorded to the export."""

import json
import shutil
from dataclasses import replace

import pytest
import torch

from onfh_nnunet.core.errors import ModelError, SplitError, StaleError, TrainingError
from onfh_nnunet.models.model import Model
from onfh_nnunet.models.model_file import ModelFile, write_model_file
from onfh_nnunet.models.nnunet_interop import checkpoint_of, unpack
from onfh_nnunet.models.start_model import start_of
from onfh_nnunet.study.dataset import Dataset
from onfh_nnunet.study.splits import Splits
from onfh_nnunet.study.workspace import Workspace
from onfh_nnunet.training.plan import Plan
from onfh_nnunet.training.start import Start, StartWeights
from onfh_nnunet.training.train import Training, fold_folder

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("study")]

ELSEWHERE = ("e" * 64,)


def opened(work):
    dataset = Dataset.read(Workspace.open(work))
    return dataset, Plan.read(dataset, Splits.read(dataset.workspace.folds_csv))


@pytest.fixture
def copy(study, tmp_path):
    shutil.copytree(study / "work", tmp_path / "work")
    return tmp_path / "work"


@pytest.fixture
def foreign(study, tmp_path):
    """A model file of the study's plan, as another hospital would have it."""

    def write(name="foreign.safetensors", scans=ELSEWHERE, **plans):
        file = ModelFile.read(study / "model.safetensors")
        model = file.model
        changed = Model(json.loads(json.dumps(model.plans | plans)), model.dataset, model.mirroring_axes, model.weights)
        write_model_file(tmp_path / name, changed, replace(file.card, scans=scans))
        return tmp_path / name

    return write


@pytest.fixture
def trainer(study, tmp_path, monkeypatch, capsys):
    """nnU-Net's trainer of the study's first fold."""
    from onfh_nnunet.nnunet.trainer import nnUNetTrainer
    from onfh_nnunet.study.preset import CONFIGURATION, preset_named

    for name in ("nnUNet_raw", "nnUNet_preprocessed"):
        monkeypatch.setenv(name, str(study / "work" / name))
    monkeypatch.setenv("nnUNet_results", str(tmp_path / "results"))
    workspace = Workspace.open(study / "work")
    plans, dataset = (
        json.loads((workspace.preprocessed / name).read_text()) for name in ("quick.json", "dataset.json")
    )

    def made(*, further):
        trainer = nnUNetTrainer(plans | {"continue_training": True}, CONFIGURATION, 0, dataset, torch.device("cpu"))
        trainer.configure(preset_named("quick"), 2, print, further=further)
        return trainer

    return made


def test_network_starts_with_each_weight_of_the_model_and_a_smaller_step(trainer, study, tmp_path):
    file = ModelFile.read(study / "model.safetensors")
    unpack(file, tmp_path / "stock")
    started, fresh = trainer(further=True), trainer(further=False)
    started.start_from(checkpoint_of(tmp_path / "stock", 1))
    fresh.initialize()
    weights = started.network.state_dict()
    assert weights.keys() == file.model.weights[1].keys()
    assert all(torch.equal(weights[name], tensor) for name, tensor in file.model.weights[1].items())
    assert any(".seg_layers." in name for name in weights)
    rates = [one.optimizer.param_groups[0]["lr"] for one in (started, fresh)]
    assert rates[0] == rates[1] / 4


def test_each_fold_starts_from_another_fold_of_the_model(tmp_path):
    start = Start("m", "0" * 64, ())
    two = StartWeights(start, (tmp_path / "a", tmp_path / "b"))
    assert [two.of_fold(fold).name for fold in range(4)] == ["a", "b", "a", "b"]
    assert {StartWeights(start, (tmp_path / "a",)).of_fold(fold).name for fold in range(4)} == {"a"}


def test_start_is_recorded_and_no_other_start_goes_on(copy, foreign, onfh, tmp_path):
    dataset, plan = opened(copy)
    folder = fold_folder(dataset.workspace, plan, 0)
    shutil.rmtree(folder)
    model = foreign()
    command = ("train", "--work", copy, "--fold", 0, "--epochs", 1, "--device", "cpu")
    assert "fold 0 trained" in onfh(*command, "--from", model).stdout
    digest = ModelFile.read(model).sha256
    assert Training.read(folder).start == Start("foreign.safetensors", digest, ELSEWHERE)
    assert "fold 0 was finished" in onfh(*command, "--from", model).stdout
    for others, expected in (
        ((), "none"),
        (("--from", foreign("other.safetensors", ("d" * 64,))), ModelFile.read(tmp_path / "other.safetensors").sha256),
    ):
        refused = onfh(*command, *others, check=False).stderr
        assert f"fold 0: was made with start {digest[:12]}, expected {expected[:12]}. Give foreign.safet" in refused
    with pytest.raises(StaleError, match=rf"start none, expected {digest[:12]}\. Train without `start`, or remove"):
        _train(copy, 1, model)
    with pytest.raises(TrainingError, match=r"the folds: started from foreign\.safetensors, random weights"):
        _export(copy, tmp_path / "mixed.safetensors")
    begun = fold_folder(dataset.workspace, plan, 1)
    replace(Training.read(begun), start=Training.read(folder).start).write(begun)
    card = _export(copy, tmp_path / "further.safetensors").model_file.card
    assert set(card.scans) == {*dataset.scans.values(), *ELSEWHERE}
    assert (card.training["started_from"], card.training["started_from_sha256"]) == ("foreign.safetensors", digest)
    said = onfh("model", tmp_path / "further.safetensors").stdout
    assert f"started from  foreign.safetensors, sha256 {digest}" in said
    assert f"scans         {len(card.scans)} scans listed by hash" in said


def test_model_that_learned_from_a_patient_is_refused_by_pseudonym(copy, study, onfh):
    dataset, _ = opened(copy)
    refused = onfh("train", "--work", copy, "--from", study / "model.safetensors", check=False)
    assert refused.returncode == 1
    cases = ", ".join(case.case_id for case in dataset.cases)
    assert f"model.safetensors: learned from 6 scans of this study: {cases}" in refused.stderr
    assert not (copy / "nnUNet_results" / "start").exists()


def test_one_scan_is_enough_to_refuse(copy, foreign):
    dataset, plan = opened(copy)
    case = dataset.cases[3]
    file = ModelFile.read(foreign(scans=(*ELSEWHERE, dataset.scans[case.case_id])))
    with pytest.raises(SplitError, match=rf"m: learned from 1 scan of this study: {case.case_id}\. Leave"):
        start_of(file, "m", dataset, plan)


def test_model_that_lists_no_scans_is_warned_of(copy, foreign, onfh):
    dataset, plan = opened(copy)
    unknown = foreign(scans=None)
    for fold in (0, 1):
        folder = fold_folder(dataset.workspace, plan, fold)
        start = Start("x", ModelFile.read(unknown).sha256, None)
        replace(Training.read(folder), start=start).write(folder)
    done = onfh("train", "--work", copy, "--from", unknown)
    assert "warning: foreign.safetensors: does not say from which scans it learned" in done.stderr
    assert "fold 1 was finished" in done.stdout
    card = _export(copy, copy / "unknown.safetensors").model_file.card
    assert card.scans is None  # what it saw by way of its start is not known either


def test_bundled_model_names_the_plan_that_it_needs(copy):
    with pytest.raises(ModelError, match=r"bundled: does not fit the plan: it has spacing .*, expected \[2\.0.*laptop"):
        _train(copy, 0, "bundled")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"spacing": [2.0, 2.0, 2.5]}, r"spacing \[2\.0, 2\.0, 2\.5\], expected \[2\.0, 2\.0, 2\.0\]"),
        ({"patch_size": [32, 32, 48]}, r"patch_size \[32, 32, 48\], expected"),
        ({"network_class_name": "other"}, r"network 'other', expected"),
        ({"features_per_stage": [8, 16, 32, 64]}, r"features_per_stage \[8, 16, 32, 64\], expected \[16, 32"),
        ({"channel_names": {"0": "CT"}}, r"channels \['CT'\], expected \['MR'\]"),
        ({"labels": {"background": 0, "femur": 1}}, r"regions \['femur'\], expected \['femoral_head', 'necrosis'\]"),
        ({"onfh_hip_box_mm": 96.0}, r"onfh_hip_box_mm 96\.0, expected 72\.0"),
        ({"normalization_schemes": ["CTNormalization"]}, r"normalization_schemes \['CTNorm.*, expected \['ZScore"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_model_of_another_plan_is_refused_by_what_differs(copy, foreign, change, said):
    dataset, plan = opened(copy)
    file = ModelFile.read(foreign())
    plans, labels = (json.loads(json.dumps(dict(one))) for one in (file.model.plans, file.model.dataset))
    configuration = plans["configurations"]["3d_fullres"]
    network = configuration["architecture"]
    for level in (configuration, network, network["arch_kwargs"], labels):
        level |= {key: value for key, value in change.items() if key in level}
    other = replace(file, model=Model(plans, labels, None, file.model.weights))
    with pytest.raises(ModelError, match=f"m: does not fit the plan: it has {said}"):
        start_of(other, "m", dataset, plan)


@pytest.mark.parametrize(
    ("made_by", "planned", "said"),
    [
        ("quick", "quick", "Run onfh plan again with `preset` laptop, whose plan never changes, and train again"),
        ("paper", "quick", "Run onfh plan again with `preset` paper, and train again"),
        ("nnUNetPlans", "laptop", r"Start from a model of preset laptop, or train without `start`"),
    ],
)
def test_remedy_is_a_command_that_helps(copy, foreign, made_by, planned, said):
    dataset, plan = opened(copy)
    quick = dataset.workspace.preprocessed / "quick.json"
    changed = json.loads(quick.read_text())
    changed["configurations"]["3d_fullres"]["spacing"] = [1.5, 1.5, 1.5]
    quick.with_name(f"{planned}.json").write_text(json.dumps(changed))
    file = ModelFile.read(foreign(plans_name=made_by))
    with pytest.raises(ModelError, match=said):
        start_of(file, "m", dataset, replace(plan, preset=planned))


def _train(work, fold, start):
    from onfh_nnunet.workflows.train import train

    return train(work, fold=fold, epochs=1, device="cpu", start=start)


def _export(work, out):
    from onfh_nnunet.workflows.export import export

    return export(out, work=work)
