"""What a page shows of a head beside its slices: its surfaces in 3D, and the lesion on its sphere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from onfh_nnunet.core.hip_mask import HipMask
from onfh_nnunet.core.labels import Region
from postprocessing.measurement.surface_map import surface_map
from postprocessing.report.head_surfaces import PageSurface, head_surfaces
from postprocessing.report.lesion_map import LesionMap


@dataclass(frozen=True)
class HeadViews:
    """The views of a head.

    Args:
        surfaces: By region; empty where the head has no closed surface.
        map: The lesion on the sphere; None where no sphere fits.
    """

    surfaces: Mapping[Region, PageSurface]
    map: LesionMap | None


def head_views(hip: HipMask, subject: object) -> HeadViews:
    """The views of a hip.

    Args:
        hip: The hip; its mask is enough.
        subject: What messages name.

    Raises:
        LabelError: There is no head.
    """
    cells = surface_map(hip)
    return HeadViews(head_surfaces(hip, subject), None if cells is None else LesionMap.of(cells))
