import pytest

from postprocessing.measurement.arco import arco_type, possible_arco_types


@pytest.mark.parametrize(
    ("lateral_deg", "edge_deg", "expected"),
    [
        (-0.5, None, "1"),
        (0, None, ">=2"),  # at the apex is not medial to it
        (40, None, ">=2"),
        (-0.5, 30, "1"),
        (0, 30, "2"),
        (30, 30, "2"),  # at the edge is not outside it
        (30.5, 30, "3"),
        (-5, -10, "3"),  # a dysplastic hip: the edge itself is medial to the apex
    ],
)
def test_type_by_where_the_lesion_ends(lateral_deg, edge_deg, expected):
    assert arco_type(lateral_deg, edge_deg) == expected


def test_possible_types_are_all_between_two_angles():
    assert possible_arco_types(-20, -1) == "1"
    assert possible_arco_types(-20, 1) == "1/>=2"
    assert possible_arco_types(-20, 1, 10) == "1/2"
    assert possible_arco_types(-20, 11, 10) == "1/2/3"
    assert possible_arco_types(12, 13, 10) == "3"
