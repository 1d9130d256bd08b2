import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from onfh_nnunet.core.choices import JicTies
from onfh_nnunet.core.errors import GeometryError
from onfh_nnunet.core.hip import Side
from onfh_nnunet.core.hip_mask import HipMask
from onfh_nnunet.core.volume import Volume
from postprocessing.measurement.grade_rows import grade_row, with_landmarks
from postprocessing.measurement.jic import WeightBearing, jic_type, possible_jic_types, weight_bearing
from postprocessing.measurement.landmarks import Landmarks
from tests.helpers.paths import REAL
from tests.helpers.solid_hips import RADIUS_MM, cone, hip, mirrored, places, unit

CENTRE = (-95.0, 12.0, 40.0)  # of a right head
SURFACE = WeightBearing(medial_deg=-45.0, edge_deg=45.0)  # its thirds end at -15 and 15 degrees
TWO_TO_ONE = ((26.0, 40.0), (52.0, -120.0))


def at(distance_mm, degrees, side=Side.RIGHT, centre=CENTRE, front_mm=0.0):
    """A point of the mid-coronal slice at an angle from the apex to lateral."""
    left = distance_mm * math.sin(math.radians(degrees)) * (1 if side is Side.LEFT else -1)
    return (centre[0] + left, centre[1] - front_mm, centre[2] + distance_mm * math.cos(math.radians(degrees)))


def surface(edge, teardrop, side=Side.RIGHT, centre=CENTRE, **kwargs):
    return weight_bearing(
        "P001", Landmarks(at(*edge, side, centre, **kwargs), at(*teardrop, side, centre)), centre, side
    )


@pytest.mark.parametrize("side", Side)
@pytest.mark.parametrize(("edge_deg", "teardrop_deg"), [(35, -125), (10, -150), (60, -100)])
def test_bisector_of_a_chord_halves_its_arc(edge_deg, teardrop_deg, side):
    found = surface((26, edge_deg), (26, teardrop_deg), side)
    assert found.edge_deg == pytest.approx(edge_deg)
    assert found.medial_deg == pytest.approx((edge_deg + teardrop_deg) / 2)


@given(st.floats(14, 40), st.floats(0, 60), st.floats(20, 80), st.floats(-170, -95))
def test_medial_end_lies_on_the_acetabulum_as_far_from_the_edge_as_from_the_teardrop(radius, edge, far, teardrop):
    edge_point, teardrop_point = (np.array(at(*point)) for point in ((radius, edge), (far, teardrop)))
    chord = np.linalg.norm(edge_point - teardrop_point)
    assume((edge_point - teardrop_point)[2] > 1 and abs(far**2 - radius**2) < 2 * radius * chord)  # else it is missed
    found = surface((radius, edge), (far, teardrop))
    end = np.array(at(radius, found.medial_deg))
    assert np.linalg.norm(end - edge_point) == pytest.approx(np.linalg.norm(end - teardrop_point))
    assert found.medial_deg < found.edge_deg < found.medial_deg + 360


def test_landmarks_before_or_behind_the_slice_are_laid_onto_it():
    assert surface(*TWO_TO_ONE, front_mm=9) == surface(*TWO_TO_ONE)


@pytest.mark.parametrize(
    ("edge", "teardrop", "message"),
    [
        ((180, 40), (185, 35), "do not fit this head"),  # the landmarks of the other hip, or RAS taken for LPS
        ((26, -125), (26, 35), "do not fit this head"),  # exchanged, or of the other side
        ((26, 150), (40, -100), "do not fit this head"),  # the teardrop above the edge
        ((14, 20), (80, -130), "misses the acetabulum"),
    ],
)
def test_landmarks_that_cannot_be_of_this_head_are_refused(edge, teardrop, message):
    with pytest.raises(GeometryError, match=message):
        surface(edge, teardrop)


def test_landmark_far_from_the_slice_is_refused():
    with pytest.raises(GeometryError, match="60 mm in front of or behind"):
        surface(*TWO_TO_ONE, front_mm=60)


@pytest.mark.parametrize(
    ("lateral_deg", "ministry", "english"),
    [
        (-90, "A", "A"),
        (-15.5, "A", "A"),
        (-15, "B", "A"),  # exactly one third
        (-14.5, "B", "B"),
        (15, "C1", "B"),  # exactly two thirds
        (15.5, "C1", "C1"),
        (45, "C1", "C1"),  # at the edge is not beyond it
        (45.5, "C2", "C2"),
    ],
)
def test_type_by_thirds_and_ties(lateral_deg, ministry, english):
    assert jic_type(lateral_deg, SURFACE) == jic_type(lateral_deg, SURFACE, JicTies.MINISTRY) == ministry
    assert jic_type(lateral_deg, SURFACE, JicTies.ENGLISH_2001) == english


@pytest.mark.parametrize("side", Side)
@pytest.mark.parametrize(
    ("ends_deg", "jic", "arco"), [(-25, "A", "1"), (0, "B", ">=2"), (30, "C1", "2"), (60, "C2", "3")]
)
def test_type_of_a_closed_form_lesion(ends_deg, jic, arco, side):
    middle = np.deg2rad(ends_deg - 20 - 0.5)
    mask, centre = hip(cone(20, (-np.sin(middle), 0, np.cos(middle))))
    if side is Side.LEFT:
        mask, centre = mirrored(mask), centre * [-1, 1, 1]
    row = grade_row(f"P001_{side}", "m.nii.gz", HipMask(mask, side))
    points = Landmarks(at(26, 45, side, tuple(centre)), at(26, -135, side, tuple(centre)))  # thirds: -15, 15, 45
    typed = with_landmarks(row, points)
    assert row.lateral_necrotic_angle_deg == pytest.approx(ends_deg, abs=np.rad2deg(1 / RADIUS_MM))
    assert (row.jic_type, typed.jic_type, typed.warnings) == (None, jic, row.warnings)
    if ends_deg:  # at the apex either type is right
        assert typed.arco_2021_type == arco


def test_row_without_what_a_type_needs_says_so():
    mask, centre = hip(cone(20))
    points = Landmarks(at(26, 45, centre=tuple(centre)), at(26, -135, centre=tuple(centre)))
    known = grade_row("P001_R", "m.nii.gz", HipMask(mask, Side.RIGHT))
    assert with_landmarks(known, None).warnings.endswith("no landmarks: no JIC type")
    unknown = grade_row("P001", "m.nii.gz", HipMask(mask))
    assert with_landmarks(unknown, points).warnings.endswith("no side or no sphere: no JIC type")
    healthy = grade_row("P001_R", "m.nii.gz", HipMask(hip(cone(0))[0], Side.RIGHT))
    assert with_landmarks(healthy, points) == healthy  # a healthy hip has no type, which is no defect


@pytest.mark.real_data
def test_real_shaped_hip_has_the_type_of_its_lesion():
    """A planar cap in a real-shaped left head, and the ends of the acetabular bone of its mid-coronal slice."""
    path = REAL / "gfxmorph-hipmesh" / "hip_phantom_labels.nii.gz"
    if not path.is_file():
        pytest.skip(f"no {path}: set ONFH_TEST_DATA")
    labels = Volume.read(path)
    centre, radius, height, axis = np.array([94.9, -0.7, -78.5]), 21.4, 10.0, unit((0.3, -0.4, 0.85))
    place = places(labels.grid, centre)
    head = labels.array == 1
    mask = Volume(head.astype(np.uint8) + (head & (place @ axis >= height)), labels.grid)
    row = grade_row("P001_L", str(path), HipMask(mask, Side.LEFT))
    in_slice = math.hypot(axis[0], axis[2])
    ends = math.degrees(math.atan2(axis[0], axis[2]) + math.acos(height / radius / in_slice))
    a_voxel = math.degrees(max(labels.grid.spacing_mm) / radius) / math.sin(math.acos(height / radius))
    assert row.lateral_necrotic_angle_deg == pytest.approx(ends, abs=a_voxel)
    bone = place[(labels.array == 4) & (abs(place[..., 1]) < 0.5)]
    roof = bone[bone[:, 2] > 0]
    points = Landmarks(tuple(centre + roof[roof[:, 0].argmax()]), tuple(centre + bone[bone[:, 2].argmin()]))
    typed = with_landmarks(row, points)
    assert (typed.jic_type, typed.arco_2021_type) == ("C2", "3")  # it ends at 80 degrees, the acetabulum at 34


@pytest.mark.parametrize(
    ("low", "high", "possible"),
    [(-90, -16, "A"), (-20, -10, "A/B"), (-15, -14, "B"), (0, 44, "B/C1"), (44, 46, "C1/C2"), (-60, 60, "A/B/C1/C2")],
)
def test_possible_types_are_all_between_two_angles(low, high, possible):
    assert possible_jic_types(low, high, SURFACE) == possible


def test_typed_row_names_every_type_that_half_a_voxel_may_make():
    mask, centre = hip(cone(40, (-0.26, 0, 0.97)))  # ends at 55 degrees
    points = Landmarks(at(26, 55.3, centre=tuple(centre)), at(26, -124.7, centre=tuple(centre)))
    row = with_landmarks(grade_row("P001_R", "m.nii.gz", HipMask(mask, Side.RIGHT)), points)
    assert row.lateral_necrotic_angle_low_deg < 55.3 < row.lateral_necrotic_angle_high_deg
    assert (row.possible_jic_types, row.possible_arco_2021_types) == ("C1/C2", "2/3")
