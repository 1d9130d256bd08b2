"""Engines agree with torch and with each other; tiles and mirror images are averaged as nnU-Net does."""

import re

import numpy as np
import pytest
import torch
from dynamic_network_architectures.architectures.unet import PlainConvUNet, ResidualEncoderUNet
from torch import nn

from onfh_nnunet.core.choices import EngineName
from onfh_nnunet.core.devices import Device
from onfh_nnunet.core.errors import DeviceError, ModelError
from onfh_nnunet.inference.engine import engine_for
from onfh_nnunet.inference.engine.graph import build_graph
from onfh_nnunet.inference.segmenter import HipSegmenter
from onfh_nnunet.models.model import Model
from onfh_nnunet.models.network import build_network

NORM = {
    "conv_bias": True,
    "norm_op": nn.InstanceNorm3d,
    "norm_op_kwargs": {"eps": 1e-5, "affine": True},
    "nonlin": nn.LeakyReLU,
    "nonlin_kwargs": {"inplace": True},
}
STAGES = {"n_stages": 3, "features_per_stage": [4, 8, 12], "kernel_sizes": [[1, 3, 3], [3, 3, 3], [3, 3, 3]]}
STRIDES = [[1, 1, 1], [1, 2, 2], [2, 2, 2]]
PATCH = (16, 16, 24)


def plain():
    return PlainConvUNet(1, **STAGES, conv_op=nn.Conv3d, strides=STRIDES, n_conv_per_stage=[2, 1, 2], num_classes=2,
                         n_conv_per_stage_decoder=[2, 1], **NORM)  # fmt: skip


def residual():
    return ResidualEncoderUNet(1, **STAGES, conv_op=nn.Conv3d, strides=STRIDES, n_blocks_per_stage=[1, 2, 2],
                               num_classes=2, n_conv_per_stage_decoder=[1, 1], **NORM)  # fmt: skip


def random_weights(build, seed):
    """Of a network whose logits are some units large, as a trained one's are."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = build()
        network.decoder.seg_layers[-1].weight.data *= 20
    return network.state_dict()


@pytest.mark.parametrize("build", [plain, residual])
def test_graph_computes_what_torch_computes(build):
    import openvino as ov

    network = build().eval()
    network.load_state_dict(random_weights(build, 1))
    data = torch.randn((1, 1, *PATCH), generator=torch.Generator().manual_seed(2))
    compiled = ov.Core().compile_model(build_graph(network, data.shape), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    with torch.inference_mode():
        expected = network(data).numpy()
    assert expected.std() > 0.1
    np.testing.assert_allclose(compiled(data.numpy())[0], expected, atol=1e-4 * np.abs(expected).max())


def test_layer_of_another_kind_is_refused():
    network = plain()
    network.decoder.seg_layers[-1] = nn.Softmax(1)
    with pytest.raises(ModelError, match=r"has a layer Softmax .* Use `engine` torch"):
        build_graph(network, (1, 1, *PATCH))


def model(*seeds):
    kind = f"{PlainConvUNet.__module__}.{PlainConvUNet.__name__}"
    network = {
        "network_class_name": kind,
        "arch_kwargs": {
            **STAGES,
            **NORM,
            "conv_op": "torch.nn.modules.conv.Conv3d",
            "norm_op": "torch.nn.modules.instancenorm.InstanceNorm3d",
            "nonlin": "torch.nn.LeakyReLU",
            "strides": STRIDES,
            "n_conv_per_stage": [2, 1, 2],
            "n_conv_per_stage_decoder": [2, 1],
            "dropout_op": None,
            "dropout_op_kwargs": None,
        },
        "_kw_requires_import": ["conv_op", "norm_op", "dropout_op", "nonlin"],
    }
    plans = {"configurations": {"3d_fullres": {"patch_size": list(PATCH), "architecture": network}}}
    dataset = {
        "channel_names": {"0": "MR"},
        "labels": {"background": 0, "femoral_head": [1, 2], "necrosis": 2},
        "regions_class_order": [1, 2],
    }
    return Model(plans, dataset, (0, 1), {seed: random_weights(plain, seed) for seed in seeds})


def patch(seed=5, size=PATCH):
    return np.random.default_rng(seed).normal(size=(1, *size)).astype(np.float32)


@pytest.mark.parametrize("name", [EngineName.TORCH, EngineName.OPENVINO])
def test_folds_are_averaged(name):
    folds = [engine_for(model(seed), Device.CPU, name, exact=True).logits(patch()) for seed in (1, 2, 3)]
    together = engine_for(model(1, 2, 3), Device.CPU, name, exact=True).logits(patch())
    assert together.shape == (2, *PATCH)
    np.testing.assert_allclose(together, np.mean(folds, axis=0), atol=1e-4 * np.abs(together).max())


def mean_of_torch(*seeds):
    """What each fold's network computes in torch in single precision, without an engine: the mean."""
    folds = []
    for seed in seeds:
        network = plain().eval()
        network.load_state_dict(random_weights(plain, seed))
        with torch.inference_mode():
            folds.append(network(torch.from_numpy(patch()[None]))[0].numpy())
    return np.mean(folds, axis=0)


@pytest.mark.parametrize("name", [EngineName.TORCH, EngineName.OPENVINO])
def test_single_precision_is_torchs(name):
    """To 0.01 % of the largest logit: sums of some hundred products in another order."""
    expected = mean_of_torch(1, 2)
    exact = engine_for(model(1, 2), Device.CPU, name, exact=True).logits(patch())
    np.testing.assert_allclose(exact, expected, rtol=0, atol=1e-4 * np.abs(expected).max())


@pytest.mark.skipif(not torch.cpu.get_capabilities().get("avx512_bf16"), reason="this CPU has no bfloat16 arithmetic")
@pytest.mark.parametrize("name", [EngineName.TORCH, EngineName.OPENVINO])
def test_half_precision_is_near(name):
    """Within 2 % of the logits' spread in the mean, and not the same: bfloat16 has 8 bits, a step of 0.4 %."""
    expected = mean_of_torch(1, 2)
    engine = engine_for(model(1, 2), Device.CPU, name)
    assert "bfloat16" in engine.about
    off = np.abs(engine.logits(patch()) - expected)
    assert off.max() > 1e-3 * np.abs(expected).max()
    assert off.mean() < 0.02 * expected.std()


def test_openvino_is_for_the_cpu_and_may_be_absent(monkeypatch):
    with pytest.raises(DeviceError, match="runs on a CPU, got device cuda"):
        engine_for(model(1), Device.CUDA, EngineName.OPENVINO)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(DeviceError, match="is not installed"):
        engine_for(model(1), Device.CPU, EngineName.OPENVINO)
    assert type(engine_for(model(1), Device.CPU, EngineName.AUTO)).__name__ == "TorchEngine"


@pytest.mark.parametrize("name", [EngineName.TORCH, EngineName.OPENVINO])
def test_weights_of_another_network_are_refused(name):
    wrong = model(1)
    wrong.weights[1].pop("decoder.seg_layers.0.weight")
    with pytest.raises(ModelError, match="do not fit its plan"):
        engine_for(wrong, Device.CPU, name)


@pytest.mark.parametrize("size", [PATCH, (9, 16, 20), (20, 33, 24), (40, 16, 50)])
@pytest.mark.parametrize("tta", [False, True])
def test_tiles_and_mirror_images_are_nnunets(size, tta):
    """Smaller regions are padded, larger ones tiled: against nnU-Net's own sliding window."""
    from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor
    from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

    one = model(4)
    plans = PlansManager(dict(one.plans))
    stock = nnUNetPredictor(use_mirroring=tta, device=torch.device("cpu"), allow_tqdm=False, use_gaussian=True)
    stock.manual_initialization(
        build_network(one, one.weights[4]), plans, plans.get_configuration("3d_fullres"), [one.weights[4]],
        dict(one.dataset), "nnUNetTrainer", one.mirroring_axes,
    )  # fmt: skip
    data = patch(6, size)
    theirs = stock.predict_logits_from_preprocessed_data(torch.from_numpy(data)).float().numpy()
    segmenter = HipSegmenter(one, engine_for(one, Device.CPU, EngineName.TORCH, exact=True), tta=tta)
    ours = segmenter._logits(data)
    assert ours.shape == theirs.shape == (2, *size)
    # nnU-Net weighs and adds in half precision, in which the weights of a patch's corners vanish.
    inner = np.s_[:, size[0] // 4 : -size[0] // 4, size[1] // 4 : -size[1] // 4, size[2] // 4 : -size[2] // 4]
    assert np.abs(ours - theirs)[inner].max() < 0.02 * theirs[inner].std()


def test_folds_give_their_working_memory_back_and_can_run_again():
    engine = engine_for(model(1, 2), Device.CPU, EngineName.OPENVINO, exact=True)
    first = engine.logits(patch(8))
    engine.logits(patch(9))
    np.testing.assert_array_equal(engine.logits(patch(8)), first)


@pytest.mark.parametrize("engine", [EngineName.TORCH, EngineName.OPENVINO])
def test_engine_says_what_computes(engine, monkeypatch):
    exact = engine_for(model(1), Device.CPU, engine, exact=True).about
    assert re.fullmatch(r"(torch on cpu|OpenVINO), single precision", exact)
    monkeypatch.setattr("torch.cpu.get_capabilities", dict)
    monkeypatch.setattr("openvino.Core.get_property", lambda *_: ["FP32"])
    slow = engine_for(model(1), Device.CPU, engine).about
    assert slow == f"{exact}: this CPU has no bfloat16 arithmetic"
