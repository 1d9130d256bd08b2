"""The files of each vendor: their quirks, and that every reader makes the true volume of them."""

import subprocess

import numpy as np
import pytest

from dataset_conversion.phantom.anatomy.patient import Patient
from dataset_conversion.phantom.dicom.header import Examination
from dataset_conversion.phantom.dicom.series import write_series
from dataset_conversion.phantom.dicom.siemens import csa_header
from dataset_conversion.phantom.mri.acquire import acquire
from dataset_conversion.phantom.mri.protocol import ScanProtocol
from dataset_conversion.readers import read_volume
from onfh_nnunet.core.choices import Plane, Vendor
from onfh_nnunet.core.grid import same_grid
from onfh_nnunet.core.hip import Side
from onfh_nnunet.core.volume import Volume

SPACING = (3.6, 2.5, 2.0)
SLAB = {vendor: ScanProtocol(Plane.CORONAL, SPACING, tilt_deg=7.0, vendor=vendor) for vendor in Vendor}
SLICES = {vendor: ScanProtocol(Plane.OBLIQUE, SPACING, thick=True, vendor=vendor) for vendor in Vendor}
PROTOCOLS = [*SLAB.values(), *SLICES.values(), ScanProtocol(Plane.SAGITTAL, SPACING, vendor=Vendor.PHILIPS)]

NIBABEL_IS_UNSURE = pytest.mark.filterwarnings("ignore:The DICOM readers are highly experimental:UserWarning")


@pytest.fixture(scope="module")
def patient():
    return Patient.draw(np.random.default_rng(5), {Side.RIGHT: 0.2})


@pytest.fixture(scope="module")
def written(patient, tmp_path_factory):
    """Scan and write once for each protocol; the volume and its folder."""
    made = {}

    def write(protocol):
        if protocol not in made:
            folder = tmp_path_factory.mktemp("series") / "MRN0001_R"
            scan = acquire(patient, (Side.RIGHT,), protocol, np.random.default_rng(1))
            write_series(scan.image, visit(scan, protocol), folder)
            made[protocol] = scan.image, folder
        return made[protocol]

    return write


def visit(scan, protocol):
    return Examination("MRN0001", 1, True, "R", 9, scan.sequence, protocol)


def images(folder):
    """The data sets of a folder, by the names of the files."""
    import pydicom

    return [pydicom.dcmread(path) for path in sorted(folder.iterdir())]


def along_normal(one):
    return np.array(one.ImagePositionPatient, float) @ np.cross(*np.reshape(one.ImageOrientationPatient, (2, 3)))


def name(protocol):
    return f"{protocol.vendor}-{protocol.plane}"


@pytest.mark.parametrize("protocol", PROTOCOLS, ids=name)
def test_our_reader_makes_the_true_volume_of_it(written, protocol):
    image, folder = written(protocol)
    volume = read_volume(folder)
    same_grid("scan", volume.grid, image.grid)
    assert np.array_equal(np.rint(volume.array), image.array)


@pytest.mark.parametrize("protocol", PROTOCOLS, ids=name)
def test_dcm2niix_makes_the_true_volume_of_it(written, protocol, tmp_path):
    import nibabel as nib

    program = pytest.importorskip("dcm2niix", reason="dcm2niix is not installed").bin
    image, folder = written(protocol)
    options = ["-p", "n", "-b", "n", "-f", "scan"]  # as displayed: with the rescale slope, not the private one
    subprocess.run([program, *options, "-o", tmp_path, folder], check=True, capture_output=True)
    image.write(tmp_path / "true.nii.gz")
    assert len(list(tmp_path.glob("scan*"))) == 1
    found, true = (nib.as_closest_canonical(nib.load(tmp_path / file)) for file in ("scan.nii", "true.nii.gz"))
    assert found.shape == true.shape
    assert np.allclose(found.affine, true.affine, atol=1e-3)
    assert np.array_equal(np.rint(found.get_fdata()), true.get_fdata())


@pytest.mark.parametrize("vendor", [Vendor.NEUTRAL, Vendor.SIEMENS, Vendor.GE])
@pytest.mark.parametrize("protocols", [SLAB, SLICES], ids=["slab", "slices"])
def test_classic_files_say_what_they_are(written, vendor, protocols):
    from pydicom.uid import MRImageStorage

    volume, folder = written(protocols[vendor])
    for one in images(folder):
        assert one.SOPClassUID == MRImageStorage
        thickness = float(one.SliceThickness)
        if protocols is SLICES:
            assert one.MRAcquisitionType == "2D"
            assert (thickness, float(one.SpacingBetweenSlices)) == (3.0, 3.6)  # a gap of 0.6 mm
        else:
            assert one.MRAcquisitionType == "3D"
            assert thickness == (7.2 if vendor is Vendor.GE else 3.6)
        assert one.pixel_array.max() <= volume.array.max()
        assert str(one.PatientID) == "MRN0001"


@pytest.mark.parametrize("vendor", [Vendor.SIEMENS, Vendor.GE])
def test_instances_are_numbered_against_the_normal(written, vendor):
    by_number = sorted(images(written(SLAB[vendor])[1]), key=lambda one: int(one.InstanceNumber))
    assert [int(one.InstanceNumber) for one in by_number] == list(range(1, len(by_number) + 1))
    assert (np.diff([along_normal(one) for one in by_number]) < 0).all()


@NIBABEL_IS_UNSURE
def test_siemens_files_come_in_no_order_and_hold_12_bits_and_csa_headers(written):
    from nibabel.nicom import csareader

    slices = images(written(SLAB[Vendor.SIEMENS])[1])
    steps = np.diff([along_normal(one) for one in slices])
    assert (steps > 0).any()
    assert (steps < 0).any()
    for one in slices:
        assert (one.BitsStored, one.HighBit, one.PixelRepresentation) == (12, 11, 0)
        assert "SpacingBetweenSlices" not in one
        csa = csareader.get_csa_header(one, "image")
        assert csa["tags"]["ProtocolSliceNumber"]["items"] == [one.InstanceNumber - 1]
        assert csa["tags"]["PixelSpacing"]["items"] == [2.5, 2.0]
        assert one.private_block(0x0019, "SIEMENS MR HEADER")[0x15].value == one.ImagePositionPatient
        assert str(one.PatientName).split("^")[0] in one.ImageComments


@NIBABEL_IS_UNSURE
def test_csa_header_is_read_by_nibabel():
    from nibabel.nicom import csareader

    tags = {"First": ("LO", ["abc", "de"]), "None": ("US", []), "Number": ("DS", ["1.5", "-2"])}
    found = csareader.read(csa_header(tags))
    assert found["type"] == 2
    assert {key: tag["items"] for key, tag in found["tags"].items()} == {
        "First": ["abc", "de"],
        "None": [],
        "Number": [1.5, -2.0],
    }


def test_ge_files_have_no_suffix_signed_pixels_and_overlapping_partitions(written):
    volume, folder = written(SLAB[Vendor.GE])
    assert {path.suffix for path in folder.iterdir()} == {f".{k + 1}" for k in range(len(volume.array))}
    for one in images(folder):
        assert (one.PixelRepresentation, one.BitsStored) == (1, 16)
        assert one.pixel_array.dtype == np.int16
        assert float(one.SpacingBetweenSlices) == float(one.SliceThickness) / 2
        assert one.private_block(0x0021, "GEMS_RELA_01")[0x4F].value == len(volume.array)


def test_ge_partitions_overlap_in_the_picture_too(patient):
    between = []
    for vendor in (Vendor.NEUTRAL, Vendor.GE):
        protocol = ScanProtocol(spacing_mm=(2.0, 3.0, 3.0), vendor=vendor)
        image = acquire(patient, (Side.RIGHT,), protocol, np.random.default_rng(1)).image.array.astype(float)
        between.append(np.abs(np.diff(image[4:-4], axis=0)).mean())
    assert between[1] < 0.9 * between[0]


# PS3.3 A.36: of type 1 and 2 in the modules and macros of an enhanced MR image, those without a condition
ENHANCED = [
    "PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyInstanceUID", "StudyDate", "StudyTime",
    "ReferringPhysicianName", "StudyID", "AccessionNumber", "Modality", "SeriesInstanceUID", "SeriesNumber",
    "FrameOfReferenceUID", "PositionReferenceIndicator", "Manufacturer", "ManufacturerModelName", "DeviceSerialNumber",
    "SoftwareVersions", "SamplesPerPixel", "PhotometricInterpretation", "Rows", "Columns", "BitsAllocated",
    "BitsStored", "HighBit", "PixelRepresentation", "PixelData", "InstanceNumber", "ContentDate", "ContentTime",
    "NumberOfFrames", "SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence",
    "DimensionOrganizationSequence", "DimensionIndexSequence", "AcquisitionContextSequence", "ImageType",
    "PixelPresentation", "VolumetricProperties", "VolumeBasedCalculationTechnique", "ComplexImageComponent",
    "AcquisitionContrast", "AcquisitionDateTime", "AcquisitionDuration", "ContentQualification", "ResonantNucleus",
    "KSpaceFiltering", "MagneticFieldStrength", "ApplicableSafetyStandardAgency", "BurnedInAnnotation",
    "LossyImageCompression", "PresentationLUTShape", "MRAcquisitionType", "EchoPulseSequence", "MultipleSpinEcho",
    "MultiPlanarExcitation", "PhaseContrast", "TimeOfFlightContrast", "SteadyStatePulseSequence",
    "EchoPlanarPulseSequence", "SaturationRecovery", "SpectrallySelectedSuppression", "SOPClassUID", "SOPInstanceUID",
]  # fmt: skip


def test_philips_file_is_one_enhanced_image_with_frames_in_no_order(written):
    from pydicom.uid import EnhancedMRImageStorage

    volume, folder = written(SLAB[Vendor.PHILIPS])
    (one,) = images(folder)
    assert one.SOPClassUID == EnhancedMRImageStorage
    assert [keyword for keyword in ENHANCED if keyword not in one] == []
    frames = one.PerFrameFunctionalGroupsSequence
    assert one.NumberOfFrames == len(frames) == len(volume.array)
    index = [frame.FrameContentSequence[0].DimensionIndexValues[1] for frame in frames]
    assert sorted(index) == list(range(1, len(frames) + 1)) != index
    slope = {float(frame.PixelValueTransformationSequence[0].RescaleSlope) for frame in frames}
    assert len(slope) == 1
    assert 0.1 < slope.pop() < 1
    for frame, number in zip(frames, index, strict=True):
        position = frame.PlanePositionSequence[0].ImagePositionPatient
        assert np.allclose(position, volume.grid.to_mm((number - 1, 0, 0)), atol=1e-6)
        private = frame[0x2005, 0x140F].value[0]
        assert private.private_block(0x2005, "Philips MR Imaging DD 001")[0x0E].value > 0


def test_highdicom_makes_the_true_volume_of_philips(written):
    import highdicom as hd

    volume, folder = written(SLAB[Vendor.PHILIPS])
    (path,) = folder.iterdir()
    found = hd.imread(path).get_volume()
    assert found.shape == volume.array.shape
    first = found.get_closest_patient_orientation(), found.map_indices_to_reference(np.array([[0, 0, 0]]))[0]
    # highdicom counts slices from either end
    near = np.allclose(first[1], volume.grid.origin_mm, atol=1e-3)
    assert near or np.allclose(first[1], volume.grid.to_mm((len(volume.array) - 1, 0, 0)), atol=1e-3)
    array = found.array if near else found.array[::-1]
    assert np.array_equal(np.rint(array), volume.array)


@pytest.mark.parametrize("vendor", Vendor)
def test_same_scan_same_bytes(patient, written, vendor, tmp_path):
    _, folder = written(SLAB[vendor])
    scan = acquire(patient, (Side.RIGHT,), SLAB[vendor], np.random.default_rng(1))
    write_series(scan.image, visit(scan, SLAB[vendor]), tmp_path / "again")
    first, again = (sorted(place.iterdir()) for place in (folder, tmp_path / "again"))
    assert [path.name for path in first] == [path.name for path in again]
    assert all(a.read_bytes() == b.read_bytes() for a, b in zip(first, again, strict=True))


@pytest.mark.parametrize("vendor", Vendor)
def test_every_instance_has_a_uid_of_its_own(written, vendor):
    everything = images(written(SLAB[vendor])[1])
    assert len({one.SOPInstanceUID for one in everything}) == len(everything)
    assert len({one.SeriesInstanceUID for one in everything}) == 1


def test_command_line_writes_what_is_asked_for(tmp_path, onfh):
    options = ["--vendor", "philips", "--plane", "sagittal", "--thick", "--spacing", "3.6,3,2"]
    onfh("phantom", tmp_path / "out", "--hips", 1, *options)
    (folder,) = (tmp_path / "out" / "images").iterdir()
    (label,) = (tmp_path / "out" / "labels").iterdir()
    (one,) = images(folder)
    assert (one.Manufacturer, one.MRAcquisitionType) == ("Philips", "2D")
    volume = read_volume(folder)
    same_grid("scan", volume.grid, Volume.read(label).grid)
    assert np.argmax(np.abs(np.array(volume.grid.direction)[:, 0])) == 0
    assert volume.grid.spacing_mm == pytest.approx((3.6, 3, 2))
