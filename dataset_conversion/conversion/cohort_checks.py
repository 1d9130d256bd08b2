"""Cohort-level checks: duplicate images, one patient under two names, outlier scans."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from dataset_conversion.conversion.scan_conversion import ConvertedHip, Outcome
from dataset_conversion.hips.findings import Finding, Severity
from onfh_nnunet.core.grid import FloatArray
from onfh_nnunet.core.printable import plural
from onfh_nnunet.core.steinberg import Grade

COHORT_CHECKS = ("duplicate", "study", "shared", "sequence", "spacing", "intensity", "lesion")
"""The checks of this module; a case's own checks have other names."""

SPACING_FACTOR = 1.5
"""Voxels this much larger or smaller than the cohort's median along an axis are another protocol."""

ENOUGH_CASES = 8
"""Fewer cases have no usual contrast."""

FAR_SCALED_MADS = 6.0
"""Distance from the median in scaled median absolute deviations; of normal values, 2 in a billion lie farther."""

LEAST_SPREAD = 0.05
"""Of the contrast: a cohort that is all alike does not make a small difference an outlier."""

_MAD_TO_SD = 1.4826


def cohort_findings(outcomes: Sequence[Outcome]) -> list[Finding]:
    """Findings from comparing all usable scans of a cohort with each other."""
    usable = [outcome for outcome in outcomes if outcome.hips]
    checks = (_same_image, _same_study, _same_label, _techniques, _spacings, _contrasts, _lesions)
    return [finding for check in checks for finding in check(usable)]


def _same_image(outcomes: Sequence[Outcome]) -> Iterator[Finding]:
    """One image under two patients: they could be on both sides of a fold."""
    message = "the image is the same, voxel for voxel, as that of another patient, in line {line}"
    yield from _shared(outcomes, lambda outcome: outcome.image_sha256, "duplicate", message)


def _same_study(outcomes: Sequence[Outcome]) -> Iterator[Finding]:
    message = "the image belongs to the same examination (StudyInstanceUID) as that of another patient, in line {line}"
    yield from _shared(outcomes, lambda outcome: outcome.study_sha256, "study", message)


def _same_label(outcomes: Sequence[Outcome]) -> Iterator[Finding]:
    """One label of two scans, which was drawn on one of them."""
    keys: dict[str, Callable[[Outcome], str]] = {
        "label": lambda outcome: outcome.label_sha256,
        "mask of the necrosis": lambda outcome: outcome.necrosis_sha256,
    }
    for name, key in keys.items():
        message = f"the {name} is the same file as that of another patient, or a copy of it, in line {{line}}"
        yield from _shared(outcomes, key, "shared", message)
        for outcome, owner in _repeated(outcomes, key):
            own, other = outcome.job.scan, owner.job.scan
            if own.patient_id == other.patient_id and outcome.image_sha256 != owner.image_sha256:
                said = f"the {name} is also that of another scan of this patient, in line {other.line}"
                text = f"{said}: see that it fits both"
                yield Finding(outcome.job.name, own.line, Severity.WARNING, "shared", text)


def _shared(outcomes: Sequence[Outcome], key: Callable[[Outcome], str], check: str, message: str) -> Iterator[Finding]:
    """Findings about two patients who share something that is unique to one patient."""
    for outcome, owner in _repeated(outcomes, key):
        if owner.job.scan.patient_id != outcome.job.scan.patient_id:
            text = message.format(line=owner.job.scan.line)
            yield Finding(outcome.job.name, outcome.job.scan.line, Severity.ERROR, check, text)


def _repeated(outcomes: Sequence[Outcome], key: Callable[[Outcome], str]) -> Iterator[tuple[Outcome, Outcome]]:
    """Each outcome whose key an earlier one has, and the first that has it."""
    first: dict[str, Outcome] = {}
    for outcome in outcomes:
        if key(outcome) and (owner := first.setdefault(key(outcome), outcome)) is not outcome:
            yield outcome, owner


def _techniques(outcomes: Sequence[Outcome]) -> Iterator[Finding]:
    counts = Counter(outcome.technique for outcome in outcomes if outcome.technique.strip())
    if len(counts) < 2:
        return
    usual = counts.most_common(1)[0][0]
    for outcome in outcomes:
        if outcome.technique.strip() and outcome.technique != usual:
            message = f"the sequence is {outcome.technique}, that of {counts[usual]} others {usual}"
            yield Finding(outcome.job.name, outcome.job.scan.line, Severity.WARNING, "sequence", message)


def _spacings(outcomes: Sequence[Outcome]) -> Iterator[Finding]:
    hips = list(_hips(outcomes))
    if not hips:
        return
    spacings = np.array([(hip.case.spacing_z_mm, hip.case.spacing_y_mm, hip.case.spacing_x_mm) for _, hip in hips])
    usual = np.median(spacings, axis=0)
    far = (np.abs(np.log(spacings / usual)) > np.log(SPACING_FACTOR)).any(axis=1)
    for (outcome, hip), own, unlike in zip(hips, spacings, far, strict=True):
        if unlike:
            message = f"voxels (z, y, x) of {_mm(own)}, in the cohort {_mm(usual)}"
            yield _warning(outcome, hip, "spacing", message)


def _contrasts(outcomes: Sequence[Outcome]) -> Iterator[Finding]:
    hips = list(_hips(outcomes))
    if len(hips) < ENOUGH_CASES:
        return
    values = np.array([hip.contrast for _, hip in hips])
    usual = float(np.median(values))
    spread = max(_MAD_TO_SD * float(np.median(np.abs(values - usual))), LEAST_SPREAD)
    for (outcome, hip), value in zip(hips, values, strict=True):
        if abs(value - usual) > FAR_SCALED_MADS * spread:
            message = f"the head is {value:.1f} SD brighter than its surroundings, in the cohort {usual:.1f}"
            yield _warning(outcome, hip, "intensity", message + ": another sequence, or a label beside the head")


def _lesions(outcomes: Sequence[Outcome]) -> Iterator[Finding]:
    """A cohort without ill hips, without healthy ones, or with both: then the healthy hips are named."""
    cases = [hip.case for _, hip in _hips(outcomes)]
    healthy = [case.case_id for case in cases if case.grade is Grade.NONE]
    if not cases:
        return
    if len(healthy) == len(cases):
        nothing = "no case has necrosis: a model of it finds heads and can grade nothing"
        message = f"{nothing}; taken for healthy: {', '.join(healthy)}"
        yield Finding("cohort", None, Severity.WARNING, "lesion", message)
    elif healthy:
        are = f"{plural(len(healthy), 'hip')} of {len(cases)} without necrosis, taken for healthy"
        message = f"{are}: {', '.join(healthy)}"
        yield Finding("cohort", None, Severity.NOTE, "lesion", message)
    else:
        message = (
            "every hip has necrosis: a model of it may outline necrosis in a healthy hip; add healthy hips, such as"
        )
        yield Finding("cohort", None, Severity.WARNING, "lesion", f"{message} the other hip of scans that show both")


def _hips(outcomes: Sequence[Outcome]) -> Iterator[tuple[Outcome, ConvertedHip]]:
    return ((outcome, hip) for outcome in outcomes for hip in outcome.hips)


def _warning(outcome: Outcome, hip: ConvertedHip, check: str, message: str) -> Finding:
    return Finding(hip.case.case_id, outcome.job.scan.line, Severity.WARNING, check, message)


def _mm(spacing: FloatArray) -> str:
    return " x ".join(f"{value:.2f}" for value in spacing) + " mm"
