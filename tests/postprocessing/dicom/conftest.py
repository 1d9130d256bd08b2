"""Scans of many kinds, each with two made hips and their DICOM objects."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from dataset_conversion.readers import read_scan
from dataset_conversion.readers.dicom_start import is_dicom
from onfh_nnunet.core.grid import Grid, direction_of
from onfh_nnunet.core.hip import Side
from onfh_nnunet.workflows.dicom_objects import dicom_objects
from onfh_nnunet.workflows.phantom import phantom
from tests.helpers.dicom_files import AXIAL, item, noise, write_enhanced, write_series
from tests.helpers.dicom_objects import made_hips, written
from tests.helpers.paths import REAL

MADE = datetime(2026, 3, 4, 5, 6, 7)
SMALL = Grid((12, 20, 24), (4.0, 3.0, 2.5), (-30.0, -40.0, 5.0), AXIAL)
OBLIQUE = Grid(
    (10, 18, 22), (3.0, 2.0, 2.5), (-20.0, 10.0, -35.0),
    direction_of(Rotation.from_euler("xyz", (70, 15, -10), degrees=True).as_matrix() @ np.array(AXIAL)),
)  # fmt: skip
FRAME = {"FrameOfReferenceUID": "1.2.826.0.1.3680043.8.498.77", "StudyInstanceUID": "1.2.826.0.1.3680043.8.498.78"}


@dataclass(frozen=True, eq=False)
class Objects:
    """A scan, its made hips, and the files of their DICOM objects."""

    source: Path
    series: str | None
    hips: list[Any]
    seg: Path
    sr: Path

    @property
    def files(self):
        paths = [self.source] if self.source.is_file() else sorted(self.source.rglob("*"))
        return [path for path in paths if path.is_file() and is_dicom(path)]


def _vendor(vendor, plane="coronal"):
    def make(folder):
        phantom(folder / "c", hips=1, seed=3, vendor=vendor, plane=plane, spacing_mm=(5, 5, 5))
        return next((folder / "c" / "images").iterdir()), None

    return make


def _oblique(folder):
    write_series(folder / "s", noise(OBLIQUE), **FRAME)
    return folder / "s", None


def _reversed_with_copies_and_localizer(folder):
    """Files in the reverse order of their slices, each twice, beside a localizer of the same frame of reference."""
    files = write_series(folder / "s", noise(SMALL), name="IM{:04d}.dcm", **FRAME)
    for number, file in enumerate(reversed(files)):
        file.rename(file.with_name(f"Z{number:04d}.dcm"))
        (folder / "s" / f"copy{number}").write_bytes((folder / "s" / f"Z{number:04d}.dcm").read_bytes())
    plane = Grid((3, 20, 24), (20.0, 3.0, 2.5), (-30.0, -40.0, 5.0), AXIAL)
    write_series(folder / "s" / "loc", noise(plane), SeriesDescription="localizer", ImageType=["LOCALIZER"], **FRAME)
    return folder / "s", None


def _one_echo_of_an_enhanced_file(folder):
    """Two echoes in turn in one file, of which the second is meant, from the feet up and back."""
    n = len(noise(SMALL).array)
    order = [slice_ for slice_ in reversed(range(n)) for _echo in range(2)]

    def two_echoes(dataset):
        for number, groups in enumerate(dataset.PerFrameFunctionalGroupsSequence):
            groups.MREchoSequence = [item(EffectiveEchoTime=float(5 + 10 * (number % 2)))]
        for keyword, value in FRAME.items():
            setattr(dataset, keyword, value)

    return write_enhanced(folder / "two.dcm", noise(SMALL), order=order, change=two_echoes), "echo 2"


def _two_enhanced_files(folder):
    """The lower slices in one file, the upper ones in the other, which comes first by its name."""
    shared = FRAME | {"SeriesInstanceUID": "1.2.826.0.1.3680043.8.498.79"}

    def of_one_series(dataset):
        for keyword, value in shared.items():
            setattr(dataset, keyword, value)

    volume = noise(SMALL)
    write_enhanced(folder / "s" / "b.dcm", volume, order=range(5), change=of_one_series)
    write_enhanced(folder / "s" / "a.dcm", volume, order=range(5, 12), change=of_one_series)
    return folder / "s", None


def _real(path, series=None):
    def find(_folder):
        if not (REAL / path).exists():
            pytest.skip(f"{path} is not among the test data")
        return REAL / path, series

    return find


SCANS = {
    "siemens": _vendor("siemens"),
    "ge": _vendor("ge", "sagittal"),
    "philips": _vendor("philips", "oblique"),
    "oblique": _oblique,
    "reversed": _reversed_with_copies_and_localizer,
    "one echo": _one_echo_of_an_enhanced_file,
    "two files": _two_enhanced_files,
}
REAL_SCANS = {
    "xa10": _real("dcmqa-multivendor/siemens_xa10_enhanced/6_1.dcm"),
    "xa30": _real("dcmqa-multivendor/siemens_xa30_enhanced/6_anat-T1w_acq-tfl"),
    "dual echo": _real("dcmqa-multivendor/philips_dual_echo_mag_phase/1301_Dual-echo_iso", "1301, echo 2 magnitude"),
    "decubitus": _real("dcmqa-multivendor/siemens_patient_position/HFDR/2_t1_fl2d_sag"),
    "prone": _real("dcmqa-multivendor/siemens_patient_position/HFP/2_t1_fl2d_sag"),
    "vibe": _real("prostatex-pelvis-mr/dicom/ProstateX-0218", "23"),
}
_EACH = [*SCANS, *(pytest.param(name, marks=pytest.mark.real_data) for name in REAL_SCANS)]


@pytest.fixture(scope="session", params=_EACH)
def objects(request, tmp_path_factory):
    """Each scan in turn."""
    folder = tmp_path_factory.mktemp("scan")
    source, series = (SCANS | REAL_SCANS)[request.param](folder)
    hips = made_hips(read_scan(source, series).volume.grid)
    made = dicom_objects(hips, source, series=series, made=MADE)
    return Objects(source, series, hips, *written(made, folder))


@pytest.fixture
def series(tmp_path):
    """A classic series, and how to make the objects of hips in it; keywords change each slice's header."""

    def write(sides=(Side.RIGHT, Side.LEFT), **tags):
        write_series(tmp_path / "s", noise(SMALL), **{**FRAME, **tags})
        hips = made_hips(SMALL, sides)
        return Objects(tmp_path / "s", None, hips, *written(dicom_objects(hips, tmp_path / "s", made=MADE), tmp_path))

    return write
