"""Pages of a prediction: one a patient with both hips, and an index of all."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

from onfh_nnunet.core.csv_rows import literal
from onfh_nnunet.core.hip import Hip, Side
from onfh_nnunet.core.printable import on_one_line
from postprocessing.measurement.grade_rows import GradeRow
from postprocessing.measurement.grades_table import Line, MissedHip, grades_text
from postprocessing.measurement.jic import FIVE_YEAR_COLLAPSE_PERCENT
from postprocessing.measurement.octants import Octants
from postprocessing.report.head_views import HeadViews
from postprocessing.report.hip_pictures import HipPictures
from postprocessing.report.lesion_map import map_position
from postprocessing.report.model_statement import ModelStatement
from postprocessing.report.rendering import in_base64, render

RANGE_MARK = "\N{EN DASH}"


@dataclass(frozen=True, eq=False)
class ReportedHip:
    """A hip on a page.

    Args:
        line: Its line of grades.csv.
        caution: What the model says of every hip; its warnings begin with it.
        pictures: Its pictures; None where no images are kept, and of a missed hip.
        views: Its head in 3D and on the sphere; None of a missed hip.
        voxel: Voxel size and plane in words; empty where unknown.
        day: When it was predicted; empty where unknown.
    """

    line: Line
    caution: str = ""
    pictures: HipPictures | None = None
    views: HeadViews | None = None
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
    def centroid(self) -> tuple[float, float] | None:
        """Where the lesion's centroid lies on the map of the sphere."""
        line = self.line
        if not isinstance(line, GradeRow) or line.side is None:
            return None
        if line.lesion_latitude_deg is None or line.lesion_longitude_deg is None:
            return None
        return map_position(line.lesion_latitude_deg, line.lesion_longitude_deg, line.side)

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


def patient_page(hips: Sequence[ReportedHip], model: ModelStatement | None, version: str, landmarks: str = "") -> str:
    """The page of one patient.

    Args:
        hips: One or both, the right one first.
        model: What made the numbers; None where nothing tells.
        version: The program's version.
        landmarks: The file whose landmarks gave the lines their JIC types; empty for none.
    """
    sides = {hip.line.side for hip in hips}
    absent = [] if len(sides) > 1 else [side for side in (Side.RIGHT, Side.LEFT) if side not in sides]
    cells = [hip.cells for hip in hips]
    values = {"hips": hips, "model": model, "version": version, "patient": hips[0].patient, "absent": absent}
    known = {"cells": cells, "landmarks": landmarks, "jic_rates": FIVE_YEAR_COLLAPSE_PERCENT, "octants": octant_names()}
    return render("patient.html.jinja", values | known, {"one_line": on_one_line, "base64": in_base64})


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


def octant_names() -> list[tuple[str, str, str]]:
    """The octants in words, such as ``("superior", "anterior", "lateral")``, in the order of their columns."""
    words = (field.name.removesuffix("_percent").split("_") for field in fields(Octants))
    return [(height, depth, width) for height, depth, width in words]


def _gravity(hip: ReportedHip) -> int:
    return 0 if not hip.graded else 1 if hip.warnings else 2
