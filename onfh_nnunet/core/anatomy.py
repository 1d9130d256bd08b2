"""Anatomical limits, each once: its value with the unit in its name, where it comes from, and why it is what it is.

*Computed* means that it follows from published figures; *ours* means that we chose it. Published head diameters are
those of sphere fits in the CT of 202 femurs: women 43.25 mm, men 48.50 mm in the mean. Tolerances of an algorithm stay
beside the algorithm.
"""

from __future__ import annotations

HEAD_RADIUS_MM = 25.0
"""A radius of a head, rounded up. Computed: 21.6 mm in women and 24.3 mm in men."""

PLAUSIBLE_HEAD_ML = (22.0, 65.0)
"""Purpose: *is this volume that of an adult's head?* Outside it a mask is reported, never refused. Computed: 36 to
56 ml follow from the published diameters and the usual cuts at the neck; the margin on either side is ours."""

POSSIBLE_HEAD_ML = (8.0, 110.0)
"""Purpose: *may this region, as a network draws it, be a head at all?* Outside it a region is passed over. Ours: the
plausible range, 5 mm less or more in radius, which is more than a voxel of the coarsest grid on which heads are
sought."""

SECOND_HEAD_ABOVE_ML = 5.0
"""Purpose: *is this further component a second head, or a speck?* Above it, it is a head. Ours: the smallest
plausible head has 22 ml, and a speck far less than 1 ml."""

SPECK_UP_TO_ML = 1.0
"""Purpose: *may this component beside two heads be ignored?* Above it, it belongs to nobody, and is refused. Ours."""

LEAST_LESION_ML = 0.1
"""The least necrosis that is measured: less, of a whole head or in one component, is a speck and no lesion. Ours: a
quarter of the smallest of the published lesions, 0.39 ml (Zhao et al., Int Orthop 2010;34:799)."""

LEAST_LESION_VOXELS = 8
"""The same in voxels, where those are large: two along each axis. Ours, after RECIST 1.1 (Eisenhauer et al., Eur J
Cancer 2009;45:228), where a lesion is measurable from twice the slice thickness on."""

PLAUSIBLE_NECROSIS_PERCENT = 60.0
"""More of a head than this is seldom necrotic: a label that says so may have its values exchanged, and is reported.
Ours: twice the limit of Steinberg's grade C; the exchange of a label of grade A or B gives 70 % and more."""

CUT_HEAD_WITHIN_MM = 2.0
"""A head whose mask ends nearer than this to the border of the scan may be cut off there. Ours: a network leaves out up
to a voxel or two of 1 mm where it sees no more of what is around a head."""

LOCATED_HEADS_APART_MM = (110.0, 240.0)
"""Distance from right to left of the centres of two heads that are *sought* in a scan. Ours: about 175 mm in adults;
twelve women of CPTAC-UCEC have 169 to 192 mm."""

LABELLED_HEADS_APART_MM = 60.0
"""The least distance from right to left of the centres of two heads that a person *labelled*. Ours, and wider than the
one above, since a label is refused for it: children's heads are farther apart than this."""

LOCATED_HEADS_UNEVEN_MM = 50.0
"""How much higher, or further to the front, one located head may lie than the other. Ours: two radii, for
a pelvis that lies obliquely; the same twelve women have 11 mm at most."""

BOTH_HIPS_WIDTH_MM = 250.0
"""From this width on, from the patient's right to the left, a field of view shows both hips, and its middle is near the
patient's. Ours: two heads 175 mm apart, and their radii, take 225 mm; of 15 real scans of both hips the narrowest, a
PROSTATEx 3D gradient echo, is 260 mm wide. Scans of one hip are made 160 to 220 mm wide."""

OFF_MIDDLE_MM = 30.0
"""A head nearer to the middle of a wide scan than this is on neither side. Ours: heads lie 55 mm and more from
the patient's middle, half of the least distance of located heads, and the field of view may be 25 mm off it."""

EDGE_FROM_CENTRE_MM = (12.0, 50.0)
"""How far from a head's centre the lateral edge of the acetabulum may lie. Ours: 0.5 to 2 radii."""

SUBCHONDRAL_MM = 2.0
"""How deep below the head's surface necrosis still involves the surface. Ours: one to two voxels of usual protocols."""

ARTICULAR_MM = 3.0
"""How far the articular surface may lie from the fitted sphere. Ours: a dent or a bulge; more is a cut or the neck."""

COLLAPSE_UP_TO_MM = 8.0
"""How far below the fitted sphere a collapsed surface may lie. Ours: a third of a radius; more is a part of the head
that is missing, or that its mask leaves out."""

EARLY_COLLAPSE_UP_TO_MM = 2.0
"""Depression of the femoral head up to which collapse is early. Published: the 2019 revised ARCO staging (Yoon et al.,
J Arthroplasty 2020;35:933), 3A up to 2 mm and 3B beyond. A mask never yields the stage itself."""

PLAUSIBLE_RESIDUAL_MM = 1.0
"""How far, root mean square, the best fitting 60 % of a round head's surface lies off the fitted sphere. Ours: voxels
of up to 3 mm alone stay below it."""

PLAUSIBLE_ROUGHNESS_MM = 0.6
"""The same for the whole surface but the neck, beyond what voxels alone make. Ours: an ellipsoid one of whose axes is
10 % longer has 0.7 mm."""

HEAD_OF_SPHERE = (0.65, 1.05)
"""Volume of a head over that of its fitted sphere. Computed: cuts from 0.2 radii distal to the centre on keep 0.65 and
more; above 1 there is neck in the head, and the margin of 5 % is ours."""

FITTED_SHARE = 0.6
"""The least share of all directions in which a head's surface lies at its fitted sphere. Computed: cuts from 0.2 radii
distal to the centre on leave 0.62 and more."""

NECK_TO_SIDE = 0.35
"""How far to one side, as a part of 1, the direction of a neck points that tells the patient's side. Ours: 0.77 at a
usual neck-shaft angle of 130 degrees; a neck whose direction is less clear tells nothing."""

NECK_DEG = 130.0
"""Direction of the neck in the coronal slice, from the apex to lateral: a usual neck-shaft angle. There is no articular
surface there, so an arc that runs round medially below the head still ends on its lateral side."""

LONGEST_VOXEL_EDGES_MM = (4.0, 10.0)
"""The most that a voxel's shortest and its longest edge may be in a scan of a hip. Ours: a head of 43 to 48 mm then
spans ten by five voxels."""

SHORTEST_SCAN_EDGES_MM = (20.0, 80.0)
"""The least that a scan's shortest and its longest edge may be. Ours: less than half a head thick, or less than a hip
wide, is no scan of a hip."""
