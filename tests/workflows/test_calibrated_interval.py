"""Of which hips a prediction has the calibrated interval, and what the model says of each."""

from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest

from onfh_nnunet.core.errors import ModelError
from onfh_nnunet.core.grid import Grid
from onfh_nnunet.core.hip import Side
from onfh_nnunet.core.hip_crop import HipCrop
from onfh_nnunet.inference.hip_prediction import HipPrediction
from onfh_nnunet.models.model_card import NO_HEALTHY_HIP, Card
from onfh_nnunet.models.model_file import ModelFile
from onfh_nnunet.workflows.predictor import Options, Predictor
from postprocessing.uncertainty.conformal import Calibration
from tests.helpers.calibrations import RANGES, USUAL, calibration
from tests.helpers.small_model import small_model

AXES = ((0, 0, 1), (0, 1, 0), (1, 0, 0))
CALIBRATION = calibration(12, 12)


@pytest.fixture(scope="module")
def predictor():
    manifest = asdict(Card(calibration=CALIBRATION.to_json(), applicability=RANGES.to_json()))
    return Predictor(ModelFile(small_model(0), manifest, "0" * 64), Options(), Path("model"))


@pytest.mark.parametrize(("layers", "whole"), [(0, False), (1, False), (2, False), (3, True)])
def test_head_that_the_field_of_view_may_cut_has_none(predictor, layers, whole):
    head = np.ones((36, 36, 36), np.uint8)
    head[:6] = 2
    labels = np.pad(head, ((9, 9), (9, 9), (layers, 9)))
    grid = Grid(labels.shape, (1.0, 1.0, 1.0), (0.0, 0.0, 0.0), AXES)
    hip = predictor.graded("P001_R", "scan", HipPrediction(Side.RIGHT, HipCrop.whole(grid), labels, (), USUAL))
    assert hip.interval.method == ("conformal" if whole else "margin")
    assert any("border of the image and may be cut off" in warning for warning in hip.warnings) != whole
    assert ("no calibrated interval: it holds for whole heads" in hip.warnings) != whole
    if whole:
        assert hip.interval == CALIBRATION.interval(hip.necrosis_percent)


def test_hip_unlike_those_of_the_calibration_has_none(predictor):
    head = np.ones((36, 36, 36), np.uint8)
    head[:6] = 2
    labels = np.pad(head, 9)
    grid = Grid(labels.shape, (1.0, 1.0, 1.0), (0.0, 0.0, 0.0), AXES)
    dark = replace(USUAL, head_grey_sd=-0.9)
    hip = predictor.graded("P001_R", "scan", HipPrediction(Side.RIGHT, HipCrop.whole(grid), labels, (), dark))
    assert hip.interval.method == "margin"
    assert "this hip is unlike those of the calibration: a head of brightness -0.9 (known: 0.2 to 1.6)" in str(
        hip.warnings
    )
    assert hip.measurement.head_grey_sd == -0.9


def test_calibration_for_nobody_knows_which_hips_is_refused():
    manifest = asdict(Card(calibration=CALIBRATION.to_json()))
    with pytest.raises(ModelError, match="does not state for which hips"):
        Predictor(ModelFile(small_model(0), manifest, "0" * 64), Options(), Path("model"))


def calibrated_on_healthy_hips():
    """60 patients with an ill hip, read right within 2 %, and a healthy one, of which 1 to 5 % is called necrotic."""
    ill, called = np.linspace(8, 40, 60), np.linspace(1, 5, 60)
    true, pred = np.concatenate([ill, 0 * called]), np.concatenate([ill * np.tile([0.98, 1.02], 30), called])
    return Calibration.fit(true.tolist(), pred.tolist(), [f"P{n:03d}" for n in range(60)] * 2)


def of_layers(necrotic, calibration, **card):
    """A head of 40 layers of 2.5 % each, as predicted by a model."""
    head = np.ones((40, 36, 36), np.uint8)
    head[:necrotic] = 2
    labels = np.pad(head, 9)
    grid = Grid(labels.shape, (0.9, 1.0, 1.0), (0.0, 0.0, 0.0), AXES)
    manifest = asdict(Card(calibration=calibration.to_json(), applicability=RANGES.to_json(), **card))
    predictor = Predictor(ModelFile(small_model(0), manifest, "0" * 64), Options(), Path("model"))
    return predictor.graded("P001_R", "scan", HipPrediction(Side.RIGHT, HipCrop.whole(grid), labels, (), USUAL))


def test_a_small_lesion_may_be_none_where_healthy_hips_are_called_ill():
    hip = of_layers(1, calibrated_on_healthy_hips())
    assert (hip.grade, hip.necrosis_percent) == ("A", 2.5)
    assert hip.interval.low == 0
    assert hip.possible_grades[:2] == ("none", "A")


def test_the_model_says_of_each_hip_that_it_knows_no_healthy_one():
    known = {"hips": 60, "patients": 60}
    unaware = of_layers(1, CALIBRATION, **known, grades={"A": 60})
    assert unaware.warnings[0] == NO_HEALTHY_HIP
    aware = of_layers(1, CALIBRATION, **known, grades={"none": 20, "A": 40})
    assert NO_HEALTHY_HIP not in aware.warnings
