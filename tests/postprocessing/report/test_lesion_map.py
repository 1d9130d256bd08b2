"""The map of the sphere: its areas are the necrotic share of grades.csv, and its directions are the patient's."""

import re

import numpy as np
import pytest

from onfh_nnunet.core.hip import Side
from onfh_nnunet.core.hip_mask import HipMask
from postprocessing.measurement.measure import measure
from postprocessing.measurement.surface_map import SurfaceState, surface_map
from postprocessing.report.lesion_map import RADIUS, LesionMap, map_position
from tests.helpers.solid_hips import RADIUS_MM, hip, unit

UP_FRONT_RIGHT = unit((-0.5, -0.6, 0.8))
PART = re.compile(r"M([-.\d]+) ([-.\d]+)A([.\d]+) [.\d]+ 0 ([01]) 1 ([-.\d]+) ([-.\d]+)L[-.\d]+ [-.\d]+A([.\d]+) ")


def cap(axis, height=0.55):
    return HipMask(hip(lambda place: place @ axis >= height * RADIUS_MM)[0], Side.RIGHT)


def parts(path):
    """Of each part of a ring: outer and inner radius, and first and last turn."""
    for found in PART.findall(path):
        x, y, outer, large, u, v, inner = map(float, found)
        first, last = np.arctan2(y, x), np.arctan2(v, u)
        last += 2 * np.pi * (last <= first)
        assert (last - first > np.pi + 1e-3) == bool(large) or abs(last - first - np.pi) < 1e-3
        yield outer, inner, first, last


def area(path):
    return sum((outer**2 - inner**2) / 2 * (last - first) for outer, inner, first, last in parts(path))


@pytest.mark.parametrize("axis", [UP_FRONT_RIGHT, (0.0, 0.0, 1.0), unit((1, 0.2, 0.3))])
def test_areas_are_the_necrotic_share_of_the_surface(axis):
    head = cap(axis)
    share = measure(head).necrotic_surface_percent
    cells = surface_map(head)
    necrotic, viable = ((cells == state).sum() for state in (SurfaceState.NECROTIC, SurfaceState.VIABLE))
    assert 100 * necrotic / (necrotic + viable) == pytest.approx(share, abs=1e-9)
    drawn = LesionMap.of(cells)
    assert 100 * area(drawn.necrotic) / (area(drawn.necrotic) + area(drawn.viable)) == pytest.approx(share, abs=0.05)


def test_sunk_surface_is_on_the_map_as_it_is_in_the_share():
    head = HipMask(hip(lambda place: place @ UP_FRONT_RIGHT >= 0.5 * RADIUS_MM, sunk_mm=2.5)[0], Side.RIGHT)
    cells = surface_map(head)
    found = 100 * (cells == SurfaceState.NECROTIC).sum() / (cells != SurfaceState.NECK).sum()
    assert found == pytest.approx(measure(head).necrotic_surface_percent, abs=1e-9)


def test_a_cap_is_drawn_where_its_centroid_is():
    head = cap(UP_FRONT_RIGHT, 0.7)
    where = measure(head).location
    x, y = map_position(where.lesion_latitude_deg, where.lesion_longitude_deg, Side.RIGHT)
    assert x < -10  # the patient's right is on the viewer's left
    assert y < -10  # the front is up
    middle, whole = np.zeros(2), 0.0
    for outer, inner, first, last in parts(LesionMap.of(surface_map(head)).necrotic):
        weight, turn, away = (outer**2 - inner**2) * (last - first), (first + last) / 2, (outer + inner) / 2
        middle += weight * away * np.array([np.cos(turn), np.sin(turn)])
        whole += weight
    assert np.hypot(*(middle / whole - (x, y))) < 0.06 * RADIUS


def test_positions_of_the_map():
    assert map_position(90, 0, Side.LEFT) == pytest.approx((0, 0))
    assert map_position(0, 0, Side.LEFT) == pytest.approx((0, -RADIUS * np.sqrt(0.5)))
    assert map_position(0, 90, Side.LEFT) == pytest.approx((RADIUS * np.sqrt(0.5), 0))
    assert map_position(0, 90, Side.RIGHT) == pytest.approx((-RADIUS * np.sqrt(0.5), 0))
    assert map_position(-90, 180, Side.LEFT) == pytest.approx((0, RADIUS))


def test_a_map_of_one_kind_is_a_disc():
    assert area(LesionMap.of(np.full((6, 8), SurfaceState.VIABLE)).viable) == pytest.approx(np.pi * RADIUS**2, rel=1e-3)
    assert LesionMap.of(np.full((6, 8), SurfaceState.VIABLE)).necrotic == ""
