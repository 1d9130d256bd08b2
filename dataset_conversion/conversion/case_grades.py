"""Grade of a case: the reader's in the cohort, by default the label's; and what is wrong where the two differ."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from dataset_conversion.cohort.table import SourceScan
from dataset_conversion.hips.findings import Finding, Severity
from onfh_nnunet.core.steinberg import Grade
from onfh_nnunet.study.dataset import Case


def case_grades(of_label: Sequence[Grade], reader: Grade | None) -> Sequence[Grade]:
    """The grade of each hip of a scan: the reader's, by default the label's.

    Where the label of a scan of both hips shows one of them ill, a reader's letter is the ill hip's grade.
    """
    one_is_ill = len(set(of_label)) > 1 and Grade.NONE in of_label and reader is not Grade.NONE
    return [own if reader is None or (one_is_ill and own is Grade.NONE) else reader for own in of_label]


def grade_findings(case: Case, of_label: Grade, scan: SourceScan) -> Iterator[Finding]:
    """A reader's grade that differs from the label's: one of the two may belong to another hip, or a lesion is lost."""
    if of_label == case.grade:
        return
    message = f"the cohort says grade {case.grade}, the label {case.necrosis_percent:.1f} %: {of_label}"
    if Grade.NONE in (of_label, case.grade):
        message += "; correct the label, or the grade: an ill hip would be taken for a healthy one"
        yield Finding(case.case_id, scan.line, Severity.ERROR, "grade", message)
    else:
        yield Finding(case.case_id, scan.line, Severity.WARNING, "grade", message)
