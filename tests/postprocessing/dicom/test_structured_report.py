"""DICOM SR after TID 1500: every number is that of grades.csv, and each refers to its segment."""

import json
from dataclasses import replace

import numpy as np
import pytest
from highdicom.sr import srread
from pydicom import dcmread

from onfh_nnunet.core.hip import Side
from onfh_nnunet.core.volume import Volume
from onfh_nnunet.workflows.dicom_objects import dicom_objects
from postprocessing.dicom.report_items import QUANTITIES
from postprocessing.measurement.grades_table import MissedHip
from tests.helpers.dicom_objects import MODEL, made_hips, made_labels, predicted, said_by, standard_errors, written
from tests.postprocessing.dicom.conftest import MADE, SMALL


def groups(file):
    """By their tracking identifier."""
    found = srread(file).content.get_volumetric_roi_measurement_groups()
    return {group.tracking_identifier: group for group in found}


def said(group):
    """Codes by their names; several of one name as a list."""
    found = {}
    for evaluation in group.get_qualitative_evaluations():
        found.setdefault(evaluation.name.meaning, []).append(evaluation.value.meaning)
    return found


def test_nothing_is_wrong_by_the_standard_and_others_read_it(objects, tmp_path):
    assert standard_errors(objects.sr) == []
    shown = said_by("dsrdump", objects.sr)
    assert "Right femoral head" in shown
    assert "UNVERIFIED" in shown
    said_by("tid1500reader", "--inputDICOM", objects.sr, "--outputMetadata", tmp_path / "read.json")
    read = json.loads((tmp_path / "read.json").read_text())["Measurements"]
    left = next(one for one in read if one["TrackingIdentifier"] == "Left necrosis")
    volume = next(one for one in left["measurementItems"] if one["quantity"]["CodeMeaning"] == "Volume")
    assert float(volume["value"]) == pytest.approx(objects.hips[1].measurement.necrosis_ml)


def test_every_number_is_that_of_the_row_and_refers_to_its_segment(objects):
    found, segmented = groups(objects.sr), dcmread(objects.seg)
    number = 0
    for hip in objects.hips:
        name = "Left" if hip.side is Side.LEFT else "Right"
        for region, quantities in QUANTITIES.items():
            number += 1
            group = found[f"{name} {'femoral head' if region == 'head' else 'necrosis'}"]
            stated = {one.name.meaning: (one.value, one.unit.value) for one in group.get_measurements()}
            expected = {one.name.meaning: getattr(hip.measurement, one.column) for one in quantities}
            known = {name: value for name, value in expected.items() if value is not None}
            assert set(stated) == set(known)
            for what, value in known.items():
                assert stated[what][0] == pytest.approx(value, rel=1e-9)
            reference = group.referenced_segment[0].ReferencedSOPSequence[0]
            assert reference.ReferencedSOPInstanceUID == segmented.SOPInstanceUID
            assert reference.ReferencedSegmentNumber == number
            segment = segmented.SegmentSequence[number - 1]
            assert (segment.TrackingUID, segment.TrackingID) == (group.tracking_uid, group.tracking_identifier)
            (site,) = group.finding_sites
            assert site.laterality.meaning == name


def test_grade_interval_and_warnings_are_stated(series):
    made = series()
    group = groups(made.sr)["Right femoral head"]
    row = made.hips[0].measurement
    codes = said(group)
    assert codes["Steinberg grade of extent"][0].startswith(row.steinberg_grade)
    assert [text[0] for text in codes["Steinberg grade that the interval meets"]] == row.possible_grades.split("/")
    assert codes["Necrosis"] == ["Present"]
    text = said_by("dsrdump", "+Pl", made.sr)
    assert row.warnings in text
    assert MODEL in text


def test_no_name_of_a_case_or_a_file_gets_out(objects):
    for file in (objects.seg, objects.sr):
        content = file.read_bytes()
        assert b"P001" not in content
        assert b"secret" not in content


def test_a_hip_without_necrosis_has_a_head_alone_and_the_report_says_none(series, tmp_path):
    source = series().source
    labels = made_labels(SMALL, Side.RIGHT)
    healthy = predicted(Volume(np.minimum(labels.array, 1), SMALL), Side.RIGHT)
    seg, sr = written(dicom_objects(healthy, source, made=MADE), tmp_path / "healthy")
    assert [one.SegmentLabel for one in dcmread(seg).SegmentSequence] == ["Right femoral head"]
    (group,) = groups(sr).values()
    assert said(group)["Necrosis"] == ["Absent"]
    assert said(group)["Steinberg grade of extent"] == ["None: no measurable necrosis"]
    assert standard_errors(seg) + standard_errors(sr) == []


def test_a_hip_that_was_missed_is_named_as_missed(series, tmp_path):
    source = series().source
    (hip,) = made_hips(SMALL, [Side.RIGHT])
    beside = MissedHip("P001_L", "secret/place", Side.LEFT, "the model does not outline it")
    _, sr = written(dicom_objects(replace(hip, missed=(beside,)), source, made=MADE), tmp_path / "missed")
    report = srread(sr)
    assert report.CompletionFlag == "PARTIAL"
    assert "the model does not outline it" in said_by("dsrdump", "+Pl", sr)
    assert "Left femoral head, not segmented" in said_by("dsrdump", "+Pl", sr)
    assert standard_errors(sr) == []
