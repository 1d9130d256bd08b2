"""nnU-Net's trainer with a schedule from a preset, atomic checkpoints and reported progress."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer as StockTrainer

from onfh_nnunet.core.hip_crop import LEFT_RIGHT_AXIS
from onfh_nnunet.nnunet.checkpoint import load_checkpoint
from onfh_nnunet.nnunet.loss import WithinHeadLoss
from onfh_nnunet.study.preset import Preset


class nnUNetTrainer(StockTrainer):  # noqa: N801
    """The trainer; it has the stock trainer's name, so that stock nnU-Net can load our checkpoints.

    The network is the stock one; only how it is trained differs. Call `configure` before training.
    """

    preset: Preset
    report: Callable[[dict[str, Any]], None]

    def configure(self, preset: Preset, epochs: int, report: Callable[[dict[str, Any]], None]) -> None:
        """Take the schedule from a preset and report each epoch as ``epoch, epochs, loss, dice, seconds``."""
        self.preset, self.report = preset, report
        self.num_epochs = epochs
        self.num_iterations_per_epoch = preset.iterations
        self.num_val_iterations_per_epoch = preset.validation_iterations
        self.save_every = preset.save_every

    def configure_rotation_dummyDA_mirroring_and_inital_patch_size(self) -> tuple[Any, Any, Any, Any]:  # noqa: N802
        """nnU-Net's augmentation ranges, without mirroring left to right."""
        rotation, dummy_2d, patch_size, _ = super().configure_rotation_dummyDA_mirroring_and_inital_patch_size()
        left_right = list(self.plans_manager.transpose_forward).index(LEFT_RIGHT_AXIS)
        axes = tuple(axis for axis in range(3) if axis != left_right) if self.preset.mirroring else None
        self.inference_allowed_mirroring_axes = axes
        return rotation, dummy_2d, patch_size, axes

    def configure_optimizers(self) -> tuple[Any, Any]:
        """SGD as in nnU-Net, or AdamW with a cosine schedule for a short training."""
        if self.preset.learning_rate is None:
            optimizer, scheduler = super().configure_optimizers()
            return optimizer, scheduler
        optimizer = torch.optim.AdamW(self.network.parameters(), self.preset.learning_rate, weight_decay=1e-2)
        return optimizer, _CosineByEpoch(optimizer, self.preset.learning_rate, self.num_epochs)

    def _build_loss(self) -> Any:
        """nnU-Net's loss at each resolution, plus what a lesion in a healthy head costs."""
        deeply_supervised = super()._build_loss()
        deeply_supervised.loss = WithinHeadLoss(deeply_supervised.loss)
        return deeply_supervised

    def train_step(self, batch: dict[str, Any]) -> dict[str, Any]:
        """Run one step; in mixed precision on a CPU with bfloat16 arithmetic."""
        with self._mixed_precision():
            result: dict[str, Any] = super().train_step(batch)
        return result

    def save_checkpoint(self, filename: str) -> None:
        """Write a checkpoint atomically: a training that is killed resumes from the last one."""
        super().save_checkpoint(f"{filename}.part")
        os.replace(f"{filename}.part", filename)  # noqa: PTH105

    def load_checkpoint(self, filename_or_checkpoint: str) -> None:
        """Resume from a checkpoint file, after a check that unpickling it executes nothing."""
        load_checkpoint(Path(filename_or_checkpoint))
        super().load_checkpoint(filename_or_checkpoint)

    def on_epoch_end(self) -> None:
        """Log the epoch as nnU-Net does, then report it."""
        epoch = self.current_epoch
        super().on_epoch_end()
        started, ended = (self.logger.get_value(f"epoch_{edge}_timestamps", step=-1) for edge in ("start", "end"))
        dice = [float(value) for value in self.logger.get_value("dice_per_class_or_region", step=-1)]
        loss = float(self.logger.get_value("train_losses", step=-1))
        seconds = float(ended - started)
        self.report({"epoch": epoch + 1, "epochs": self.num_epochs, "loss": loss, "dice": dice, "seconds": seconds})

    @contextlib.contextmanager
    def _mixed_precision(self) -> Iterator[None]:
        native = self.device.type == "cpu" and torch.cpu.get_capabilities().get("avx512_bf16", False)
        with torch.autocast("cpu", torch.bfloat16) if native else contextlib.nullcontext():
            yield


class _CosineByEpoch:
    """Cosine schedule from the learning rate to zero; nnU-Net calls it at the start of each epoch."""

    def __init__(self, optimizer: torch.optim.Optimizer, learning_rate: float, epochs: int) -> None:
        self.optimizer, self.learning_rate, self.epochs = optimizer, learning_rate, epochs

    def step(self, epoch: int) -> None:
        progress = torch.tensor(torch.pi * epoch / self.epochs)
        for group in self.optimizer.param_groups:
            group["lr"] = self.learning_rate * (1 + float(torch.cos(progress))) / 2
