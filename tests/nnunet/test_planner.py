"""nnU-Net's plan held to a number of stages stays a plan that fits together."""

import json

import numpy as np
import pytest
import torch

from onfh_nnunet.core.errors import TrainingError
from onfh_nnunet.core.hip_crop import HIP_BOX_KEY, HIP_BOX_MM
from onfh_nnunet.models.model import Model
from onfh_nnunet.models.schema import from_json, to_json
from onfh_nnunet.models.validation import LABELS, require_supported
from onfh_nnunet.nnunet.planner import FiveStagePlanner, LaptopPlanner, QuickPlanner, nnUNetPlannerResEncM

SCANS = {  # spacing z, y, x in mm and the median size of the hips' boxes
    "Osaka SPGR": ((1.25, 1.0, 1.25), (57, 72, 57)),
    "fine isotropic": ((0.8, 0.8, 0.8), (90, 90, 90)),
    "very fine, six stages by default": ((0.4, 0.4, 0.4), (180, 180, 180)),
    "axial 3.6 mm slabs": ((3.6, 1.6, 1.6), (20, 45, 45)),
    "axial 4 mm slices of 1.5 mm": ((4.0, 1.5, 1.5), (18, 48, 48)),
    "coronal 5 mm slices": ((0.8, 5.0, 0.8), (90, 14, 90)),
    "isotropic 2 mm": ((2.0, 2.0, 2.0), (36, 36, 36)),
    "coronal 2D": ((0.6, 3.0, 0.6), (120, 24, 120)),
}


@pytest.fixture
def planned(tmp_path, monkeypatch, capsys):
    def plan(planner_class, spacing, size, box_mm=HIP_BOX_MM, kept=1.0):
        raw, preprocessed = tmp_path / "raw" / "Dataset711_ONFH", tmp_path / "pre" / "Dataset711_ONFH"
        for folder in (raw / "imagesTr", raw / "labelsTr", preprocessed):
            folder.mkdir(parents=True, exist_ok=True)
        for name in ("imagesTr/P1_R_0000.nii.gz", "labelsTr/P1_R.nii.gz"):
            (raw / name).write_bytes(b"")
        monkeypatch.setenv("nnUNet_raw", str(tmp_path / "raw"))
        monkeypatch.setenv("nnUNet_preprocessed", str(tmp_path / "pre"))
        monkeypatch.setenv("nnUNet_results", str(tmp_path / "results"))
        labels = {"background": 0, "femoral_head": [1, 2], "necrosis": 2}
        dataset = {"channel_names": {"0": "MR"}, "labels": labels, "numTraining": 63, "file_ending": ".nii.gz"}
        dataset[HIP_BOX_KEY] = box_mm
        (raw / "dataset.json").write_text(json.dumps(dataset))
        fingerprint = {"spacings": [spacing], "shapes_after_crop": [size], "median_relative_size_after_cropping": kept}
        (preprocessed / "dataset_fingerprint.json").write_text(json.dumps(fingerprint))
        planner = planner_class(711)
        return planner.get_plans_for_configuration(np.array(spacing), np.array(size), "id", 63 * np.prod(size), {})

    return plan


@pytest.mark.parametrize("scan", SCANS.values(), ids=SCANS)
@pytest.mark.parametrize("planner_class", [FiveStagePlanner, QuickPlanner])
def test_plan_has_its_stages_and_its_network_runs_on_its_patch(planned, planner_class, scan):
    from nnunetv2.utilities.get_network_from_plans import get_network_from_plans

    plan = planned(planner_class, *scan)
    network = plan["architecture"]["arch_kwargs"]
    n = planner_class.n_stages
    assert network["n_stages"] == n
    for stagewise in ("features_per_stage", "kernel_sizes", "strides", "n_conv_per_stage"):
        assert len(network[stagewise]) == n
    assert len(network["n_conv_per_stage_decoder"]) == n - 1
    assert not np.any(np.array(plan["patch_size"]) % np.prod(network["strides"], axis=0))
    with torch.device("meta"):
        architecture = plan["architecture"]
        unet = get_network_from_plans(
            architecture["network_class_name"], network, architecture["_kw_requires_import"], 1, 2, allow_init=False
        )
        assert unet(torch.zeros(1, 1, *plan["patch_size"])).shape == (1, 2, *plan["patch_size"])


def test_paper_plan_of_usual_scans_is_nnunets_own(planned):
    from nnunetv2.experiment_planning.experiment_planners.default_experiment_planner import ExperimentPlanner

    scan = SCANS["Osaka SPGR"]  # five stages by nnU-Net's own rule
    assert str(planned(FiveStagePlanner, *scan)) == str(planned(ExperimentPlanner, *scan))


def test_six_stages_by_default_become_five(planned):
    from nnunetv2.experiment_planning.experiment_planners.default_experiment_planner import ExperimentPlanner

    scan = SCANS["very fine, six stages by default"]
    stock, held = planned(ExperimentPlanner, *scan), planned(FiveStagePlanner, *scan)
    assert stock["architecture"]["arch_kwargs"]["n_stages"] == 6
    assert held["patch_size"] == stock["patch_size"]


def test_scans_too_small_for_five_stages_are_refused(planned):
    with pytest.raises(TrainingError, match="expected 5"):
        planned(FiveStagePlanner, (4.0, 4.0, 4.0), (12, 12, 12))


@pytest.mark.parametrize("scan", SCANS.values(), ids=SCANS)
@pytest.mark.parametrize("planner_class", [FiveStagePlanner, QuickPlanner, nnUNetPlannerResEncM])
def test_plan_is_one_that_a_model_file_may_hold(planned, planner_class, scan):
    """The bounds of model files refuse nothing that our presets plan."""
    from nnunetv2.utilities.json_export import recursive_fix_for_json_export

    plans = {
        "transpose_forward": [0, 1, 2],
        "transpose_backward": [0, 1, 2],
        "foreground_intensity_properties_per_channel": {"0": {}},
        "configurations": {"3d_fullres": planned(planner_class, *scan) | {"batch_dice": False}},
    }
    recursive_fix_for_json_export(plans)  # as nnU-Net writes them
    labels = {"channel_names": {"0": "MR"}, "labels": LABELS, "regions_class_order": [1, 2], HIP_BOX_KEY: HIP_BOX_MM}
    require_supported(Model(from_json("plans", to_json(plans)), labels, None, {0: {}}), "case")


LAPTOP = {
    "batch_size": 2,
    "patch_size": [48, 48, 48],
    "spacing": [1.5, 1.5, 1.5],
    "normalization_schemes": ["ZScoreNormalization"],
    "use_mask_for_norm": [False],
    "architecture": {
        "network_class_name": "dynamic_network_architectures.architectures.unet.PlainConvUNet",
        "arch_kwargs": {
            "n_stages": 5,
            "features_per_stage": [16, 32, 64, 128, 160],
            "conv_op": "torch.nn.modules.conv.Conv3d",
            "kernel_sizes": [[3, 3, 3]] * 5,
            "strides": [[1, 1, 1], *[[2, 2, 2]] * 4],
            "n_conv_per_stage": [2] * 5,
            "n_conv_per_stage_decoder": [1] * 4,
            "conv_bias": True,
            "norm_op": "torch.nn.modules.instancenorm.InstanceNorm3d",
            "norm_op_kwargs": {"eps": 1e-5, "affine": True},
            "dropout_op": None,
            "dropout_op_kwargs": None,
            "nonlin": "torch.nn.LeakyReLU",
            "nonlin_kwargs": {"inplace": True},
        },
        "_kw_requires_import": ["conv_op", "norm_op", "dropout_op", "nonlin"],
    },
}


@pytest.mark.parametrize("kept", [1.0, 0.4], ids=["full", "much empty space around the patient"])
@pytest.mark.parametrize("scan", [*SCANS.values(), ((9.0, 9.0, 9.0), (6, 8, 7))], ids=[*SCANS, "hardly a head"])
def test_laptop_has_one_plan_for_every_cohort(planned, scan, kept):
    from nnunetv2.utilities.json_export import recursive_fix_for_json_export

    spacing, size = scan
    resampled = np.rint(np.multiply(spacing, size) / 1.5)
    plan = planned(LaptopPlanner, (1.5, 1.5, 1.5), tuple(resampled), kept=kept)
    recursive_fix_for_json_export(plan)
    plan = json.loads(json.dumps(plan))
    assert {key: plan[key] for key in LAPTOP} == LAPTOP
    plans = {
        "transpose_forward": [0, 1, 2],
        "transpose_backward": [0, 1, 2],
        "foreground_intensity_properties_per_channel": {"0": {}},
        "configurations": {"3d_fullres": plan | {"batch_dice": False}},
    }
    labels = {"channel_names": {"0": "MR"}, "labels": LABELS, "regions_class_order": [1, 2], HIP_BOX_KEY: HIP_BOX_MM}
    require_supported(Model(from_json("plans", to_json(plans)), labels, None, {0: {}}), "case")


def test_laptop_refuses_hips_in_another_box(planned):
    match = r"the dataset: has hips in boxes of 96\.0 mm, expected 72, .*Run onfh convert again"
    with pytest.raises(TrainingError, match=match):
        planned(LaptopPlanner, (1.5, 1.5, 1.5), (64, 64, 64), box_mm=96.0)


def test_presets_of_the_command_line_are_those_that_can_be_planned():
    from onfh_nnunet.core.choices import PresetName
    from onfh_nnunet.nnunet import planner
    from onfh_nnunet.study.preset import PRESETS

    assert set(PRESETS) == set(PresetName)
    assert all(hasattr(planner, preset.planner) for preset in PRESETS.values())
