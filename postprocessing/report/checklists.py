"""Reporting checklists of a cross-validation: what the run knows is filled in, what only its authors know stays open.

CLAIM 2024: Tejani et al., Radiology: Artificial Intelligence 2024;6:e240300, 44 items. TRIPOD+AI: Collins et al., BMJ
2024;385:e078378, 27 items with their parts. Numbers are the published ones, topics are told in our own short words.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

SOURCES = {
    "CLAIM 2024": "Tejani et al., Radiology: Artificial Intelligence 2024;6:e240300",
    "TRIPOD+AI": "Collins et al., BMJ 2024;385:e078378",
}
_ITEMS = Path(__file__).with_name("checklists.csv")


@dataclass(frozen=True)
class ChecklistRow:
    """An item of a checklist; a row of checklists.csv.

    Args:
        checklist: Which; see `SOURCES`.
        item: Its number there.
        section: The part of a paper that it belongs to.
        topic: What it asks for.
        known: What the run knows of it; empty where it knows nothing.
        open: What the authors have still to state; empty where nothing is left.
    """

    checklist: str
    item: str
    section: str
    topic: str
    known: str
    open: str

    @property
    def state(self) -> str:
        """Whether it is filled, partly filled or open."""
        return "open" if not self.known else "partly" if self.open else "filled"


def filled_checklists(facts: Mapping[str, str]) -> list[ChecklistRow]:
    """All items, filled in with the facts of a run.

    Args:
        facts: By the name that stands in braces in an item. An item that needs another one is open.
    """
    with _ITEMS.open(encoding="utf-8", newline="") as file:
        return [_filled(ChecklistRow(**row), facts) for row in csv.DictReader(file)]


def _filled(row: ChecklistRow, facts: Mapping[str, str]) -> ChecklistRow:
    try:
        known = row.known.format_map(facts)
    except KeyError as lacking:
        return ChecklistRow(
            row.checklist, row.item, row.section, row.topic, "", row.open or f"State it: {lacking.args[0]} is not known"
        )
    return ChecklistRow(row.checklist, row.item, row.section, row.topic, known, row.open)
