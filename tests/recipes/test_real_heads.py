"""Training examples of heads: what their labels say must be what their images show."""

import numpy as np
import pytest

from dataset_conversion.phantom.randomization.random_hips import EDGE, VOXEL_MM
from recipes.real_heads import RealBox, real_example

RADIUS_MM, BOX = 21.0, 72


@pytest.fixture(scope="module")
def box():
    """A bright ball with a grey lesion, in dark tissue; and air."""
    mm = (np.indices((BOX,) * 3) - (BOX - 1) / 2) * VOXEL_MM
    head, lesion = np.linalg.norm(mm, axis=0) < RADIUS_MM, mm[0] > 8
    labels = np.where(head, np.where(lesion, 2, 1), 0).astype(np.uint8)
    image = np.choose(labels, [0.2, 2.0, 1.0])
    image[:, :12] = -0.4
    return RealBox(image.astype(np.float16), labels)


def test_examples_are_views_of_the_box(box):
    rng = np.random.default_rng(3)
    whole = np.count_nonzero(box.labels)
    for _ in range(40):
        image, labels = real_example(box, rng)
        assert image.shape == labels.shape == (EDGE,) * 3
        assert np.isfinite(image).all()
        assert (image.mean(), image.std()) == pytest.approx((0, 1), abs=1e-3)
        assert 0.5 < np.count_nonzero(labels) / whole < 1.8  # 0.88 to 1.14 larger along each axis, now and then clipped
        viable, lesion = (np.median(image[labels == value]) for value in (1, 2))
        assert abs(viable - lesion) > 0.1
