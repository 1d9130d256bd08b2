import numpy as np
import pytest

from dataset_conversion.hips.extraction import extract_hips
from dataset_conversion.hips.findings import Severity
from dataset_conversion.hips.hip_checks import check_hip, contrast
from onfh_nnunet.core.grid import Grid
from onfh_nnunet.core.volume import Volume
from tests.helpers.dicom_files import LEFT, PELVIS, RIGHT, ball, both_heads, head, noise


def findings(array, side, grid=PELVIS, scan=None):
    (hip,) = extract_hips(scan or noise(grid), Volume(array, grid), side, "case")
    return check_hip(hip, "P001_R", 2)


def test_plausible_hips_are_silent():
    assert [check_hip(hip, "P001_R", 2) for hip in extract_hips(noise(), both_heads(), "B", "case")] == [[], []]


def test_head_without_necrosis_is_silent():
    assert findings(head(PELVIS, RIGHT), "R") == []


@pytest.mark.parametrize("radius", [10, 27])
def test_implausible_volume(radius):
    (finding,) = findings(ball(PELVIS, RIGHT, radius).astype(np.uint8), "R")
    assert str(finding).startswith("P001_R: the head has")
    assert "expected 22 to 65 ml" in finding.message
    assert finding.level is Severity.WARNING


def test_head_at_the_border_of_the_scan():
    grid = PELVIS.part((0, 0, 9), (24, 28, 40))
    (finding,) = findings(head(grid, RIGHT), "R", grid)
    assert "touches the border" in finding.message
    fine = Grid((50, 50, 50), (1.5,) * 3, (0.0,) * 3, PELVIS.direction)
    (near,) = findings(ball(fine, fine.to_mm((16, 24, 24)), 22.6).astype(np.uint8), "R", fine)
    assert near.message.startswith("the head ends 1.5 mm from the border of the scan")
    assert findings(ball(fine, fine.to_mm((17, 24, 24)), 22.6).astype(np.uint8), "R", fine) == []


def test_second_part_and_far_voxels():
    array = head(PELVIS, RIGHT)
    array[ball(PELVIS, (RIGHT[0], -30, 0), 4.0)] = 1
    array[ball(PELVIS, (20, 0, 0), 4.0)] = 1
    parts, far = findings(array, "R")
    assert "2 separate parts" in parts.message
    assert "left out" in far.message


@pytest.mark.parametrize(("side", "centre"), [("L", RIGHT), ("R", LEFT)])
def test_side_against_the_field_of_view(side, centre):
    (finding,) = findings(head(PELVIS, centre), side)
    assert f"labelled {side} and lies in the other half" in finding.message
    assert finding.level is Severity.ERROR


def test_in_a_narrow_field_of_view_the_side_is_only_likely():
    grid = PELVIS.part((0, 0, 2), (24, 28, 40))
    (finding,) = findings(head(grid, RIGHT), "L", grid)
    assert finding.level == "warning"
    assert "labelled L and lies 85 mm to the patient's right of the scanner's middle" in finding.message
    assert findings(head(grid, RIGHT), "R", grid) == []


def test_constant_image_is_an_error():
    scan = Volume(np.full(PELVIS.size, 7, np.int16), PELVIS)
    (finding,) = findings(head(PELVIS, RIGHT), "R", scan=scan)
    assert (finding.level, finding.message) == (Severity.ERROR, "the image is 7 everywhere around the head")


@pytest.mark.parametrize("gain", [1, 3])
def test_contrast_does_not_depend_on_the_gain(gain):
    array = np.zeros(PELVIS.size, np.int16)
    array[ball(PELVIS, RIGHT)] = 100 * gain
    (hip,) = extract_hips(Volume(array, PELVIS), Volume(head(PELVIS, RIGHT), PELVIS), "R", "case")
    thinned = hip.image.array[::2, ::2, ::2]
    share = np.count_nonzero(thinned) / thinned.size
    assert contrast(hip) == pytest.approx(1 / np.sqrt(share * (1 - share)))
