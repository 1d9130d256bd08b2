"""What a report says of one hip: coded measurements, and findings by code or in words, from its row of grades.csv.

Every number is that of grades.csv. A value that could not be computed is left out, and the comment says why.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from onfh_nnunet.core.labels import Region
from onfh_nnunet.core.steinberg import Grade
from postprocessing.dicom.codes import ABSENT, DEGREE, DIAMETER, ML, MM, NECROSIS, PERCENT, PRESENT, VOLUME, Term, own
from postprocessing.measurement.grade_rows import GradeRow
from postprocessing.uncertainty.margin_interval import IntervalMethod


@dataclass(frozen=True)
class Quantity:
    """A number that a report states.

    Args:
        name: What is measured.
        column: Of grades.csv.
        unit: Its unit.
    """

    name: Term
    column: str
    unit: Term


QUANTITIES = {
    Region.HEAD: (
        Quantity(VOLUME, "head_ml", ML),
        Quantity(DIAMETER, "head_diameter_mm", MM),
        Quantity(own("NECR_PCT", "Necrosis in percent of femoral head volume"), "necrosis_percent", PERCENT),
        Quantity(own("NECR_PCT_LOW", "Lower end of interval of necrosis percent"), "percent_low", PERCENT),
        Quantity(own("NECR_PCT_HIGH", "Upper end of interval of necrosis percent"), "percent_high", PERCENT),
    ),
    Region.NECROSIS: (
        Quantity(VOLUME, "necrosis_ml", ML),
        Quantity(own("NECR_PCT_SPHERE", "Necrosis in percent of fitted sphere"), "necrosis_percent_of_sphere", PERCENT),
        Quantity(own("KERBOUL_COR", "Necrotic arc, mid-coronal slice"), "kerboul_coronal_deg", DEGREE),
        Quantity(own("KERBOUL_SAG", "Necrotic arc, mid-sagittal slice"), "kerboul_sagittal_deg", DEGREE),
        Quantity(own("KERBOUL", "Modified Kerboul combined necrotic angle"), "kerboul_deg", DEGREE),
        Quantity(own("KERBOUL_LOW", "Lower end of interval of combined necrotic angle"), "kerboul_low_deg", DEGREE),
        Quantity(own("KERBOUL_HIGH", "Upper end of interval of combined necrotic angle"), "kerboul_high_deg", DEGREE),
        Quantity(own("LAT_ANGLE", "Lateral necrotic angle"), "lateral_necrotic_angle_deg", DEGREE),
        Quantity(own("ANT_ANGLE", "Anterior necrotic angle"), "anterior_necrotic_angle_deg", DEGREE),
        Quantity(own("NECR_SURFACE_PCT", "Necrotic share of articular surface"), "necrotic_surface_percent", PERCENT),
    ),
}
"""What each region's group states; the share of the head belongs to the head, which a healthy hip has as well."""

GRADE = own("STEINBERG", "Steinberg grade of extent")
POSSIBLE_GRADE = own("STEINBERG_POSS", "Steinberg grade that the interval meets")
INTERVAL_METHOD = own("INTERVAL_METHOD", "Method of the interval of necrosis percent")
KERBOUL_GRADE = own("KERBOUL_GRADE", "Modified Kerboul grade")
NOT_SEGMENTED = own("NOT_SEGMENTED", "Femoral head not segmented")

_GRADES = {
    Grade.NONE: own("STEINBERG_NONE", "None: no measurable necrosis"),
    Grade.A: own("STEINBERG_A", "A: mild, below 15 % of the head"),
    Grade.B: own("STEINBERG_B", "B: moderate, 15 to 30 % of the head"),
    Grade.C: own("STEINBERG_C", "C: severe, above 30 % of the head"),
}
_METHODS = {
    IntervalMethod.MARGIN: own("INTERVAL_MARGIN", "Margin of the necrosis shifted inwards and outwards"),
    IntervalMethod.CONFORMAL: own("INTERVAL_CONF", "Errors of a cross-validation (conformal)"),
}
_KERBOUL_GRADES = {
    1: own("KERBOUL_1", "1: below 200 degrees"),
    2: own("KERBOUL_2", "2: 200 to below 250 degrees"),
    3: own("KERBOUL_3", "3: 250 to below 300 degrees"),
    4: own("KERBOUL_4", "4: 300 degrees or more"),
}


def quantities(row: GradeRow, region: Region) -> Iterator[tuple[Quantity, float]]:
    """The numbers of a region that could be computed."""
    for quantity in QUANTITIES[region]:
        if (value := getattr(row, quantity.column)) is not None:
            yield quantity, float(value)


def findings(row: GradeRow, region: Region) -> Iterator[tuple[Term, Term]]:
    """What is said of a region by code: name and value."""
    if region is Region.NECROSIS:
        if row.kerboul_grade is not None:
            yield KERBOUL_GRADE, _KERBOUL_GRADES[row.kerboul_grade]
        return
    yield NECROSIS, PRESENT if row.necrosis_ml else ABSENT
    yield GRADE, _GRADES[row.steinberg_grade]
    for grade in row.possible_grades.split("/"):
        yield POSSIBLE_GRADE, _GRADES[Grade(grade)]
    yield INTERVAL_METHOD, _METHODS[row.interval_method]
