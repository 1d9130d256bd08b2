"""Location of the lesion in the head.

The frame of a head has its origin in the centre of the fitted sphere, and its axes are the patient's: up, to the front
and to lateral, away from the midline. A left and a right hip that mirror each other have the same numbers.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from onfh_nnunet.core.hip import Side
from onfh_nnunet.core.volume import Volume
from postprocessing.measurement.arco import ArcoType, arco_type
from postprocessing.measurement.kerboul_angles import NecroticArcs
from postprocessing.measurement.lesion_centroid import centroid, depth_mm
from postprocessing.measurement.octants import Octants, octants
from postprocessing.measurement.sphere import Sphere


@dataclass(frozen=True)
class LesionLocation:
    """The location of a lesion; None where it does not follow from the mask, or the side is unknown.

    Args:
        lesion_latitude_deg: Of the centroid: 90 straight up, 0 at the height of the head's centre.
        lesion_longitude_deg: Of the centroid: 0 to the front, 90 to lateral, -90 to medial.
        lateral_necrotic_angle_deg: From straight up to the lateral end of the mid-coronal arc, positive to lateral.
        anterior_necrotic_angle_deg: From straight up to the front end of the mid-sagittal arc, positive to the front.
        necrosis_depth_mm: Depth of the deepest necrosis below the fitted sphere.
        arco_2021_type: 1, or 2 and more.
        octants: Necrotic share of each octant.
        lateral_necrotic_angle_low_deg: Of a lesion whose margin lies half a mean voxel further in.
        lateral_necrotic_angle_high_deg: Further out.
    """

    lesion_latitude_deg: float | None = None
    lesion_longitude_deg: float | None = None
    lateral_necrotic_angle_deg: float | None = None
    anterior_necrotic_angle_deg: float | None = None
    necrosis_depth_mm: float | None = None
    arco_2021_type: ArcoType | None = None
    octants: Octants = field(default_factory=Octants)
    lateral_necrotic_angle_low_deg: float | None = None
    lateral_necrotic_angle_high_deg: float | None = None


def lesion_location(mask: Volume, sphere: Sphere, arcs: NecroticArcs | None, side: Side | None) -> LesionLocation:
    """Locate the necrosis, which must not be empty.

    Args:
        mask: Labels (z, y, x) of a head within one layer of background.
        sphere: The sphere of its articular surface.
        arcs: Its necrotic arcs; None where they cannot be had.
        side: The patient's side, where known.
    """
    middle = centroid(mask, sphere)
    lateral = arcs.lateral(side) if arcs and side else None
    anterior = arcs.anterior if arcs else None
    return LesionLocation(
        lesion_latitude_deg=middle.latitude_deg,
        lesion_longitude_deg=middle.longitude_deg(side) if side else None,
        lateral_necrotic_angle_deg=lateral.degrees if lateral else None,
        anterior_necrotic_angle_deg=anterior.degrees if anterior else None,
        necrosis_depth_mm=depth_mm(mask, sphere),
        arco_2021_type=arco_type(lateral.degrees) if lateral else None,
        octants=octants(mask, sphere, side) if side else Octants(),
        lateral_necrotic_angle_low_deg=lateral.low_deg if lateral else None,
        lateral_necrotic_angle_high_deg=lateral.high_deg if lateral else None,
    )


def location_warnings(location: LesionLocation, side: Side | None, *, has_arcs: bool = True) -> Iterator[str]:
    """Why values of a lesion's location are missing.

    Args:
        location: The location.
        side: The patient's side, where known.
        has_arcs: Whether the head has necrotic arcs; where it has none, it is said elsewhere.
    """
    if has_arcs and location.anterior_necrotic_angle_deg is None:
        yield "no necrosis at the articular surface of the mid-sagittal slice: no anterior angle"
    if location.lesion_latitude_deg is None:
        yield "the lesion's centroid is the head's centre: no latitude or longitude"
    if side is None:
        yield "the side is unknown: no longitude, lateral angle, ARCO type or octants"
        return
    if location.lesion_longitude_deg is None and location.lesion_latitude_deg is not None:
        yield "the lesion's centroid lies straight above or below the head's centre: no longitude"
    if has_arcs and location.lateral_necrotic_angle_deg is None:
        yield "no necrosis at the articular surface of the mid-coronal slice: no lateral angle or ARCO type"
    if None in vars(location.octants).values():
        yield "an octant holds no head: it has no necrotic share"
