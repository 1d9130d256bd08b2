"""Hips and sides. One hip is one case: a patient and side for people, a case id for nnU-Net."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from onfh_nnunet.core.errors import CohortError

_PATIENT = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")
_VISIT = re.compile(r"[A-Za-z0-9]*")
_REMEDY = "Use letters, digits, '.', '_' and '-', beginning and ending with a letter or a digit"


class Side(StrEnum):
    """The patient's side, not the observer's."""

    LEFT = "L"
    RIGHT = "R"

    @property
    def other(self) -> Side:
        """The opposite side."""
        return Side.LEFT if self is Side.RIGHT else Side.RIGHT


def is_visit(text: str) -> bool:
    """Whether a text can name a visit in a case id; an empty one names none."""
    return _VISIT.fullmatch(text) is not None


VISIT_MARK = "+"
"""Between patient and visit in a case id; no patient's name holds it."""

CANONICAL_SIDE = Side.RIGHT
"""Every hip reaches nnU-Net as this side; the other side is mirrored."""


@dataclass(frozen=True, order=True)
class Hip:
    """A hip of a patient whose name is safe in file names.

    Args:
        patient: The patient's name.
        side: The patient's side.
        visit: Which scan of it, in letters and digits, where a hip was scanned more than once; else empty.

    Raises:
        CohortError: The patient's name or the visit has a character that cannot stand in a case id.
    """

    patient: str
    side: Side
    visit: str = ""

    def __post_init__(self) -> None:
        if not _PATIENT.fullmatch(self.patient):
            raise CohortError(f"patient {self.patient!r}", "is not a valid patient name", _REMEDY)
        if not is_visit(self.visit):
            raise CohortError(f"visit {self.visit!r}", "is not a valid visit", "Use letters and digits")
        object.__setattr__(self, "side", Side(self.side))

    @property
    def case_id(self) -> str:
        """The id of this hip in nnU-Net and in every file name, such as ``P001_R`` or ``P001+2_R``."""
        return f"{self.patient}{VISIT_MARK * bool(self.visit)}{self.visit}_{self.side}"

    @property
    def mirrored(self) -> bool:
        """Whether the hip is mirrored for nnU-Net."""
        return self.side is not CANONICAL_SIDE

    @classmethod
    def parse(cls, case_id: str) -> Hip:
        """Parse a case id.

        Raises:
            CohortError: The text is not ``<patient>_L`` or ``<patient>_R``, nor ``<patient>+<visit>_L`` or the like.
        """
        name, _, side = case_id.rpartition("_")
        if side not in tuple(Side):
            remedy = "Name it by patient and side, such as P001_L"
            raise CohortError(f"case {case_id!r}", "does not end with _L or _R", remedy)
        patient, _, visit = name.partition(VISIT_MARK)
        return cls(patient, Side(side), visit)
