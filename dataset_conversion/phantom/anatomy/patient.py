"""A synthetic person: body, two hips, and the lesion in each where there is one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from dataset_conversion.phantom.anatomy.anatomy import USUAL_COAT, JointLayers, TissuePart, hip_parts
from dataset_conversion.phantom.anatomy.body import Body, body_parts, symphysis
from dataset_conversion.phantom.anatomy.ground_truth import lesion_of_share
from dataset_conversion.phantom.anatomy.head import FemoralHead, PhysealScar
from dataset_conversion.phantom.anatomy.lesion import Lesion
from dataset_conversion.phantom.anatomy.random_field import RandomField
from dataset_conversion.phantom.anatomy.shapes import LATERAL, LocalFrame
from dataset_conversion.phantom.mri.spgr_sequence import FIELDS_T
from onfh_nnunet.core.hip import Side


@dataclass(frozen=True, eq=False)
class PhantomHip:
    """A hip at its position in the body.

    Args:
        frame: Where the head's centre and the lateral direction lie.
        head: The femoral head.
        scar: What is left of its growth plate.
        lesion: The necrosis; none in a healthy hip.
        bumps: What makes the soft tissue around it uneven.
        coat: What covers the head's marrow.
    """

    frame: LocalFrame
    head: FemoralHead
    scar: PhysealScar
    lesion: Lesion | None
    bumps: RandomField
    coat: JointLayers = USUAL_COAT


@dataclass(frozen=True, eq=False)
class Patient:
    """A person with two hips.

    Args:
        body: Skin and midline.
        fat_mm: Depth of the fat under the skin.
        midline: The frame between the hips.
        bumps: What makes the organs uneven.
        hips: Both hips.
        male: Sex.
        field_t: Field strength of the scanner that this person is examined in.
    """

    body: Body
    fat_mm: float
    midline: LocalFrame
    bumps: RandomField
    hips: Mapping[Side, PhantomHip]
    male: bool
    field_t: float

    @classmethod
    def draw(cls, rng: np.random.Generator, shares: Mapping[Side, float]) -> Patient:
        """A random person whose lesions fill given shares of the heads; a side without a share is healthy."""
        male = bool(rng.random() < 0.6)
        head = FemoralHead.draw(rng, male=male)
        apart, middle = rng.uniform(170, 190), rng.normal(0, 3, 3)
        hips = {}
        for side in Side:
            x, y, z = (middle + np.array([LATERAL[side] * apart / 2, *rng.normal(0, 1.5, 2)])).tolist()
            scar = PhysealScar(head, rng.uniform(-2, 4), rng.uniform(2, 6))
            lesion = lesion_of_share(Lesion.draw(rng, head), shares[side]) if side in shares else None
            hips[side] = PhantomHip(LocalFrame((x, y, z), LATERAL[side]), head, scar, lesion, _bumps(rng))
        a, b, c = middle.tolist()
        body = Body(apart / 2 + rng.uniform(80, 94), rng.uniform(108, 122))
        fat_mm, bumps = rng.uniform(14, 25), _bumps(rng)
        return cls(body, fat_mm, LocalFrame((a, b, c)), bumps, hips, male, float(rng.choice(FIELDS_T)))

    def parts(self) -> list[tuple[LocalFrame, TissuePart]]:
        """All parts in painting order, each with its frame."""
        placed = [(self.midline, part) for part in body_parts(self.body, self.fat_mm, self.bumps)]
        for hip in self.hips.values():
            parts = hip_parts(hip.head, hip.scar, hip.lesion, hip.bumps, hip.coat)
            placed += [(hip.frame, part) for part in parts]
        return [*placed, (self.midline, symphysis())]


def _bumps(rng: np.random.Generator) -> RandomField:
    return RandomField.draw(rng, (25, 70), 5)
