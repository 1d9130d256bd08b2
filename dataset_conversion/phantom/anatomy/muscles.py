"""Muscles and vessels of a hip. Frame: origin in the head's centre, axes to lateral, posterior, superior, mm."""

from __future__ import annotations

from dataset_conversion.phantom.anatomy.shapes import Capsule, Ellipsoid, Shape

HIP_MUSCLES: tuple[Shape, ...] = (
    Ellipsoid((5, 62, 0), (62, 20, 75)),  # gluteus maximus
    Capsule((20, 32, 85), (58, 10, 0), (20, 10)),  # gluteus medius
    Capsule((12, 12, 70), (48, -2, 5), (14, 7)),  # gluteus minimus
    Capsule((52, -30, 55), (62, -18, -110), (12, 8)),  # tensor fasciae latae
    Capsule((34, -48, 70), (-10, -58, -130), (8, 9)),  # sartorius
    Capsule((20, -34, 20), (34, -46, -170), (9, 17)),  # rectus femoris
    Capsule((-22, 0, 120), (-6, -31, 5), (24, 15)),  # iliopsoas above the hip
    Capsule((-6, -31, 5), (24, -4, -62), (14, 9)),  # and below it
    Capsule((58, 4, -60), (58, -4, -180), (13, 24)),  # vastus lateralis
    Capsule((36, -24, -65), (36, -26, -180), (11, 18)),  # vastus intermedius
    Capsule((-46, -30, -32), (18, -10, -84), (12, 9)),  # pectineus
    Capsule((-62, -16, -52), (4, -10, -180), (14, 24)),  # adductors
    Capsule((-44, 18, -78), (10, 26, -200), (18, 30)),  # adductor magnus
    Capsule((-24, 38, -66), (2, 48, -200), (9, 21)),  # hamstrings
    Capsule((-46, -6, -38), (36, 16, -26), (11, 6)),  # obturator externus
    Capsule((-22, 34, -38), (36, 26, -44), (10, 8)),  # quadratus femoris
    Capsule((-30, 40, 10), (44, 16, 6), (9, 5)),  # piriformis and gemelli
    Ellipsoid((-39, 8, -12), (7, 34, 40)),  # obturator internus
)

HIP_ARTERIES: tuple[Shape, ...] = (
    Capsule((-24, -38, 130), (-12, -52, 10), (5, 4.5)),  # external iliac
    Capsule((-12, -52, 10), (0, -44, -170), (4.5, 3.5)),  # femoral
    Capsule((4, -40, -40), (48, -30, -70), (2.2, 1.8)),  # lateral circumflex
    Capsule((-6, -36, -42), (10, 22, -48), (2.2, 1.8)),  # medial circumflex
)

HIP_VEINS: tuple[Shape, ...] = (
    Capsule((-34, -30, 130), (-22, -50, 10), (6, 5.5)),  # external iliac
    Capsule((-22, -50, 10), (-6, -38, -170), (5.5, 4.5)),  # femoral
)
