"""Subgroups of hips by the further columns of cohort.csv, such as sex, vendor or field strength.

Results may be shared, and a column may hold names, dates or numbers of patients. So a column makes subgroups only where
its values are few and at least one of them is of several patients; numbers of which there are many make two
subgroups, at their median to two digits. No other cell leaves the table.
"""

from __future__ import annotations

import statistics
import warnings
from collections.abc import Iterator, Mapping, Sequence

from dataset_conversion.cohort.table import SourceScan
from onfh_nnunet.core.errors import OnfhWarning
from onfh_nnunet.core.hip import Hip
from onfh_nnunet.core.tables import number, quoted
from onfh_nnunet.study.cohort_hips import CohortHip, HipGroup

MOST_VALUES = 12
"""A column with more makes no subgroups, or two of numbers; ours: more would have a few hips each."""

NOT_STATED = "not stated"
"""The subgroup of an empty cell."""

UNLABELLED = "no label"

_TAKEN = ("grade", "side", "fold")
"""What groups hips anyway."""


def cohort_hips(scans: Sequence[SourceScan], names: Mapping[str, str]) -> list[CohortHip]:
    """The hips of a cohort in its order; those of a scan without a label are no cases.

    Args:
        scans: The rows of cohort.csv.
        names: The pseudonym of each patient id.
    """
    return [
        CohortHip(hip.case_id, hip.patient, "" if scan.label else UNLABELLED)
        for scan in scans
        for hip in _hips(scan, names)
    ]


def subgroups(scans: Sequence[SourceScan], names: Mapping[str, str]) -> list[HipGroup]:
    """The subgroups of the hips, by column and then in order of the cohort; see the module.

    Warns of each column that makes none, as an `OnfhWarning`.
    """
    found = []
    for by in dict.fromkeys(column for scan in scans for column, _ in scan.further):
        cells = [dict(scan.further).get(by, "") for scan in scans]
        groups = _groups(cells, [scan.patient_id for scan in scans])
        if not groups:
            said = f"makes no subgroups: it has more than {MOST_VALUES} values, or each is of one patient alone"
            warnings.warn(f"the column {quoted(by)} of the cohort {said}", OnfhWarning, stacklevel=2)
        name = f"{by} (cohort.csv)" if by in _TAKEN else by
        found += [
            HipGroup(hip.case_id, name, groups[cell])
            for scan, cell in zip(scans, cells, strict=True)
            if groups
            for hip in _hips(scan, names)
        ]
    return found


def _hips(scan: SourceScan, names: Mapping[str, str]) -> Iterator[Hip]:
    return (Hip(names[scan.patient_id], side, scan.visit) for side in scan.hips)


def _groups(cells: Sequence[str], patients: Sequence[str]) -> dict[str, str]:
    """The subgroup of each cell; none where the column makes none."""
    stated = dict.fromkeys(filter(None, cells))
    numbers = _numbers(stated)
    if numbers:
        named = {cell: f"{value:.15g}" for cell, value in numbers.items()}
    else:
        spellings = {cell.casefold(): cell for cell in reversed(stated)}
        named = {cell: spellings[cell.casefold()] for cell in stated}
    if not _makes_subgroups(named, cells, patients):
        named = _halves([numbers[cell] for cell in cells if cell], numbers) if numbers else {}
    return named and {"": NOT_STATED} | named


def _makes_subgroups(named: Mapping[str, str], cells: Sequence[str], patients: Sequence[str]) -> bool:
    members: dict[str, set[str]] = {group: set() for group in named.values()}
    for cell, patient in zip(cells, patients, strict=True):
        if cell:
            members[named[cell]].add(patient)
    return len(members) <= MOST_VALUES and any(len(of) > 1 for of in members.values())


def _halves(values: Sequence[float], numbers: Mapping[str, float]) -> dict[str, str]:
    """Up to the median and above it; none where all are on one side of what is left of it in two digits."""
    limit = float(f"{statistics.median(values):.2g}")
    named = {cell: f"up to {limit:g}" if value <= limit else f"above {limit:g}" for cell, value in numbers.items()}
    return named if len(set(named.values())) == 2 else {}


def _numbers(cells: Mapping[str, None]) -> dict[str, float]:
    """The numbers of a column; none where a cell is no number."""
    try:
        return {cell: number(cell) for cell in cells}
    except ValueError:
        return {}
