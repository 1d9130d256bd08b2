"""Of which hips a prediction has the calibrated interval."""

from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from onfh_nnunet.core.grid import Grid
from onfh_nnunet.core.hip import Side
from onfh_nnunet.core.hip_crop import HipCrop
from onfh_nnunet.inference.hip_prediction import HipPrediction
from onfh_nnunet.models.model_card import Card
from onfh_nnunet.models.model_file import ModelFile
from onfh_nnunet.workflows.predictor import Options, Predictor
from tests.helpers.calibrations import calibration
from tests.helpers.small_model import small_model

CALIBRATION = calibration(12, 12)


@pytest.fixture(scope="module")
def predictor():
    manifest = asdict(Card(calibration=CALIBRATION.to_json()))
    return Predictor(ModelFile(small_model(0), manifest, "0" * 64), Options(), Path("model"))


@pytest.mark.parametrize(("layers", "whole"), [(0, False), (1, False), (2, False), (3, True)])
def test_head_that_the_field_of_view_may_cut_has_none(predictor, layers, whole):
    head = np.ones((36, 36, 36), np.uint8)
    head[:6] = 2
    labels = np.pad(head, ((9, 9), (9, 9), (layers, 9)))
    grid = Grid(labels.shape, (1.0, 1.0, 1.0), (0.0, 0.0, 0.0), ((0, 0, 1), (0, 1, 0), (1, 0, 0)))
    hip = predictor.graded("P001_R", "scan", HipPrediction(Side.RIGHT, HipCrop.whole(grid), labels, ()))
    assert hip.interval.method == ("conformal" if whole else "margin")
    assert any("border of the image and may be cut off" in warning for warning in hip.warnings) != whole
    assert ("no calibrated interval: it holds for whole heads" in hip.warnings) != whole
    if whole:
        assert hip.interval == CALIBRATION.interval(hip.necrosis_percent)
