"""Whether a study's folds may start from a model: the same network and input, and no patient of the study in it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from onfh_nnunet.core.choices import PresetName
from onfh_nnunet.core.errors import ModelError, SplitError
from onfh_nnunet.core.printable import plural
from onfh_nnunet.models.model import Model
from onfh_nnunet.models.model_file import ModelFile
from onfh_nnunet.models.schema import identical, plain, shown
from onfh_nnunet.study.dataset import Dataset
from onfh_nnunet.study.preset import CONFIGURATION, PRESETS
from onfh_nnunet.training.plan import Plan
from onfh_nnunet.training.start import Start

_MAY_DIFFER = ("folds", "mirroring_axes")
"""Of a model's data format: how it was trained, and not what its weights take and give."""

_MOST_NAMED = 2


def start_of(file: ModelFile, name: str, dataset: Dataset, plan: Plan) -> Start:
    """The record of a model that a study's folds may start from.

    Args:
        file: The model.
        name: Its file name, for messages and the record.
        dataset: The study's data.
        plan: The study's plan.

    Raises:
        ModelError: Its network, channels, labels, spacing, patch or preprocessing differ from the plan's.
        SplitError: It learned from a scan of the study.
    """
    _require_fit(file.model, dataset, plan, name)
    _require_unseen(file.card.scans, dataset, name)
    return Start(plain(name)[:80], file.sha256, file.card.scans)


def _require_fit(model: Model, dataset: Dataset, plan: Plan, name: str) -> None:
    folder = dataset.workspace.preprocessed
    plans, labels = (
        json.loads((folder / file).read_text(encoding="utf-8")) for file in (f"{plan.preset}.json", "dataset.json")
    )
    differing = list(_differences(_facts(model), _facts(Model(plans, labels, None, {}))))
    if not differing:
        return
    more = f"; and {len(differing) - _MOST_NAMED} more" if len(differing) > _MOST_NAMED else ""
    problem = f"does not fit the plan: it has {'; '.join(differing[:_MOST_NAMED])}{more}"
    raise ModelError(name, problem, _remedy(model, plan))


def _facts(model: Model) -> dict[str, Any]:
    """What must be the same, by name: the most telling first."""
    network = model.plans["configurations"][CONFIGURATION]["architecture"]
    format_ = {key: value for key, value in model.data_format.items() if key not in _MAY_DIFFER}
    first = {key: format_.pop(key) for key in ("spacing", "patch_size", "channels", "regions")}
    return {**first, "network": network["network_class_name"], **network["arch_kwargs"], **format_}


def _differences(own: dict[str, Any], planned: dict[str, Any]) -> Iterator[str]:
    for key in dict.fromkeys((*own, *planned)):
        if not identical(own.get(key), planned.get(key)):
            yield f"{key} {shown(own.get(key))}, expected {shown(planned.get(key))}"


def _remedy(model: Model, plan: Plan) -> str:
    """How to plan as the model was planned, as far as that is known."""
    named = model.plans.get("plans_name")
    if named in PRESETS and named != plan.preset:
        return f"Run onfh plan again with `preset` {named}, and train again"
    if plan.preset != PresetName.LAPTOP:
        return f"Run onfh plan again with `preset` {PresetName.LAPTOP}, whose plan is the same for every study; and train again"
    return f"Start from a model of preset {PresetName.LAPTOP}, or train without `start`"


def _require_unseen(scans: tuple[str, ...] | None, dataset: Dataset, name: str) -> None:
    seen = set(scans or ())
    cases = [case for case in dataset.cases if dataset.scans[case.case_id] in seen]
    if not cases:
        return
    known = {dataset.scans[case.case_id] for case in cases}
    problem = f"learned from {plural(len(known), 'scan')} of this study: {', '.join(case.case_id for case in cases)}"
    raise SplitError(name, problem, "Leave these patients out of the cohort, or start from another model")
