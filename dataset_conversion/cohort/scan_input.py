"""One scan that somebody asks to predict: named on the command line, in a table, or found in a folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from dataset_conversion.cohort.table import ScanSide
from onfh_nnunet.core.errors import OnfhError
from onfh_nnunet.core.hip import Side


@dataclass(frozen=True)
class ScanInput:
    """A scan and how it is meant.

    Args:
        path: A DICOM folder, tree or zip archive, or an image file.
        series: Which DICOM series of it is meant; none where it holds one, or where nobody said.
        side: The side that is meant, ``B`` for both hips; none where nobody said.
        title: What its owner calls it, a patient's id or a place in a folder; empty for the name of its file.
        refusal: Why it cannot be predicted, where that is known before it is read.
        pair: The same for two scans of one patient, a hip and a `side` each; empty for any other scan.
        patient: The patient's id in a table; empty where nobody said.
        visit: Which scan of this patient's hips it is, where a table says so.
    """

    path: Path
    series: str | None = None
    side: ScanSide | Side | None = None
    title: str = ""
    refusal: OnfhError | None = None
    pair: str = ""
    patient: str = ""
    visit: str = ""

    @property
    def one_side(self) -> Side | None:
        """The only side that is meant; None for both hips, or where nobody said."""
        return Side(self.side) if self.side in tuple(Side) else None

    def __str__(self) -> str:
        return f"{self.path} ({self.series})" if self.series else str(self.path)
