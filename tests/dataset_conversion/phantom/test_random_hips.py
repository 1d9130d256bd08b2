"""Boxes that the model in the package learns from: no two alike, and labels where there is a hip."""

import numpy as np
import pytest

from dataset_conversion.phantom.anatomy.tissue import Tissue
from dataset_conversion.phantom.randomization.random_hips import (
    EDGE,
    VOXEL_MM,
    HipTissues,
    random_distractor,
    random_hip,
)
from onfh_nnunet.core.labels import Label

LARGEST_HEAD_ML = 70 * (1.18 * 1.07) ** 3
"""A large head, scaled by the most that a view is."""


@pytest.fixture(scope="module")
def bodies():
    return [HipTissues.draw(seed) for seed in range(4)]


def test_some_hips_are_ill_and_some_are_not(bodies):
    assert len({Label.NECROSIS in body.labels for body in bodies}) == 2


def test_lesions_are_labelled_where_they_were_painted(bodies):
    dead = (Tissue.BAND, Tissue.DEAD_LIKE_MARROW, Tissue.DEAD_DARKER, Tissue.DEAD_MIXED)
    for body in bodies:
        assert np.array_equal(np.isin(body.tissues, dead), body.labels == Label.NECROSIS)


def test_boxes_differ_and_hold_a_head(bodies):
    rng = np.random.default_rng(0)
    examples = [random_hip(body, rng) for body in bodies for _ in range(3)]
    for image, labels in examples:
        assert image.shape == labels.shape == (EDGE,) * 3
        assert image.dtype == np.float32
        assert np.isfinite(image).all()
        assert 1 < np.count_nonzero(labels) * VOXEL_MM**3 / 1000 < LARGEST_HEAD_ML
    assert len({image.tobytes() for image, _ in examples}) == len(examples)


def test_a_clipped_box_is_zero_outside_the_scan_and_standard_inside(bodies):
    rng = np.random.default_rng(1)
    clipped = 0
    for _ in range(12):
        image, labels = random_hip(bodies[0], rng)
        inside = np.ix_(*(np.any(image != 0, axis=tuple({0, 1, 2} - {axis})) for axis in range(3)))
        clipped += image[inside].size < image.size
        assert image[inside].mean() == pytest.approx(0, abs=1e-3)
        assert image[inside].std() == pytest.approx(1, abs=1e-3)
        assert np.count_nonzero(labels[inside]) == np.count_nonzero(labels)
    assert 0 < clipped < 12


def test_a_box_of_other_things_has_no_label():
    rng = np.random.default_rng(2)
    for _ in range(4):
        image, labels = random_distractor(rng)
        assert image.shape == (EDGE,) * 3
        assert not labels.any()
        assert image.std() > 0
