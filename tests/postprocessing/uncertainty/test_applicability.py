"""For which hips a calibration holds: the ranges of its own hips, and no others."""

from dataclasses import replace

import pytest

from onfh_nnunet.core.errors import ModelError
from onfh_nnunet.core.hip_traits import HipTraits
from postprocessing.uncertainty.applicability import Applicability

HIPS = [HipTraits(1.0, 0.4, 0.75, 2.0), HipTraits(3.0, 1.2, 0.9, 6.0), HipTraits(2.0, 0.9, 0.8, 0.5)]
KNOWN = Applicability.fit(HIPS)
INSIDE = HipTraits(1.5, 0.8, 0.85, 1.0)


def test_every_hip_of_the_calibration_is_like_it():
    assert [KNOWN.unlike(hip) for hip in (*HIPS, INSIDE)] == [""] * 4


@pytest.mark.parametrize(
    ("trait", "within", "beyond", "word"),
    [
        ("thickest_mm", 3.5, 3.7, "voxels of up to 3.7 mm (known: 1.0 to 3.0)"),
        ("thickest_mm", 0.85, 0.8, "voxels of up to 0.8 mm"),
        ("head_grey_sd", 1.45, 1.6, "brightness 1.6"),
        ("head_grey_sd", 0.15, -0.7, "brightness -0.7 (known: 0.4 to 1.2)"),
        ("head_score", 0.73, 0.7, "score 0.70 (known: 0.75 or more)"),
        ("unsure_percent", 6.9, 12.0, "12 % of the head unsure (known: up to 6 %)"),
    ],
)
def test_each_trait_has_its_range_with_a_slack(trait, within, beyond, word):
    assert KNOWN.unlike(replace(INSIDE, **{trait: within})) == ""
    assert word in KNOWN.unlike(replace(INSIDE, **{trait: beyond}))


def test_a_surer_network_is_never_unlike():
    assert KNOWN.unlike(replace(INSIDE, head_score=1.0, unsure_percent=0.0)) == ""


def test_all_that_is_unlike_is_said():
    assert KNOWN.unlike(HipTraits(8.0, -1.0, 0.2, 50.0)).count("known") == 4


def test_no_hips_give_no_ranges():
    assert Applicability.fit([]) is None


def test_it_travels_as_numbers():
    assert Applicability.from_json(KNOWN.to_json()) == KNOWN
    assert set(map(type, KNOWN.to_json().values())) == {float}


@pytest.mark.parametrize(
    "change",
    [
        {"head_score_low": 1.2},
        {"thickest_mm_low": 5.0},
        {"thickest_mm_high": float("nan")},
        {"unsure_percent_high": "3"},
        {"more": 1.0},
    ],
)
def test_impossible_numbers_are_refused(change):
    with pytest.raises(ModelError, match="for which hips"):
        Applicability.from_json(KNOWN.to_json() | change)


def test_a_missing_number_is_refused():
    values = KNOWN.to_json()
    del values["head_grey_sd_low"]
    with pytest.raises(ModelError, match="head_grey_sd_low"):
        Applicability.from_json(values)
