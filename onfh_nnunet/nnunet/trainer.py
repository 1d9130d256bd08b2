"""nnU-Net's trainer with a schedule from a preset, atomic checkpoints and reported progress."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from nnunetv2.run.load_pretrained_weights import load_pretrained_weights
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer as StockTrainer

from onfh_nnunet.core.hip_crop import LEFT_RIGHT_AXIS
from onfh_nnunet.nnunet.checkpoint import load_checkpoint
from onfh_nnunet.nnunet.loss import WithinHeadLoss
from onfh_nnunet.study.preset import Preset

FURTHER = 0.25
"""Share of a preset's learning rate at which AdamW trains further what another training has learned."""


class nnUNetTrainer(StockTrainer):  # noqa: N801
    """The trainer; it has the stock trainer's name, so that stock nnU-Net can load our checkpoints.

    The network is the stock one; only how it is trained differs. Call `configure` before training.
    """

    preset: Preset
    report: Callable[[dict[str, Any]], None]
    learning_rate: float | None

    def configure(
        self, preset: Preset, epochs: int, report: Callable[[dict[str, Any]], None], *, further: bool = False
    ) -> None:
        """Take the schedule from a preset and report each epoch as ``epoch, epochs, loss, dice, seconds``.

        Args:
            preset: The preset.
            epochs: How many.
            report: Called after each epoch.
            further: Whether another training's weights are trained further.
        """
        self.preset, self.report = preset, report
        share = FURTHER if further else 1
        self.learning_rate = preset.learning_rate and preset.learning_rate * share
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
        if self.learning_rate is None:
            optimizer, scheduler = super().configure_optimizers()
            return optimizer, scheduler
        optimizer = torch.optim.AdamW(self.network.parameters(), self.learning_rate, weight_decay=1e-2)
        return optimizer, _CosineByEpoch(optimizer, self.learning_rate, self.num_epochs)

    def start_from(self, checkpoint: Path) -> None:
        """Give the network the weights of another training of the same plan and labels.

        nnU-Net's own function leaves out the layers that give the segmentations, for labels may differ. Here they are
        the same, and these layers are taken, too.
        """
        weights = load_checkpoint(checkpoint)["network_weights"]  # now nnU-Net may open it: nothing in it is executed
        self.initialize()
        load_pretrained_weights(self.network, str(checkpoint))
        network: Any = getattr(self.network, "_orig_mod", self.network)  # within what torch.compile wraps around it
        outputs = {name: tensor for name, tensor in weights.items() if ".seg_layers." in name}
        network.load_state_dict(outputs, strict=False)

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
