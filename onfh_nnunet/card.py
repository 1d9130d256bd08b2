"""What a model file says of itself: for what it is, on whom it was trained, how well it did, and who may use it.

The headings follow model cards (Mitchell et al., Model cards for model reporting, FAT* 2019).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from onfh_nnunet.dataset import Dataset
from onfh_nnunet.hip import Side
from onfh_nnunet.steinberg import Grade

INTENDED_USE = "Research use only. Not a medical device."
UNSTATED = "not stated: ask who made the model"

LONGEST_CAUTION = 79
"""Bytes of the description in a mask's NIfTI header, which repeats the caution."""


@dataclass(frozen=True)
class Score:
    """How one metric of one region came out over the hips of a cross-validation; a row of crossval/summary.csv.

    Args:
        region: head or necrosis.
        metric: Its name, with the unit.
        n: Hips.
        n_undefined: Of these, without a value.
        median: None where no hip has a value.
        q1: First quartile.
        q3: Third quartile.
    """

    region: str
    metric: str
    n: int
    n_undefined: int
    median: float | None
    q1: float | None
    q3: float | None


@dataclass(frozen=True)
class Card:
    """The statements; None where nothing is known, as of a model from elsewhere.

    Args:
        licence: Under which the model may be used.
        training: Plan, epochs and versions, or what else is known of how it was trained.
        hips: Hips that it learned from, over all folds.
        patients: Their patients.
        grades: Hips by true grade.
        sides: Hips by side.
        spacing_mm: Least and greatest spacing of their images along z, y, x.
        crossval: How well each hip was segmented by the fold that never saw it; empty before a cross-validation.
        calibration: Of the percentage's interval, as its method wrote it.
        intended_use: For what it is.
        caution: What each of its results says of it; empty for nothing.

    Raises:
        ValueError: The caution is no text, or longer than `LONGEST_CAUTION`.
    """

    licence: str = UNSTATED
    training: Mapping[str, Any] | None = None
    hips: int | None = None
    patients: int | None = None
    grades: Mapping[str, int] | None = None
    sides: Mapping[str, int] | None = None
    spacing_mm: tuple[tuple[float, float], ...] | None = None
    crossval: tuple[Score, ...] = ()
    calibration: Mapping[str, Any] | None = None
    intended_use: str = INTENDED_USE
    caution: str = ""

    def __post_init__(self) -> None:
        if not isinstance(self.caution, str) or len(self.caution.encode()) > LONGEST_CAUTION:
            raise ValueError(f"holds a caution {self.caution!r}, expected text of up to {LONGEST_CAUTION} bytes")

    def to_json(self) -> dict[str, Any]:
        """As an object of JSON; it counts, and names no hip and no patient."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Card:
        """Read what `to_json` made; further values are ignored.

        Raises:
            ValueError: It is damaged.
        """
        try:
            values = {"caution": "", **values}  # the first files of this version do not state it
            known = {field.name: values[field.name] for field in fields(cls)}
            return cls(**known | {"crossval": tuple(Score(**row) for row in known["crossval"])})
        except (KeyError, TypeError) as error:
            raise ValueError(f"holds no card ({error!r})") from error


def cohort_figures(dataset: Dataset) -> dict[str, Any]:
    """`hips`, `patients`, `grades`, `sides` and `spacing_mm` of a `Card`."""
    cases = dataset.cases
    grades, sides = Counter(case.grade for case in cases), Counter(case.side for case in cases)
    spacings = zip(*((case.spacing_z_mm, case.spacing_y_mm, case.spacing_x_mm) for case in cases), strict=True)
    return {
        "hips": len(cases),
        "patients": len({case.patient for case in cases}),
        "grades": {grade.value: grades[grade] for grade in Grade},
        "sides": {side.value: sides[side] for side in Side},
        "spacing_mm": tuple((min(axis), max(axis)) for axis in spacings),
    }
