"""Made hips on any grid, and what programs of others read in DICOM objects."""

import shutil
import subprocess
import sysconfig
from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread

from onfh_nnunet.core.hip import Side
from onfh_nnunet.core.hip_mask import HipMask
from onfh_nnunet.core.labels import Region
from onfh_nnunet.core.volume import Volume
from onfh_nnunet.workflows.predicted_hip import PredictedHip
from postprocessing.measurement.grade_rows import grade_row

MODEL = "0123456789abcdef" * 4
TO_HEAD = np.array([0.0, 0.0, 1.0])


def made_labels(grid, side):
    """An ellipsoid in the half of the field on the side; its part towards the head is necrotic."""
    size = np.array(grid.size)
    left = np.sign(grid.matrix[0]) * (np.abs(grid.matrix[0]) == np.abs(grid.matrix[0]).max())  # one array axis
    centre = (size - 1) / 2 + (0.25 if side is Side.LEFT else -0.25) * left * size
    index = np.stack(np.meshgrid(*map(np.arange, grid.size), indexing="ij"), -1) - centre
    inside = ((index / (0.22 * size)) ** 2).sum(-1) <= 1
    up = index @ (TO_HEAD @ grid.matrix)
    labels = inside.astype(np.uint8)
    labels[inside & (up > 0.3 * up[inside].max())] = 2
    return Volume(labels, grid)


def predicted(labels, side, *, warnings=("made by hand",), model=MODEL):
    """A hip as `predict` returns it."""
    row = grade_row(f"P001_{side}", "secret/place", HipMask(labels, side), warnings)
    return PredictedHip(row, labels, (), model)


def made_hips(grid, sides=(Side.RIGHT, Side.LEFT)):
    return [predicted(made_labels(grid, side), side) for side in sides]


def written(objects, folder):
    """The two files of `DicomObjects`."""
    files = folder / "seg.dcm", folder / "sr.dcm"
    objects.write(*files)
    return files


def program(name):
    """A program of others, or a skipped test that says which one is missing."""
    found = shutil.which(name) or shutil.which(name, path=sysconfig.get_path("platlib") + "/dcmqi/bin")
    if not found:
        pytest.skip(f"{name} is not installed (Debian: dicom3tools, dcmtk; PyPI: dcmqi)")
    return found


def said_by(name, *arguments):
    done = subprocess.run([program(name), *map(str, arguments)], capture_output=True, text=True, check=True)
    return done.stdout + done.stderr


def standard_errors(file):
    """What David Clunie's dciodvfy says is wrong."""
    done = subprocess.run([program("dciodvfy"), "-new", str(file)], capture_output=True, text=True)
    return [line for line in done.stderr.splitlines() if line.startswith("Error")]


def dcmqi_volumes(file, folder):
    """The segments as dcmqi gives them back, by number; on grids that may be smaller than the scan's."""
    said_by("segimage2itkimage", "--inputDICOM", file, "--outputDirectory", folder, "--outputType", "nrrd")
    return {int(path.stem): Volume.read(path) for path in sorted(Path(folder).glob("*.nrrd"))}


def frames_of_segments(file):
    """For each frame of a SEG: segment number, mask (row, column), own groups, shared groups; by pydicom alone."""
    dataset = dcmread(file)
    shared = dataset.SharedFunctionalGroupsSequence[0]
    pixels = dataset.pixel_array.reshape(-1, dataset.Rows, dataset.Columns)
    for groups, mask in zip(dataset.PerFrameFunctionalGroupsSequence, pixels, strict=True):
        yield groups.SegmentIdentificationSequence[0].ReferencedSegmentNumber, mask > 0, groups, shared


def on_plane(mask, position, orientation, spacing):
    """Positions (n, 3) in LPS mm of the pixels of a mask, as PS3.3 C.7.6.2.1.1 defines them."""
    rows, columns = np.nonzero(mask)
    along_row, along_column = np.array(orientation, float).reshape(2, 3)
    between_rows, between_columns = map(float, spacing)
    place = np.outer(columns * between_columns, along_row) + np.outer(rows * between_rows, along_column)
    return np.array(position, float) + place


def centroids_by_own_planes(file):
    """Centroid of each segment from the planes that the SEG states itself."""
    places = {}
    for number, mask, groups, shared in frames_of_segments(file):
        plane, measures = shared.PlaneOrientationSequence[0], shared.PixelMeasuresSequence[0]
        position = groups.PlanePositionSequence[0].ImagePositionPatient
        found = on_plane(mask, position, plane.ImageOrientationPatient, measures.PixelSpacing)
        places.setdefault(number, []).append(found)
    return {number: np.concatenate(found).mean(axis=0) for number, found in places.items()}


def centroids_by_source(file, sources):
    """Centroid of each segment from the planes of the source images that its frames refer to."""
    images = {}
    for path in sources:
        dataset = dcmread(path, stop_before_pixels=True)
        images[dataset.SOPInstanceUID] = dataset
    places = {}
    for number, mask, groups, _ in frames_of_segments(file):
        (reference,) = groups.DerivationImageSequence[0].SourceImageSequence
        image = images[reference.ReferencedSOPInstanceUID]
        assert reference.ReferencedSOPClassUID == image.SOPClassUID
        places.setdefault(number, []).append(on_plane(mask, *plane_of(image, reference.get("ReferencedFrameNumber"))))
    return {number: np.concatenate(found).mean(axis=0) for number, found in places.items()}


def plane_of(image, frame_number):
    """Position, orientation and pixel spacing of a classic image or of a frame of an enhanced one."""
    if frame_number is None:
        return image.ImagePositionPatient, image.ImageOrientationPatient, image.PixelSpacing
    holders = image.PerFrameFunctionalGroupsSequence[frame_number - 1], image.SharedFunctionalGroupsSequence[0]

    def stated(sequence, keyword):
        return next(getattr(one[sequence][0], keyword) for one in holders if sequence in one)

    return (
        stated("PlanePositionSequence", "ImagePositionPatient"),
        stated("PlaneOrientationSequence", "ImageOrientationPatient"),
        stated("PixelMeasuresSequence", "PixelSpacing"),
    )


def centroid_of(labels, region):
    """Centroid of a region in LPS mm from its mask and grid."""
    return labels.grid.to_mm(np.argwhere(Region(region).mask(labels.array)).astype(float)).mean(axis=0)
