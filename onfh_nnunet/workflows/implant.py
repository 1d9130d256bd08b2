"""Lesions of known volume painted into the labelled heads of real scans."""

from __future__ import annotations

from pathlib import Path

from dataset_conversion.phantom.implants.implant_cohort import write_implants
from onfh_nnunet.core.choices import AnyPath, Weighting, chosen
from onfh_nnunet.core.progress import Progress, silent
from onfh_nnunet.workflows.hip_labels import label_rules


def implant(
    cohort: AnyPath,
    out: AnyPath,
    *,
    weighting: Weighting | str,
    per_hip: int = 1,
    seed: int = 0,
    head_label: str | None = None,
    necrosis_label: str | None = None,
    label_names: AnyPath | None = None,
    progress: Progress = silent,
) -> int:
    """Paint lesions of known volume into the labelled heads of a cohort; the same arguments give the same bytes.

    Args:
        cohort: The table cohort.csv of scans whose labels hold heads without necrosis.
        out: A new or empty folder. It gets each scan as it is (visit 0) and with implants (visits from 1), the labels,
            cohort.csv, and the true volumes in truth.csv.
        weighting: What shows a lesion in these scans: t1 (also proton density), t2 or fat-suppressed.
        per_hip: Implants of each hip, at least 1: one scan each.
        seed: At least 0.
        head_label: As in `convert`.
        necrosis_label: As in `convert`.
        label_names: As in `convert`.
        progress: Called after each scan.

    Returns:
        The number of hips with an implant.

    Raises:
        CohortError: The table has bad rows; the number of implants or the seed is too small.
        OnfhError: There is no such weighting, or scans cannot be used; the message names all of them.
        WorkspaceError: The folder is not empty, or cannot be written.

    Example:
        ```python
        from onfh_nnunet.workflows.implant import implant

        implant("healthy/cohort.csv", "implants", weighting="t1", per_hip=3)
        ```
    """
    rules = label_rules(head_label, necrosis_label, label_names)
    shown = chosen(Weighting, weighting, "weighting")
    return write_implants(Path(cohort), Path(out), shown, rules, per_hip=per_hip, seed=seed, progress=progress)
