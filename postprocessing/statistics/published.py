"""Published figures for this task, printed beside our own.

Uemura K, Takashima K, Otake Y, et al. J Arthroplasty 2025;40(10 Suppl 1):S160-S166: 63 hips without collapse, four-fold
cross-validation, 22 grade A, 23 B, 18 C. Its surface distance is named ASD and not defined further.
"""

from __future__ import annotations

from dataclasses import dataclass

SOURCE = "Uemura et al., J Arthroplasty 2025;40(10 Suppl 1):S160-S166"
COHORT = (
    "63 patients' hips with osteonecrosis and no collapse (22 grade A, 23 B, 18 C), 3D spoiled gradient-echo MRI, "
    "labels by one orthopaedic surgeon, a five-layer dynamic U-Net, four folds"
)
"""What the published figures are of."""


@dataclass(frozen=True)
class Published:
    """A published figure: a median with quartiles, or a value without them."""

    region: str
    metric: str
    median: float
    q1: float | None = None
    q3: float | None = None
    source: str = SOURCE


PUBLISHED = (
    Published("head", "dice", 0.95, 0.95, 0.96),
    Published("head", "assd_mm", 0.65, 0.59, 0.75),
    Published("necrosis", "dice", 0.89, 0.85, 0.92),
    Published("necrosis", "assd_mm", 0.76, 0.58, 0.96),
    Published("grade", "accuracy", 59 / 63),
    Published("grade", "weighted_kappa", 0.98),
)

KAPPA_NOTE = (
    "The published weighted kappa of 0.98 does not follow from 59 of 63 agreeing grades: for every way of placing four "
    "adjacent misses unweighted kappa is 0.904-0.905, linear 0.924-0.929, quadratic 0.947-0.952, ICC(2,1) 0.947-0.953 "
    "and Gwet's AC2 0.929-0.954. Two other statistics round to it: the quadratically weighted observed agreement, 62 "
    "of 63 or 0.984, and quadratic AC2 over four grades, none included, 0.980-0.981. A replication aims at accuracy "
    "0.937, linear kappa 0.926 and quadratic kappa 0.95."
)
