"""Model card: intended use, training cohort, performance, licence.

The headings follow model cards (Mitchell et al., Model cards for model reporting, FAT* 2019).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from onfh_nnunet.core.choices import UNSTATED
from onfh_nnunet.core.hip import Side
from onfh_nnunet.core.steinberg import Grade
from onfh_nnunet.models.bounds import COUNT, LINE
from onfh_nnunet.models.schema import any_value, line, listed, number, optional, sha256, shown, whole, wrong
from onfh_nnunet.study.dataset import Dataset

INTENDED_USE = "Research use only. Not a medical device."

LONGEST_CAUTION = 79
"""Bytes of the description in a mask's NIfTI header, which repeats the caution."""

NO_HEALTHY_HIP = "the model learned from no healthy hip: it may outline necrosis in one"
"""Caution of a model that never saw a head without necrosis."""

_MOST_ENTRIES = 50
"""Statements about a training; ours has ten."""

_MOST_SCORES = 1000
"""Rows of summary.csv: ours has some thirty."""


@dataclass(frozen=True)
class Score:
    """The summary of one metric of one region in a cross-validation; a row of crossval/summary.csv.

    Args:
        region: head or necrosis.
        metric: Its name, with the unit.
        n: Hips with a value.
        n_undefined: Hips without one.
        median: None where no hip has a value.
        q1: First quartile.
        q3: Third quartile.

    Raises:
        ValueError: A figure is not finite, is impossible for its metric, or contradicts another one.
    """

    region: str
    metric: str
    n: int
    n_undefined: int
    median: float | None
    q1: float | None
    q3: float | None

    def __post_init__(self) -> None:
        for text in (self.region, self.metric):
            line(LINE)("the name of a score", text)
        for count in (self.n, self.n_undefined):
            whole(*COUNT)(f"hips of {self.metric}", count)
        spread = (self.q1, self.median, self.q3)
        if spread == (None, None, None):
            return
        for figure in spread:
            number(*_range(self.metric))(self.metric, figure)
        if not self.q1 <= self.median <= self.q3 or self.n == 0:  # type: ignore[operator]  # all three are numbers
            raise wrong(self.metric, spread, f"quartiles in order, of one hip or more, got {self.n} hips")


def _range(metric: str) -> tuple[float, float]:
    """The possible range of a metric, by its name; a signed error may be negative."""
    if metric.startswith(("dice", "iou", "nsd")):
        return 0.0, 1.0
    return (-1e9 if "error" in metric and not metric.startswith("absolute") else 0.0), 1e9


@dataclass(frozen=True)
class Card:
    """The statements of a model card; None where unknown, as for a model from elsewhere.

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
        healthy_calibrated: Healthy hips among those that the interval is calibrated on.
        applicability: For which hips the calibration holds, as `Applicability` wrote it.
        scans: Hashes of the scans that it learned from, also by way of a model that it started from; see
            `core.scan_hash`. They name nobody.

    Raises:
        ValueError: The caution is no text, or longer than `LONGEST_CAUTION`; a text is no printable line; or a number
            is not finite, out of bounds or contradicts another one.
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
    healthy_calibrated: int | None = None
    applicability: Mapping[str, Any] | None = None
    scans: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.caution, str) or len(self.caution.encode(errors="replace")) > LONGEST_CAUTION:
            raise ValueError(f"holds a caution {shown(self.caution)}, expected text of up to {LONGEST_CAUTION} bytes")
        for name in ("licence", "intended_use", "caution"):
            line(LINE)(name, getattr(self, name))
        self._require_flat("training", self.training)
        self._require_flat("calibration", self.calibration)
        self._require_flat("applicability", self.applicability)
        self._require_counts()
        optional(listed(sha256, 0, COUNT[1]))("scans", self.scans)
        if self.spacing_mm is not None:
            listed(listed(number(0.01, 100), 2, 2), 3, 3)("spacing_mm", self.spacing_mm)
            if any(low > high for low, high in self.spacing_mm):
                raise wrong("spacing_mm", self.spacing_mm, "least and greatest of each axis")

    @property
    def healthy(self) -> int | None:
        """Healthy hips that the model learned from, over all folds; None where unknown."""
        return None if self.grades is None else self.grades.get(Grade.NONE, 0)

    @property
    def said_of_results(self) -> str:
        """What each result says of the model: its caution, and that it knows no healthy hip; empty for nothing."""
        return "; ".join(filter(None, (self.caution, NO_HEALTHY_HIP if self.healthy == 0 else "")))

    def _require_counts(self) -> None:
        for name in ("hips", "patients", "healthy_calibrated"):
            optional(whole(*COUNT))(name, getattr(self, name))
        if self.patients is not None and (self.hips is None or self.patients > self.hips):
            raise wrong("patients", self.patients, f"no more than the hips, {self.hips}")
        for name, kinds in (("grades", Grade), ("sides", Side)):
            counts = getattr(self, name)
            if counts is None:
                continue
            if not isinstance(counts, Mapping) or not counts.keys() <= set(kinds):
                raise wrong(name, counts, f"counts of {', '.join(kinds)}")
            for kind, count in counts.items():
                whole(*COUNT)(f"{name} {kind}", count)
            if sum(counts.values()) != self.hips:
                raise wrong(name, dict(counts), f"{self.hips} in all, as there are hips")

    @staticmethod
    def _require_flat(name: str, values: Mapping[str, Any] | None) -> None:
        """Accept None, or names with text and numbers."""
        if values is None:
            return
        if not isinstance(values, Mapping) or len(values) > _MOST_ENTRIES:
            raise wrong(name, values, f"an object of up to {_MOST_ENTRIES} entries")
        for key, value in values.items():
            line(LINE)(f"a name in {name}", key)
            if isinstance(value, str):
                line(LINE)(f"{name} {key}", value)
            elif value is not None and type(value) is not bool:
                number(-1e15, 1e15)(f"{name} {key}", value)

    def to_json(self) -> dict[str, Any]:
        """Convert to a JSON object; it contains counts and hashes, and no name of a hip or patient."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Card:
        """Read the object that `to_json` made; additional values are ignored.

        Raises:
            ValueError: It is damaged.
        """
        try:
            values = {"caution": "", "healthy_calibrated": None, "applicability": None, "scans": None, **values}
            known = {field.name: values[field.name] for field in fields(cls)}
            listed(any_value, 0, _MOST_SCORES)("crossval", known["crossval"])
            lists: dict[str, Any] = {"crossval": tuple(Score(**row) for row in known["crossval"])}
            if isinstance(known["scans"], list):
                lists["scans"] = tuple(known["scans"])
            return cls(**known | lists)
        except (KeyError, TypeError) as error:
            raise ValueError(f"holds no card ({shown(error)})") from error


def cohort_figures(dataset: Dataset) -> dict[str, Any]:
    """`hips`, `patients`, `grades`, `sides`, `spacing_mm` and `scans` of a `Card`."""
    cases = dataset.cases
    grades, sides = Counter(case.grade for case in cases), Counter(case.side for case in cases)
    spacings = zip(*((case.spacing_z_mm, case.spacing_y_mm, case.spacing_x_mm) for case in cases), strict=True)
    return {
        "hips": len(cases),
        "patients": len({case.patient for case in cases}),
        "grades": {grade.value: grades[grade] for grade in Grade},
        "sides": {side.value: sides[side] for side in Side},
        "spacing_mm": tuple((min(axis), max(axis)) for axis in spacings),
        "scans": tuple(sorted({dataset.scans[case.case_id] for case in cases})),
    }
