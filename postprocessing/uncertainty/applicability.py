"""Whether a hip is like those that an interval was calibrated on; if not, it has no calibrated interval.

A calibrated interval holds for hips exchangeable with those of its calibration. No test proves that of a new hip, but
some hips are plainly unlike: thicker slices, another contrast, a head or a lesion that the network is less sure of.
The hips of the calibration span a range of each trait, and a new hip must lie in each range, widened by the slack
below: the bounding box of an applicability domain (Netzeva et al., ATLA 2005;33:155-173). Slacks are ours. Of hips like
the n of the calibration up to 5 / (n + 1) lie outside by chance, one end of a range each.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from onfh_nnunet.core.errors import ModelError
from onfh_nnunet.core.hip_traits import HipTraits

SPACING_SLACK = 1.2
"""Factor: slices of 3 and of 3.5 mm show nearly the same."""

GREY_SLACK_SD = 0.3
SCORE_SLACK = 0.03
UNSURE_SLACK_PERCENT = 1.0

_BOUNDS = {
    "thickest_mm": (0.01, 100.0),
    "head_grey_sd": (-1000.0, 1000.0),
    "head_score": (0.0, 1.0),
    "unsure_percent": (0.0, 100.0),
}
"""What a trait can be."""


@dataclass(frozen=True)
class Applicability:
    """The ranges of the traits of a calibration's hips, both ends included.

    Args:
        thickest_mm: Least and largest.
        head_grey_sd: Least and largest.
        head_score: The least; the highest counts for nothing.
        unsure_percent: The largest; the least counts for nothing.
    """

    thickest_mm: tuple[float, float]
    head_grey_sd: tuple[float, float]
    head_score: float
    unsure_percent: float

    @classmethod
    def fit(cls, hips: Sequence[HipTraits]) -> Self | None:
        """The ranges of hips; None without any."""
        if not hips:
            return None
        thick, grey = ([getattr(hip, name) for hip in hips] for name in ("thickest_mm", "head_grey_sd"))
        return cls(
            thickest_mm=(min(thick), max(thick)),
            head_grey_sd=(min(grey), max(grey)),
            head_score=min(hip.head_score for hip in hips),
            unsure_percent=max(hip.unsure_percent for hip in hips),
        )

    def unlike(self, hip: HipTraits) -> str:
        """What is unlike the hips of the calibration, with the numbers; empty where nothing is."""
        return ", ".join(self._differences(hip))

    def _differences(self, hip: HipTraits) -> Iterator[str]:
        low, high = self.thickest_mm
        if not low / SPACING_SLACK <= hip.thickest_mm <= high * SPACING_SLACK:
            yield f"voxels of up to {hip.thickest_mm:.1f} mm (known: {low:.1f} to {high:.1f})"
        low, high = self.head_grey_sd
        if not low - GREY_SLACK_SD <= hip.head_grey_sd <= high + GREY_SLACK_SD:
            yield f"a head of brightness {hip.head_grey_sd:.1f} (known: {low:.1f} to {high:.1f})"
        if hip.head_score < self.head_score - SCORE_SLACK:
            yield f"a head of score {hip.head_score:.2f} (known: {self.head_score:.2f} or more)"
        if hip.unsure_percent > self.unsure_percent + UNSURE_SLACK_PERCENT:
            yield f"{hip.unsure_percent:.0f} % of the head unsure (known: up to {self.unsure_percent:.0f} %)"

    @property
    def about(self) -> str:
        """The ranges in words, without the slacks."""
        thick, grey = (f"{low:.1f} to {high:.1f}" for low, high in (self.thickest_mm, self.head_grey_sd))
        sure = f"score {self.head_score:.2f} or more, up to {self.unsure_percent:.0f} % of it unsure"
        return f"a longest voxel edge of {thick} mm, a head of brightness {grey}, {sure}"

    def to_json(self) -> dict[str, float]:
        """Names with numbers."""
        (thin, thick), (dark, bright) = self.thickest_mm, self.head_grey_sd
        ends = {"thickest_mm_low": thin, "thickest_mm_high": thick}
        ends |= {"head_grey_sd_low": dark, "head_grey_sd_high": bright}
        return ends | {"head_score_low": self.head_score, "unsure_percent_high": self.unsure_percent}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """Read the object that `to_json` made.

        Raises:
            ModelError: It lacks a number, has others, or one is impossible.
        """
        try:
            left = dict(values)
            pairs = {
                name: (_end(left, name, "low"), _end(left, name, "high")) for name in ("thickest_mm", "head_grey_sd")
            }
            read = cls(
                **pairs, head_score=_end(left, "head_score", "low"), unsure_percent=_end(left, "unsure_percent", "high")
            )
            if left or any(low > high for low, high in pairs.values()):
                raise ValueError(f"{dict(values)}, expected each range once, its ends in order")
        except (KeyError, TypeError, ValueError) as error:
            problem = f"says for which hips its intervals hold, and this cannot be read ({error})"
            raise ModelError("the model", problem, "Export it again with onfh export") from error
        return read


def _end(left: dict[str, Any], name: str, end: str) -> float:
    value, (low, high) = left.pop(f"{name}_{end}"), _BOUNDS[name]
    if type(value) not in (int, float) or not math.isfinite(value) or not low <= value <= high:
        raise ValueError(f"{name} {value!r}, expected from {low:g} to {high:g}")
    return float(value)
