"""Train, resume, cross-validate, export and predict on a small synthetic study."""

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from onfh_nnunet.core.choices import EngineName
from onfh_nnunet.core.devices import Device, resolve_device
from onfh_nnunet.core.errors import DeviceError, ModelError, SplitError, StaleError, TrainingError, WorkspaceError
from onfh_nnunet.core.folder_lock import locked
from onfh_nnunet.core.run_log import LOG
from onfh_nnunet.core.volume import Volume
from onfh_nnunet.inference.engine import engine_for
from onfh_nnunet.inference.segmenter import HipSegmenter, labels_of
from onfh_nnunet.models.model_file import ModelFile, out_of_fold_model
from onfh_nnunet.study.dataset import Dataset
from onfh_nnunet.study.splits import FoldRow, Splits
from onfh_nnunet.study.workspace import Workspace
from onfh_nnunet.training.plan import Plan
from onfh_nnunet.training.train import Training, finished_checkpoint, fold_folder, model_folder, require_fold, train

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("study")]


def opened(work):
    dataset = Dataset.read(Workspace.open(work))
    splits = Splits.read(dataset.workspace.folds_csv)
    return dataset, splits, Plan.read(dataset, splits)


@pytest.fixture
def copy(study, tmp_path):
    """A copy of the study's workspace, to be spoiled."""
    shutil.copytree(study / "work", tmp_path / "work")
    return tmp_path / "work"


def snapshot(folder):
    files = (path for path in folder.rglob("*") if path.is_file() and path != folder / "work" / LOG)
    return {path: path.stat().st_mtime_ns for path in files}


def test_second_run_of_each_command_changes_nothing(study, onfh):
    work = study / "work"
    onfh("crossval", "--work", work)
    before = snapshot(study)
    onfh("convert", study / "cohort" / "cohort.csv", "--work", work)
    onfh("plan", "--work", work, "--preset", "quick", "--folds", 2)
    assert "was finished" in onfh("train", "--work", work, "--device", "cpu").stdout
    onfh("crossval", "--work", work)
    after = snapshot(study)
    assert {path for path in before if before[path] != after.get(path)} == set()
    assert set(after) == set(before)


def test_plan_and_train_say_what_they_do_from_the_first_second(study):
    lines = (study / "said.txt").read_text().splitlines()
    steps = (
        "0/6 start of nnU-Net",
        "0/6 fingerprint",
        "0/6 plan of the network",
        "6/6 preprocessing",
        "0/6 reading back",
    )
    places = [lines.index(f"plan {step}") for step in steps]
    assert places == sorted(places)
    epochs = [line.split("  ")[:2] for line in lines if line.startswith("epoch ")]
    assert sorted(epochs) == sorted([f"epoch {n}/2", f"fold {fold}"] for n in range(3) for fold in range(2))


def test_folds_of_the_plan_are_nnunets_splits(study):
    _, splits, plan = opened(study / "work")
    text = (study / "work/nnUNet_preprocessed/Dataset711_ONFH/splits_final.json").read_text()
    assert json.loads(text) == splits.for_nnunet()
    assert plan.preset == "quick"


def test_patches_of_a_healthy_hip_are_drawn_from_its_head(study):
    """nnU-Net draws every third patch around a voxel of a region that the hip has: here of the head alone."""
    from nnunetv2.training.dataloading.data_loader import nnUNetDataLoader
    from nnunetv2.training.dataloading.nnunet_dataset import nnUNetDatasetBlosc2
    from nnunetv2.utilities.label_handling.label_handling import LabelManager

    dataset, splits, _ = opened(study / "work")
    (healthy,) = (case.case_id for case in dataset.cases if case.grade == "none")
    assert any(healthy in splits.training(fold) for fold in range(splits.n_folds))  # it was trained on, in one fold
    cases = nnUNetDatasetBlosc2(str(study / "work/nnUNet_preprocessed/Dataset711_ONFH/quick_3d_fullres"), [healthy])
    labels = LabelManager({"background": 0, "femoral_head": [1, 2], "necrosis": 2}, [1, 2])
    batch = nnUNetDataLoader(cases, 4, (8, 8, 8), (8, 8, 8), labels, oversample_foreground_percent=1.0)
    drawn = batch.generate_train_batch()["target"]
    assert all((patch == 1).any() and not (patch == 2).any() for patch in drawn)


def test_crossval_judges_every_hip_by_the_fold_that_never_saw_it(study, onfh):
    onfh("crossval", "--work", study / "work")
    _, splits, _ = opened(study / "work")
    with (study / "work/crossval/cases.csv").open() as file:
        rows = {row["case_id"]: int(row["fold"]) for row in csv.DictReader(file)}
    assert rows == {row.case_id: row.fold for row in splits.rows}
    dataset = Dataset.read(Workspace.open(study / "work"))
    for case in dataset.cases:
        mask = Volume.read(study / "work/crossval/masks" / f"{case.case_id}.nii.gz")
        assert mask.grid == Volume.read(dataset.label(case)).grid
        assert set(np.unique(mask.array)) <= {0, 1, 2}


def test_further_columns_and_scans_of_the_cohort_change_the_tables_alone(study, copy, onfh, tmp_path):
    onfh("crossval", "--work", copy)
    masks = snapshot(copy / "crossval" / "masks")
    with (study / "cohort" / "cohort.csv").open() as file:
        rows = [row | {"sex": "FM"[i % 2]} for i, row in enumerate(csv.DictReader(file))]
    for row in rows:
        row |= {name: str(study / "cohort" / row[name]) for name in ("image", "label")}
    rows.append(rows[0] | {"patient_id": "new", "label": "", "side": "B", "image": rows[0]["label"]})
    with (tmp_path / "cohort.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    onfh("convert", tmp_path / "cohort.csv", "--work", copy)
    onfh("crossval", "--work", copy)
    assert snapshot(copy / "crossval" / "masks") == masks

    with (copy / "crossval" / "agreement.csv").open() as file:
        flow = {row["statistic"]: row for row in csv.DictReader(file) if row["statistic"].startswith("flow")}
    counts = {name.removeprefix("flow_"): int(row["value"]) for name, row in flow.items()}
    assert (counts["given"], counts["excluded"], counts["failed"] + counts["analysed"]) == (8, 2, 6)
    assert flow["flow_excluded"]["note"] == "no label: 2"
    with (copy / "crossval" / "summary_by_group.csv").open() as file:
        heads = {
            row["group"]: int(row["n"]) + int(row["n_undefined"])
            for row in csv.DictReader(file)
            if (row["by"], row["region"], row["metric"]) == ("sex", "head", "dice")
        }
    assert sum(heads.values()) == 6
    assert set(heads) == {"F", "M"}


def test_killed_training_resumes_from_its_checkpoint(copy):
    dataset, _, plan = opened(copy)
    folder = fold_folder(dataset.workspace, plan, 0)
    shutil.rmtree(folder)
    command = [sys.executable, "-m", "onfh_nnunet", "train", "--work", str(copy), "--fold", "0", "--epochs", "3"]
    child = subprocess.Popen([*command, "--device", "cpu"], start_new_session=True)
    while not (folder / "checkpoint_latest.pth").is_file():
        assert child.poll() is None
        time.sleep(0.2)
    os.killpg(child.pid, signal.SIGKILL)
    child.wait()
    with pytest.raises(TrainingError, match="is not trained"):
        finished_checkpoint(dataset.workspace, plan, 0)
    epochs = []
    assert train(dataset, plan, [0], Device.CPU, 3, epochs.append) == [0]
    assert epochs[0].epoch > 1
    assert epochs[-1].epoch == 3
    assert finished_checkpoint(dataset.workspace, plan, 0).is_file()


def test_fold_begun_for_other_epochs_is_not_mixed(study):
    dataset, _, plan = opened(study / "work")
    with pytest.raises(StaleError, match=r"fold 0: was made with epochs 2, expected 7\. Ask for 2 epochs"):
        train(dataset, plan, [0], Device.CPU, 7, print)


@pytest.mark.parametrize("fold", [-1, 2, 17])
def test_fold_outside_is_refused(fold):
    with pytest.raises(SplitError, match="does not exist"):
        require_fold(fold, 2)


def test_fold_that_another_process_trains_is_left_to_it(copy):
    dataset, _, plan = opened(copy)
    folder = fold_folder(dataset.workspace, plan, 0)
    (folder / "checkpoint_final.pth").unlink()
    before = snapshot(folder)
    with (
        locked(folder, "onfh train", "train another `fold`"),
        pytest.raises(WorkspaceError, match=rf"fold_0.* by another onfh train, process {os.getpid()}.* another `fold`"),
    ):
        train(dataset, plan, [0], Device.CPU, 2, print)
    assert snapshot(folder) == before


def test_untrained_fold_stops_crossval_and_leaves_nothing(copy, onfh):
    dataset, _, plan = opened(copy)
    shutil.rmtree(fold_folder(dataset.workspace, plan, 1))
    shutil.rmtree(copy / "crossval", ignore_errors=True)
    done = onfh("crossval", "--work", copy, check=False)
    assert done.returncode == 1
    assert "fold 1: is not trained" in done.stderr
    assert not (copy / "crossval").exists()


def test_plan_of_another_dataset_is_refused(copy):
    path = copy / "nnUNet_raw/Dataset711_ONFH/dataset.json"
    path.write_text(path.read_text().replace(Dataset.read(Workspace.open(copy)).sha256, "0" * 64))
    with pytest.raises(StaleError, match="the plan"):
        opened(copy)


def test_other_folds_than_those_trained_are_refused(copy):
    dataset, splits, plan = opened(copy)
    other = Splits(tuple(FoldRow(row.case_id, row.patient, row.grade, 1 - row.fold) for row in splits.rows))
    other.write(dataset.workspace.folds_csv)
    was, now = splits.sha256[:12], other.sha256[:12]
    with pytest.raises(StaleError, match=rf"the plan: was made with splits {was}, expected {now}\. Run onfh plan"):
        opened(copy)
    record = copy / "plan.json"
    record.write_text(record.read_text().replace(splits.sha256, other.sha256))
    dataset, _, plan = opened(copy)
    with pytest.raises(StaleError, match=rf"fold 0: was made with splits {was}, expected {now}"):
        finished_checkpoint(dataset.workspace, plan, 0)


def test_missing_case_is_an_error_and_not_a_smaller_n(copy):
    dataset, _, _ = opened(copy)
    dataset.label(dataset.cases[0]).unlink()
    with pytest.raises(WorkspaceError, match="has no label"):
        opened(copy)


def test_training_record_names_plan_and_versions(study):
    dataset, _, plan = opened(study / "work")
    training = Training.read(fold_folder(dataset.workspace, plan, 0))
    assert training == Training.now(plan, 2)


def test_stock_nnunet_reads_the_checkpoints_and_gives_the_same_mask(study, tmp_path):
    dataset, splits, plan = opened(study / "work")
    case = next(case for case in dataset.cases if case.case_id in splits.validation(0))
    (tmp_path / "in").mkdir()
    shutil.copy(dataset.image(case), tmp_path / "in")
    stock = Path(sys.executable).with_name("nnUNetv2_predict_from_modelfolder")
    arguments = ["-i", tmp_path / "in", "-o", tmp_path / "out", "-m", model_folder(dataset.workspace, plan), "-f", "0"]
    flags = ["--disable_tta", "-device", "cpu", "-npp", "1", "-nps", "1"]
    subprocess.run([str(word) for word in (stock, *arguments, *flags)], check=True, capture_output=True)
    theirs = Volume.read(tmp_path / "out" / f"{case.case_id}.nii.gz").array
    model = out_of_fold_model(dataset, plan, 0)
    for engine in (EngineName.TORCH, EngineName.OPENVINO):
        segmenter = HipSegmenter(model, engine_for(model, Device.CPU, engine, exact=True))
        ours = labels_of(segmenter.probabilities(Volume.read(dataset.image(case))))
        assert theirs.any()
        assert (ours == theirs).mean() >= 0.9999


def test_exported_model_predicts_as_the_checkpoints_do(study):
    dataset, splits, plan = opened(study / "work")
    exported = ModelFile.read(study / "model.safetensors")
    assert exported.manifest["patients"] == len({case.patient for case in dataset.cases})
    for fold in range(splits.n_folds):
        trained = out_of_fold_model(dataset, plan, fold).weights[fold]
        carried = exported.model.weights[fold]
        assert all(np.array_equal(trained[name], carried[name]) for name in trained)


def test_every_changed_byte_of_a_model_is_noticed(study, tmp_path):
    whole = (study / "model.safetensors").read_bytes()
    places = [0, 10, len(whole) - 70, len(whole) - 1, *np.random.default_rng(0).integers(0, len(whole), 40).tolist()]
    for place in places:
        changed = bytearray(whole)
        changed[place] ^= 1
        (tmp_path / "x.safetensors").write_bytes(changed)
        with pytest.raises(ModelError):
            ModelFile.read(tmp_path / "x.safetensors")
    (tmp_path / "x.safetensors").write_bytes(whole[:-1])
    with pytest.raises(ModelError):
        ModelFile.read(tmp_path / "x.safetensors")


def test_model_trained_without_mirroring_has_no_tta(study):
    model = ModelFile.read(study / "model.safetensors").model
    engine = engine_for(model, Device.CPU, EngineName.TORCH)
    with pytest.raises(ModelError, match="trained without"):
        HipSegmenter(model, engine, tta=True)


def test_device_that_is_not_here_is_refused():
    import torch

    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    with pytest.raises(DeviceError, match="is not available"):
        resolve_device(Device.CUDA)
    assert resolve_device(Device.AUTO) in (Device.MPS, Device.CPU)


def test_preprocessed_cases_that_were_cut_off_are_refused(copy):
    from onfh_nnunet.nnunet.plan_worker import read_back

    folder = next((copy / "nnUNet_preprocessed" / "Dataset711_ONFH").glob("*3d_fullres*"))
    read_back(folder)
    image = sorted(path for path in folder.glob("*.b2nd") if not path.stem.endswith("_seg"))[0]
    image.write_bytes(image.read_bytes()[: image.stat().st_size * 6 // 10])
    with pytest.raises((RuntimeError, ValueError)):
        read_back(folder)
