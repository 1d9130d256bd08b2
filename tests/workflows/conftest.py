"""Prediction with a network that finds the drawn heads."""

import pytest

from onfh_nnunet.core.devices import Device
from onfh_nnunet.workflows.predict_folder import predict_scans
from onfh_nnunet.workflows.predictor import Predictor, Settings
from tests.helpers.perfect_network import oracle


@pytest.fixture
def predict(monkeypatch, model, tmp_path):
    """Predict into ``out``; the names of the scans that the network saw are in ``predict.seen``."""

    def seeing(self, scan, source, wanted):
        run.seen.append(source.name)
        return oracle(self, scan, source, wanted)

    def run(*inputs, model=model, side=None, **changes):
        run.seen.clear()
        return predict_scans(inputs, Settings(model, tmp_path / "out", side, Device.CPU, None, False, **changes))

    run.seen = []
    monkeypatch.setattr(Predictor, "hips", seeing)
    return run
