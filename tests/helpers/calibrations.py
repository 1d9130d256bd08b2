"""Calibrations of known values, and traits of hips for which they hold."""

from onfh_nnunet.core.hip_traits import HipTraits
from onfh_nnunet.core.steinberg import Grade
from postprocessing.uncertainty.applicability import Applicability
from postprocessing.uncertainty.conformal import LEVEL, Calibration
from postprocessing.uncertainty.error_law import ErrorLaw

USUAL = HipTraits(thickest_mm=1.2, head_grey_sd=0.8, head_score=0.8, unsure_percent=3.0)
RANGES = Applicability((1.0, 3.0), (0.2, 1.6), 0.7, 8.0)


def calibration(n_patients, n_hips, reach=2.0, law=None):
    """A calibration of one reach, in points by default, for all grades; each patient has a hip of each of them."""
    grades = tuple(Grade)
    patients = dict.fromkeys(grades, n_patients)
    return Calibration(LEVEL, law or ErrorLaw(), dict.fromkeys(grades, reach), patients, n_patients, n_hips)
