"""Segmentations for the tests of dataset_conversion, written as 3D Slicer and highdicom write them."""

import gzip
from pathlib import Path

import highdicom
import numpy as np
import pydicom
from pydicom.sr.codedict import codes
from pydicom.uid import generate_uid
from scipy.spatial.transform import Rotation

from onfh_nnunet.core.grid import Grid, direction_of
from tests.helpers.dicom_files import noise, write_series

FRAME = "1.2.826.0.1.3680043.8.498.1"
AXES_OF_SPACE = {
    "left-posterior-superior": (1, 1, 1),
    "left-anterior-superior": (1, -1, 1),
    "right-anterior-superior": (-1, -1, 1),
}


def oblique(size=(6, 9, 11), spacing=(2.5, 0.75, 1.25), angles=(20, 12, -5)):
    axial = np.array([[0, 0, 1], [0, 1, 0], [1, 0, 0]], float)
    turned = Rotation.from_euler("xyz", angles, degrees=True).as_matrix() @ axial
    return Grid(size, spacing, (-12.5, 3.0, 40.25), direction_of(turned))


def segment_keys(index, name, layer=0, value=1, tags="Segmentation.Status:inprogress|"):
    fields = {"ID": f"Segment_{index + 1}", "Name": name, "Layer": layer, "LabelValue": value, "Tags": tags}
    return {f"Segment{index}_{field}": text for field, text in fields.items()}


def write_seg_nrrd(path: Path, layers, grid, keys, space="left-posterior-superior"):
    """Arrays (z, y, x), one a layer, and the keys of their segments; a key of value None is left out."""
    to_space = np.diag(AXES_OF_SPACE.get(space, (1, 1, 1)))
    vectors = ["(" + ",".join(map(repr, (to_space @ column).tolist())) + ")" for column in grid.matrix.T[::-1]]
    size = list(map(str, layers[0].shape[::-1]))
    voxels = layers[0]
    if len(layers) > 1:
        size, vectors, voxels = [str(len(layers)), *size], ["none", *vectors], np.stack(layers, axis=-1)
    header = [
        "NRRD0004",
        {"u1": "type: unsigned char", "i2": "type: short", "f4": "type: float"}[voxels.dtype.str[1:]],
        f"dimension: {len(size)}",
        f"space: {space}",
        f"sizes: {' '.join(size)}",
        f"space directions: {' '.join(vectors)}",
        f"kinds: {'list ' if len(layers) > 1 else ''}domain domain domain",
        "endian: little",
        "encoding: gzip",
        f"space origin: ({','.join(map(repr, (to_space @ grid.origin_mm).tolist()))})",
        *(f"{key}:={text}" for key, text in keys.items() if text is not None),
    ]
    path.write_bytes("\n".join(header).encode() + b"\n\n" + gzip.compress(np.ascontiguousarray(voxels).tobytes()))
    return path


def write_dicom_seg(folder: Path, array, grid, names, kind="BINARY", numbers=None, change=None, frame=FRAME, **options):
    """Write an array (z, y, x) of numbers or (z, y, x, segments) of masks; `change(dataset)` alters what was made."""
    tags = dict.fromkeys(["PatientBirthDate", "PatientSex", "AccessionNumber", "ReferringPhysicianName"], "")
    tags |= {"StudyInstanceUID": generate_uid(), "StudyID": "1", "StudyDate": "20200101", "StudyTime": "000000"}
    tags |= {"Manufacturer": "none", "PositionReferenceIndicator": "", "FrameOfReferenceUID": frame}
    scan = [pydicom.dcmread(file) for file in write_series(folder / "scan", noise(grid), **tags)]
    category, bone = codes.SCT.AnatomicalStructure, codes.SCT.Bone
    segments = [
        highdicom.seg.SegmentDescription(number, name, category, bone, algorithm_type="MANUAL")
        for number, name in zip(numbers or range(1, len(names) + 1), names, strict=True)
    ]
    made_by = ("maker", "model", "1", "serial")
    series = (generate_uid(), 1, generate_uid(), 1)
    dataset = highdicom.seg.Segmentation(scan, array, kind, segments, *series, *made_by, **options)
    if change is not None:
        change(dataset)
    file = folder / "seg.dcm"
    dataset.save_as(file)
    return file
