"""The tissues of one hip, painted part over part, each from its outer layer inwards.

A hip's parts stand in its own frame: origin in the head's centre, axes to lateral, posterior and superior, mm. Left and
right differ by that frame alone. Sizes are those of an adult, rounded; they are there to be recognised, not measured.
"""

from __future__ import annotations

from dataclasses import dataclass

from dataset_conversion.phantom.anatomy.head import FemoralHead, PhysealScar
from dataset_conversion.phantom.anatomy.lesion import Lesion
from dataset_conversion.phantom.anatomy.muscles import HIP_ARTERIES, HIP_MUSCLES, HIP_VEINS
from dataset_conversion.phantom.anatomy.pelvis import Acetabulum, Joint, pelvic_bone
from dataset_conversion.phantom.anatomy.random_field import RandomField
from dataset_conversion.phantom.anatomy.shapes import Capsule, Ellipsoid, Perturbed, Shape, Union
from dataset_conversion.phantom.anatomy.tissue import Tissue
from onfh_nnunet.core.grid import Triple

Layers = tuple[tuple[float, Tissue], ...]
"""(depth in mm, tissue) from outside in: the tissue fills what lies deeper than this below the surface."""

_MUSCLE: Layers = ((-1.3, Tissue.FAT), (0.0, Tissue.MUSCLE))
_BONE: Layers = ((0.0, Tissue.CORTEX), (1.4, Tissue.MARROW))


@dataclass(frozen=True)
class Part:
    """A solid and the tissues it consists of."""

    shape: Shape
    layers: Layers


@dataclass(frozen=True)
class JointLayers:
    """The layers that cover the marrow of a head.

    Args:
        cortex_mm: Thickness of the bone's shell.
        cartilage_mm: Of the cartilage of the head, and as much of the socket's.
        fluid_mm: Of the fluid between them.
    """

    cortex_mm: float
    cartilage_mm: float
    fluid_mm: float


USUAL_COAT = JointLayers(cortex_mm=1.0, cartilage_mm=1.7, fluid_mm=0.6)


def hip_parts(
    head: FemoralHead, scar: PhysealScar, lesion: Lesion | None, bumps: RandomField, coat: JointLayers
) -> list[Part]:
    """All parts of one hip, in painting order; `bumps` shape its soft tissue for one person."""
    parts = [Part(Perturbed(muscle, bumps, 1.8), _MUSCLE) for muscle in HIP_MUSCLES]
    for vessels, blood in ((HIP_VEINS, Tissue.VEIN), (HIP_ARTERIES, Tissue.ARTERY)):
        parts += [Part(vessel, ((-1.5, Tissue.FAT), (0.0, blood))) for vessel in vessels]
    wet = coat.cartilage_mm + coat.fluid_mm
    cup = Acetabulum(head, wet + coat.cartilage_mm)
    parts += [
        Part(pelvic_bone(cup), _BONE),
        Part(Joint(cup), ((0.0, Tissue.CARTILAGE), (coat.cartilage_mm, Tissue.FLUID), (wet, Tissue.CARTILAGE))),
        Part(_femur(head, 0.0), ((-1.2, Tissue.FIBROUS), (0.0, Tissue.CORTEX))),
        Part(_femur(head, coat.cortex_mm), ((0.0, Tissue.MARROW),)),
        Part(scar, ((0.0, Tissue.FIBROUS),)),
    ]
    if lesion is not None:
        parts.append(Part(lesion, ((0.0, Tissue.BAND), (lesion.band_mm, lesion.inside))))
    return parts


def _femur(head: FemoralHead, cortex_mm: float) -> Union:
    """The femur's surface, or its marrow: the cortex is thin at the head and four times as thick in the shaft."""
    x, y, z = (n * 2.25 * head.radius_mm for n in head.neck)
    r, thick = head.radius_mm - cortex_mm, 4 * cortex_mm
    neck = _along(head, 0.2), (x, y, z), (0.66 * r, 0.72 * r)
    return Union(
        (
            Ellipsoid((0, 0, 0), (r, r, r)),
            Capsule(*neck),
            Ellipsoid((x + 9, y + 7, z + 12), (15 - cortex_mm, 17 - cortex_mm, 22 - cortex_mm)),
            Ellipsoid((x - 12, y + 10, z - 24), (10 - cortex_mm, 9 - cortex_mm, 13 - cortex_mm)),
            Capsule((x, y, z), (x - 3, y - 3, z - 60), (17 - 2 * cortex_mm, 14.5 - thick)),
            Capsule((x - 3, y - 3, z - 60), (x - 14, y, z - 260), (14.5 - thick, 14 - thick)),
        ),
        fillet_mm=6.0,
    )


def _along(head: FemoralHead, radii: float) -> Triple:
    x, y, z = (n * radii * head.radius_mm for n in head.neck)
    return x, y, z
