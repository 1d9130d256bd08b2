import math

import numpy as np
import pytest
from scipy.optimize import nnls

from postprocessing.metrics.border_area import border_area_mm2, nonnegative_weights


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (1.25, 1.0, 1.25), (3.0, 0.8, 0.8), (0.7, 2.0, 1.1)])
@pytest.mark.parametrize("across", [(1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 1, 0), (0, 1, -1), (1, 2, 3), (-2, 1, 1)])
def test_plane_through_a_ball_is_a_disc(spacing, across):
    radius = 23.0
    size = [round(54 / step) for step in spacing]
    places = np.stack(
        np.meshgrid(*((np.arange(n) - n / 2) * step for n, step in zip(size, spacing, strict=True)), indexing="ij"), -1
    )
    side = places @ np.array(across) / np.linalg.norm(across) > 0.21
    labels = ((np.linalg.norm(places, axis=-1) <= radius) * (1 + side)).astype(np.uint8)
    # Planes of the worst direction are off by 11 %, and the rim of the disc by up to half a voxel, here 1.5 of 23 mm.
    assert border_area_mm2(labels, 1, 2, spacing) == pytest.approx(math.pi * radius**2, rel=0.16)
    assert border_area_mm2(labels, 2, 1, spacing) == border_area_mm2(labels, 1, 2, spacing)


def test_labels_that_do_not_meet_have_no_border():
    labels = np.zeros((9, 9, 9), np.uint8)
    assert border_area_mm2(labels, 1, 2, (1.0, 1.0, 1.0)) == 0
    labels[0], labels[-1] = 1, 2
    assert border_area_mm2(labels, 1, 2, (1.0, 1.0, 1.0)) == 0
    assert border_area_mm2(labels, 1, 3, (1.0, 1.0, 1.0)) == 0


@pytest.mark.parametrize("seed", range(20))
def test_weights_are_those_of_scipy(seed):
    rng = np.random.default_rng(seed)
    columns, target = rng.normal(size=(40, 9)), rng.normal(size=40)
    weights = nonnegative_weights(columns, target)
    assert (weights >= 0).all()
    assert np.allclose(weights, nnls(columns, target)[0], rtol=0, atol=1e-9)
