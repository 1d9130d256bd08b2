"""Worker process: train or resume one fold; each epoch is a line of JSON on standard output."""

from __future__ import annotations

import json
import random
import sys
from pathlib import Path

import numpy as np
import torch

from onfh_nnunet.nnunet.trainer import nnUNetTrainer
from onfh_nnunet.nnunet.worker_process import end_with_parent, reporter
from onfh_nnunet.study.preset import CONFIGURATION, preset_named
from onfh_nnunet.study.workspace import Workspace


def main(work: str, preset_name: str, fold: int, device: str, epochs: int, start: str | None = None) -> None:
    """Train a fold in the folders that nnU-Net's environment variables name, from a checkpoint's weights or random."""
    report = reporter()
    seed = 1000 + fold
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)
    preprocessed = Workspace.open(Path(work)).preprocessed
    plans = json.loads((preprocessed / f"{preset_name}.json").read_text(encoding="utf-8"))
    dataset = json.loads((preprocessed / "dataset.json").read_text(encoding="utf-8"))
    plans["continue_training"] = True
    trainer = nnUNetTrainer(plans, CONFIGURATION, fold, dataset, torch.device(device))
    trainer.configure(preset_named(preset_name), epochs, report, further=start is not None)
    latest = Path(trainer.output_folder) / "checkpoint_latest.pth"
    if latest.is_file():
        trainer.load_checkpoint(str(latest))
    elif start is not None:
        trainer.start_from(Path(start))
    trainer.run_training()


if __name__ == "__main__":
    end_with_parent()
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4], int(sys.argv[5]), *sys.argv[6:])
