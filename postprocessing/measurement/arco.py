"""ARCO type of extent (2021): where the lesion ends laterally in the mid-coronal slice.

Koo KH, Mont MA, Cui Q et al. The 2021 Association Research Circulation Osseous classification for early-stage
osteonecrosis of the femoral head to computed tomography-based study. J Arthroplasty 2022: in type 1 the lateral
necrotic margin is medial to the apex of the femoral head; in type 2 it lies between the apex and the lateral acetabular
edge; type 3 extends outside that edge. It holds for early stages; a mask never yields the stage.
"""

from __future__ import annotations

from enum import StrEnum

from postprocessing.measurement.possible_types import possible_types


class ArcoType(StrEnum):
    """Types 1 to 3, or 2 or 3 where the acetabular edge is unknown."""

    ONE = "1"
    TWO_OR_THREE = ">=2"
    TWO = "2"
    THREE = "3"


def arco_type(lateral_deg: float, edge_deg: float | None = None) -> ArcoType:
    """The type of a lesion.

    Args:
        lateral_deg: The lateral necrotic angle: 0 at the apex, positive beyond it. A lesion that ends at the apex is
            not medial to it.
        edge_deg: The lateral acetabular edge in the same angle; None when not known.
    """
    if edge_deg is not None and lateral_deg > edge_deg:
        return ArcoType.THREE
    if lateral_deg < 0:
        return ArcoType.ONE
    return ArcoType.TWO_OR_THREE if edge_deg is None else ArcoType.TWO


def possible_arco_types(low_deg: float, high_deg: float, edge_deg: float | None = None) -> str:
    """Every type of a lesion whose lateral angle lies between two, such as ``1/2``."""
    limits = [0.0] if edge_deg is None else [0.0, edge_deg]
    return possible_types(low_deg, high_deg, limits, lambda lateral_deg: arco_type(lateral_deg, edge_deg))
