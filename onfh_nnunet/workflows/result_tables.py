"""Tables of a comparison or a cross-validation, and the published figures for comparison."""

from __future__ import annotations

from pathlib import Path

from onfh_nnunet.core.csv_rows import read_rows
from postprocessing.statistics.agreement import Statistic
from postprocessing.statistics.published import KAPPA_NOTE, PUBLISHED, SOURCE
from postprocessing.statistics.summary_tables import SummaryRow

__all__ = ["KAPPA_NOTE", "PUBLISHED", "SOURCE", "read_agreement", "read_summary"]


def read_summary(folder: Path) -> list[SummaryRow]:
    """Read the rows of summary.csv.

    Raises:
        ReadError: The table is missing or damaged.
    """
    return read_rows(folder / "summary.csv", SummaryRow)


def read_agreement(folder: Path) -> list[Statistic]:
    """Read the rows of agreement.csv.

    Raises:
        ReadError: The table is missing or damaged.
    """
    return read_rows(folder / "agreement.csv", Statistic)
