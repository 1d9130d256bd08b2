"""Proposal of cohort.csv from a folder of studies and labels, for a person to correct.

What is not certain stays empty and is noted: a side that nothing tells, a label that fits two scans, two labels that
fit one. An empty side is refused by `cohort.read_cohort`, so that nobody trains on a guess.
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import astuple, dataclass, replace
from functools import partial
from pathlib import Path

from dataset_conversion.cohort.table import ScanSide
from dataset_conversion.discovery import lund_probe
from dataset_conversion.discovery.candidates import LabelCandidate, ScanCandidate
from dataset_conversion.discovery.label_laterality import LabelSet, sets_of, stated_sides
from dataset_conversion.discovery.matching import pair
from dataset_conversion.discovery.patient_names import names_by_place
from dataset_conversion.discovery.scan_folder import collect, files_in
from dataset_conversion.discovery.study_choice import choose_series, suits_best
from onfh_nnunet.core.csv_rows import columns, harmless
from onfh_nnunet.core.errors import CohortError, OnfhError
from onfh_nnunet.core.printable import on_one_line, plural
from onfh_nnunet.core.progress import Progress, silent


@dataclass(frozen=True)
class ProposedRow:
    """A row of cohort.csv, in the order of its columns; see `cohort.SourceScan`. Its paths are written unchanged."""

    patient_id: str
    image: str
    side: str = ""
    label: str = ""
    grade: str = ""
    series: str = ""
    label_necrosis: str = ""


@dataclass(frozen=True)
class Proposal:
    """Proposed rows, one per scan, or one per hip where each hip has its own label; and notes on what was uncertain."""

    rows: tuple[ProposedRow, ...]
    notes: tuple[str, ...]

    def csv(self) -> str:
        """The table as text."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(columns(ProposedRow))
        writer.writerows(map(harmless, astuple(row)) for row in self.rows)
        return text.getvalue()


SideShown = Callable[[ScanCandidate], ScanSide]
"""What a scan itself shows, where nothing else tells the side; it raises `OnfhError` where that is not clear."""


def propose(folder: Path, start: Path, progress: Progress = silent, side_shown: SideShown | None = None) -> Proposal:
    """Propose a cohort.

    Args:
        folder: Holds the scans and labels, at any depth; links in it are not followed.
        start: Where the table will lie: its paths are relative to it.
        progress: Called after each file that is looked into.
        side_shown: Asked for the side of a scan that header, label and names do not state; by default it stays empty.

    Raises:
        CohortError: There is no such folder, or no scan in it.
    """
    if not folder.is_dir():
        raise CohortError(folder, "is not a folder", "Give the folder of the scans and labels")
    files, notes = files_in(folder)
    patients = lund_probe.patients_in(files)
    proposed = _lund_probe(patients) if patients else _any_layout(folder, files, progress, side_shown)
    notes += proposed.notes
    if not proposed.rows:
        listed = "".join(f"\n  {on_one_line(note)}" for note in notes)
        problem = f"holds no 3D MR image in DICOM, NIfTI, NRRD or MetaImage{listed and ':' + listed + chr(10)}"
        raise CohortError(folder, problem, "Give the folder of the scans and labels")
    return Proposal(tuple(_relative(row, start) for row in proposed.rows), tuple(notes))


def _lund_probe(patients: Sequence[Path]) -> Proposal:
    rows: list[ProposedRow] = []
    found = plural(len(patients), "patient")
    notes = [f"{found} in the layout of LUND-PROBE: {lund_probe.MR_FOLDER} is read, all else left out"]
    for patient in patients:
        name, image, masks = lund_probe.hips_of(patient)
        rows += [ProposedRow(name, str(image), side, str(mask)) for side, mask in masks.items()]
        notes += [f"{patient}: no mask of head {side}" for side in lund_probe.HEADS if side not in masks]
    return Proposal(tuple(rows), tuple(notes))


def _any_layout(folder: Path, files: list[Path], progress: Progress, side_shown: SideShown | None) -> Proposal:
    found = collect(folder, files, progress)
    places, renamed = names_by_place(found.scans, folder)
    known_as = [(scan.patient_id, place) for scan, place in zip(found.scans, places, strict=True)]
    labels_of, doubts = pair(found.labels, found.scans, known_as, partial(suits_best, found.rated))
    labelled = [scan for scan, labels in zip(found.scans, labels_of, strict=True) if labels]
    chosen, left = choose_series(found.rated, labelled)
    rows: list[ProposedRow] = []
    notes = [*found.notes, *doubts, *left, *renamed]
    used: set[tuple[str, ...]] = set()
    for number, (scan, names, labels) in enumerate(zip(found.scans, known_as, labels_of, strict=True), start=1):
        progress(scan.path.name, number, len(found.scans))
        if scan.series_uid and scan not in chosen:
            continue
        sets = sets_of(labels, scan) if labels else []
        if sets is None:
            notes.append(f"{scan}: {len(labels)} labels, and unclear which: {', '.join(map(str, labels))}")
        for one in sets or (None,):
            side, doubt = _side(scan, one.label if one else None, side_shown)
            rows.append(_row(scan, names[0] or names[1], side, one))
            notes += doubt
            used |= {one.label.segments} if one else set()
    return Proposal(tuple(rows), (*notes, *_to_name(used)))


def _row(scan: ScanCandidate, name: str, side: str, labels: LabelSet | None) -> ProposedRow:
    row = ProposedRow(name, str(scan.path), side, series=scan.series)
    if labels is None:
        return row
    return replace(row, label=str(labels.label), label_necrosis=str(labels.necrosis) if labels.necrosis else "")


def _side(scan: ScanCandidate, label: LabelCandidate | None, side_shown: SideShown | None) -> tuple[str, list[str]]:
    """The side that all agree on, or else what the scan shows; or nothing and why."""
    stated = stated_sides(scan, label)
    if len(stated) == 1:
        return next(iter(stated)), []
    why = f"header, label and names disagree: {', '.join(sorted(stated))}" if stated else "nothing tells it"
    if not stated and side_shown is not None:
        try:
            shown = side_shown(scan)
        except OnfhError as error:
            why = f"nothing tells it, and the scan {error.problem}"
        else:
            if label is None:
                return shown, [f"{scan}: side {shown} by what the scan shows; see that it is right"]
            why = f"the scan shows {shown}, and it is unclear which hip the label draws"
    return "", [f"{scan}: no side, {why}; fill in L, R or B"]


def _to_name(used: set[tuple[str, ...]]) -> Iterator[str]:
    """A note on the options for `onfh convert` when labels do not use the values 1 and 2."""
    for segments in sorted(used):
        if not set(segments) <= {"1", "2"}:
            listed = ", ".join(map(repr, segments))
            yield f"labels with the segments {listed}: name two with `head_label` and `necrosis_label`"


def _relative(row: ProposedRow, start: Path) -> ProposedRow:
    paths = {name: getattr(row, name) for name in ("image", "label", "label_necrosis")}
    return replace(row, **{name: Path(os.path.relpath(path, start)).as_posix() for name, path in paths.items() if path})
