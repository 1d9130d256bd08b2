"""A side in the header against the hips that a scan shows."""

from dataclasses import replace

import numpy as np
import pytest

from onfh_nnunet.core.errors import SideError
from onfh_nnunet.core.grid import Grid
from onfh_nnunet.core.hip import Side
from onfh_nnunet.core.hip_crop import HipCrop
from onfh_nnunet.inference.hip_prediction import HipPrediction
from onfh_nnunet.workflows.predictor import agreeing_with_header, both
from tests.helpers.calibrations import USUAL
from tests.helpers.dicom_files import AXIAL

WHOLE = HipCrop.whole(Grid((2, 3, 4), (1.0, 1.0, 1.0), (0.0, 0.0, 0.0), AXIAL))


def hips(sides):
    return [HipPrediction(Side(side), WHOLE, np.zeros((2, 3, 4), np.uint8), ("seen",), USUAL) for side in sides]


@pytest.mark.parametrize(("sides", "stated"), [("RL", None), ("R", "R"), ("L", "L"), ("L", None)])
@pytest.mark.parametrize("asked", [True, False])
def test_hips_of_the_stated_side_are_left_as_they_are(sides, stated, asked):
    found = hips(sides)
    wanted = Side(sides) if asked and len(sides) == 1 else None
    assert agreeing_with_header(found, Side(stated) if stated else None, wanted, "scan") is found


@pytest.mark.parametrize(("sides", "shown"), [("RL", "both hips"), ("L", "the hip of side L")])
def test_contradiction_is_refused_in_plain_words(sides, shown):
    match = rf"scan: shows {shown}, and its DICOM header says side R .* give `side` L or R"
    with pytest.raises(SideError, match=match):
        agreeing_with_header(hips(sides), Side.RIGHT, None, "scan")


def test_side_that_was_asked_for_overrides_the_header_with_a_warning():
    (hip,) = agreeing_with_header(hips("L"), Side.RIGHT, Side.LEFT, "scan")
    assert hip.side is Side.LEFT
    assert hip.warnings[0] == "seen"
    assert "header says side R" in hip.warnings[1]
    assert "read as L, as asked" in hip.warnings[1]


def test_of_two_hips_that_were_asked_for_one_that_is_not_found_is_missed():
    (hip,) = both(hips("L"))
    assert hip.other_missed == "both hips were asked for, and no femoral head was found on side R"
    assert hip.warnings == ("seen", hip.other_missed)
    metal = [replace(hip, other_missed="metal")]
    assert both(metal) is metal
    pair = hips("RL")
    assert both(pair) is pair
