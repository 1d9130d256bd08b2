"""Pages of a prediction: one a patient with both hips, and an index of all."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from onfh_nnunet.core.csv_rows import literal
from onfh_nnunet.core.hip import Hip, Side
from onfh_nnunet.core.printable import on_one_line
from postprocessing.measurement.grade_rows import GradeRow
from postprocessing.measurement.grades_table import Line, MissedHip, grades_text
from postprocessing.report.hip_pictures import HipPictures
from postprocessing.report.model_statement import ModelStatement
from postprocessing.report.rendering import render

RANGE_MARK = "\N{EN DASH}"


@dataclass(frozen=True, eq=False)
class ReportedHip:
    """A hip on a page.

    Args:
        line: Its line of grades.csv.
        caution: What the model says of every hip; its warnings begin with it.
        pictures: Its pictures; None where no images are kept, and of a missed hip.
        voxel: Voxel size and plane in words; empty where unknown.
        day: When it was predicted; empty where unknown.
    """

    line: Line
    caution: str = ""
    pictures: HipPictures | None = None
    voxel: str = ""
    day: str = ""

    @property
    def graded(self) -> bool:
        """Whether it has a mask and a grade."""
        return isinstance(self.line, GradeRow)

    @property
    def side(self) -> str:
        """The side in words."""
        return {Side.RIGHT: "Right hip", Side.LEFT: "Left hip"}.get(self.line.side, "Hip")  # type: ignore[arg-type]

    @property
    def letters(self) -> str:
        """The grade, or from the least to the greatest of those that the interval meets."""
        grades = self.line.possible_grades.split("/") if isinstance(self.line, GradeRow) else []
        return RANGE_MARK.join(dict.fromkeys((grades[0], grades[-1]))) if grades else ""

    @property
    def across_a_cut(self) -> bool:
        """Whether its interval meets more than one grade."""
        return isinstance(self.line, GradeRow) and "/" in self.line.possible_grades

    @property
    def warnings(self) -> list[str]:
        """Its own warnings."""
        own = self.line.warnings.removeprefix(self.caution).removeprefix("; ")
        return [warning for warning in own.split("; ") if warning]

    @property
    def reasons(self) -> list[str]:
        """Why a person should look at it before the others; the gravest first."""
        if isinstance(self.line, MissedHip):
            return [f"missed: {self.line.warnings}"]
        crossing = f"interval across a cut: {self.letters}"
        return [*self.warnings, *([crossing] if self.across_a_cut else [])]

    @property
    def cells(self) -> dict[str, str]:
        """All its cells as grades.csv has them, by column."""
        (cells,) = csv.DictReader(io.StringIO(grades_text([self.line]), newline=""))
        return {name: literal(cell).strip() for name, cell in cells.items()}

    @property
    def patient(self) -> str:
        """The name of its patient's page."""
        return Hip.parse(self.line.case_id).patient


@dataclass(frozen=True)
class FailedScan:
    """A scan without a result.

    Args:
        case: Its name.
        message: Why.
    """

    case: str
    message: str


def patient_page(hips: Sequence[ReportedHip], model: ModelStatement | None, version: str) -> str:
    """The page of one patient.

    Args:
        hips: One or both, the right one first.
        model: What made the numbers; None where nothing tells.
        version: The program's version.
    """
    sides = {hip.line.side for hip in hips}
    absent = [] if len(sides) > 1 else [side for side in (Side.RIGHT, Side.LEFT) if side not in sides]
    cells = [hip.cells for hip in hips]
    values = {"hips": hips, "model": model, "version": version, "patient": hips[0].patient, "absent": absent}
    return render("patient.html.jinja", {**values, "cells": cells}, {"one_line": on_one_line})


def index_page(
    hips: Sequence[ReportedHip], failed: Sequence[FailedScan], model: ModelStatement | None, version: str,
    links: Mapping[str, str],
) -> str:  # fmt: skip
    """The index of all hips: those to look at first, and a table that can be sorted.

    Args:
        hips: All lines of grades.csv, in their order.
        failed: The scans without a result.
        model: What made the numbers; None where nothing tells.
        version: The program's version.
        links: The address of each patient's page.
    """
    first = sorted((hip for hip in hips if hip.reasons), key=_gravity)
    values = {"hips": hips, "first": first, "failed": failed, "model": model, "version": version, "links": links}
    return render("index.html.jinja", values, {})


def _gravity(hip: ReportedHip) -> int:
    return 0 if not hip.graded else 1 if hip.warnings else 2
