"""Study size: how many hips and patients give a 95 % interval of a wanted width.

The widths are those of the intervals that `crossval`, `compare` and `agree` report, in closed form, for hips that count
less where a patient has two. Of m hips a patient, 1 to 2, whose errors have the correlation r, so many count as
n / (1 + 2 r (m - 1) / m) (Kish, Survey Sampling, 1965, for clusters of one and two). Student's quantile t has the
degrees of freedom of the patients.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from onfh_nnunet.core.choices import StudyFigure
from onfh_nnunet.core.errors import OnfhError
from postprocessing.statistics.intervals import FEWEST_PATIENTS, student_quantile, wilson_interval
from postprocessing.statistics.kappa import disagreement_weights, of_two_raters
from postprocessing.statistics.reliability import Z_95

MOST_PATIENTS = 1_000_000

GRADED = np.array([22.0, 23.0, 18.0])
"""Hips of grade A, B and C in the published study (Uemura et al. 2025); kappa depends on how often grades occur."""

Width = Callable[[float, float, float], float]
"""What is expected, the hips that count and t -> the width of the interval."""


@dataclass(frozen=True)
class Assumption:
    """What the interval of a figure rests on.

    Args:
        name: ``expected`` for the figure itself, or ``sd`` for the spread of single hips.
        value: Its default.
        source: Of the default.
        wanted: The default of the width.
        width: Of the interval.
        method: How the width is computed.
    """

    name: str
    value: float
    source: str
    wanted: float
    width: Width
    method: str


@dataclass(frozen=True)
class StudySize:
    """The size of a study.

    Args:
        figure: What it is planned for.
        width: The width of the 95 % interval that is wanted.
        hips: How many are needed.
        patients: Whose hips they are.
        reached: The width to be expected with so many; less than the wanted one where at least 20 patients are needed.
        assumption: ``expected`` or ``sd``.
        assumed: Its value.
        source: Where that value is from.
        hips_per_patient: Mean number, 1 to 2.
        correlation: Of the errors of both hips of a patient.
        method: How the width is computed, with its source.
    """

    figure: StudyFigure
    width: float
    hips: int
    patients: int
    reached: float
    assumption: str
    assumed: float
    source: str
    hips_per_patient: float
    correlation: float
    method: str


def study_size(
    figure: StudyFigure,
    width: float | None = None,
    *,
    expected: float | None = None,
    sd: float | None = None,
    hips_per_patient: float = 1.6,
    correlation: float = 0.5,
) -> StudySize:
    """The fewest patients, 20 or more, whose hips give an interval of the wanted width.

    Args:
        figure: What is planned for.
        width: Of the 95 % interval, from end to end, in the unit of the figure; None for the figure's own.
        expected: The kappa or the share that is expected; None for that of the published study.
        sd: The SD of the Dice coefficient, or of the error of the percentage in points; None for the figure's own.
        hips_per_patient: Mean number, 1 to 2.
        correlation: Of the errors of both hips of a patient, 0 to 1.

    Raises:
        OnfhError: A value is impossible, belongs to another figure, or more than a million patients are needed.
    """
    plan = ASSUMPTIONS[figure]
    wanted = plan.wanted if width is None else width
    assumed = _assumed(figure, plan, {"expected": expected, "sd": sd})
    _require("width", wanted, wanted > 0, "a number above 0")
    _require("hips_per_patient", hips_per_patient, 1 <= hips_per_patient <= 2, "1 to 2")
    _require("correlation", correlation, 0 <= correlation <= 1, "0 to 1")
    effect = 1 + 2 * correlation * (hips_per_patient - 1) / hips_per_patient

    def reached(patients: int) -> float:
        hips = patients * hips_per_patient
        return plan.width(assumed, hips / effect, student_quantile(patients - 1))

    patients = bisect_left(range(MOST_PATIENTS), -wanted, lo=FEWEST_PATIENTS, key=lambda n: -reached(n))
    if patients == MOST_PATIENTS:
        raise OnfhError(f"width {wanted:g}", "needs more than a million patients", "Give a larger width")
    return StudySize(
        figure,
        wanted,
        math.ceil(patients * hips_per_patient - 1e-9),
        patients,
        reached(patients),
        plan.name,
        assumed,
        plan.source if expected is None and sd is None else "given",
        hips_per_patient,
        correlation,
        plan.method,
    )


def _assumed(figure: StudyFigure, plan: Assumption, given: dict[str, float | None]) -> float:
    (other,) = given.keys() - {plan.name}
    if given[other] is not None:
        problem = f"is given as `{other}` for {figure}, whose interval depends on `{plan.name}`"
        raise OnfhError(f"{given[other]:g}", problem, f"Give `{plan.name}`")
    value = given[plan.name]
    value = plan.value if value is None else value
    if plan.name == "sd":
        _require("sd", value, value > 0, "a number above 0")
    else:
        least = kappa_at_worst() if figure is StudyFigure.KAPPA else 0.0
        _require("expected", value, least <= value <= 1, f"{least:.2g} to 1")
    return value


def _require(name: str, value: float, holds: bool, wanted: str) -> None:
    if not (holds and math.isfinite(value)):
        raise OnfhError(f"`{name}` {value:g}", f"cannot be, expected {wanted}", "Give another number")


def median_width(sd: float, n: float, t: float) -> float:
    """Of the median of a normal law, whose standard error is sqrt(pi / 2) SD / sqrt(n)."""
    return 2 * t * math.sqrt(math.pi / 2 / n) * sd


def limit_width(sd: float, n: float, t: float) -> float:
    """Of a limit of agreement of normal differences: variance SD^2 (1 / n + 1.96^2 / (2 (n - 1)))."""
    return 2 * t * sd * math.sqrt(1 / n + Z_95**2 / (2 * (n - 1)))


def share_width(share: float, n: float, t: float) -> float:
    """Of Wilson's interval of a share."""
    low, high = wilson_interval(share, n, t)
    return high - low


def kappa_width(kappa: float, n: float, t: float) -> float:
    """Of Wilson's interval of the share of hips that are graded differently, by one grade, turned into one of kappa."""
    return _kappa_lost() * share_width((1 - kappa) / _kappa_lost(), n, t)


def kappa_at_worst() -> float:
    """Linear kappa when every hip is graded differently, by one grade."""
    return 1 - _kappa_lost()


def _kappa_lost() -> float:
    """What a hip that is graded differently by one grade takes from n times linear kappa."""
    weights = disagreement_weights(len(GRADED), 1)
    return float(weights[0, 1] / of_two_raters(np.outer(GRADED, GRADED), weights))


ASSUMPTIONS = {
    StudyFigure.DICE: Assumption(
        "sd",
        0.052,
        "(0.92 - 0.85) / 1.349, published quartiles (Uemura 2025)",
        0.04,
        median_width,
        "median of a normal law: SE sqrt(pi / 2) SD / sqrt(n) (Woodruff, J Am Stat Assoc 1952;47:635)",
    ),
    StudyFigure.KAPPA: Assumption(
        "expected",
        0.926,
        "59 of 63 right, published (Uemura 2025)",
        0.15,
        kappa_width,
        "Wilson's interval of the hips graded differently, over the disagreement by chance",
    ),
    StudyFigure.LIMITS: Assumption(
        "sd",
        3.0,
        "ours",
        2.0,
        limit_width,
        "SE SD sqrt(1 / n + 1.96^2 / (2 (n - 1))) (Bland & Altman, Stat Methods Med Res 1999;8:135)",
    ),
    StudyFigure.SHARE: Assumption(
        "expected",
        59 / 63,
        "59 of 63 right, published (Uemura 2025)",
        0.1,
        share_width,
        "Wilson, J Am Stat Assoc 1927;22:209",
    ),
}
