"""Study size for a wanted width of an interval."""

from __future__ import annotations

from onfh_nnunet.core.choices import StudyFigure, chosen
from postprocessing.statistics.study_size import StudySize, study_size

__all__ = ["StudySize", "plan_study"]


def plan_study(
    figure: StudyFigure | str | None = None,
    width: float | None = None,
    *,
    expected: float | None = None,
    sd: float | None = None,
    hips_per_patient: float = 1.6,
    correlation: float = 0.5,
) -> list[StudySize]:
    """Compute how many hips, of how many patients, a study needs for a 95 % interval of a wanted width.

    Args:
        figure: dice, kappa, limits or share; by default all four, each with its own width and assumption.
        width: Of the interval, from end to end: of a Dice coefficient, kappa or share between 0 and 1, of limits in
            points; by default 0.04, 0.15, 0.1 and 2.
        expected: The kappa or share that is expected; by default the published one.
        sd: The SD of the Dice coefficient, by default 0.052 as published; or of the error of the percentage in points,
            by default 3, which is ours.
        hips_per_patient: Mean number, 1 to 2. About 60 % of patients have two ill hips.
        correlation: Of the errors of both hips of a patient, 0 to 1; nobody published it, and 0.5 is ours.

    Returns:
        The size for each figure; never fewer than 20 patients, for fewer have no interval.

    Raises:
        OnfhError: There is no such figure, a value is impossible or belongs to another figure, or a million patients
            are not enough.

    Example:
        >>> from onfh_nnunet.workflows.plan_study import plan_study
        >>> plan_study("share", 0.1, expected=0.9, hips_per_patient=1)[0].patients
        144
    """
    figures = StudyFigure if figure is None else [chosen(StudyFigure, figure, "figure")]
    return [
        study_size(one, width, expected=expected, sd=sd, hips_per_patient=hips_per_patient, correlation=correlation)
        for one in figures
    ]
