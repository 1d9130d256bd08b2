"""What a report says of the model that made its numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class StatedScore:
    """How well a model did on hips that it had not learned from: median and quartiles of one metric.

    Args:
        region: head or necrosis.
        metric: Its name in summary.csv.
        n: Hips with a value.
        median: None where no hip has one.
        q1: First quartile.
        q3: Third quartile.
    """

    region: str
    metric: str
    n: int
    median: float | None
    q1: float | None
    q3: float | None


@dataclass(frozen=True)
class ModelStatement:
    """A model, as its card states it.

    Args:
        name: Its file name and version.
        sha256: Digest of its tensors.
        caution: What each of its results says of it; empty for nothing.
        about: The lines of ``onfh model``, each under its heading.
        scores: How good it was in its cross-validation; empty where nobody looked.
    """

    name: str
    sha256: str
    caution: str
    about: tuple[tuple[str, str], ...]
    scores: tuple[StatedScore, ...]

    @property
    def lines(self) -> Mapping[str, str]:
        """`about` by heading."""
        return dict(self.about)
