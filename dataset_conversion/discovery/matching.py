"""Matching of labels to scans: by references, patient, voxel grid, names and folders.

One kind of evidence alone is seldom enough: a protocol gives all patients one grid, and sequences bear the same names
in all of them. A label that fits two scans alike is left to a person.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from dataset_conversion.discovery.candidates import LabelCandidate, ScanCandidate
from onfh_nnunet.core.file_names import words
from onfh_nnunet.core.grid import GRID_TOLERANCE_MM, Grid

_SHOWN = 4


@dataclass(frozen=True, order=True)
class Evidence:
    """Reasons why a label may belong to a scan, strongest first.

    Args:
        referred_to: The label is a DICOM SEG that names the scan's series.
        patient: The label's path holds the patient's name.
        same_voxels: The label's voxels are voxels of the scan.
        near: The label lies in the scan's folder, or in the one above it.
        n_words: How many words both paths share.
    """

    referred_to: bool
    patient: bool
    same_voxels: bool
    near: bool
    n_words: int

    @property
    def is_enough(self) -> bool:
        """Whether the evidence is more than coincidence."""
        return self.referred_to or self.patient or (self.near and self.same_voxels)


def pair(
    labels: Sequence[LabelCandidate],
    scans: Sequence[ScanCandidate],
    patients: Sequence[Sequence[str]],
    suits_best: Callable[[Sequence[ScanCandidate]], ScanCandidate | None] = lambda _scans: None,
) -> tuple[list[list[LabelCandidate]], list[str]]:
    """Assign each label to the scan that it belongs to.

    Args:
        labels: All that were found.
        scans: All that were found.
        patients: For each scan the names that its patient goes by.
        suits_best: Which of several scans that a label fits alike it goes to; None leaves it to a person.

    Returns:
        The labels of each scan, in the order of the scans; and a note on each label that belongs to none, that fits
        several scans alike, or whose scan is doubtful.
    """
    known_as = [[words(name) for name in names if words(name)] for names in patients]
    owned: list[list[LabelCandidate]] = [[] for _ in scans]
    notes: list[str] = []
    for label in labels:
        found = [_evidence(label, scan, names) for scan, names in zip(scans, known_as, strict=True)]
        strongest = max((one for one in found if one is not None), default=None)
        best = [index for index, one in enumerate(found) if one is not None and one == strongest]
        alike = [scans[index] for index in best]
        if len(best) > 1 and (preferred := suits_best(alike)):
            best = [scans.index(preferred)]
            notes.append(f"{label}: a label that fits {len(alike)} series of one study; went to the best, {preferred}")
        if len(best) == 1:
            owned[best[0]].append(label)
        notes += _doubts(label, [scans[index] for index in best], strongest, scans)
    return owned, notes


def _evidence(label: LabelCandidate, scan: ScanCandidate, patient: Sequence[frozenset[str]]) -> Evidence | None:
    """The evidence; None where it is not enough, or where the patient's position differs."""
    frames = {label.frame_of_reference, scan.frame_of_reference} - {""}
    found = Evidence(
        scan.series_uid in label.series_uids,
        any(name <= label.words for name in patient),
        _same_voxels(label.grid, scan.grid),
        label.path.parent in (scan.home, scan.home.parent),
        len(label.words & scan.words),
    )
    return found if found.is_enough and len(frames) <= 1 else None


def _doubts(
    label: LabelCandidate, best: Sequence[ScanCandidate], evidence: Evidence | None, scans: Sequence[ScanCandidate]
) -> list[str]:
    if evidence is None:
        return [f"{label}: a label that belongs to no scan here; fill it in yourself"]
    if len(best) > 1:
        listed = ", ".join(map(str, best[:_SHOWN])) + (", ..." if len(best) > _SHOWN else "")
        return [f"{label}: a label that fits {len(best)} scans alike: {listed}; fill it in yourself"]
    if not evidence.same_voxels:
        others = [scan for scan in scans if _same_voxels(label.grid, scan.grid)]
        drawn_on = f", and on that of {others[0]}; see which scan it belongs to" if others else ""
        how = "; if it is this scan's, convert takes it with `resample_labels` only"
        return [f"{label}: on another grid than its scan {best[0]}{drawn_on or how}"]
    if not (evidence.referred_to or evidence.patient):
        return [f"{label}: went to {best[0]} by folder and voxels alone; see that it is this patient's"]
    return []


@functools.lru_cache(maxsize=100_000)
def _same_voxels(label: Grid, scan: Grid) -> bool:
    """Whether a label's voxels are voxels of the scan: the same grid, a part of it, or axes permuted and flipped."""
    if not np.allclose(sorted(label.spacing_mm), sorted(scan.spacing_mm), rtol=1e-3):
        return False
    corners = label.corners_mm()
    nearest = np.rint(scan.to_index(corners))
    apart = float(np.linalg.norm(scan.to_mm(nearest) - corners, axis=1).max())
    overlap = (nearest.max(axis=0) >= 0).all() and (nearest.min(axis=0) < scan.size).all()
    return bool(apart <= GRID_TOLERANCE_MM and overlap)
