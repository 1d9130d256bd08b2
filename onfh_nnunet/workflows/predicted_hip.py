"""The result of `predict` for one hip."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from onfh_nnunet.core.hip import Side
from onfh_nnunet.core.labels import label_mark
from onfh_nnunet.core.steinberg import Grade
from onfh_nnunet.core.volume import Volume
from postprocessing.measurement.grade_rows import GradeRow
from postprocessing.measurement.grades_table import Line, MissedHip, right_first
from postprocessing.uncertainty.margin_interval import PercentInterval


@dataclass(frozen=True, eq=False)
class PredictedHip:
    """A segmented, measured and graded hip.

    Args:
        measurement: All that is measured of it: its row of grades.csv.
        stored: Its mask, or the file that holds it.
        missed: Other hips of its scan that have no mask, each with its `side` and, in `warnings`, the reason.
        model_sha256: Digest of the model file that predicted it; empty where nothing tells.
    """

    measurement: GradeRow
    stored: Volume | Path
    missed: tuple[MissedHip, ...] = ()
    model_sha256: str = ""

    @property
    def lines(self) -> list[Line]:
        """Its row of grades.csv and those of the hips that were missed beside it, the right one first."""
        return right_first((self.measurement, *self.missed))

    @cached_property
    def mask(self) -> Volume:
        """Labels (z, y, x) on the grid of the scan: 0 background, 1 viable femoral head, 2 necrosis.

        Raises:
            ReadError: It was written to a file that is gone or damaged.
        """
        if isinstance(self.stored, Volume):
            return replace(self.stored, mark=label_mark(self.stored.array))
        return Volume.read(self.stored)

    @property
    def case_id(self) -> str:
        """The scan's name and the side, such as ``P001_R``."""
        return self.measurement.case_id

    @property
    def side(self) -> Side:
        """The patient's side."""
        return Side(self.measurement.side or "")

    @property
    def grade(self) -> Grade:
        """Steinberg's A, B or C, or ``none`` without necrosis."""
        return self.measurement.steinberg_grade

    @property
    def necrosis_percent(self) -> float:
        """Volume of the necrosis in percent of the head, necrosis included."""
        return self.measurement.necrosis_percent

    @property
    def interval(self) -> PercentInterval:
        """The interval of `necrosis_percent`, and where it comes from."""
        row = self.measurement
        return PercentInterval(row.percent_low, row.percent_high, row.interval_method)

    @property
    def possible_grades(self) -> tuple[Grade, ...]:
        """Every grade within the interval, in order of severity."""
        return tuple(map(Grade, self.measurement.possible_grades.split("/")))

    @property
    def warnings(self) -> tuple[str, ...]:
        """Warnings about the mask and its grade."""
        return tuple(filter(None, self.measurement.warnings.split("; ")))
