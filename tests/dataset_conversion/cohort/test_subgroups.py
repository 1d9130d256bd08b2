"""Subgroups by the further columns of cohort.csv, and what of them stays in the table."""

from pathlib import Path

import pytest

from dataset_conversion.cohort.subgroups import cohort_hips, subgroups
from dataset_conversion.cohort.table import read_cohort
from onfh_nnunet.core.errors import OnfhWarning


@pytest.fixture
def scans(tmp_path):
    """The scans of a table with further columns, from the cells of each row."""

    def read(header, *rows):
        (tmp_path / "image.nii.gz").touch()
        lines = [f"patient_id,image,side,label,{header}"]
        for i, cells in enumerate(rows):
            (tmp_path / f"{i}.nii.gz").touch()
            lines.append(f"MRN{i},{i}.nii.gz,{'B' if i == 0 else 'R'},{i}.nii.gz,{cells}")
        (tmp_path / "cohort.csv").write_text("\n".join(lines) + "\n")
        return read_cohort(tmp_path / "cohort.csv")

    return read


def names(scans):
    return {scan.patient_id: f"P{i:03d}" for i, scan in enumerate(scans, 1)}


def found(scans):
    return {(one.by, one.case_id): one.group for one in subgroups(scans, names(scans))}


def test_each_further_column_puts_each_hip_into_a_subgroup(scans):
    read = scans("Sex,Field strength (T)", "F,1.5", "M,3", "f,3.0", "M,")
    groups = found(read)
    assert [groups["Sex", f"P00{i}_R"] for i in (1, 2, 3, 4)] == ["F", "M", "F", "M"]
    assert groups["Sex", "P001_L"] == "F"
    strengths = [groups["Field strength (T)", f"P00{i}_R"] for i in (1, 2, 3, 4)]
    assert strengths == ["1.5", "3", "3", "not stated"]


def test_a_table_without_further_columns_has_no_subgroups(tmp_path):
    (tmp_path / "a.nii.gz").touch()
    (tmp_path / "cohort.csv").write_text("patient_id,image,side,label,visit,grade\nM1,a.nii.gz,R,a.nii.gz,1,A\n")
    assert subgroups(read_cohort(tmp_path / "cohort.csv"), {"M1": "P001"}) == []


def test_names_and_dates_of_patients_stay_in_the_table(scans):
    read = scans("name,born,sex", "Ito,1961-03-02,F", "Sato,1974-11-30,M", "Abe,1958-01-01,F")
    with pytest.warns(OnfhWarning, match="'name'|'born'") as told:
        groups = subgroups(read, names(read))
    assert {one.by for one in groups} == {"sex"}
    assert len(told) == 2
    assert not any(cell in str(one.message) for one in told for cell in ("Ito", "1961"))


def test_many_values_make_no_subgroups(scans):
    with pytest.warns(OnfhWarning, match="more than 12 values"):
        assert found(scans("town", *(f"town {i // 2}" for i in range(26)))) == {}


def test_many_numbers_are_parted_at_their_median_to_two_digits(scans):
    groups = found(scans("age", *map(str, range(31, 52))))
    assert {groups["age", f"P{i:03d}_R"] for i in range(1, 12)} == {"up to 41"}
    assert {groups["age", f"P{i:03d}_R"] for i in range(12, 22)} == {"above 41"}


def test_long_numbers_of_patients_make_no_subgroups(scans):
    read = scans("number", *(f"48231{i:02d}" for i in range(20)))
    with pytest.warns(OnfhWarning, match="'number'"):
        assert subgroups(read, names(read)) == []


def test_a_column_that_bears_the_name_of_another_group_keeps_apart(scans):
    assert {by for by, _ in found(scans("fold", "x", "x", "y"))} == {"fold (cohort.csv)"}


def test_a_column_that_stands_twice_makes_no_subgroups(scans):
    assert found(scans("note,note", "a,b", "a,b", "a,c")) == {}


def test_hips_without_a_label_are_given_and_no_cases(tmp_path):
    for name in "ab":
        (tmp_path / f"{name}.nii.gz").touch()
    table = "patient_id,image,side,label,visit\nM1,a.nii.gz,R,a.nii.gz,2\nM2,b.nii.gz,B,,\n"
    (tmp_path / "cohort.csv").write_text(table)
    hips = cohort_hips(read_cohort(Path(tmp_path / "cohort.csv")), {"M1": "P001", "M2": "P002"})
    assert [(hip.case_id, hip.patient, hip.excluded) for hip in hips] == [
        ("P001+2_R", "P001", ""),
        ("P002_R", "P002", "no label"),
        ("P002_L", "P002", "no label"),
    ]
