"""What the report of a cross-validation says of its study."""

from __future__ import annotations

from dataclasses import replace

from onfh_nnunet.core.errors import OnfhError
from onfh_nnunet.models.model_card import Card, cohort_figures
from onfh_nnunet.study.dataset import Dataset
from onfh_nnunet.study.splits import Splits
from onfh_nnunet.training.plan import Plan
from onfh_nnunet.workflows.crossval import is_up_to_date
from onfh_nnunet.workflows.export import study_card
from onfh_nnunet.workflows.model import cohort_line, start_line, training_line
from postprocessing.report.study_statement import StudyStatement

STALE = "Other folds lie in this study now than those behind these numbers: run onfh crossval again"


def study_statement(dataset: Dataset) -> StudyStatement:
    """What a study's folder tells of its folds; where it cannot be read, the statement says so."""
    known = StudyStatement(cohort_line(Card(**cohort_figures(dataset))), pseudonyms=dataset.workspace.key_csv.is_file())
    try:
        splits = Splits.read(dataset.workspace.folds_csv)
        plan = Plan.read(dataset, splits)
        training = study_card(dataset, splits, plan).training
        current = is_up_to_date(dataset, splits, plan)
    except OnfhError as error:
        return replace(known, caution=f"How these folds were trained cannot be read ({error.problem})")
    if not current:
        return replace(known, caution=STALE)
    return replace(known, training=training_line(training), start=start_line(training))
