"""A model file whose digest is right and whose content is not: refused in one message, whatever it says."""

import copy
import itertools
import json
import os
import random

import numpy as np
import pytest
import torch

from onfh_nnunet.core.choices import EngineName
from onfh_nnunet.core.devices import Device
from onfh_nnunet.core.errors import ModelError
from onfh_nnunet.core.grid import Grid
from onfh_nnunet.core.volume import Volume
from onfh_nnunet.inference.engine import engine_for
from onfh_nnunet.inference.segmenter import HipSegmenter
from onfh_nnunet.models.model import Model
from onfh_nnunet.models.model_card import Card, Score
from onfh_nnunet.models.model_file import BUNDLED_MODEL, ModelFile, write_model_file
from onfh_nnunet.models.nnunet_interop import read_stock, unpack
from onfh_nnunet.models.schema import to_json
from onfh_nnunet.models.validation import TRANSPOSES, require_supported
from onfh_nnunet.workflows.calibration import CalibratedIntervals, calibrated_intervals
from onfh_nnunet.workflows.model import about_lines
from tests.helpers.calibrations import RANGES
from tests.helpers.calibrations import calibration as made_calibration
from tests.helpers.model_forge import forged, joined, split
from tests.helpers.small_model import DATASET, PLANS, small_model

INF, NAN = float("inf"), float("nan")
CARD = Card(
    licence="CC-BY-4.0",
    training={"preset": "paper", "epochs": 1000},
    hips=63,
    patients=50,
    grades={"none": 0, "A": 22, "B": 23, "C": 18},
    sides={"L": 30, "R": 33},
    spacing_mm=((1.0, 1.0), (1.25, 1.25), (0.5, 1.25)),
    crossval=(
        Score("necrosis", "dice", 63, 0, 0.89, 0.85, 0.92),
        Score("necrosis", "volume_error_ml", 63, 0, -0.1, -1.0, 1.0),
        Score("head", "assd_mm", 0, 63, None, None, None),
    ),
    calibration=made_calibration(20, 30).to_json(),
    applicability=RANGES.to_json(),
    caution="for trying out",
)


def parts(model):
    """Manifest, plans and dataset of a model file, to be changed."""
    manifest = CARD.to_json() | {
        "folds": sorted(model.weights),
        "mirroring_axes": model.mirroring_axes,
        "data_format": model.data_format,
    }
    return json.loads(to_json({"manifest": manifest, "plans": model.plans, "dataset": model.dataset}))


def forge(path, changed, weights):
    """A file in which every digest is right."""
    path.write_bytes(forged(changed["manifest"], changed["plans"], changed["dataset"], weights))
    return path


def changed(keys, value):
    """The parts of the small model, of which one value is another one."""
    made = parts(small_model(0, 2))
    place = made
    for key in keys[:-1]:
        place = place[key]
    place[keys[-1]] = value
    return made


def read(path):
    """As `onfh model` and `onfh predict` read it."""
    model_file = ModelFile.read(path)
    return model_file, calibrated_intervals(model_file, path)


def test_the_unchanged_file_is_read(tmp_path):
    path = forge(tmp_path / "x.safetensors", parts(small_model(0, 2)), small_model(0, 2).weights)
    model_file, calibration = read(path)
    assert json.dumps(model_file.card.to_json()) == json.dumps(CARD.to_json())
    assert calibration == CalibratedIntervals(made_calibration(20, 30), RANGES)
    written = write_model_file(tmp_path / "y.safetensors", small_model(0, 2), CARD)
    assert written.manifest["data_format"] == model_file.manifest["data_format"]


PLAN = ("plans", "configurations", "3d_fullres")
NETWORK = (*PLAN, "architecture", "arch_kwargs")
SCORE, CALIBRATION = ("manifest", "crossval", 0), ("manifest", "calibration")
ANOTHER_ORDER = {"background": 0, "necrosis": 2, "femoral_head": [1, 2]}
OTHER_NAMES = {"background": 0, "necrosis": [1, 2], "femoral_head": 2}


@pytest.mark.parametrize(
    ("keys", "value", "match"),
    [
        (("manifest", "folds"), [INF], "folds inf, expected a whole number"),
        (("manifest", "folds"), [0] * 1_000_000, "folds"),
        (("manifest", "folds"), [-1], "folds -1, expected a whole number"),
        (("manifest", "folds"), [0, 0], "each one once"),
        (("manifest", "folds"), [True], "folds True, expected a whole number"),
        (("manifest", "folds"), [0], r"has a tensor 'fold_2/.*', expected only those of fold_0"),
        (("manifest", "folds"), {}, "expected a list"),
        (("manifest", "mirroring_axes"), [1, 0], "mirroring axes"),
        (("manifest", "mirroring_axes"), [0, 0], "mirroring axes"),
        (("manifest", "mirroring_axes"), [0, 1.0], "mirroring axes"),
        (("manifest", "mirroring_axes"), [0, 1, 2], "mirroring_axes .* was exported with"),
        (("manifest", "onfh_nnunet"), "\x1b[2J", "printable"),
        (("manifest", "data_format"), None, "data_format"),
        ((*NETWORK, "n_conv_per_stage"), [10**9, 1], "n_conv_per_stage 1000000000, expected a whole number"),
        ((*NETWORK, "n_conv_per_stage"), [1, 1, 1], "a list of 2 values"),
        ((*NETWORK, "n_conv_per_stage"), [2, 1], "do not fit its plan"),
        ((*NETWORK, "n_stages"), 10**9, "n_stages"),
        ((*NETWORK, "n_stages"), 2.0, "n_stages"),
        ((*NETWORK, "features_per_stage"), [2, 10**6], "features_per_stage"),
        ((*NETWORK, "features_per_stage"), [2, 4], "do not fit its plan"),
        ((*NETWORK, "kernel_sizes"), [[1, 3, 3], [3, 3, 1001]], "kernel_sizes"),
        ((*NETWORK, "kernel_sizes"), [[3, 3, 1], [3, 3, 3]], "do not fit its plan"),
        ((*NETWORK, "strides"), [[1, 1, 1], [2, 2, 0]], "strides"),
        ((*NETWORK, "strides"), [[1, 1, 1], [1, 2, 2]], "do not fit its plan"),
        ((*NETWORK, "strides"), [[2, 2, 2], [2, 2, 2]], "first stride"),
        ((*NETWORK, "conv_bias"), 1, "conv_bias"),
        ((*NETWORK, "norm_op_kwargs"), {"eps": 1.0, "affine": True}, "norm_op_kwargs"),
        ((*NETWORK, "norm_op"), None, "norm_op"),
        ((*NETWORK, "nonlin_kwargs"), {"inplace": True, "negative_slope": -1}, "nonlin_kwargs"),
        ((*NETWORK, "evil"), 1, "arch_kwargs with 'evil'"),
        ((*PLAN, "architecture", "_kw_requires_import"), ["conv_op"], "_kw_requires_import"),
        ((*PLAN, "inherits_from"), "2d", "with 'inherits_from'"),
        ((*PLAN, "previous_stage"), "3d_lowres", "with 'previous_stage'"),
        ((*PLAN, "patch_size"), [512] * 3, "no more than twice the box"),
        ((*PLAN, "patch_size"), [0, 8, 8], "patch of 1 to 512 voxels"),
        ((*PLAN, "patch_size"), [8, 8, 10**30], "patch of 1 to 512 voxels"),
        ((*PLAN, "patch_size"), [8, 8, 15], "a multiple of the strides"),
        ((*PLAN, "patch_size"), [2, 2, 2], "more than one voxel in the last stage"),
        ((*PLAN, "patch_size"), [8, 8, 8], "patch_size .* was exported with"),
        ((*PLAN, "spacing"), [0.1] * 3, "from 0.3 to 10 mm"),
        ((*PLAN, "spacing"), [1e9] * 3, "from 0.3 to 10 mm"),
        ((*PLAN, "spacing"), [NAN, 1, 1], "from 0.3 to 10 mm"),
        ((*PLAN, "spacing"), [2.0, 1.5, 1.1], "spacing .* was exported with"),
        ((*PLAN, "spacing"), [0.3, 0.3, 0.3], "needs .* patches for a hip"),
        ((*PLAN, "normalization_schemes"), ["NoNormalization"], "normalisation of channel MR"),
        ((*PLAN, "normalization_schemes"), [], "normalisation of channel MR"),
        ((*PLAN, "use_mask_for_norm"), [True], "use_mask_for_norm .* was exported with"),
        ((*PLAN, "use_mask_for_norm"), [None], "use_mask_for_norm"),
        ((*PLAN, "resampling_fn_data"), "resample_torch_fornnunet", "resampling_fn_data_kwargs"),
        ((*PLAN, "resampling_fn_data_kwargs", "order"), 10**9, "resampling_fn_data_kwargs"),
        ((*PLAN, "resampling_fn_data_kwargs", "is_seg"), True, "resampling_fn_data_kwargs"),
        ((*PLAN, "resampling_fn_probabilities_kwargs", "evil"), 1, "resampling_fn_probabilities_kwargs"),
        (("plans", "transpose_forward"), [2, 1, 0], "transpose_forward"),
        (("plans", "transpose_forward"), [1, 0, 2], "transpose_backward"),
        (("plans", "transpose_backward"), [2, 1, 0], "transpose_backward"),
        (("plans", "transpose_forward"), None, "transpose_forward"),
        (("plans", "foreground_intensity_properties_per_channel"), {"1": {}}, "those of channel 0"),
        (("dataset", "channel_names"), {"0": "CT"}, "normalisation of channel CT"),
        (("dataset", "channel_names"), {"0": "T1"}, "channels .* was exported with"),
        (("dataset", "channel_names"), {"0": 7}, "channel 7, expected one line"),
        (("dataset", "channel_names"), {"1": "MR"}, "expected one"),
        (("dataset", "labels"), ANOTHER_ORDER, "has labels"),
        (("dataset", "labels"), OTHER_NAMES, "has labels"),
        (("dataset", "labels"), {"background": 0, "femoral_head": [2, 1], "necrosis": 2}, "has labels"),
        (("dataset", "labels"), {"background": False, "femoral_head": [1, 2], "necrosis": 2}, "has labels"),
        (("dataset", "labels"), {**DATASET["labels"], "ignore": 2}, "has labels"),
        (("dataset", "regions_class_order"), [2, 1], "has labels"),
        (("dataset", "regions_class_order"), [1.0, 2], "has labels"),
        (("dataset", "onfh_hip_box_mm"), NAN, "from 40 to 300 mm"),
        (("dataset", "onfh_hip_box_mm"), 72.0, "onfh_hip_box_mm 72.0, and was exported with 96.0"),
        ((*SCORE, "region"), "\x1b]0;title\x07", "printable"),
        ((*SCORE, "metric"), "a\nb", "printable"),
        ((*SCORE, "n"), 10**12, "hips of dice"),
        ((*SCORE, "median"), INF, "dice inf"),
        ((*SCORE, "median"), 1.5, "dice 1.5, expected a number from 0 to 1"),
        ((*SCORE, "median"), 0.84, "quartiles in order"),
        ((*SCORE, "median"), None, "dice None, expected a number"),
        (("manifest", "crossval"), {}, "a list of"),
        (("manifest", "hips"), -3, "hips -3"),
        (("manifest", "hips"), 62, "62 in all"),
        (("manifest", "patients"), 64, "no more than the hips"),
        (("manifest", "grades", "D"), 0, "counts of none, A, B, C"),
        (("manifest", "sides", "L"), 31, "63 in all"),
        (("manifest", "spacing_mm"), [[2.0, 1.0]] * 3, "least and greatest"),
        (("manifest", "spacing_mm"), [[NAN, 1.0]] * 3, "spacing_mm nan"),
        (("manifest", "training", "epochs"), [[]], "training epochs"),
        (("manifest", "training", "a\x7f"), 1, "printable"),
        (("manifest", "licence"), "x" * 10**6, "up to 200 characters"),
        (("manifest", "licence"), "a\u202eb", "printable"),
        (("manifest", "caution"), "\x1b[8m", "printable"),
        (("manifest", "caution"), "\ud800", "printable"),
        ((*CALIBRATION, "n_patients"), 8, "from 8 patients, expected 9 or more"),
        ((*CALIBRATION, "n_patients"), 31, "is not of method"),
        ((*CALIBRATION, "n_patients"), 19, "20 patients of one grade, expected up to 19"),
        ((*CALIBRATION, "n_patients"), 20.0, "a whole number"),
        ((*CALIBRATION, "patients_B"), -1, "a whole number"),
        ((*CALIBRATION, "reach_B"), 0.0, "a reach of 0.0 for grade B"),
        ((*CALIBRATION, "reach_A"), 1e-9, "a reach of 1e-09 for grade A"),
        ((*CALIBRATION, "reach_C"), NAN, "reach_C nan"),
        ((*CALIBRATION, "reach_none"), -1.0, "reach of grade none -1.0"),
        ((*CALIBRATION, "reach_none"), None, "is not of method"),
        ((*CALIBRATION, "spread_0"), 0.0, "spreads above 0"),
        ((*CALIBRATION, "spread_100"), "1", "spread_100 '1'"),
        ((*CALIBRATION, "centre_100"), -1.0, "a centre that rises"),
        ((*CALIBRATION, "centre_0"), 1e9, "centre_0 1000000000.0"),
        ((*CALIBRATION, "level"), 0.96, "from 20 patients, expected 24 or more"),
        ((*CALIBRATION, "level"), 1e-9, "level"),
        ((*CALIBRATION, "method"), "other", "is of the method 'other', expected 'conformal-by-true-grade'"),
        ((*CALIBRATION, "method"), "hierarchical-conformal-arcsine", "Export the model again with onfh export"),
        ((*CALIBRATION, "more"), 1, "cannot be read"),
        (CALIBRATION, {}, "cannot be read"),
        (CALIBRATION, [], "calibration"),
    ],
)
def test_a_value_that_is_not_so_is_refused(tmp_path, keys, value, match):
    path = forge(tmp_path / "x.safetensors", changed(keys, value), small_model(0, 2).weights)
    with pytest.raises(ModelError, match=match) as refusal:
        read(path)
    assert str(path) in refusal.value.subject
    assert str(refusal.value).isprintable()
    assert len(str(refusal.value)) < 1000


def test_a_file_without_data_format_is_refused(tmp_path):
    made = parts(small_model(0))
    del made["manifest"]["data_format"]
    with pytest.raises(ModelError, match="has data_format None, expected an object of axes"):
        ModelFile.read(forge(tmp_path / "x.safetensors", made, small_model(0).weights))


def planned(spacing):
    """The orders of axes that nnU-Net's own planner chooses for a spacing (z, y, x)."""
    from nnunetv2.experiment_planning.experiment_planners.default_experiment_planner import ExperimentPlanner

    planner = object.__new__(ExperimentPlanner)
    planner.suppress_transpose, planner.overwrite_target_spacing = False, list(spacing)
    return [[int(axis) for axis in order] for order in planner.determine_transpose()]


def axes_are_accepted(forward, backward, spacing):
    model = small_model(spacing=list(spacing), patch_size=[8, 16, 16])
    plans = model.plans | {"transpose_forward": forward, "transpose_backward": backward}
    try:
        require_supported(Model(plans, model.dataset, None, {0: {}}), "case")
    except ModelError as error:
        return "transpose_" not in error.problem
    return True


def test_axes_are_taken_as_nnunet_plans_them_and_no_other_way():
    """nnU-Net's planner is the reference: what it chooses for a spacing is accepted, any other orders are not."""
    orders = [list(order) for order in itertools.permutations(range(3))]
    for transposed in itertools.product((1.0, 2.0, 4.0), repeat=3):
        for forward, backward in itertools.product(orders, repeat=2):
            original = [transposed[backward[axis]] for axis in range(3)]
            as_planned = planned(original) == [forward, backward]
            kept = forward == backward == [0, 1, 2]  # nnU-Net may be told to leave the axes as they are
            assert axes_are_accepted(forward, backward, transposed) == (as_planned or kept)


def test_every_order_of_axes_goes_with_its_inverse():
    array = np.arange(24).reshape(2, 3, 4)
    for forward, backward in TRANSPOSES.items():
        assert (array.transpose(forward).transpose(backward) == array).all()


def spoilt(spoil):
    weights = dict(small_model(0).weights[0])
    spoil(weights)
    return Model(PLANS, DATASET, (0, 1), {0: weights})


BIAS = "decoder.seg_layers.0.bias"
CONVOLUTION = "encoder.stages.0.0.convs.0.conv.weight"


def replaced(name, change):
    return lambda weights: weights.update({name: change(weights[name])})


def not_a_number(weights):
    weights[BIAS][1] = NAN


@pytest.mark.parametrize(
    ("spoil", "match"),
    [
        (not_a_number, "fold 0: has weights that are not finite, in decoder"),
        (replaced(BIAS, lambda bias: torch.full_like(bias, -INF)), "not finite"),
        (replaced(BIAS, lambda bias: torch.full_like(bias, 1e30)), r"weights up to 1e\+30"),
        (replaced(BIAS, lambda bias: bias.bfloat16()), "is torch.bfloat16, expected torch.float32"),
        (replaced(BIAS, lambda bias: bias.double()), "is torch.float64"),
        (replaced(BIAS, lambda bias: bias[:1]), r"is \(1,\), expected \(2,\)"),
        (replaced(CONVOLUTION, lambda weight: weight.clone() + 1), "and encoder.* differ|and decoder.* differ"),
        (lambda weights: weights.pop(BIAS), "lacks 'decoder.seg_layers.0.bias'"),
        (lambda weights: weights.update(more=torch.zeros(1)), "it has 'more'"),
    ],
)
def test_weights_that_are_not_those_of_the_network_are_refused(tmp_path, spoil, match):
    model = spoilt(spoil)
    with pytest.raises(ModelError, match=match):
        ModelFile.read(forge(tmp_path / "x.safetensors", parts(model), model.weights))
    with pytest.raises(ModelError, match=match):
        write_model_file(tmp_path / "y.safetensors", model, Card())
    assert not (tmp_path / "y.safetensors").exists()


def test_two_tensors_stored_as_one_are_refused(tmp_path):
    names = [f"encoder.stages.0.0.convs.0.norm.{name}" for name in ("weight", "bias")]
    model = small_model(0)
    shared = {tensor.data_ptr() for name, tensor in model.weights[0].items() if name in names}
    one = model.weights[0][names[0]]
    weights = {name: one if tensor.data_ptr() in shared else tensor for name, tensor in model.weights[0].items()}
    with pytest.raises(ModelError, match="two of its tensors are stored as one"):
        ModelFile.read(forge(tmp_path / "x.safetensors", parts(model), {0: weights}))


def test_names_that_stand_for_no_tensor_or_for_two_are_refused(tmp_path):
    write_model_file(tmp_path / "x.safetensors", small_model(0), Card())
    header, data = split((tmp_path / "x.safetensors").read_bytes())
    further = json.loads(header["__metadata__"]["further_names"])
    stored = next(name for name in header if name != "__metadata__")
    alias = next(iter(further))
    for change, match in (
        ({stored: stored}, "two tensors of the name"),
        ({alias: alias}, "is not one of its tensors"),
        ({alias: "absent"}, "is not one of its tensors"),
        ({alias: 3}, "is not one of its tensors"),
    ):
        (tmp_path / "x.safetensors").write_bytes(joined(header, data, further_names=json.dumps(further | change)))
        with pytest.raises(ModelError, match=match):
            ModelFile.read(tmp_path / "x.safetensors")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="Windows has no named pipes")
def test_what_is_no_regular_file_is_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", os.devnull, "/dev/zero"):
        with pytest.raises(ModelError, match="is not a regular file"):
            ModelFile.read(tmp_path / path)


def test_sparse_files_are_refused_before_they_are_read(tmp_path):
    path = tmp_path / "x.safetensors"
    whole = write_model_file(path, small_model(0), Card()) and path.read_bytes()
    for size, start, match in (
        (2**40, whole, "has 1099511627776 bytes, expected a model file"),
        (2**32, whole, "has tensors that are not as its header says"),
        (2**32, (2**32 - 8).to_bytes(8, "little") + whole[8:], "a header of 4294967288 bytes, expected up to 10000000"),
        (2**32, (2**63).to_bytes(8, "little") + whole[8:], "a header of 9223372036854775808 bytes"),
        (2**32, b"", "is not a safetensors file"),
    ):
        with path.open("wb") as file:
            file.write(start)
            file.truncate(size)
        with pytest.raises(ModelError, match=match):
            ModelFile.read(path)


def test_json_without_end_is_refused(tmp_path):
    path, manifest = tmp_path / "x.safetensors", parts(small_model())["manifest"] | {"folds": []}
    for text in ("[" * 100 + "]" * 100, '{"a":' * 60 + "1" + "}" * 60, '{"a":' + "9" * 5000 + "}"):
        path.write_bytes(forged(manifest, text, DATASET, {}))
        with pytest.raises(ModelError, match="is damaged"):
            ModelFile.read(path)
    path.write_bytes(forged(manifest, " " * 10_000_001, DATASET, {}))
    with pytest.raises(ModelError, match=r"has a header of 1000\d+ bytes, expected up to 10000000"):
        ModelFile.read(path)


@pytest.fixture
def stock(tmp_path):
    unpack(write_model_file(tmp_path / "x.safetensors", small_model(0), CARD), tmp_path / "stock")
    return tmp_path / "stock"


def test_result_folders_are_checked_alike(stock):
    checkpoint = stock / "fold_0" / "checkpoint_final.pth"
    sound = checkpoint.read_bytes()
    content = torch.load(checkpoint, weights_only=True)
    content["network_weights"][BIAS][0] = NAN
    torch.save(content, checkpoint)
    with pytest.raises(ModelError, match=r"fold_0: has weights that are not finite"):
        read_stock(stock)
    checkpoint.write_bytes(sound)
    for name, key, value in (
        ("plans.json", "transpose_forward", [2, 1, 0]),
        ("plans.json", "plans_name", "\x1b[2J"),
        ("dataset.json", "regions_class_order", [2, 1]),
        ("dataset.json", "numTraining", -1),
    ):
        before = (stock / name).read_text()
        (stock / name).write_text(json.dumps(json.loads(before) | {key: value}))
        with pytest.raises(ModelError, match=rf"has .*{'labels' if key == 'regions_class_order' else ''}.*expected"):
            read_stock(stock)
        (stock / name).write_text(before)
    read_stock(stock)


def test_plans_of_an_older_version_are_completed(stock):
    network = PLANS["configurations"]["3d_fullres"]["architecture"]["arch_kwargs"]
    old = {key: value for key, value in PLANS["configurations"]["3d_fullres"].items() if key != "architecture"}
    old |= {"UNet_class_name": "PlainConvUNet", "UNet_base_num_features": 2, "unet_max_num_features": 3}
    old |= {"n_conv_per_stage_encoder": [1, 1], "n_conv_per_stage_decoder": [1], "num_pool_per_axis": [1, 1, 1]}
    old |= {"pool_op_kernel_sizes": network["strides"], "conv_kernel_sizes": network["kernel_sizes"]}
    (stock / "plans.json").write_text(json.dumps(PLANS | {"configurations": {"3d_fullres": old}}))
    assert read_stock(stock)[0].plans == PLANS


def test_plans_of_an_older_version_are_bounded_before_they_are_completed(stock):
    """nnU-Net doubles the number of features for each stage: of a text, this is a text of any length."""
    old = {"UNet_class_name": "PlainConvUNet", "n_conv_per_stage_encoder": [1] * 40, "patch_size": [8, 8, 8]}
    old |= {"UNet_base_num_features": "a", "unet_max_num_features": "b"}
    (stock / "plans.json").write_text(json.dumps(PLANS | {"configurations": {"3d_fullres": old}}))
    with pytest.raises(ModelError, match=r"plans\.json: has (UNet|unet|n_conv)"):
        read_stock(stock)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="Windows has no named pipes")
@pytest.mark.parametrize("name", ["plans.json", "dataset.json", "fold_0/checkpoint_final.pth"])
def test_pipes_in_a_result_folder_are_refused_at_once(stock, name):
    (stock / name).unlink()
    os.mkfifo(stock / name)
    with pytest.raises(ModelError, match="is not a regular file"):
        read_stock(stock)


def test_markup_in_a_card_is_printed_as_it_is(tmp_path, capsys):
    from onfh_nnunet.cli.model import model

    score = Score("[/]", "[bold]x[/bold] [link=http://a]", 1, 0, 1.0, 1.0, 1.0)
    write_model_file(tmp_path / "x.safetensors", small_model(0), Card(licence="[red]mine[/red]", crossval=(score,)))
    model(tmp_path / "x.safetensors")
    text = capsys.readouterr().out
    for said in ("[/]", "[bold]x[/bold] [link=http://a]", "[red]mine[/red]"):
        assert said in text
    assert "detects damage; it does not prove who made the file" in text


# The same for values that nobody thought of: whatever is accepted predicts the same numbers and is printed.

STRANGE = (
    *(None, True, False, 0, 1, -1, 2, 3, 16, 10**9, 10**400, -0.0, 0.5, 1.0, 1e-300, 1e308, INF, -INF, NAN),
    *("", "a", "[/]", "\x1b[2J", "\x00", "\ud800", "x" * 5000, "os.system", "LabelManager", "torch.nn.LeakyReLU"),
    *([], [0], [[]], [1, 1, 1], [2, 1, 0], [0.5] * 3, [None], {}, {"a": 1}, {"0": "MR"}, [[2, 2, 2]] * 2, [10**9] * 3),
)
GRID = Grid((12, 14, 20), (2.0, 1.5, 1.0), (0.0, 0.0, 0.0), ((0.0, 0.0, 1.0), (0.0, 1.0, 0.0), (1.0, 0.0, 0.0)))
MUTANTS = 500


def places(value, keys=()):
    """Where in nested objects and lists there is a value."""
    for key in value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        yield (*keys, key)
        yield from places(value[key], (*keys, key))


def mutate(made, rng):
    """Change one value: to a strange one, to a scaled one, to another one of the file, or to none."""
    (*keys, key), (*others, other) = (
        rng.choice([keys for keys in places(made) if len(keys) > 1]),
        rng.choice([*places(made)]),
    )
    place, source = made, made
    for each in keys:
        place = place[each]
    for each in others:
        source = source[each]
    value, kind = place[key], rng.randrange(6)
    if kind == 0:
        del place[key]
    elif kind == 1 and isinstance(place, dict):
        place[f"{key}_2"] = rng.choice(STRANGE)
    elif kind == 2 and type(value) in (int, float):
        place[key] = value * rng.choice((2, -1, 0.5, 1.001, 10**6))
    elif kind == 3:
        place[key] = copy.deepcopy(source[other])
    elif kind == 4 and isinstance(value, list) and value:
        place[key] = rng.choice((value[::-1], value * 2, value[:-1], value * 10_000))
    else:
        place[key] = rng.choice(STRANGE)


def probabilities(model):
    scan = Volume(np.random.default_rng(0).normal(100, 20, GRID.size).astype(np.float32), GRID)
    return HipSegmenter(model, engine_for(model, Device.CPU, EngineName.TORCH, exact=True)).probabilities(scan)


@pytest.fixture
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # for tensors this small more of them only wait for each other
    yield
    torch.set_num_threads(threads)


@pytest.mark.usefixtures("one_thread")
def test_any_other_value_is_refused_or_changes_no_prediction(tmp_path):
    rng, model = random.Random(1), small_model(0)
    expected, accepted = probabilities(model), 0
    for _ in range(MUTANTS):
        made = parts(model)
        mutate(made, rng)
        forge(tmp_path / "x.safetensors", made, model.weights)
        try:
            model_file, calibration = read(tmp_path / "x.safetensors")
        except ModelError:
            continue
        accepted += 1
        assert all(said.isprintable() for _, said in about_lines(tmp_path / "x.onfh", model_file, calibration)), made
        assert np.array_equal(probabilities(model_file.model), expected), made
    assert 0 < accepted < MUTANTS / 3


def test_the_bundled_model_states_its_data_format():
    model_file = ModelFile.read(BUNDLED_MODEL)
    assert model_file.manifest["data_format"] == json.loads(to_json(model_file.model.data_format))
