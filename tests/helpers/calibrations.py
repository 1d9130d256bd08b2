"""Calibrations of known values."""

from onfh_nnunet.core.steinberg import Grade
from postprocessing.uncertainty.conformal import LEVEL, Calibration
from postprocessing.uncertainty.error_law import ErrorLaw


def calibration(n_patients, n_hips, reach=2.0, law=None):
    """A calibration of one reach, in points by default, for all grades; each patient has a hip of each of them."""
    grades = tuple(Grade)
    patients = dict.fromkeys(grades, n_patients)
    return Calibration(LEVEL, law or ErrorLaw(), dict.fromkeys(grades, reach), patients, n_patients, n_hips)
