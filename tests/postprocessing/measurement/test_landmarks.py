import json

import pytest

from onfh_nnunet.core.errors import ReadError
from postprocessing.measurement.landmarks import Landmarks, read_landmarks

HEADER = "case_id,edge_x_mm,edge_y_mm,edge_z_mm,teardrop_x_mm,teardrop_y_mm,teardrop_z_mm\n"
RIGHT = Landmarks((-110.0, 12.5, 60.0), (-75.0, 14.0, 20.0))


def table(tmp_path, *rows):
    path = tmp_path / "landmarks.csv"
    path.write_text(HEADER + "\n".join(rows))
    return path


def markups(tmp_path, points, system="LPS", **extra):
    path = tmp_path / "hip.mrk.json"
    control = [{"id": f"{n}", "label": label, "position": list(xyz), **extra} for n, (label, xyz) in enumerate(points)]
    kind = {"type": "Fiducial", "coordinateSystem": system, "coordinateUnits": "mm", "controlPoints": control}
    path.write_text(json.dumps({"@schema": "markups-schema-v1.0.3.json#", "markups": [kind]}))
    return path


def test_table_gives_the_wanted_hips(tmp_path):
    path = table(tmp_path, "P001_R,-110,12.5,60,-75,14,20", "P002_L,1,2,3,4,5,6")
    assert read_landmarks(path, ["P001_R", "P009_R"]) == {"P001_R": RIGHT}


@pytest.mark.parametrize(("system", "sign"), [("LPS", 1), ("RAS", -1)])
def test_markups_of_one_hip(tmp_path, system, sign):
    points = [("edge", (sign * -110, sign * 12.5, 60)), ("teardrop", (sign * -75, sign * 14, 20))]
    path = markups(tmp_path, points, system, positionStatus="defined")
    assert read_landmarks(path, ["P001_R"]) == {"P001_R": RIGHT}


def test_markups_of_two_hips(tmp_path):
    named = [("P001_R edge", RIGHT.edge_mm), ("P001_R teardrop", RIGHT.teardrop_mm)]
    path = markups(tmp_path, [*named, ("P001_L edge", (1, 2, 3)), ("P001_L teardrop", (4, 5, 6))])
    assert read_landmarks(path, ["P001_L", "P001_R"]) == {"P001_R": RIGHT, "P001_L": Landmarks((1, 2, 3), (4, 5, 6))}


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (["P001_R,-110,12.5,60,-75,14,20"] * 2, "gives the edge of P001_R twice"),
        (["P001_R,-110,nan,60,-75,14,20"], "expected a position in mm"),
        (["P001_R,-110,,60,-75,14,20"], "unusable value"),
        (["P002_R,-110,12.5,60,-75,14,20"], "holds points of P002_R, expected P001_R"),
        ([], "holds points of no hip, expected P001_R"),
    ],
)
def test_bad_table_is_refused(tmp_path, rows, message):
    with pytest.raises(ReadError, match=message):
        read_landmarks(table(tmp_path, *rows), ["P001_R"])


def test_centimetres_are_never_taken_for_millimetres(tmp_path):
    path = table(tmp_path, "P001_R,-11,1.25,6,-7.5,1.4,2")
    path.write_text(path.read_text().replace("_mm", "_cm"))
    with pytest.raises(ReadError, match=r"expected also edge_x_mm(?!.*[Rr]ename).* Give the table a header"):
        read_landmarks(path, ["P001_R"])
    path = markups(tmp_path, [("edge", RIGHT.edge_mm), ("teardrop", RIGHT.teardrop_mm)])
    path.write_text(path.read_text().replace('"coordinateUnits": "mm"', '"coordinateUnits": "cm"'))
    with pytest.raises(ReadError, match="has its points in 'cm', expected mm"):
        read_landmarks(path, ["P001_R"])


@pytest.mark.parametrize(
    ("points", "extra", "message"),
    [
        ([("edge", (1, 2, 3))], {}, "gives P001_R the point edge alone, expected edge and teardrop"),
        ([("F-1", (1, 2, 3))], {}, "has the point 'F-1'"),
        ([("edge", (1, 2, 3)), ("edge", (4, 5, 6))], {}, "twice"),
        ([("edge", (1, 2, 3))], {"positionStatus": "undefined"}, "expected placed points"),
        ([("edge", (1, 2))], {}, "cannot be read as a Slicer markups file"),
        ([("edge", ("a", 2, 3))], {}, "cannot be read as a Slicer markups file"),
    ],
)
def test_bad_markups_are_refused(tmp_path, points, extra, message):
    with pytest.raises(ReadError, match=message):
        read_landmarks(markups(tmp_path, points, **extra), ["P001_R"])


def test_points_without_a_case_id_need_a_single_hip(tmp_path):
    with pytest.raises(ReadError, match="for 2 hips"):
        read_landmarks(markups(tmp_path, [("edge", (1, 2, 3))]), ["P001_R", "P001_L"])


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"markups": [{}]}', '{"markups": [{"controlPoints": [7]}]}'])
def test_other_json_is_refused(tmp_path, text):
    path = tmp_path / "hip.mrk.json"
    path.write_text(text)
    with pytest.raises(ReadError, match="cannot be read as a Slicer markups file"):
        read_landmarks(path, ["P001_R"])


@pytest.mark.parametrize("name", ["absent.csv", "absent.mrk.json"])
def test_missing_file_is_refused(tmp_path, name):
    with pytest.raises(ReadError, match="cannot be read"):
        read_landmarks(tmp_path / name, ["P001_R"])


def test_unknown_coordinate_system_is_refused(tmp_path):
    with pytest.raises(ReadError, match="IJK"):
        read_landmarks(markups(tmp_path, [("edge", (1, 2, 3))], "IJK"), ["P001_R"])
