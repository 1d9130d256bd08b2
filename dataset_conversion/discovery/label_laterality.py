"""Laterality of labels, and which labels of a scan form one row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dataset_conversion.cohort.table import ScanSide
from dataset_conversion.discovery.candidates import LabelCandidate, ScanCandidate
from onfh_nnunet.core.anatomy import LABELLED_HEADS_APART_MM, SECOND_HEAD_ABOVE_ML
from onfh_nnunet.core.file_names import named_side, stem, words
from onfh_nnunet.core.grid import Grid
from onfh_nnunet.core.hip import Side
from onfh_nnunet.core.scan_half import side_of_place

_NECROSIS = ("necro", "nekro", "lesion")
_HEAD = ("head", "femoral", "femur", "caput", "kopf")


@dataclass(frozen=True)
class LabelSet:
    """The labels of one row: one label, or separate masks of the head and the necrosis."""

    label: LabelCandidate
    necrosis: LabelCandidate | None = None


def sets_of(labels: Sequence[LabelCandidate], scan: ScanCandidate) -> list[LabelSet] | None:
    """Group a scan's labels into rows: one row, or one per hip where left and right have separate labels.

    Returns:
        The right hip first; none where it is unclear what belongs together.
    """
    by_side: dict[str, list[LabelCandidate]] = {"": list(labels)}
    if sum(not is_necrosis(label) for label in labels) > 1:
        sides = [stated_sides(scan, label) for label in labels]
        if any(found not in ({Side.LEFT}, {Side.RIGHT}) for found in sides):
            return None
        by_side = {side: [one for one, found in zip(labels, sides, strict=True) if found == {side}] for side in "RL"}
    sets = [_set(group) for group in by_side.values()]
    return None if None in sets else [one for one in sets if one is not None]


def is_necrosis(label: LabelCandidate) -> bool:
    """Whether a file's name says that it contains necrosis only."""
    said = words(stem(label.path))
    if label.path.parent.name.casefold().startswith(_NECROSIS):
        said |= {label.path.parent.name.casefold()}
    necrosis, head = (any(mark in word for word in said for mark in marks) for marks in (_NECROSIS, _HEAD))
    return necrosis and not head and len(label.segments) <= 1


def stated_sides(scan: ScanCandidate, label: LabelCandidate | None) -> set[ScanSide]:
    """The sides stated by DICOM's laterality, by the position of the labelled heads, and by names."""
    names = (stem(scan.path), *((stem(label.path),) if label else ()))
    told: set[Side | None] = {scan.laterality, named_side(*names)}
    sides: set[ScanSide] = {"L" if side is Side.LEFT else "R" for side in told if side is not None}
    seen = _seen(label, scan.grid) if label else None
    return sides | ({seen} if seen else set())


def _set(group: Sequence[LabelCandidate]) -> LabelSet | None:
    heads = [label for label in group if not is_necrosis(label)]
    lesions = [label for label in group if is_necrosis(label)]
    return LabelSet(heads[0], *lesions) if len(heads) == 1 and len(lesions) <= 1 else None


def _seen(label: LabelCandidate, scan: Grid) -> ScanSide | None:
    """The side of the labelled heads in the patient's axes, where the scan is wide enough to tell.

    Of a mask of the necrosis alone, its largest part counts: it may be small.
    """
    found = label.parts[:1] if is_necrosis(label) else [part for part in label.parts if part.ml > SECOND_HEAD_ABOVE_ML]
    if len(found) == 2 and abs(found[0].x_mm - found[1].x_mm) >= LABELLED_HEADS_APART_MM:
        return "B"
    side = side_of_place(scan, found[0].x_mm) if len(found) == 1 else None
    return None if side is None else "L" if side is Side.LEFT else "R"
