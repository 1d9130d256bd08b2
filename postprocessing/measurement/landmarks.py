"""Landmarks of the acetabulum, which a mask of the femoral head does not show, from a table or 3D Slicer.

A table has a row a hip. A Slicer markups file (`.mrk.json`) has the control points `edge` and `teardrop`, or, for
several hips, the case id and a space before each: `P001_R edge`. Positions are in LPS mm; a markups file says if it
holds RAS instead, and is turned.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from onfh_nnunet.core.csv_rows import columns
from onfh_nnunet.core.errors import ReadError
from onfh_nnunet.core.grid import Triple, triple
from onfh_nnunet.core.tables import TableRow, number, quoted, read_table
from onfh_nnunet.core.user_files import read_text

EDGE, TEARDROP = "edge", "teardrop"
_TO_LPS = {"LPS": (1, 1, 1), "RAS": (-1, -1, 1)}
_REMEDY = "Give each hip both points, once, in mm"


@dataclass(frozen=True)
class Landmarks:
    """The acetabular landmarks of one hip in the mid-coronal slice.

    Args:
        edge_mm: Lateral edge of the acetabulum, LPS.
        teardrop_mm: Lower end of the teardrop, LPS.
    """

    edge_mm: Triple
    teardrop_mm: Triple


@dataclass(frozen=True)
class LandmarkRow:
    """A row of a landmark table, in LPS mm."""

    case_id: str
    edge_x_mm: float
    edge_y_mm: float
    edge_z_mm: float
    teardrop_x_mm: float
    teardrop_y_mm: float
    teardrop_z_mm: float


def read_landmarks(path: Path, cases: Sequence[str]) -> dict[str, Landmarks]:
    """Read the landmarks of hips, by case id.

    Args:
        path: A CSV with the columns of `LandmarkRow`, or a Slicer `.mrk.json`.
        cases: The hips that are wanted. Points without a case id belong to the only one.

    Returns:
        Those of `cases` that the file holds.

    Raises:
        ReadError: The file is missing or damaged, a point is given twice, is missing or is no position, or none of the
            cases is in it.
    """
    points = _markups(path, cases) if path.name.lower().endswith(".json") else _table(path)
    by_case: dict[str, dict[str, Triple]] = {}
    for case_id, name, position in points:
        if name in by_case.setdefault(case_id, {}):
            raise ReadError(path, f"gives the {name} of {case_id} twice", _REMEDY)
        if not all(map(math.isfinite, position)):
            raise ReadError(path, f"gives {case_id} the {name} {position}, expected a position in mm", _REMEDY)
        by_case[case_id][name] = position
    wanted = {case_id: by_case[case_id] for case_id in cases if case_id in by_case}
    if not wanted:
        raise ReadError(
            path,
            f"holds points of {', '.join(sorted(by_case)) or 'no hip'}, expected {', '.join(sorted(cases))}",
            "Use the masks' case ids",
        )
    return {case_id: _complete(path, case_id, pair) for case_id, pair in wanted.items()}


def _complete(path: Path, case_id: str, pair: dict[str, Triple]) -> Landmarks:
    if set(pair) != {EDGE, TEARDROP}:
        raise ReadError(
            path, f"gives {case_id} the point {', '.join(sorted(pair))} alone, expected {EDGE} and {TEARDROP}", _REMEDY
        )
    return Landmarks(pair[EDGE], pair[TEARDROP])


def _table(path: Path) -> list[tuple[str, str, Triple]]:
    table = read_table(path, columns(LandmarkRow), numbers=columns(LandmarkRow)[1:])
    table.require((problem for row in table.rows for problem in _problems(row)), _REMEDY)
    return [
        (row.cells["case_id"], name, triple(number(row.cells[f"{name}_{axis}_mm"]) for axis in "xyz"))
        for row in table.rows
        for name in (EDGE, TEARDROP)
    ]


def _problems(row: TableRow) -> Iterator[str]:
    for column in columns(LandmarkRow)[1:]:
        text = row.cells[column]
        try:
            number(text)
        except ValueError as problem:
            place = f"line {row.line}, case {quoted(row.cells['case_id'])}, {column}"
            yield f"{place}: has the unusable value {quoted(text)}, {problem}; expected a position in mm"


def _markups(path: Path, cases: Sequence[str]) -> list[tuple[str, str, Triple]]:
    try:
        lists = json.loads(read_text(path))["markups"]
        return [_point(path, markup, point, cases) for markup in lists for point in markup["controlPoints"]]
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError, OverflowError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is damaged, or lacks markups with control points"
        problem = f"cannot be read as a Slicer markups file ({reason})"
        raise ReadError(path, problem, "Save the points from Slicer as .mrk.json") from error


def _point(path: Path, markup: dict[str, Any], point: dict[str, Any], cases: Sequence[str]) -> tuple[str, str, Triple]:
    label, system = point["label"].strip(), markup.get("coordinateSystem", "LPS")
    if system not in _TO_LPS:
        raise ReadError(path, f"has the coordinate system {system!r}, expected LPS or RAS", "Save it again from Slicer")
    if (unit := markup.get("coordinateUnits", "mm")) != "mm":
        raise ReadError(path, f"has its points in {unit!r}, expected mm", "Save it again from Slicer, in mm")
    case_id, _, name = label.rpartition(" ")
    if name not in (EDGE, TEARDROP) or point.get("positionStatus", "defined") != "defined":
        raise ReadError(path, f"has the point {label!r}, expected placed points {EDGE} and {TEARDROP}", _REMEDY)
    if not case_id and len(cases) != 1:
        raise ReadError(path, f"has the point {label!r} for {len(cases)} hips", f"Name it '<case_id> {name}'")
    position = triple(sign * value for sign, value in zip(_TO_LPS[system], triple(point["position"]), strict=True))
    return case_id.strip() or cases[0], name, position
