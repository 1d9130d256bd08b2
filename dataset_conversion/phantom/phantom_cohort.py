"""A synthetic cohort in a folder: scans, label maps, cohort.csv and ground-truth volumes."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from dataset_conversion.phantom.anatomy.ground_truth import head_and_necrosis_ml
from dataset_conversion.phantom.anatomy.patient import Patient, PhantomHip
from dataset_conversion.phantom.cohort_plan import PlannedPatient, plan_patients
from dataset_conversion.phantom.dicom.header import Examination
from dataset_conversion.phantom.dicom.series import write_series
from dataset_conversion.phantom.mri.acquire import acquire
from dataset_conversion.phantom.mri.protocol import ScanProtocol
from onfh_nnunet.core.atomic_files import atomic_write, require_output_apart
from onfh_nnunet.core.choices import PhantomForm, Vendor
from onfh_nnunet.core.csv_rows import read_rows, write_rows
from onfh_nnunet.core.errors import CohortError, WorkspaceError
from onfh_nnunet.core.extent import percent_of
from onfh_nnunet.core.folder_lock import locked_output
from onfh_nnunet.core.hip import Side
from onfh_nnunet.core.provenance import Provenance
from onfh_nnunet.core.steinberg import Grade, steinberg_grade

SETTINGS = "phantom.json"
VERSION = 4
"""Raised when the same arguments would give other bytes."""


@dataclass(frozen=True)
class CohortRow:
    """A row of cohort.csv: a scan."""

    patient_id: str
    image: str
    side: str
    label: str
    grade: Grade | None


@dataclass(frozen=True)
class TruthRow:
    """A row of truth.csv: a hip."""

    patient_id: str
    side: Side
    head_ml: float
    necrosis_ml: float
    necrosis_percent: float
    grade: Grade
    head_radius_mm: float
    centre_x_mm: float
    centre_y_mm: float
    centre_z_mm: float


def write_phantom_cohort(
    out: Path, *, hips: int, seed: int, form: PhantomForm, protocol: ScanProtocol | None = None
) -> int:
    """Write a complete cohort into a folder; the same arguments give the same bytes.

    Args:
        out: A new or empty folder; the same cohort there already is left as it is.
        hips: Hips that the cohort lists, ill and healthy, at least 1; see `plan_patients`.
        seed: At least 0.
        form: DICOM series or NIfTI.
        protocol: How all are scanned; the last of an odd number of hips is scanned alone in any case. Without one:
            coronal 3D slabs of one hip each, in a neutral scanner.

    Returns:
        The number of scans.

    Raises:
        CohortError: The number of hips or the seed is too small, or a vendor is wanted in NIfTI.
        WorkspaceError: The folder holds something else, or cannot be written.
    """
    form, protocol = PhantomForm(form), protocol or ScanProtocol()
    if hips < 1 or seed < 0:
        raise CohortError("phantom", f"has {hips} hips and seed {seed}", "Use at least 1 hip and a seed of at least 0")
    if form is PhantomForm.NIFTI and protocol.vendor is not Vendor.NEUTRAL:
        got = f"has vendor {protocol.vendor} and format {form}, which has no place for it"
        raise CohortError("phantom", got, "Write DICOM, or leave the vendor out")
    settings = Provenance(
        {"version": VERSION, "hips": hips, "seed": seed, "format": form, "protocol": asdict(protocol)}
    )
    require_output_apart(out, ())
    with locked_output(out, "onfh phantom"):
        if _there(out, settings):
            return len(read_rows(out / "cohort.csv", CohortRow))
        return _write(out, hips, seed, form, protocol, settings)


def _write(out: Path, hips: int, seed: int, form: PhantomForm, protocol: ScanProtocol, settings: Provenance) -> int:
    with atomic_write(out) as part:
        patients = plan_patients(hips, np.random.default_rng(seed), bilateral=protocol.bilateral)
        seen = [scan for patient in patients for scan in _write_patient(patient, seed, protocol, form, part)]
        write_rows(part / "cohort.csv", CohortRow, [_row(scan, form) for scan in seen])
        write_rows(part / "truth.csv", TruthRow, [hip for scan in seen for hip in scan])
        settings.write(part / SETTINGS)
    return len(seen)


def _write_patient(
    plan: PlannedPatient, seed: int, protocol: ScanProtocol, form: PhantomForm, folder: Path
) -> list[list[TruthRow]]:
    """Generate and scan one patient; return the hips seen in each scan."""
    patient = Patient.draw(np.random.default_rng([seed, plan.number]), plan.shares)
    truth = {side: _truth(plan.patient_id, side, patient.hips[side]) for sides in plan.scans for side in sides}
    seen = [[truth[side] for side in sides] for sides in plan.scans]
    for number, (sides, hips) in enumerate(zip(plan.scans, seen, strict=True)):
        scan = acquire(patient, sides, protocol, np.random.default_rng([seed, plan.number, number]))
        row = _row(hips, form)
        scan.labels.write(folder / row.label)
        if form is PhantomForm.NIFTI:
            scan.image.write(folder / row.image)
        else:
            visit = Examination(plan.patient_id, plan.number, patient.male, row.side, seed, scan.sequence, protocol)
            write_series(scan.image, visit, folder / row.image)
    return seen


def _there(out: Path, settings: Provenance) -> bool:
    """Whether the folder already contains this cohort; any other content is not replaced."""
    if Provenance.read(out / SETTINGS) == settings:
        return True
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise WorkspaceError(out, "is not empty", "Name a new folder")
    return False


def _row(seen: list[TruthRow], form: PhantomForm) -> CohortRow:
    """The row of a scan of the hips seen in it."""
    first, both = seen[0], len(seen) > 1
    side = "B" if both else str(first.side)
    name = f"{first.patient_id}_{side}"
    image = f"images/{name}" if form is PhantomForm.DICOM else f"images/{name}.nii.gz"
    grade = first.grade if len({hip.grade for hip in seen}) == 1 else None  # a row has one grade for both hips
    return CohortRow(first.patient_id, image, side, f"labels/{name}.nii.gz", grade)


def _truth(patient_id: str, side: Side, hip: PhantomHip) -> TruthRow:
    head_ml, necrosis_ml = head_and_necrosis_ml(hip.head, hip.lesion)
    grade = steinberg_grade(necrosis_ml, head_ml)
    percent = percent_of(necrosis_ml, head_ml)
    return TruthRow(patient_id, side, head_ml, necrosis_ml, percent, grade, hip.head.radius_mm, *hip.frame.centre_mm)
