"""Every real MR series equals what dcm2niix makes of it, voxel for voxel and in its place; or is refused by name."""

import subprocess

import dcm2niix
import nibabel
import numpy as np
import pydicom
import pytest

from dataset_conversion.readers.dicom import read_stack
from dataset_conversion.readers.dicom_start import is_dicom
from dataset_conversion.readers.headers import path_of
from dataset_conversion.readers.study import series_in, stacks_of
from onfh_nnunet.core.errors import OnfhError
from tests.helpers.paths import REAL

STUDIES = (
    "prostatex-pelvis-mr/dicom",
    "dcmqa-multivendor",
    "dicom2nifti-traps",
    "prostatex-pelvis-mr/dicom-missing-slice",
)
NO_STACK = {
    "05_3D_Ax_T1_MP_RAGE_R22": "a slice is missing",  # a part of the series only
    "001_single_slice": "a single image",
    "2.000000-localizer-18571": "a single image",
    "8.000000-ep2ddifftraDYNDISTCALCBVAL-83202": "a slice is missing",
}
"""Folders that hold no single complete stack, and what is said of them."""

PARTS = {
    "1301_Dual-echo_iso": ["echo 1 magnitude", "echo 1 phase", "echo 2 magnitude", "echo 2 phase"],
    "6.000000-ep2ddifftraDYNDIST-69284": ["b 50", "b 400", "b 800"],
    "1.000000-t2localizer-75055": ["sagittal", "coronal", "axial"],
    "3.000000-t2localizer-14071": ["sagittal", "coronal", "axial"],
    "20.000000-tfl2D36slcres64iPAT-29411": ["echo 1", "echo 2"],
}
"""Folders of several stacks, and what they are called."""

AFFINE_MM = 1e-3

pytestmark = [
    pytest.mark.real_data,
    pytest.mark.skipif(not REAL.is_dir(), reason=f"no scanner files at {REAL}"),
]


def mr_series():
    """All MR series, folder by folder: some of the files are copies of one series in another compression."""
    if not REAL.is_dir():
        return []
    files = [path for study in STUDIES for path in sorted((REAL / study).rglob("*")) if path.is_file()]
    folders = dict.fromkeys(path.parent for path in files if is_dicom(path))
    found = [series for folder in folders for series in series_in(folder) if series.modality == "MR"]
    return [pytest.param(series, id="/".join(path_of(series.headers[0]).parts[-3:-1])) for series in found]


def canonical(array, affine):
    image = nibabel.as_closest_canonical(nibabel.Nifti1Image(array, affine))
    return np.asanyarray(image.dataobj), image.affine


def ras(grid):
    """The NIfTI affine of a grid."""
    flip = np.diag([-1.0, -1.0, 1.0])
    affine = np.eye(4)
    affine[:3, :3], affine[:3, 3] = (flip @ grid.matrix)[:, ::-1], flip @ np.array(grid.origin_mm)
    return affine


def by_dcm2niix(series, folder):
    """The volumes that dcm2niix makes; Philips's values as DICOM defines them, not as its private scale does.

    Elsewhere without that option: with it, one slope is applied to all slices, though each has its own.
    """
    source = folder / "source"
    source.mkdir()
    for header in series.headers:
        (source / path_of(header).name).symlink_to(path_of(header))
    maker = pydicom.dcmread(path_of(series.headers[0]), specific_tags=["Manufacturer"]).Manufacturer
    own_scale = "n" if maker.startswith("Philips") else "y"
    command = [dcm2niix.bin, "-b", "n", "-z", "n", "-p", own_scale, "-f", "v", "-o", folder, source]
    subprocess.run(command, check=True, capture_output=True)
    volumes = []
    for file in sorted(folder.glob("*.nii")):
        image = nibabel.load(file)
        array = np.asanyarray(image.dataobj)
        each = np.moveaxis(array, -1, 0) if array.ndim == 4 else [array]
        volumes += [canonical(one, image.affine) for one in each]
    return volumes


def same(ours, theirs):
    if ours[0].shape != theirs[0].shape or np.abs(ours[1] - theirs[1]).max() >= AFFINE_MM:
        return False
    if np.issubdtype(theirs[0].dtype, np.integer):
        return np.array_equal(ours[0], theirs[0])
    return np.allclose(ours[0], theirs[0], rtol=1e-6, atol=1e-6 * np.abs(theirs[0]).max())  # single precision


@pytest.mark.parametrize("series", mr_series())
def test_series_equals_dcm2niix_or_is_refused(series, tmp_path):
    folder = path_of(series.headers[0]).parent
    stacks = stacks_of(series)
    assert [str(stack.part) for stack in stacks] == PARTS.get(folder.name, [""])
    if folder.name in NO_STACK:
        with pytest.raises(OnfhError, match=NO_STACK[folder.name]):
            read_stack(stacks[0].part.frames, folder)
        return
    theirs = by_dcm2niix(series, tmp_path)
    volumes = [read_stack(stack.part.frames, folder).volume for stack in stacks]
    ours = [canonical(volume.array.T, ras(volume.grid)) for volume in volumes]
    assert len(theirs) == len(ours)
    for one in ours:
        assert sum(same(one, other) for other in theirs) == 1
