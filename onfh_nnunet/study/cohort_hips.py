"""The hips that a cohort gives, cases or not, and the subgroups that its further columns make."""

from __future__ import annotations

from dataclasses import dataclass

from onfh_nnunet.core.csv_rows import read_rows
from onfh_nnunet.study.workspace import Workspace


@dataclass(frozen=True)
class CohortHip:
    """A row of given.csv: a hip of cohort.csv.

    Args:
        case_id: Its id.
        patient: Whose hip it is.
        excluded: Why it is no case; empty for a case.
    """

    case_id: str
    patient: str
    excluded: str


@dataclass(frozen=True)
class HipGroup:
    """A row of subgroups.csv: the subgroup that a further column of cohort.csv puts a hip into.

    Args:
        case_id: The hip.
        by: The column.
        group: Its cell, or a range of numbers.
    """

    case_id: str
    by: str
    group: str


@dataclass(frozen=True)
class CohortHips:
    """What the tables of an evaluation need to know of its cohort.

    Args:
        given: Its hips; None where only those that were judged are known.
        groups: The subgroups of the hips.
    """

    given: tuple[CohortHip, ...] | None = None
    groups: tuple[HipGroup, ...] = ()

    @classmethod
    def read(cls, workspace: Workspace) -> CohortHips:
        """Those of a workspace; nothing is known where an earlier version converted it.

        Raises:
            ReadError: A table is damaged.
        """
        if not workspace.given_csv.is_file():
            return cls()
        given = read_rows(workspace.given_csv, CohortHip)
        return cls(tuple(given), tuple(read_rows(workspace.subgroups_csv, HipGroup)))
