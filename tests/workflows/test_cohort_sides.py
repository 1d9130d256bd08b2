"""The sides that `onfh cohort` proposes by what a scan shows, where nothing else tells them."""

import shutil

import pytest

from onfh_nnunet.workflows.cohort import propose
from tests.helpers.dicom_files import noise
from tests.helpers.paths import REAL

CPTAC = REAL / "cptac-ucec-coronal-t1"


def rows(folder):
    made = propose(folder, relative_to=folder)
    return [row.side for row in made.rows], [note for note in made.notes if "side" in note]


@pytest.mark.real_data
def test_real_scans_of_both_hips(tmp_path):
    if not CPTAC.is_dir():
        pytest.skip(f"no {CPTAC}: set ONFH_TEST_DATA")
    for name in ("C3N-00858.nii.gz", "C3N-01342.nii.gz"):
        shutil.copy(CPTAC / name, tmp_path / name)
    sides, notes = rows(tmp_path)
    assert sides == ["B", "B"]
    assert all("side B by what the scan shows; see that it is right" in note for note in notes)


def test_side_that_a_name_states_is_not_looked_for_and_a_scan_without_a_hip_stays_empty(tmp_path):
    noise().write(tmp_path / "P1_L.nii.gz")
    noise(seed=1).write(tmp_path / "P2.nii.gz")
    sides, notes = rows(tmp_path)
    assert sides == ["L", ""]
    (note,) = notes
    assert "P2.nii.gz: no side, nothing tells it, and the scan" in note
