"""All measurements of one hip from its label map: in ml, mm, percent and degrees.

Head is labels 1 and 2 together. Nothing is rounded. What cannot be computed is None, and a warning says why.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from onfh_nnunet.core.anatomy import COLLAPSE_UP_TO_MM, EARLY_COLLAPSE_UP_TO_MM, PLAUSIBLE_HEAD_ML
from onfh_nnunet.core.components import components_of
from onfh_nnunet.core.extent import least_lesion_voxels, percent_of
from onfh_nnunet.core.hip_mask import HipMask
from postprocessing.masks.defects import main_part, mask_defects
from postprocessing.masks.lesion_parts import LesionParts, lesion_parts
from postprocessing.measurement.collapse import has_collapsed, uncollapsed
from postprocessing.measurement.head_shape import head_shape, shape_warnings
from postprocessing.measurement.head_surface import HeadSurface
from postprocessing.measurement.kerboul_angles import KERBOUL_FROM_DEG, NecroticArcs, kerboul_grade, necrotic_arcs
from postprocessing.measurement.lesion_location import LesionLocation, lesion_location, location_warnings
from postprocessing.measurement.possible_types import possible_types
from postprocessing.measurement.sphere import fit_sphere

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
        surface_residual_mm: The same for the whole surface but the neck.
        collapse_depth_mm: How far the necrotic surface lies below the sphere; None without necrosis at the surface.
        kerboul_low_deg: The combined angle of a lesion whose margin lies half a mean voxel further in.
        kerboul_high_deg: Further out.
        possible_kerboul_grades: Every grade from the one to the other, such as ``1/2``.
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
    surface_residual_mm: float | None = None
    collapse_depth_mm: float | None = None
    kerboul_low_deg: float | None = None
    kerboul_high_deg: float | None = None
    possible_kerboul_grades: str | None = None
    warnings: tuple[str, ...] = ()


def measure(hip: HipMask) -> HipMeasurement:
    """Measure one hip, without specks of necrosis, see `lesion_parts`.

    Args:
        hip: The hip, from `clean` or `require_hip_labels`; without its side nothing tells lateral from medial.

    Raises:
        LabelError: There is no head.
    """
    return measure_parts(lesion_parts(hip))


def measure_parts(parts: LesionParts) -> HipMeasurement:
    """The same, of a hip whose specks are told already."""
    hip, counts = parts.hip, parts.hip.extent
    pieces = components_of(hip.head.array)
    head = main_part(hip, pieces)
    sphere = fit_sphere(head)
    bare = HipMeasurement(
        head_ml=counts.head_ml,
        necrosis_ml=counts.necrosis_ml,
        necrosis_percent=percent_of(counts.necrosis, counts.head),
    )
    surface = HeadSurface(head, sphere) if sphere else None
    measured = _about_sphere(bare, parts, surface) if surface else replace(bare, warnings=(_NO_SPHERE,))
    defects = mask_defects(hip, pieces)
    return replace(measured, warnings=(*_head_warnings(bare, parts), *defects, *parts.warnings, *measured.warnings))


def _about_sphere(bare: HipMeasurement, parts: LesionParts, surface: HeadSurface) -> HipMeasurement:
    hip, sphere = parts.hip, surface.sphere
    shape = head_shape(surface, bare.head_ml, hip.side)
    collapsed, cut = has_collapsed(surface), bool(shape.cut_towards)
    whole = uncollapsed(surface, cut=cut)
    arcs = None if surface.lost or (collapsed and cut) else necrotic_arcs(whole)
    x, y, z = (float(value) for value in sphere.centre_mm)
    located = lesion_location(surface.mask, sphere, arcs, hip.side) if parts.measurable else LesionLocation()
    measured = replace(
        bare,
        necrosis_percent_of_sphere=percent_of(bare.necrosis_ml, sphere.volume_ml),
        head_diameter_mm=2 * sphere.radius_mm,
        necrotic_surface_percent=whole.percent,
        sphere_residual_mm=sphere.residual_mm,
        head_centre_x_mm=x,
        head_centre_y_mm=y,
        head_centre_z_mm=z,
        location=located,
        surface_residual_mm=shape.surface_residual_mm,
        collapse_depth_mm=surface.collapse_mm if parts.measurable else None,
        **(_angles(arcs, measurable=parts.measurable) if arcs else {}),
    )
    warnings = (
        *shape_warnings(shape, surface, hip.side),
        *_surface_warnings(surface, parts, cut=cut),
        *(location_warnings(located, hip.side, has_arcs=arcs is not None) if parts.measurable else ()),
    )
    return replace(measured, warnings=warnings)


def _angles(arcs: NecroticArcs, *, measurable: bool) -> dict[str, Any]:
    low, high = arcs.combined_low_deg, arcs.combined_high_deg
    return {
        "kerboul_coronal_deg": arcs.coronal.degrees,
        "kerboul_sagittal_deg": arcs.sagittal.degrees,
        "kerboul_deg": arcs.combined_deg,
        "kerboul_grade": kerboul_grade(arcs.combined_deg) if measurable else None,
        "kerboul_low_deg": low,
        "kerboul_high_deg": high,
        "possible_kerboul_grades": possible_types(low, high, KERBOUL_FROM_DEG, kerboul_grade) if measurable else None,
    }


def _head_warnings(measured: HipMeasurement, parts: LesionParts) -> Iterator[str]:
    hip, (low, high) = parts.hip, PLAUSIBLE_HEAD_ML
    counts = hip.extent
    if not low <= measured.head_ml <= high:
        yield f"head of {measured.head_ml:.1f} ml, plausible are {low:g} to {high:g} ml"
    if measured.necrosis_percent == 100:
        yield "no viable head: all of it is necrotic, or its label is missing"
    if hip.may_be_cut:
        ends = f"ends {gap:.1f} mm from" if (gap := hip.border_gap_mm) else "touches"
        yield f"the head {ends} the border of the image and may be cut off"
    if counts.necrosis and not parts.measurable:
        least = least_lesion_voxels(counts.voxel_ml) * counts.voxel_ml
        are, each = ("in parts, each", " of which is") if counts.measurable else ("are", "")
        yield (
            f"{counts.necrosis_ml:.2g} ml of necrosis {are}{each} less than the least lesion that is graded, "
            f"{least:.2g} ml: no Kerboul grade and no location"
        )


def _surface_warnings(surface: HeadSurface, parts: LesionParts, *, cut: bool) -> Iterator[str]:
    if surface.percent is None:
        yield "no part of the head's surface is articular: no share of the surface"
    if not parts.hip.extent.necrosis:
        return
    if not surface.sphere.viable:
        yield (
            "less than half of the head's surface is viable: the sphere is fitted to all of it, collapsed or not: no "
            "depth of collapse"
        )
    if surface.lost:
        yield (
            f"the upper surface of the head lies more than {COLLAPSE_UP_TO_MM:g} mm inside the fitted sphere: no "
            "angles or types (compare the percentage of the sphere)"
        )
    elif has_collapsed(surface):
        depth = surface.collapse_mm
        yield (
            f"collapse, or a head that is cut off: the necrotic surface lies up to {depth:.1f} mm below the fitted "
            f"sphere (ARCO 2019 divides early from late collapse at {EARLY_COLLAPSE_UP_TO_MM:g} mm), and the "
            "percentage is that of the sunken head (compare that of the sphere)"
        )
        if cut:
            yield "a collapse and a cut head cannot be told apart here: no angles or types"
    if surface.necrotic_at_neck and not surface.lost:
        yield "necrosis reaches the neck cut, where angles and share of the surface leave it out"
