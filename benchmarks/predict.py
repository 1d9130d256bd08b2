"""Prediction of one raw scan by four folds of a network as `--preset paper` plans it, against stock nnU-Net.

    python -m benchmarks.predict [--stock]

The weights are random: time does not depend on them, and no trained model of this size comes with the project. Ours:
DICOM read, head located, box of one hip through all four folds, resampled back, measured and graded. Stock, with
`--stock` (minutes): its fastest setting, one fold without mirroring and tiles side by side, as a whole process on the
scan as NIfTI; what its defaults take, four folds with mirroring and half-overlapping tiles, is computed from it.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from dataset_conversion.phantom.cohort import write_phantom_cohort
from dataset_conversion.phantom.protocol import PhantomForm, ScanProtocol
from dataset_conversion.readers import read_volume
from onfh_nnunet.cut import HipCut
from onfh_nnunet.devices import Device
from onfh_nnunet.engine import EngineName, engine_for
from onfh_nnunet.locate import locate_heads
from onfh_nnunet.model import Model
from onfh_nnunet.segment import HipSegmenter
from onfh_nnunet.volume import Volume
from postprocessing.grade_table import grade_row

SPACING_MM = (1.125, 0.5859375, 0.5859375)
PATCH = (96, 128, 128)
FOLDS = 4


def main() -> None:
    """Print seconds and ratios."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--stock", action="store_true", help="measure stock nnU-Net, too")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="onfh-bench-") as folder:
        root = Path(folder)
        write_phantom_cohort(
            root / "c", hips=1, seed=0, form=PhantomForm.DICOM, protocol=ScanProtocol(spacing_mm=SPACING_MM)
        )
        (scan,) = (root / "c" / "images").iterdir()
        print(f"{os.cpu_count()} cores; scan of {read_volume(scan).array.shape}, patch {PATCH}, {FOLDS} folds")
        ours = _ours(scan)
        if options.stock:
            _stock(root, scan, ours)


def _ours(scan: Path) -> float:
    """Seconds from the raw scan to the graded row, networks loaded."""
    model = _model()
    for name in (EngineName.OPENVINO, EngineName.TORCH):
        took: dict[str, float] = {}
        with _timed(took, "networks loaded (once)"):
            segmenter = HipSegmenter(model, engine_for(model, Device.CPU, name))
        for run in ("first", "second"):
            took |= _once(scan, segmenter, took)
            total = sum(seconds for what, seconds in took.items() if "once" not in what)
            print(f"{name}, {run} scan: {total:.1f} s: " + ", ".join(f"{what} {s:.2f}" for what, s in took.items()))
        if name is EngineName.OPENVINO:
            best = total
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:.2f} GB, both engines in one process")
    return best


def _once(scan: Path, segmenter: HipSegmenter, took: dict[str, float]) -> dict[str, float]:
    with _timed(took, "read"):
        volume = read_volume(scan)
    with _timed(took, "locate"):
        (head,) = locate_heads(volume)
    cut = HipCut.around(volume.grid, head.centre_mm, mirrored=False)
    with _timed(took, "segment"):
        segmenter.probabilities(cut.take(volume))
    ball = np.zeros(cut.size, np.uint8)
    ball[tuple(slice(n // 4, -n // 4) for n in cut.size)] = 1
    with _timed(took, "grade"):
        grade_row("P_R", "", None, Volume(cut.put_back(ball), cut.source))
    return took


def _stock(root: Path, scan: Path, ours: float) -> None:
    from nnunetv2.inference.sliding_window_prediction import compute_steps_for_sliding_window

    from onfh_nnunet.bundle import write_bundle
    from onfh_nnunet.card import Card
    from onfh_nnunet.stock import unpack

    volume = read_volume(scan)
    (root / "in").mkdir()
    volume.write(root / "in" / "P_0000.nii.gz")
    unpack(write_bundle(root / "m.onfh", _model(), Card()), root / "stock")
    tool = Path(sys.executable).with_name("nnUNetv2_predict_from_modelfolder")
    flags = ["-f", "0", "--disable_tta", "-step_size", "1", "-device", "cpu", "-npp", "1", "-nps", "1"]
    command = [tool, "-i", root / "in", "-o", root / "out", "-m", root / "stock", *flags]
    start = time.perf_counter()
    subprocess.run([str(word) for word in command], check=True, stdout=subprocess.DEVNULL)
    seconds = time.perf_counter() - start
    tiles = [
        int(np.prod([len(steps) for steps in compute_steps_for_sliding_window(volume.array.shape, PATCH, step)]))
        for step in (1.0, 0.5)
    ]
    computed = seconds * tiles[1] / tiles[0] * 8 * FOLDS
    print(f"stock, one fold, no mirroring, step 1 ({tiles[0]} tiles): {seconds:.0f} s, {seconds / ours:.0f} x ours")
    print(f"stock, defaults ({tiles[1]} tiles, 8 mirror images, {FOLDS} folds): computed {computed / 60:.0f} min, "
          f"{computed / ours:.0f} x ours")  # fmt: skip


@contextmanager
def _timed(took: dict[str, float], what: str) -> Iterator[None]:
    start = time.perf_counter()
    yield
    took[what] = time.perf_counter() - start


def _model() -> Model:
    """Four folds of a plain U-Net of five stages, with random weights."""
    import torch
    from nnunetv2.utilities.get_network_from_plans import get_network_from_plans

    network = _architecture()
    kind, arguments, named = network.values()
    folds = {}
    for fold in range(FOLDS):
        torch.manual_seed(fold)
        folds[fold] = get_network_from_plans(kind, arguments, named, 1, 2, deep_supervision=False).state_dict()
    plans = {
        "dataset_name": "Dataset711_ONFH",
        "plans_name": "paper",
        "image_reader_writer": "SimpleITKIO",
        "label_manager": "LabelManager",
        "transpose_forward": [0, 1, 2],
        "transpose_backward": [0, 1, 2],
        "foreground_intensity_properties_per_channel": {"0": {}},
        "configurations": {"3d_fullres": _configuration(network)},
    }
    dataset = {
        "channel_names": {"0": "MR"},
        "labels": {"background": 0, "femoral_head": [1, 2], "necrosis": 2},
        "regions_class_order": [1, 2],
        "numTraining": 1,
        "file_ending": ".nii.gz",
    }
    return Model(plans, dataset, (0, 1), folds)


def _architecture() -> dict[str, Any]:
    features = [32, 64, 128, 256, 320]
    return {
        "network_class_name": "dynamic_network_architectures.architectures.unet.PlainConvUNet",
        "arch_kwargs": {
            "n_stages": len(features),
            "features_per_stage": features,
            "conv_op": "torch.nn.modules.conv.Conv3d",
            "kernel_sizes": [[3, 3, 3]] * len(features),
            "strides": [[1, 1, 1], [1, 2, 2], [2, 2, 2], [2, 2, 2], [2, 2, 2]],
            "n_conv_per_stage": [2] * len(features),
            "n_conv_per_stage_decoder": [2] * (len(features) - 1),
            "conv_bias": True,
            "norm_op": "torch.nn.modules.instancenorm.InstanceNorm3d",
            "norm_op_kwargs": {"eps": 1e-5, "affine": True},
            "dropout_op": None,
            "dropout_op_kwargs": None,
            "nonlin": "torch.nn.LeakyReLU",
            "nonlin_kwargs": {"inplace": True},
        },
        "_kw_requires_import": ["conv_op", "norm_op", "dropout_op", "nonlin"],
    }


def _configuration(network: dict[str, Any]) -> dict[str, Any]:
    orders = {"data": (False, 3), "seg": (True, 1), "probabilities": (False, 1)}
    resampling = {
        f"resampling_fn_{what}_kwargs": {"is_seg": seg, "order": order, "order_z": 0, "force_separate_z": None}
        for what, (seg, order) in orders.items()
    }
    return {
        "data_identifier": "paper_3d_fullres",
        "preprocessor_name": "DefaultPreprocessor",
        "batch_size": 2,
        "batch_dice": False,
        "patch_size": list(PATCH),
        "spacing": [1.0, 0.78, 0.78],
        "normalization_schemes": ["ZScoreNormalization"],
        "use_mask_for_norm": [False],
        **{f"resampling_fn_{what}": "resample_data_or_seg_to_shape" for what in orders},
        **resampling,
        "architecture": network,
    }


if __name__ == "__main__":
    main()
