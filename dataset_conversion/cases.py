"""One scan becomes the image, the label and the table row of each of its hips."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dataset_conversion.check import check_hip
from dataset_conversion.cohort import SourceScan
from dataset_conversion.hips import HipSource, cut_hips
from dataset_conversion.readers import Scan, read_scan, read_volume
from dataset_conversion.voxels import compact
from onfh_nnunet.dataset import Case
from onfh_nnunet.errors import LabelError, SideError
from onfh_nnunet.hip import Hip
from onfh_nnunet.labels import Region
from onfh_nnunet.steinberg import Grade, steinberg_grade
from onfh_nnunet.volume import Volume


@dataclass(frozen=True)
class LabelValues:
    """The values of viable head and necrosis in the cohort's label maps."""

    head: int
    necrosis: int


@dataclass(frozen=True)
class Written:
    """A hip whose files are written: its row, what to look at, and a hash of its voxels and geometry."""

    case: Case
    warnings: tuple[str, ...]
    sha256: str


def write_cases(scan: SourceScan, patient: str, values: LabelValues, folder: Path, dataset_name: str) -> list[Written]:
    """Read a scan and write its hips into a dataset folder.

    Args:
        scan: A row of the cohort that has a label.
        patient: The patient's name in the dataset.
        values: What the label's values mean.
        folder: Where ``imagesTr`` and ``labelsTr`` are.
        dataset_name: The folder's final name, for the paths in the rows.

    Raises:
        OnfhError: Image or label cannot be read or used, or a file cannot be written.
    """
    place = f"line {scan.line} of the cohort, {patient}_{scan.side}"
    if scan.label is None:
        raise LabelError(place, "has no label", "Give a label, or leave the scan out")
    image = read_scan(scan.image)
    _agree_on_side(scan, image, place)
    label = read_volume(scan.label)
    hips = cut_hips(image.volume, label, scan.side, place, head_value=values.head, necrosis_value=values.necrosis)
    return [_write(hip, Hip(patient, hip.side), scan.grade, folder, dataset_name) for hip in hips]


def _agree_on_side(scan: SourceScan, image: Scan, place: str) -> None:
    if image.laterality is not None and image.laterality not in scan.hips:
        problem = f"has side {scan.side} in the cohort and {image.laterality} in the DICOM header"
        raise SideError(place, problem, "Correct the side in the cohort, or the header")


def _write(source: HipSource, hip: Hip, reader: Grade | None, folder: Path, dataset_name: str) -> Written:
    name = hip.case_id
    image = Volume(compact(source.image.array), source.image.grid)
    files = (f"imagesTr/{name}_0000.nii.gz", f"labelsTr/{name}.nii.gz")
    for volume, file in zip((image, source.label), files, strict=True):
        volume.write(folder / file)
    case = _case(hip, source, reader, *(f"{dataset_name}/{file}" for file in files))
    warnings = (*check_hip(source, name), *_two_grades(case))
    return Written(case, warnings, _hash(name, image, source.label))


def _case(hip: Hip, source: HipSource, reader: Grade | None, image: str, label: str) -> Case:
    array, grid = source.label.array, source.label.grid
    head, necrosis = (int(np.count_nonzero(region.mask(array))) for region in (Region.HEAD, Region.NECROSIS))
    return Case(
        *(hip.case_id, hip.patient, hip.side, image, label, hip.mirrored),
        *grid.size,
        *grid.spacing_mm,
        head_ml=head * grid.voxel_ml,
        necrosis_ml=necrosis * grid.voxel_ml,
        necrosis_percent=100 * necrosis / head,
        grade=steinberg_grade(necrosis, head) if reader is None else reader,
    )


def _two_grades(case: Case) -> list[str]:
    """A reader's grade that is not the label's: one of the two may belong to another hip."""
    of_label = steinberg_grade(case.necrosis_ml, case.head_ml)
    if of_label == case.grade:
        return []
    return [f"{case.case_id}: the cohort says grade {case.grade}, the label {case.necrosis_percent:.1f} %: {of_label}"]


def _hash(name: str, *volumes: Volume) -> str:
    """Of voxels and geometry, not of files: compression may differ between machines."""
    digest = hashlib.sha256(name.encode())
    for volume in volumes:
        grid = volume.grid
        geometry = np.concatenate([grid.spacing_mm, grid.origin_mm, np.ravel(grid.direction)])
        digest.update(f"{grid.size} {volume.array.dtype} {(geometry.round(4) + 0.0).tolist()}".encode())
        digest.update(np.ascontiguousarray(volume.array).tobytes())
    return digest.hexdigest()
