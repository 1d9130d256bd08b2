"""The model that a training starts from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Start:
    """Provenance of the weights that a fold starts from.

    Args:
        name: The model file's name.
        sha256: The model file's digest.
        scans: Hashes of the scans that it learned from (see `core.scan_hash`); None where the file does not say.
    """

    name: str
    sha256: str
    scans: tuple[str, ...] | None

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Start:
        """Read what `dataclasses.asdict` gave.

        Raises:
            KeyError: It is damaged.
            TypeError: Likewise.
        """
        scans = values["scans"]
        return cls(values["name"], values["sha256"], None if scans is None else tuple(scans))


@dataclass(frozen=True)
class StartWeights:
    """A start, and its weights as checkpoints of nnU-Net.

    Args:
        start: What is recorded of it.
        checkpoints: One of each fold of the model, in their order.
    """

    start: Start
    checkpoints: tuple[Path, ...]

    def of_fold(self, fold: int) -> Path:
        """The checkpoint that a fold starts from: that of the model's fold of its place, counted in a circle.

        No fold of the model has seen a patient of the study, so each may serve each fold; different ones keep the
        folds different.
        """
        return self.checkpoints[fold % len(self.checkpoints)]
