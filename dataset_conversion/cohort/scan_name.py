"""The name of one scan of a patient, with which the case ids of its hips begin."""

from __future__ import annotations

import re
from dataclasses import dataclass

from onfh_nnunet.core.hip import VISIT_MARK, Hip, Side

_PSEUDONYM = re.compile(rf"(P\d{{3,}})(?:{re.escape(VISIT_MARK)}([A-Za-z0-9]+))?(?:_([LR]))?")


@dataclass(frozen=True)
class ScanName:
    """Patient, visit and side of a scan; ``P001``, ``P001_R`` or ``P001+2_R`` as text.

    Args:
        patient: The patient's name.
        visit: Which scan of its hips it is, where there are several; else empty.
        side: The only side that the scan stands for; None where it may show both hips.
    """

    patient: str
    visit: str = ""
    side: Side | None = None

    def __str__(self) -> str:
        visit = f"{VISIT_MARK}{self.visit}" if self.visit else ""
        return f"{self.patient}{visit}_{self.side}" if self.side else f"{self.patient}{visit}"

    @property
    def hips(self) -> list[Hip]:
        """The hips that the scan may show, the right one first."""
        return [Hip(self.patient, one, self.visit) for one in (Side.RIGHT, Side.LEFT) if self.side in (None, one)]

    def overlaps(self, other: ScanName) -> bool:
        """Whether a hip would have one case id in both scans, as some file systems see it: case does not matter."""
        same = self.patient == other.patient and self.visit.casefold() == other.visit.casefold()
        return same and (None in (self.side, other.side) or self.side is other.side)


def is_pseudonym(text: str) -> bool:
    """Whether a text has the form of a pseudonym of a patient or of a scan."""
    return _PSEUDONYM.fullmatch(text) is not None


def pseudonym_of(text: str) -> ScanName:
    """The name of a scan under its pseudonym; any other text is a patient's name."""
    found = _PSEUDONYM.fullmatch(text)
    return ScanName(found[1], found[2] or "", Side(found[3]) if found[3] else None) if found else ScanName(text)


def kept_name_of(text: str) -> ScanName:
    """The name of a scan that is named after its file; a visit alone is told apart: no file's name holds its mark."""
    patient, _, visit = text.partition(VISIT_MARK)
    return ScanName(patient, visit)
