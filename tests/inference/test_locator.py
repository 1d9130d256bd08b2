"""The locator that comes with the package, on bodies and scanners it never saw."""

import numpy as np
import pytest
from safetensors.numpy import load_file

from dataset_conversion.phantom.anatomy.patient import Patient
from dataset_conversion.phantom.mri.acquire import acquire
from dataset_conversion.phantom.mri.protocol import ScanProtocol
from dataset_conversion.phantom.randomization import random_bodies
from dataset_conversion.phantom.randomization.random_bodies import BodyTissues, random_view
from dataset_conversion.readers import read_volume
from onfh_nnunet.core.choices import Plane
from onfh_nnunet.core.grid import Grid
from onfh_nnunet.core.hip import Side
from onfh_nnunet.core.volume import Volume
from onfh_nnunet.inference.locator import VOXEL_MM, WEIGHTS, build_network, locate_heads, resample_coarsely
from tests.helpers.paths import REAL

PROSTATEX = REAL / "prostatex-pelvis-mr"
AXIAL = ((0.0, 0.0, 1.0), (0.0, 1.0, 0.0), (1.0, 0.0, 0.0))
NEAR_MM = 8.0
"""Two voxels of the locator: the box around it then still holds the head with a margin, and it is read again."""


def test_it_looks_at_what_it_was_trained_on():
    assert VOXEL_MM == random_bodies.VOXEL_MM


def test_weights_are_those_of_the_network():
    weights = load_file(WEIGHTS)
    parameters = dict(build_network().named_parameters())
    assert {name: value.shape for name, value in weights.items()} == {
        name: tuple(value.shape) for name, value in parameters.items()
    }
    assert all(np.isfinite(value).all() for value in weights.values())
    assert WEIGHTS.stat().st_size < 2e6


@pytest.mark.parametrize("spacing", [(4.0, 4.0, 4.0), (1.0, 1.25, 2.0), (6.0, 0.7, 0.7)])
def test_coarse_image_keeps_things_in_their_places(spacing):
    size = [round(160 / step) for step in spacing]
    index = np.indices(size).reshape(3, -1).T * spacing
    candidate = np.exp(-0.5 * (np.linalg.norm(index - [70, 84, 90], axis=1) / 12) ** 2).reshape(size)
    seen = resample_coarsely(candidate, spacing)
    assert abs(seen.mean()) < 1e-5
    assert seen.std() == pytest.approx(1, abs=1e-5)
    weight = np.clip(seen - seen.min(), 0, None) ** 2
    centre = [np.average(np.arange(n), weights=weight.sum(axis=other)) for n, other in _axes(seen.shape)]
    assert np.allclose(np.array(centre) * VOXEL_MM, [70, 84, 90], atol=1.5)


def _axes(shape):
    return ((n, tuple(other for other in range(3) if other != axis)) for axis, n in enumerate(shape))


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("plane", Plane)
def test_both_heads_of_a_phantom_are_located(plane, seed):
    patient = Patient.draw(np.random.default_rng([4, seed]), {Side.RIGHT: 0.2})
    protocol = ScanProtocol(plane, (2.0, 2.0, 2.0), bilateral=True)
    scan = acquire(patient, tuple(Side), protocol, np.random.default_rng(seed))
    right, left = locate_heads(scan.image)
    for head, side in ((right, Side.RIGHT), (left, Side.LEFT)):
        assert head.side is side
        assert np.linalg.norm(head.centre_mm - patient.hips[side].frame.centre_mm) < NEAR_MM


@pytest.mark.parametrize("side", Side)
def test_a_single_hip_is_located_and_its_side_told(side):
    patient = Patient.draw(np.random.default_rng([5, 1]), {side: 0.2})
    scan = acquire(patient, (side,), ScanProtocol(spacing_mm=(2.0, 2.0, 2.0)), np.random.default_rng(1))
    (head,) = locate_heads(scan.image)
    assert head.side is side
    assert np.linalg.norm(head.centre_mm - patient.hips[side].frame.centre_mm) < NEAR_MM


def test_nothing_is_no_head():
    """Noise may look like one to it: what is no head is for the model to say, which then outlines none."""
    grid = Grid((60, 60, 60), (3.0, 3.0, 3.0), (0.0, 0.0, 0.0), AXIAL)
    assert locate_heads(Volume(np.full(grid.size, 7, np.int16), grid)) == []
    tiny = Grid((2, 3, 4), (5.0, 1.0, 1.0), (0.0, 0.0, 0.0), AXIAL)
    assert locate_heads(Volume(np.zeros(tiny.size, np.int16), tiny)) == []


def test_random_views_differ_and_keep_the_heads():
    body, rng = BodyTissues.draw(1000), np.random.default_rng(3)
    views = [random_view(body, rng) for _ in range(6)]
    assert len({view[0].shape for view in views}) > 1
    for image, heads in views:
        assert image.shape == heads.shape
        assert np.isfinite(image).all()
        assert image.std() == pytest.approx(1, abs=1e-3)
        assert heads.max() > 0


@pytest.mark.real_data
@pytest.mark.parametrize("series", ["23.*", "26.*", "27.*", "6.*"])
def test_heads_of_a_real_patient_are_located(series):
    """T1, proton density and T2; against spheres that were fitted by hand, some of whose centres are off themselves."""
    if not PROSTATEX.is_dir():
        pytest.skip(f"no {PROSTATEX}: set ONFH_TEST_DATA")
    weak = Volume.read(PROSTATEX / "derived-weak" / "vibe_femoralhead_weak_R1_L2.nii.gz")
    (folder,) = (PROSTATEX / "dicom" / "ProstateX-0218" / "02-18-2011").glob(series)
    right, left = locate_heads(read_volume(folder))
    for head, side, value in ((right, Side.RIGHT, 1), (left, Side.LEFT, 2)):
        assert head.side is side
        assert np.linalg.norm(head.centre_mm - weak.grid.to_mm(np.argwhere(weak.array == value)).mean(axis=0)) < 12
