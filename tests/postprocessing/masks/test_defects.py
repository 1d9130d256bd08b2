"""Defects of a mask are named, left out of what they would spoil, and mended where that may be."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onfh_nnunet.core.hip import Side
from onfh_nnunet.core.hip_mask import HipMask
from onfh_nnunet.core.steinberg import Grade
from onfh_nnunet.core.volume import Volume
from postprocessing.masks.lesion_parts import lesion_parts
from postprocessing.masks.mend import mend, without_strays
from postprocessing.measurement.grade_rows import grade_row
from tests.helpers.solid_hips import RADIUS_MM, cone, hip, nothing, places, unit

NECK = (-0.7, 0.2, -0.7)
MASK, CENTRE = hip(cone(40, (0.2, -0.5, 0.75)), (1.25, 1.0, 1.25), neck=NECK)
PLACE = places(MASK.grid, CENTRE)
AWAY = np.linalg.norm(PLACE, axis=-1)
RIM = np.unravel_index(np.where(MASK.array == 1, PLACE @ unit((-1, 0, 0.4)), -99).argmax(), MASK.array.shape)


def row(array):
    return grade_row("P001_R", "", HipMask(Volume(array, MASK.grid), Side.RIGHT))


def numbers(found):
    return {name: value for name, value in vars(found).items() if name != "warnings"}


def changed(where, value):
    labels = MASK.array.copy()
    labels[where] = value
    return labels


def salted(share, background=False):
    salt = np.random.default_rng(1).random(MASK.array.shape) < share
    return changed(salt & ((MASK.array == 1) | background), 2)


def test_stray_voxel_at_the_rim_changes_no_number_and_is_named():
    expected, found = row(MASK.array), row(changed(RIM, 2))
    assert numbers(found) == numbers(expected)
    assert expected.lateral_necrotic_angle_deg < 30
    assert found.warnings.startswith("1 speck of necrosis, 0.0016 ml, is left out of all measures")


def test_salt_in_the_head_changes_no_number_much_and_is_named():
    expected, found = row(MASK.array), row(salted(0.02))
    assert found.necrosis_percent == pytest.approx(expected.necrosis_percent, abs=0.3)
    assert found.kerboul_deg == pytest.approx(expected.kerboul_deg, abs=3)
    assert "specks of necrosis" in found.warnings


def test_specks_alone_are_no_lesion_whatever_they_have_together():
    labels = np.minimum(MASK.array, 1)
    labels[(np.indices(labels.shape) % 4 == 0).all(axis=0) & (labels == 1)] = 2
    found = row(labels)
    assert found.necrosis_ml > 0.1
    assert (found.steinberg_grade, found.kerboul_grade, found.arco_2021_type) == (Grade.NONE, None, None)
    assert found.possible_grades.startswith("none")
    assert "in parts, each of which is less than the least lesion" in found.warnings


def test_part_as_large_as_the_least_lesion_counts():
    voxels = np.argwhere((MASK.array == 1) & (PLACE[..., 2] < -5) & (AWAY < 20))[:1]
    z, y, x = voxels[0]
    labels = changed(np.s_[z : z + 4, y : y + 4, x : x + 4], 2)  # 64 voxels have 0.1 ml
    parts = lesion_parts(HipMask(Volume(labels, MASK.grid)))
    assert (parts.specks, parts.hip.extent.necrosis) == (0, np.count_nonzero(labels == 2))


def test_parts_apart_and_holes_are_named():
    island = row(changed(np.linalg.norm(PLACE - (20, 18, 22), axis=-1) < 4, 2))
    assert "1 part of 0.27 ml apart from the head, 0.27 ml of it necrosis" in island.warnings
    assert island.kerboul_deg == row(MASK.array).kerboul_deg
    hole = row(changed(np.linalg.norm(PLACE - (3, 6, -2), axis=-1) < 5, 0))
    assert "1 hole of 0.53 ml in the head, not counted (`clean` fills holes)" in hole.warnings


DEFECTS = {
    "stray voxel": changed(RIM, 2),
    "salt": salted(0.02),
    "salt everywhere": salted(0.02, background=True),
    "island": changed(np.linalg.norm(PLACE - (20, 18, 22), axis=-1) < 4, 2),
    "hole": changed(np.linalg.norm(PLACE - (3, 6, -2), axis=-1) < 5, 0),
    "pepper": changed((np.indices(MASK.array.shape) % 4 == 0).all(axis=0) & (MASK.array == 2), 1),
}


@pytest.mark.parametrize("name", DEFECTS)
def test_mended_mask_has_the_numbers_of_the_sound_one_and_no_warning(name):
    mended, done = mend(Volume(DEFECTS[name], MASK.grid), name)
    expected, found = row(MASK.array), row(mended.array)
    assert found.necrosis_percent == pytest.approx(expected.necrosis_percent, abs=0.3)
    assert found.kerboul_deg == pytest.approx(expected.kerboul_deg, abs=3)
    assert found.warnings == ""
    assert done
    assert mend(mended, name)[1] == ()


def test_sound_mask_stays_as_it_is():
    for mask in (MASK, hip(nothing)[0]):
        mended, done = mend(mask, "P001_R")
        assert np.array_equal(mended.array, mask.array)
        assert done == ()


def test_strays_of_necrosis_are_dropped_and_a_second_head_stays():
    labels = np.zeros((12, 12, 40), np.uint8)
    labels[2:9, 2:9, 2:9], labels[2:9, 2:9, 30:37], labels[4, 4, 20] = 1, 1, 2
    labels[3, 3, 3:5] = 2
    kept, done = without_strays(Volume(labels, MASK.grid.part((0, 0, 0), labels.shape)))
    labels[4, 4, 20] = 0
    assert np.array_equal(kept.array, labels)
    assert done == ("cleaned: dropped 1 part of necrosis outside the head, 0.0016 ml",)


@given(st.integers(0, 2**32 - 1), st.floats(0.0, 0.1))
@settings(max_examples=15, deadline=None)
def test_mending_adds_no_lesion(seed, noise):
    rng = np.random.default_rng(seed)
    labels = np.where(rng.random(MASK.array.shape) < noise, rng.integers(0, 3, MASK.array.shape), MASK.array)
    mended, _ = mend(Volume(labels.astype(np.uint8), MASK.grid), "P001_R")
    assert lesion_parts(HipMask(mended)).specks == 0
    assert not mended.array[AWAY > RADIUS_MM + 10].any()
