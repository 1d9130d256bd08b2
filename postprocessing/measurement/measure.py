"""All measurements of one hip from its label map: in ml, mm, percent and degrees.

Head is labels 1 and 2 together. Nothing is rounded. What cannot be computed is None, and a warning says why.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from onfh_nnunet.core.anatomy import ARTICULAR_MM, PLAUSIBLE_HEAD_ML, PLAUSIBLE_RESIDUAL_MM
from onfh_nnunet.core.extent import percent_of
from onfh_nnunet.core.hip import Side
from onfh_nnunet.core.hip_mask import HipMask
from postprocessing.measurement.kerboul_angles import kerboul_grade, necrotic_arcs
from postprocessing.measurement.lesion_location import LesionLocation, lesion_location, location_warnings
from postprocessing.measurement.sphere import Sphere, fit_sphere
from postprocessing.measurement.surface_involvement import SurfaceInvolvement, surface_involvement

_NO_SPHERE = "no sphere fits the head: no diameter, angles, location or share of the surface"


@dataclass(frozen=True)
class HipMeasurement:
    """The measurements of one hip.

    Args:
        head_ml: Volume of the head, necrosis included.
        necrosis_ml: Volume of the necrosis.
        necrosis_percent: Necrosis in percent of the head.
        necrosis_percent_of_sphere: Necrosis in percent of the fitted sphere; the neck cut does not change the sphere.
        head_diameter_mm: Diameter of the sphere fitted to the articular surface.
        kerboul_coronal_deg: Necrotic arc of the mid-coronal slice.
        kerboul_sagittal_deg: Necrotic arc of the mid-sagittal slice.
        kerboul_deg: Both together, the modified Kerboul combined necrotic angle.
        kerboul_grade: 1 to 4; None without necrosis.
        necrotic_surface_percent: Necrotic share of the articular surface.
        sphere_residual_mm: Root mean square distance of the surface that made the sphere from it.
        head_centre_x_mm: Centre of the sphere, LPS.
        head_centre_y_mm: Centre of the sphere, LPS.
        head_centre_z_mm: Centre of the sphere, LPS.
        location: Where the lesion lies.
        warnings: What a reader of these numbers must know.
    """

    head_ml: float
    necrosis_ml: float
    necrosis_percent: float
    necrosis_percent_of_sphere: float | None = None
    head_diameter_mm: float | None = None
    kerboul_coronal_deg: float | None = None
    kerboul_sagittal_deg: float | None = None
    kerboul_deg: float | None = None
    kerboul_grade: int | None = None
    necrotic_surface_percent: float | None = None
    sphere_residual_mm: float | None = None
    head_centre_x_mm: float | None = None
    head_centre_y_mm: float | None = None
    head_centre_z_mm: float | None = None
    location: LesionLocation = field(default_factory=LesionLocation)
    warnings: tuple[str, ...] = ()


def measure(hip: HipMask) -> HipMeasurement:
    """Measure one hip.

    Args:
        hip: The hip, from `clean` or `require_hip_labels`; without its side nothing tells lateral from medial.

    Raises:
        LabelError: There is no head.
    """
    sphere, counts = fit_sphere(hip.head), hip.extent
    bare = HipMeasurement(
        head_ml=counts.head_ml,
        necrosis_ml=counts.necrosis_ml,
        necrosis_percent=percent_of(counts.necrosis, counts.head),
    )
    measured = _about_sphere(bare, hip, sphere) if sphere else replace(bare, warnings=(_NO_SPHERE,))
    return replace(measured, warnings=(*_head_warnings(bare, hip), *measured.warnings))


def _about_sphere(bare: HipMeasurement, hip: HipMask, sphere: Sphere) -> HipMeasurement:
    labels = hip.head
    arcs, surface = necrotic_arcs(labels, sphere), surface_involvement(labels, sphere)
    x, y, z = (float(value) for value in sphere.centre_mm)
    measured = replace(
        bare,
        necrosis_percent_of_sphere=percent_of(bare.necrosis_ml, sphere.volume_ml),
        head_diameter_mm=2 * sphere.radius_mm,
        kerboul_coronal_deg=arcs.coronal.degrees,
        kerboul_sagittal_deg=arcs.sagittal.degrees,
        kerboul_deg=arcs.combined_deg,
        kerboul_grade=kerboul_grade(arcs.combined_deg) if bare.necrosis_ml else None,
        necrotic_surface_percent=surface.percent,
        sphere_residual_mm=sphere.residual_mm,
        head_centre_x_mm=x,
        head_centre_y_mm=y,
        head_centre_z_mm=z,
        location=lesion_location(labels, sphere, arcs, hip.side) if bare.necrosis_ml else LesionLocation(),
    )
    return replace(measured, warnings=tuple(_sphere_warnings(measured, sphere, surface, hip.side)))


def _head_warnings(measured: HipMeasurement, hip: HipMask) -> Iterator[str]:
    low, high = PLAUSIBLE_HEAD_ML
    if not low <= measured.head_ml <= high:
        yield f"head of {measured.head_ml:.1f} ml, plausible are {low:g} to {high:g} ml"
    if measured.necrosis_percent == 100:
        yield "no viable head: all of it is necrotic, or its label is missing"
    if hip.touches_border:
        yield "the head touches the border of the image and may be cut off"


def _sphere_warnings(
    hip: HipMeasurement, sphere: Sphere, surface: SurfaceInvolvement, side: Side | None
) -> Iterator[str]:
    if sphere.residual_mm > PLAUSIBLE_RESIDUAL_MM:
        yield f"the head is not round: its surface lies {sphere.residual_mm:.1f} mm off the fitted sphere"
    if not sphere.viable:
        yield "less than half of the head's surface is viable: the sphere is fitted to all of it, collapsed or not"
    if surface.percent is None:
        yield "no part of the head's surface is articular: no share of the surface"
    if surface.off_sphere:
        yield (
            f"necrosis lies at a surface more than {ARTICULAR_MM:g} mm inside the fitted sphere (collapse, or the neck "
            "cut), which angles and share of the surface leave out"
        )
    if hip.necrosis_ml == 0:
        yield "no necrosis: no Kerboul grade and no location"
    else:
        yield from location_warnings(hip.location, side)
