"""Contours of radiotherapy as labels: volumes in closed form, holes, and contours that belong to another scan."""

import numpy as np
import pytest
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

from dataset_conversion.labels.label_map import LabelFiles, LabelRules, label_map
from dataset_conversion.readers.rtstruct import STRUCTURE_SET
from dataset_conversion.readers.segmentation import read_segmentation
from onfh_nnunet.core.errors import GeometryError, LabelError, ReadError
from onfh_nnunet.core.grid import Grid
from onfh_nnunet.core.labels import Region
from onfh_nnunet.workflows.grade import grade
from tests.helpers.segmentation_files import oblique

FRAME, OTHER_FRAME = "1.2.826.0.1.3680043.8.498.5", "1.2.826.0.1.3680043.8.498.6"
AXIAL = Grid((44, 130, 230), (2.0, 1.0, 0.9), (-103.0, -60.0, -45.0), ((0, 0, 1), (0, 1, 0), (1, 0, 0)))
RIGHT, LEFT = AXIAL.to_mm((21.3, 64.2, 40.1)), AXIAL.to_mm((21.3, 64.2, 190.4))
TURN = np.linspace(0, 2 * np.pi, 240, endpoint=False)


def sphere(centre, radius, grid=AXIAL):
    """The circles (points, 3) in mm in which the slices of a grid cut a sphere."""
    spacing = np.array(grid.spacing_mm)
    middle = grid.to_index(centre) * spacing
    circles = []
    for plane in range(grid.size[0]):
        apart = plane * spacing[0] - middle[0]
        if abs(apart) < radius:
            on = np.sqrt(radius**2 - apart**2) * np.stack([0 * TURN, np.cos(TURN), np.sin(TURN)], axis=1)
            circles.append(grid.to_mm((on + np.array([plane * spacing[0], *middle[1:]])) / spacing))
    return circles


def write_rtstruct(path, structures, frame=FRAME, kind="CLOSED_PLANAR", frames=None):
    """A structure set: the contours of each name."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = STRUCTURE_SET, generate_uid()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset = FileDataset(None, {}, file_meta=meta, preamble=bytes(128))
    dataset.SOPClassUID, dataset.SOPInstanceUID = STRUCTURE_SET, meta.MediaStorageSOPInstanceUID
    dataset.Modality, dataset.StructureSetROISequence, dataset.ROIContourSequence = "RTSTRUCT", [], []
    for number, (name, contours) in enumerate(structures.items(), start=1):
        roi, drawn = Dataset(), Dataset()
        roi.ROINumber, roi.ROIName = number, name
        roi.ReferencedFrameOfReferenceUID = (frames or {}).get(name, frame)
        drawn.ReferencedROINumber, drawn.ContourSequence = number, []
        for points in contours:
            contour = Dataset()
            contour.ContourGeometricType, contour.NumberOfContourPoints = kind, len(points)
            contour.ContourData = [f"{value:.2f}" for value in np.ravel(points)]
            drawn.ContourSequence.append(contour)
        dataset.StructureSetROISequence.append(roi)
        dataset.ROIContourSequence.append(drawn)
    dataset.save_as(path, enforce_file_format=True)
    return path


def ml(mask, grid):
    return np.count_nonzero(mask) * grid.voxel_ml


@pytest.mark.parametrize("grid", [AXIAL, None, oblique((44, 90, 80), (1.5, 0.8, 0.8))], ids=["scan", "own", "oblique"])
@pytest.mark.parametrize("radius", [24.0, 12.0])
def test_sphere_drawn_as_contours_has_its_volume_and_place(tmp_path, grid, radius):
    on = grid or AXIAL
    centre = on.to_mm(np.array(on.size) / 2 + (0.3, 0.2, -0.4))
    file = write_rtstruct(tmp_path / "rt.dcm", {"Femur_Head_L": sphere(centre, radius, on)})
    read = read_segmentation(file, scan=grid)
    (mask,) = (read.mask(segment) for segment in read.segments)
    assert ml(mask, read.grid) == pytest.approx(4 / 3 * np.pi * radius**3 / 1000, rel=0.01)
    assert read.grid.to_mm(np.argwhere(mask).mean(axis=0)) == pytest.approx(centre, abs=0.2)
    assert read.frame_of_reference == FRAME


def test_contour_inside_another_is_a_hole_and_a_copy_is_none(tmp_path):
    outer, inner = sphere(RIGHT, 24), sphere(RIGHT, 12)
    read = read_segmentation(write_rtstruct(tmp_path / "rt.dcm", {"shell": [*outer, *inner, *outer]}), scan=AXIAL)
    expected = 4 / 3 * np.pi * (24**3 - 12**3) / 1000
    assert ml(read.mask(read.segments[0]), AXIAL) == pytest.approx(expected, rel=0.01)


def structures():
    return {
        "Femur_Head_L": sphere(LEFT, 23),
        "Femur_Head_R": sphere(RIGHT, 24),
        "necrosis R": sphere(RIGHT + np.array((0, 0, 8)), 12),
        "necrosis L": [],
    }


def test_structures_of_both_hips_by_name(tmp_path):
    file = write_rtstruct(tmp_path / "P001.dcm", structures())
    heads = {"R": 24, "L": 23, "B": None}
    for side, radius in heads.items():
        label = label_map(LabelFiles(file, side=side), LabelRules(), "case", AXIAL, FRAME).volume
        expected = [4 / 3 * np.pi * one**3 / 1000 for one in ([radius] if radius else [24, 23])]
        assert ml(Region.HEAD.mask(label.array), AXIAL) == pytest.approx(sum(expected), rel=0.01)
        lesion = 0 if side == "L" else 4 / 3 * np.pi * 12**3 / 1000
        assert ml(Region.NECROSIS.mask(label.array), AXIAL) == pytest.approx(lesion, rel=0.01)
    (row,) = grade(file, side="R")
    assert row.necrosis_percent == pytest.approx(100 * 12**3 / 24**3, rel=0.02)


def test_contours_of_another_frame_of_reference_are_refused(tmp_path):
    file = write_rtstruct(tmp_path / "rt.dcm", structures(), frame=OTHER_FRAME)
    with pytest.raises(GeometryError, match="FrameOfReferenceUID is not the scan's"):
        label_map(LabelFiles(file, side="R"), LabelRules(), "case", AXIAL, FRAME)
    mixed = write_rtstruct(tmp_path / "mixed.dcm", structures(), frames={"necrosis R": OTHER_FRAME})
    with pytest.raises(GeometryError, match="structures of 2 frames of reference"):
        read_segmentation(mixed, scan=AXIAL)


def test_contours_of_other_slices_are_refused(tmp_path):
    file = write_rtstruct(tmp_path / "rt.dcm", {"head": sphere(RIGHT, 24)})
    between = Grid(AXIAL.size, AXIAL.spacing_mm, (-103.0, -60.0, -44.3), AXIAL.direction)
    with pytest.raises(GeometryError, match=r"structure 'head': has a contour 0\.70 mm off the slices of the scan"):
        read_segmentation(file, scan=between)
    with pytest.raises(GeometryError, match="has a contour that reaches out of the scan"):
        read_segmentation(file, scan=AXIAL.part((0, 0, 60), (44, 130, 100)))
    finer = Grid((87, 130, 230), (1.0, 1.0, 0.9), AXIAL.origin_mm, AXIAL.direction)
    with pytest.raises(LabelError, match=r"has contours on every 2\. slice"):
        read_segmentation(file, scan=finer)


def test_contours_that_cross_are_refused(tmp_path):
    crossing = [*sphere(RIGHT, 20), *sphere(RIGHT + np.array((15, 0, 0)), 20)]
    with pytest.raises(LabelError, match="has contours that cross each other"):
        read_segmentation(write_rtstruct(tmp_path / "rt.dcm", {"head": crossing}), scan=AXIAL)


def test_open_lines_are_no_structure_and_no_contour_is_no_label(tmp_path):
    file = write_rtstruct(tmp_path / "rt.dcm", {"necrosis": sphere(RIGHT, 12)}, kind="OPEN_PLANAR")
    assert read_segmentation(file, scan=AXIAL).segments == ()
    with pytest.raises(ReadError, match="has no closed contour"):
        read_segmentation(file)
