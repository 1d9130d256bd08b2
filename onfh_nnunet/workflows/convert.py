"""Conversion of a cohort table into nnU-Net's raw dataset, and the checks of a cohort."""

from __future__ import annotations

from pathlib import Path

from dataset_conversion import convert as conversion
from dataset_conversion.convert import Conversion
from dataset_conversion.hips.findings import Finding, shown_once
from onfh_nnunet.core.choices import DEFAULT_DATASET_ID, DEFAULT_WORK, AnyPath
from onfh_nnunet.core.progress import Progress, silent
from onfh_nnunet.study.workspace import Workspace
from onfh_nnunet.workflows.hip_labels import label_rules

__all__ = ["Conversion", "Finding", "check", "convert", "shown_once"]


def convert(
    cohort: AnyPath,
    work: AnyPath = DEFAULT_WORK,
    *,
    dataset_id: int = DEFAULT_DATASET_ID,
    head_label: str | None = None,
    necrosis_label: str | None = None,
    label_names: AnyPath | None = None,
    resample_labels: bool = False,
    series: str | None = None,
    keep_ids: bool = False,
    strict: bool = False,
    progress: Progress = silent,
) -> Conversion:
    """Convert a cohort into an nnU-Net dataset: every labelled hip becomes a case.

    Scans that were converted before and have not changed since are left as they are.

    Args:
        cohort: The table cohort.csv; paths in it are relative to it.
        work: The folder of the study, which is made if need be.
        dataset_id: nnU-Net's number of the dataset, 1 to 999.
        head_label: Value, segment name or code of the viable head in the labels; by default the segment whose name says
            head, and 1 where values have no names.
        necrosis_label: The same for the necrosis, and 2; ``none`` where no label draws one.
        label_names: A label description file of ITK-SNAP, to name label values.
        resample_labels: Whether labels on another grid are resampled onto the scan's, nearest neighbour.
        series: Description or UID of the DICOM series where a scan has several and its row names none.
        keep_ids: Whether cases keep the patient_id of the table instead of a pseudonym.
        strict: Whether warnings stop the conversion as errors do.
        progress: Called after each scan that is converted.

    Returns:
        The dataset, what to look at, the scans left out because they have no label, and how many were converted.

    Raises:
        CohortError: The table has bad rows, or a patient_id that is to be kept is not valid in a file name.
        LabelError: No scan has a label, or a label cannot be used.
        OnfhError: Scans cannot be used; the message names all of them, and nothing was written.
        ReadError: The table or the label names cannot be read.
        WorkspaceError: The study cannot be written, is being written, or holds a dataset of another number.

    Example:
        >>> import tempfile
        >>> from onfh_nnunet.workflows.convert import convert
        >>> from onfh_nnunet.workflows.phantom import phantom
        >>> folder = tempfile.mkdtemp()
        >>> scans = phantom(f"{folder}/cohort", hips=2, form="nifti", spacing_mm=(4, 4, 4))
        >>> made = convert(f"{folder}/cohort/cohort.csv", f"{folder}/work")
        >>> len(made.dataset.cases)
        2
    """
    rules = label_rules(head_label, necrosis_label, label_names, resample=resample_labels)
    workspace = Workspace(Path(work), dataset_id)
    return conversion.convert(
        Path(cohort), workspace, rules, series=series, keep_ids=keep_ids, strict=strict, progress=progress
    )


def check(
    cohort: AnyPath,
    *,
    head_label: str | None = None,
    necrosis_label: str | None = None,
    label_names: AnyPath | None = None,
    resample_labels: bool = False,
    series: str | None = None,
    progress: Progress = silent,
) -> tuple[Finding, ...]:
    """Run the checks of `convert` on every labelled scan of a cohort, without writing anything.

    Args:
        cohort: The table cohort.csv; paths in it are relative to it.
        head_label: As in `convert`.
        necrosis_label: As in `convert`.
        label_names: As in `convert`.
        resample_labels: As in `convert`.
        series: As in `convert`.
        progress: Called after each scan.

    Returns:
        The errors and warnings, by scan, then those of the whole cohort.

    Raises:
        CohortError: The table has bad rows.
        LabelError: No scan has a label.
        ReadError: The table or the label names cannot be read.

    Example:
        >>> import tempfile
        >>> from onfh_nnunet.workflows.convert import check
        >>> from onfh_nnunet.workflows.phantom import phantom
        >>> folder = tempfile.mkdtemp()
        >>> scans = phantom(f"{folder}/cohort", hips=1, form="nifti", spacing_mm=(2, 2, 2))
        >>> [finding for finding in check(f"{folder}/cohort/cohort.csv") if finding.level == "error"]
        []
    """
    rules = label_rules(head_label, necrosis_label, label_names, resample=resample_labels)
    return conversion.check(Path(cohort), rules, series=series, progress=progress)
