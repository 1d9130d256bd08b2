"""Small scans for the tests of dataset_conversion: spheres as heads, and DICOM folders written with pydicom."""

from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

from onfh_nnunet.core.grid import Grid
from onfh_nnunet.core.volume import Volume

AXIAL = ((0.0, 0.0, 1.0), (0.0, 1.0, 0.0), (1.0, 0.0, 0.0))
PELVIS = Grid((24, 28, 72), (4.0, 4.0, 4.0), (-142.0, -54.0, -46.0), AXIAL)
RIGHT, LEFT = (-85.0, 0.0, 0.0), (85.0, 2.0, 1.0)
RADIUS_MM = 22.0
MR_IMAGE = "1.2.840.10008.5.1.4.1.1.4"
ENHANCED_MR = "1.2.840.10008.5.1.4.1.1.4.1"


def ball(grid, centre_mm, radius_mm=RADIUS_MM):
    index = np.stack(np.meshgrid(*(np.arange(n) for n in grid.size), indexing="ij"), axis=-1)
    return np.linalg.norm(grid.to_mm(index) - np.array(centre_mm), axis=-1) <= radius_mm


def head(grid, centre_mm, lesion_mm=0.0, array=None):
    """A head of value 1 whose top `lesion_mm` are necrosis, of value 2; drawn into an array if there is one."""
    array = np.zeros(grid.size, np.uint8) if array is None else array
    inside = ball(grid, centre_mm)
    array[inside] = 1
    height = np.stack(np.meshgrid(*(np.arange(n) for n in grid.size), indexing="ij"), axis=-1)
    top = centre_mm[2] + RADIUS_MM - lesion_mm
    array[inside & (grid.to_mm(height)[..., 2] > top)] = 2 if lesion_mm else 1
    return array


def both_heads(grid=PELVIS, right_mm=10.0, left_mm=18.0):
    return Volume(head(grid, LEFT, left_mm, head(grid, RIGHT, right_mm)), grid)


def another(label, number):
    """The label of another hip: one voxel of the head less."""
    array = label.array.copy()
    array[tuple(np.argwhere(array == 1)[number])] = 0
    return Volume(array, label.grid)


def noise(grid=PELVIS, seed=0):
    return Volume(np.random.default_rng(seed).integers(0, 900, grid.size).astype(np.int16), grid)


def write_series(folder: Path, volume: Volume, *, name="IM{:04d}.dcm", change=None, **tags) -> list[Path]:
    """Write a volume as a classic single-frame series; `change(dataset, slice)` alters one slice's header."""
    folder.mkdir(parents=True, exist_ok=True)
    series = generate_uid()
    files = []
    for number, pixels in enumerate(volume.array):
        dataset = _slice(volume.grid, number, pixels, series)
        for keyword, value in tags.items():
            setattr(dataset, keyword, value)
        if change is not None:
            change(dataset, number)
        files.append(folder / name.format(number))
        dataset.save_as(files[-1], enforce_file_format=True)
    return files


def write_enhanced(file: Path, volume: Volume, *, rescale=None, order=None, change=None) -> Path:
    """Write a volume as one Enhanced MR file; `rescale(frame)` gives slope and intercept, `order` the frames' order."""
    grid, order = volume.grid, list(order if order is not None else range(len(volume.array)))
    dataset = _slice(grid, 0, volume.array[0], generate_uid())
    for keyword in ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "SliceThickness"):
        del dataset[keyword]
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = ENHANCED_MR
    dataset.NumberOfFrames, dataset.EchoPulseSequence, dataset.MRAcquisitionType = len(order), "GRADIENT", "3D"
    columns = np.array(grid.direction)
    measures = item(PixelSpacing=list(grid.spacing_mm[1:]), SliceThickness=99)
    plane = item(ImageOrientationPatient=[f"{value:.9f}" for value in (*columns[:, 2], *columns[:, 1])])
    dataset.SharedFunctionalGroupsSequence = [item(PixelMeasuresSequence=[measures], PlaneOrientationSequence=[plane])]
    dataset.PerFrameFunctionalGroupsSequence = [_groups(grid, number, rescale) for number in order]
    dataset.PixelData = np.ascontiguousarray(volume.array[order], np.int16).tobytes()
    if change is not None:
        change(dataset)
    file.parent.mkdir(parents=True, exist_ok=True)
    dataset.save_as(file, enforce_file_format=True)
    return file


def _groups(grid, number, rescale):
    position = item(ImagePositionPatient=[f"{value:.6g}" for value in grid.to_mm((number, 0, 0))])
    groups = item(PlanePositionSequence=[position])
    if rescale is not None:
        slope, intercept = rescale(number)
        groups.PixelValueTransformationSequence = [
            item(RescaleSlope=str(slope), RescaleIntercept=str(intercept), RescaleType="US")
        ]
    return groups


def item(**attributes):
    item = Dataset()
    for keyword, value in attributes.items():
        setattr(item, keyword, value)
    return item


def _slice(grid, number, pixels, series):
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = MR_IMAGE, generate_uid()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset = FileDataset("", {}, file_meta=meta, preamble=bytes(128))
    dataset.SOPClassUID, dataset.SOPInstanceUID = MR_IMAGE, meta.MediaStorageSOPInstanceUID
    dataset.Modality, dataset.SeriesDescription = "MR", "cor 3D SPGR"
    dataset.PatientName, dataset.PatientID, dataset.InstitutionName = "Secret^Name", "SECRET-ID", "Secret Clinic"
    dataset.PatientBirthDate = "19610417"
    dataset.SeriesInstanceUID, dataset.StudyInstanceUID = series, generate_uid()
    dataset.InstanceNumber = number + 1
    columns = np.array(grid.direction)
    dataset.ImagePositionPatient = [f"{value:.6g}" for value in grid.to_mm((number, 0, 0))]
    dataset.ImageOrientationPatient = [f"{value:.9f}" for value in (*columns[:, 2], *columns[:, 1])]
    dataset.PixelSpacing = list(grid.spacing_mm[1:])
    dataset.SliceThickness = 99
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.Rows, dataset.Columns = pixels.shape
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, 16, 15
    dataset.PixelRepresentation = 1
    dataset.PixelData = np.ascontiguousarray(pixels, np.int16).tobytes()
    return dataset
