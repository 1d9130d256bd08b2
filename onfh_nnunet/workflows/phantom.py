"""Generation of a synthetic cohort: scans, labels, cohort.csv and true volumes."""

from __future__ import annotations

from pathlib import Path

from dataset_conversion.phantom.mri.protocol import SPACING_MM, THICK_SPACING_MM, ScanProtocol
from dataset_conversion.phantom.phantom_cohort import write_phantom_cohort
from onfh_nnunet.core.choices import AnyPath, PhantomForm, Plane, Vendor, chosen
from onfh_nnunet.core.grid import Triple


def phantom(
    out: AnyPath,
    *,
    hips: int = 24,
    seed: int = 0,
    form: PhantomForm | str = PhantomForm.DICOM,
    vendor: Vendor | str = Vendor.NEUTRAL,
    plane: Plane | str = Plane.CORONAL,
    thick: bool = False,
    spacing_mm: Triple | None = None,
    bilateral: bool = False,
) -> int:
    """Generate a synthetic cohort; the same arguments give the same bytes.

    Args:
        out: A new or empty folder; the same cohort there already is left as it is.
        hips: Hips that the cohort lists, at least 1. About a fifth is healthy, the other hip of a patient who is ill
            on one side.
        seed: At least 0.
        form: dicom or nifti.
        vendor: Whose DICOM files: neutral, siemens, ge or philips.
        plane: Of the slices: coronal, axial, sagittal or oblique.
        thick: Whether slices are 2D with gaps, instead of a 3D slab.
        spacing_mm: Slice step, row and column spacing (z, y, x); by default 1.0, 1.25, 1.25, thick 3.6, 0.7, 0.7.
        bilateral: Whether each scan shows both hips.

    Returns:
        The number of scans.

    Raises:
        CohortError: The number of hips or the seed is too small, or a vendor is wanted in NIfTI.
        GeometryError: A spacing is not positive.
        OnfhError: There is no such form, vendor or plane.
        WorkspaceError: The folder holds something else, or cannot be written.

    Example:
        >>> import tempfile
        >>> from onfh_nnunet.workflows.phantom import phantom
        >>> phantom(f"{tempfile.mkdtemp()}/cohort", hips=2, form="nifti", spacing_mm=(4, 4, 4))
        2
    """
    usual = THICK_SPACING_MM if thick else SPACING_MM
    protocol = ScanProtocol(
        chosen(Plane, plane, "plane"),
        spacing_mm or usual,
        thick=thick,
        bilateral=bilateral,
        vendor=chosen(Vendor, vendor, "vendor"),
    )
    written_as = chosen(PhantomForm, form, "form")
    return write_phantom_cohort(Path(out), hips=hips, seed=seed, form=written_as, protocol=protocol)
