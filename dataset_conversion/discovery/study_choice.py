"""The one scan of each study that is predicted, or one a hip where each hip was scanned on its own; and why."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from dataset_conversion.cohort.scan_input import ScanInput
from dataset_conversion.discovery.candidates import ScanCandidate
from dataset_conversion.discovery.dicom_series import LeftOut, RatedScan
from onfh_nnunet.core.anatomy import LABELLED_HEADS_APART_MM
from onfh_nnunet.core.errors import ReadError
from onfh_nnunet.core.file_names import stem


@dataclass(frozen=True)
class Chosen:
    """What becomes of one study.

    Args:
        scans: What is predicted, or refused with the reason; none of a study that holds no MR of a hip.
        lines: Which series was taken and which were not, with the reasons.
    """

    scans: tuple[ScanInput, ...]
    lines: tuple[str, ...]


def choose_scans(scans: Iterable[RatedScan], left_out: Iterable[LeftOut], folder: Path) -> list[Chosen]:
    """Choose the scans of studies, in the order in which these were found.

    A stack that was found before, in a copy of its folder or in an archive, counts once.

    Args:
        scans: The series of all studies that are 3D scans.
        left_out: Their other series.
        folder: That was searched.
    """
    studies: dict[str, tuple[list[RatedScan], list[LeftOut]]] = {}
    known: dict[tuple[str, str, str, int], Path] = {}
    copies: list[str] = []
    for rated in scans:
        stack = rated.study, rated.scan.series_uid, rated.called, rated.scan.grid.size[0]
        if stack in known:
            copies.append(
                f"{title_of(rated.scan.path, folder)}: {rated.called} is a copy of {known[stack]}, counted once"
            )
            continue
        known[stack] = rated.scan.path
        studies.setdefault(rated.study or str(rated.scan), ([], []))[0].append(rated)
    for one in left_out:
        studies.setdefault(one.study or str(one.home), ([], []))[1].append(one)
    chosen = [_of_study(found, others, folder) for found, others in studies.values()]
    return [*chosen, Chosen((), tuple(copies))]


def suits_best(rated: Iterable[RatedScan], scans: Iterable[ScanCandidate]) -> ScanCandidate | None:
    """Of scans that are series of one study the one that suits best; None where they are not of one study."""
    known = {one.scan: one for one in rated}
    found = [known.get(scan) for scan in scans]
    series = [one for one in found if one is not None]
    same = len(series) == len(found) and len({one.study or str(one.scan) for one in series}) == 1
    return min(series, key=lambda one: one.suitability).scan if same else None


def choose_series(
    rated: Iterable[RatedScan], labelled: Collection[ScanCandidate]
) -> tuple[set[ScanCandidate], list[str]]:
    """Choose the series of each study that a cohort needs, by the same rule; one that is labelled before any other.

    Args:
        rated: The series of all studies that are 3D scans.
        labelled: Those of them to which a label belongs.

    Returns:
        The chosen ones, and for each study of which series are left a line that says which.
    """
    studies: dict[str, list[RatedScan]] = {}
    for one in rated:
        studies.setdefault(one.study or str(one.scan), []).append(one)
    chosen: set[ScanCandidate] = set()
    lines: list[str] = []
    for series in studies.values():
        fit = [one for one in series if one.scan in labelled] or [one for one in series if not one.unfit]
        fit.sort(key=lambda one: one.suitability)
        taken = [*fit[:1], *_other_hip(fit)] if fit else []
        chosen |= {one.scan for one in taken}
        left = [_left(one, labelled) for one in series if one not in taken]
        took = ", ".join(one.called for one in taken) or "no series"
        lines += [f"{series[0].scan.path}: took {took} of its study; left {'; '.join(left)}"] if left else []
    return chosen, lines


def _left(one: RatedScan, labelled: Collection[ScanCandidate]) -> str:
    why = f"it {one.unfit}" if one.unfit else str(one.suitability)
    return f"{one.called}: {why}" + (", though it is labelled" if one.scan in labelled else "")


def _of_study(scans: Sequence[RatedScan], left_out: Sequence[LeftOut], folder: Path) -> Chosen:
    reasons = [f"{one.called}: it {one.unfit}" for one in scans if one.unfit]
    reasons += [f"{one.called}: it {one.why}" for one in left_out]
    fit = sorted((one for one in scans if not one.unfit), key=lambda one: one.suitability)
    if not fit:
        home = scans[0].scan.path if scans else left_out[0].home
        return _none(home, left_out, reasons, folder)
    taken = [fit[0], *_other_hip(fit)]
    lines = [f"{title_of(one.scan.path, folder)}: took {one.called}: {one.suitability}" for one in taken]
    inputs = tuple(_input(one, folder) for one in taken)
    rest = [*(f"{one.called}: {one.suitability}" for one in fit if one not in taken), *reasons]
    left = [f"{title_of(fit[0].scan.path, folder)}: left {'; '.join(rest)}"] if rest else []
    return Chosen(_paired(taken, inputs) if len(taken) == 2 else inputs, (*lines, *left))


def _other_hip(fit: Sequence[RatedScan]) -> list[RatedScan]:
    """The best scan of the other hip, where the best scan of all shows one hip alone."""
    if fit[0].suitability.shows_both_hips:
        return []
    single = [one for one in fit[1:] if not one.suitability.shows_both_hips]
    return [one for one in single if _is_beside(one, fit[0])][:1]


def _paired(taken: Sequence[RatedScan], inputs: Sequence[ScanInput]) -> tuple[ScanInput, ...]:
    """The scans of a patient's two hips, each with its side: of LPS, x grows to the left."""
    left = taken.index(max(taken, key=_middle_mm))
    return tuple(
        replace(one, side="L" if number == left else "R", pair=str(taken[0].scan)) for number, one in enumerate(inputs)
    )


def _is_beside(one: RatedScan, other: RatedScan) -> bool:
    """Whether the middles of two scans are as far apart from right to left as two hips are."""
    return abs(_middle_mm(one) - _middle_mm(other)) >= LABELLED_HEADS_APART_MM


def _middle_mm(rated: RatedScan) -> float:
    return float(np.mean(rated.scan.grid.corners_mm()[:, 0]))


def _none(home: Path, left_out: Sequence[LeftOut], reasons: Sequence[str], folder: Path) -> Chosen:
    """A study without a scan that suits: refused with the reasons where a stack is wrong that may show a hip."""
    if all(one.elsewhere or one.is_localizer for one in left_out):
        return Chosen((), (f"{title_of(home, folder)}: passed over, it holds no MR of a hip: {'; '.join(reasons)}",))
    listed = "".join(f"\n  {reason}" for reason in reasons)
    refusal = ReadError(home, "holds no series that can be measured", "Export it again, complete", f":{listed}\n")
    return Chosen((ScanInput(home, title=title_of(home, folder), refusal=refusal),), ())


def _input(rated: RatedScan, folder: Path) -> ScanInput:
    scan = rated.scan
    title = " ".join(filter(None, (title_of(scan.path, folder), scan.series)))
    return ScanInput(scan.path, scan.series or None, title=title)


def title_of(path: Path, folder: Path) -> str:
    """What a scan is called by its place below the folder that was searched."""
    below = path.relative_to(folder) if path.is_relative_to(folder) else Path(path.name)
    return below.with_name(stem(below)).as_posix() if below.parts else path.resolve().name
