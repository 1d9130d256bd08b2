"""Train the bundled demo model, on synthetic hips of random appearance.

    python -m recipes.train_synthetic OUT.safetensors

On two cores about an hour and a half. Not the same bytes each time: which example comes next depends on processes. What
it is judged on, and its intervals calibrated by, are the phantoms of `onfh phantom`; none of these taught it.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass, fields, replace
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from dataset_conversion.labels.label_map import LabelRules
from dataset_conversion.phantom.phantom_cohort import write_phantom_cohort
from dataset_conversion.phantom.randomization.random_hips import (
    EDGE,
    VOXEL_MM,
    HipTissues,
    random_distractor,
    random_hip,
)
from onfh_nnunet.core.choices import PhantomForm
from onfh_nnunet.core.devices import Device
from onfh_nnunet.core.hip_crop import HIP_BOX_KEY
from onfh_nnunet.core.labels import Label
from onfh_nnunet.core.steinberg import Grade
from onfh_nnunet.models.model import Model
from onfh_nnunet.models.model_card import Card, Score
from onfh_nnunet.models.model_file import write_model_file
from onfh_nnunet.workflows.compare import compare_pairs
from onfh_nnunet.workflows.mask_matching import MaskPair
from onfh_nnunet.workflows.predict_folder import predict_scans
from onfh_nnunet.workflows.predictor import Settings
from postprocessing.metrics.case_metrics import CrossvalRow
from postprocessing.statistics.summary_tables import summarize
from postprocessing.uncertainty.conformal import Calibration
from recipes import plain_unet
from recipes.training_loop import Example, soft_dice, train

BODIES = 200
FEATURES, STRIDES = (16, 32, 64, 128), ((1, 1, 1), *((2, 2, 2),) * 3)
PLANS = plain_unet.plans("synthetic", (EDGE,) * 3, (VOXEL_MM,) * 3, FEATURES, STRIDES, decoder=1)
JUDGED_ON, SEED = 63, 2025
CAUTION = "the model learned from synthetic hips alone: for trying out, not for patients"


@dataclass(frozen=True)
class Round:
    """One round of training; each round starts from the weights of the round before.

    Args:
        iterations: Batches.
        learning_rate: The highest.
        seed: Of the examples.
        share_of_others: How many of these show no hip.
    """

    iterations: int
    learning_rate: float
    seed: int
    share_of_others: float


ROUNDS = (Round(3400, 4e-3, 100, 0.1), Round(1600, 2e-3, 150, 0.25))
"""First to outline heads, then to tell them from what is round as well."""


def main() -> None:
    """Train and write the model file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    options = parser.parse_args()
    network = plain_unet.network(PLANS)
    card = Card(licence="Apache-2.0", training=_recipe(), hips=BODIES, caution=CAUTION)
    for each in ROUNDS:
        train_round(each, network, lambda: _write(options.out, network, card))
    _write(options.out, network, judged(options.out, card))


def train_round(each: Round, network: nn.Module, save: Callable[[], None]) -> None:
    """Train a network in place; `save` is called now and then, and at the end."""
    boxes = partial(examples, share_of_others=each.share_of_others)
    train(network, boxes, loss, each.iterations, each.learning_rate, seed=each.seed, save=save)


def examples(seed: int, share_of_others: float) -> Iterator[Example]:
    """Endless random boxes of hips, and some boxes without a hip."""
    rng, bodies = np.random.default_rng(seed), {}
    while True:
        if rng.random() < share_of_others:
            yield random_distractor(rng)
            continue
        number = int(rng.integers(BODIES))
        if number not in bodies:
            bodies[number] = HipTissues.draw(number)
        yield random_hip(bodies[number], rng)


def loss(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Cross entropy plus Dice of both regions, as in nnU-Net, plus the cross entropy of necrosis within the head.

    Without the last, a lesion outlined in every healthy head costs next to nothing: Dice ignores it, and it is a small
    share of all voxels.
    """
    truth = torch.stack([labels > 0, labels == Label.NECROSIS], 1).float()
    each = nn.functional.binary_cross_entropy_with_logits(logits, truth, reduction="none")
    inside = (each[:, 1] * truth[:, 0]).sum() / truth[:, 0].sum().clamp(min=1)
    return each.mean() + inside + 1 - soft_dice(logits.sigmoid(), truth)


def judged(model: Path, card: Card) -> Card:
    """The model card with metrics on phantoms the model never saw, and intervals calibrated on them."""
    with tempfile.TemporaryDirectory(prefix="onfh-judged-") as folder:
        rows = list(_compared(model, Path(folder)))
    true, pred = ([getattr(row, f"necrosis_percent_{which}") for row in rows] for which in ("true", "pred"))
    calibration = Calibration.fit(true, pred, [str(row.patient).split("_")[0] for row in rows])
    named = [field.name for field in fields(Score)]
    scores = tuple(Score(**{name: getattr(row, name) for name in named}) for row in summarize(rows))
    healthy = sum(row.grade_true is Grade.NONE for row in rows)
    return replace(card, crossval=scores, calibration=calibration.to_json(), healthy_calibrated=healthy)


def _compared(model: Path, folder: Path) -> list[CrossvalRow]:
    write_phantom_cohort(folder / "phantoms", hips=JUDGED_ON, seed=SEED, form=PhantomForm.NIFTI)
    scans = sorted((folder / "phantoms" / "images").iterdir())
    predicted = predict_scans(scans, Settings(model, folder / "out", None, Device.CPU, None, tta=False, keep_ids=True))
    if predicted.failed:
        raise SystemExit(f"not judged, it fails on {predicted.failed}")
    pairs = [
        MaskPair(
            row.case_id, folder / "phantoms" / "labels" / Path(row.source).name, folder / f"out/{row.case_id}.nii.gz"
        )
        for row in predicted.rows
    ]
    return compare_pairs(pairs, rules=LabelRules(necrosis="2"))  # a phantom without necrosis is healthy


def _recipe() -> dict[str, Any]:
    iterations = sum(each.iterations for each in ROUNDS)
    return {"recipe": "recipes/train_synthetic.py", "iterations": iterations, "torch": version("torch")}


def _write(out: Path, network: nn.Module, card: Card) -> None:
    plain: Any = deepcopy(network).to(memory_format=torch.contiguous_format)
    write_model_file(
        out,
        Model(
            PLANS,
            plain_unet.DATASET | {"numTraining": BODIES, HIP_BOX_KEY: EDGE * VOXEL_MM},
            None,
            {0: plain.state_dict()},
        ),
        card,
    )


if __name__ == "__main__":
    main()
