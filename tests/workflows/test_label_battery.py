"""Every way to write one label: check, convert, grade and compare read the same hip, or all refuse it."""

import csv

import nibabel
import numpy as np
import pytest

from onfh_nnunet.core.errors import OnfhError
from onfh_nnunet.core.image_files import write_image
from onfh_nnunet.core.volume import Volume
from onfh_nnunet.workflows.compare import compare
from onfh_nnunet.workflows.convert import check, convert
from onfh_nnunet.workflows.grade import grade
from tests.helpers.dicom_files import LEFT, PELVIS, RIGHT, ball, noise
from tests.helpers.segmentation_files import segment_keys, write_dicom_seg, write_seg_nrrd

HEAD = ball(PELVIS, RIGHT)
LESION = ball(PELVIS, (-85, 0, 12), 12) & HEAD
TRUTH = np.where(LESION, 2, HEAD).astype(np.uint8)
SWAPPED = np.where(LESION, 1, 2 * HEAD).astype(np.uint8)
NOTHING = np.zeros_like(HEAD)
DESCRIBED = '1 255 0 0 1 1 1 "necrosis"\n2 0 255 0 1 1 1 "femoral head"\n'


def image(array):
    return lambda folder: write_image(folder / "label.nii.gz", array, PELVIS) or folder / "label.nii.gz"


def nrrd(*named, values=(1, 1, 1)):
    """Segments in layers of their own: (name, mask) in order."""

    def write(folder):
        keys = {}
        for index, (name, _) in enumerate(named):
            keys |= segment_keys(index, name, index, values[index])
        layers = [mask.astype(np.uint8) * np.uint8(value) for (_, mask), value in zip(named, values, strict=False)]
        return write_seg_nrrd(folder / "label.seg.nrrd", layers, PELVIS, keys)

    return write


def dicom(*named, kind="BINARY", in_folder=False):
    """A DICOM SEG: (name, mask) in order."""

    def write(folder):
        array = np.stack([mask for _, mask in named], axis=-1).astype(np.uint8)
        if kind == "LABELMAP":
            array = (array * np.arange(1, len(named) + 1)).max(axis=-1).astype(np.uint8)
        file = write_dicom_seg(folder / "seg", array, PELVIS, [name for name, _ in named], kind)
        return file.parent if in_folder else file

    return write


LABELS = {
    "whole head by name": (nrrd(("Femoral head + necrosis", HEAD), ("壊死", LESION)), {}),
    "necrosis of another name, said": (nrrd(("Hüftkopf", HEAD), ("Defekt", LESION)), {"necrosis_label": "Defekt"}),
    "values": (image(TRUTH), {}),
    "floats": (image(TRUTH.astype(np.float32)), {}),
    "other values": (image(TRUTH * np.uint8(100)), {"head_label": "100", "necrosis_label": "200"}),
    "swapped values, said": (image(SWAPPED), {"head_label": "2", "necrosis_label": "1"}),
    "slicer": (nrrd(("Femoral head", HEAD), ("Necrosis", LESION)), {}),
    "slicer, necrosis first": (nrrd(("lesion", LESION), ("Caput femoris", HEAD), values=(1, 2)), {}),
    "slicer, no names": (
        nrrd(("Segment_1", LESION), ("Segment_2", HEAD)), {"head_label": "Segment_2", "necrosis_label": "Segment_1"},
    ),
    "slicer, two hips": (nrrd(("head left", ball(PELVIS, LEFT)), ("head right", HEAD), ("AVN right", LESION)), {}),
    "dicom seg": (dicom(("ONFH", LESION), ("head of femur", HEAD)), {}),
    "dicom seg in a folder": (dicom(("head", HEAD), ("necrosis", LESION), in_folder=True), {}),
    "dicom label map": (dicom(("AVN", LESION), ("viable head", HEAD & ~LESION), kind="LABELMAP"), {}),
    "itk-snap": (image(SWAPPED), {"label_names": DESCRIBED}),
}  # fmt: skip

REFUSED = {
    "head alone": (image(HEAD.astype(np.uint8)), {}, "draws a head .* a healthy hip, or"),
    "named head alone": (nrrd(("head", HEAD)), {}, "draws a head"),
    "necrosis of an unknown name": (
        nrrd(("Hüftkopf", HEAD), ("Defekt", LESION)), {},
        r"beside 1 Defekt.*If its necrosis is among these, give `necrosis_label` Defekt\. If it is healthy",
    ),
    "empty": (image(NOTHING.astype(np.uint8)), {}, "has no head"),
    "lesion alone": (image(LESION * np.uint8(2)), {}, "has no head"),
    "head of 255": (image(HEAD * np.uint8(255)), {}, "unknown label values 255"),
    "fractions": (image(TRUTH * np.float32(0.5)), {}, "not whole"),
    "names that say nothing": (nrrd(("Segment_1", HEAD), ("Segment_2", LESION)), {}, "do not say what they are"),
    "a name that contradicts": (
        nrrd(("necrosis", LESION), ("head", HEAD), values=(1, 2)), {"head_label": "1", "necrosis_label": "2"},
        "its name says necrosis",
    ),
    "other side": (nrrd(("head left", HEAD), ("necrosis left", LESION)), {}, "names the head 1 head left"),
    "lesion outside the head": (image(TRUTH + ball(PELVIS, LEFT, 8) * np.uint8(2)), {}, "lesion outside the head"),
    "values of sides": (
        image(np.maximum(HEAD, 2 * ball(PELVIS, LEFT)).astype(np.uint8)), {},
        r"side by side, value 1 as a head right and value 2 as a head left(?s:.*)`label_names` labels\.txt",
    ),
    "two heads": (image(np.maximum(TRUTH, ball(PELVIS, LEFT))), {}, "two (separate )?heads"),
}  # fmt: skip


class Commands:
    """The four commands on the label of one right hip, each in its own words."""

    def __init__(self, tmp_path, write, options):
        self.folder, self.options = tmp_path, dict(options)
        if names := self.options.pop("label_names", None):
            (tmp_path / "names.txt").write_text(names)
            self.options["label_names"] = tmp_path / "names.txt"
        (tmp_path / "labels").mkdir()
        written = write(tmp_path)
        kept = [suffix for suffix in (".seg.nrrd", ".nii.gz", ".dcm") if written.name.endswith(suffix)]
        self.label = written.rename(tmp_path / "labels" / f"P001_R{kept[0] if kept else ''}")
        noise(PELVIS).write(tmp_path / "image.nrrd")
        row = f"patient_id,image,side,label\np,image.nrrd,R,labels/{self.label.name}\n"
        (tmp_path / "cohort.csv").write_text(row)
        Volume(TRUTH, PELVIS).write(tmp_path / "truth" / "P001_R.nii.gz")

    def check(self):
        found = [one for one in check(self.folder / "cohort.csv", **self.options) if one.check != "cohort"]
        return [one for one in found if one.check == "label" or one.level == "error"]

    def convert(self):
        convert(self.folder / "cohort.csv", self.folder / "work", **self.options)
        with (self.folder / "work" / "cases.csv").open() as file:
            return next(csv.DictReader(file))

    def grade(self):
        return grade(self.folder / "labels", **self.options)[0]

    def compare(self):
        return compare(self.folder / "labels", self.folder / "truth", **self.options)[0]


@pytest.mark.parametrize("name", LABELS)
def test_all_commands_read_the_same_hip(tmp_path, name):
    commands = Commands(tmp_path, *LABELS[name])
    percent = 100 * LESION.sum() / HEAD.sum()
    assert commands.check() == []
    assert float(commands.convert()["necrosis_percent"]) == pytest.approx(percent, abs=0.01)
    graded = commands.grade()
    assert (graded.case_id, graded.side) == ("P001_R", "R")
    assert graded.necrosis_percent == pytest.approx(percent)
    assert grade(commands.label, **commands.options)[0].necrosis_percent == graded.necrosis_percent
    compared = commands.compare()
    assert (compared.head_dice, compared.necrosis_dice, compared.side) == (1, 1, "R")


def test_a_label_that_was_written_here_says_that_a_head_alone_is_healthy(tmp_path):
    """As predict and convert write it; a program that writes it without our mark is asked again."""

    def write(folder):
        Volume(HEAD.astype(np.uint8), PELVIS).write_labels(folder / "label.nii.gz", "a caution")
        return folder / "label.nii.gz"

    commands = Commands(tmp_path, write, {})
    assert commands.check() == []
    assert float(commands.convert()["necrosis_percent"]) == 0
    assert commands.grade().steinberg_grade == "none"
    assert commands.compare().necrosis_ml_true == 0
    assert grade(tmp_path / "work" / "nnUNet_raw" / "Dataset711_ONFH" / "labelsTr")[0].steinberg_grade == "none"
    again = nibabel.load(commands.label)
    nibabel.save(nibabel.Nifti1Image(np.asarray(again.dataobj), again.affine), commands.label)
    with pytest.raises(OnfhError, match="draws a head"):
        commands.grade()


def test_a_lesion_that_another_program_removed_is_asked_about(tmp_path):
    """Though that program kept the header, and with it the mark, as nibabel and ITK do."""

    def write(folder):
        Volume(TRUTH, PELVIS).write_labels(folder / "label.nii.gz")
        written = nibabel.load(folder / "label.nii.gz")
        head = (np.asarray(written.dataobj) > 0).astype(np.uint8)
        nibabel.save(nibabel.Nifti1Image(head, written.affine, written.header), folder / "label.nii.gz")
        return folder / "label.nii.gz"

    commands = Commands(tmp_path, write, {})
    for command in (commands.convert, commands.grade, commands.compare):
        with pytest.raises(OnfhError, match="draws a head"):
            command()


@pytest.mark.parametrize("name", REFUSED)
def test_all_commands_refuse_the_same_label(tmp_path, name):
    write, options, match = REFUSED[name]
    commands = Commands(tmp_path, write, options)
    (finding,) = commands.check()
    assert finding.level == "error"
    with pytest.raises(OnfhError, match=match):
        raise OnfhError("check", finding.message, "")
    for command in (commands.convert, commands.grade, commands.compare):
        with pytest.raises(OnfhError, match=match):
            command()


@pytest.mark.parametrize("drawn", [HEAD, HEAD & ~LESION], ids=["with the necrosis", "without it"])
def test_all_commands_read_two_masks(tmp_path, drawn):
    commands = Commands(tmp_path, image(drawn.astype(np.uint8)), {})
    necrosis = tmp_path / "necrosis" / "P001_R.nii.gz"
    Volume(LESION.astype(np.uint8), PELVIS).write(necrosis)
    row = "patient_id,image,side,label,label_necrosis\np,image.nrrd,R,labels/P001_R.nii.gz,necrosis/P001_R.nii.gz\n"
    (tmp_path / "cohort.csv").write_text(row)
    percent = 100 * LESION.sum() / HEAD.sum()
    assert commands.check() == []
    assert float(commands.convert()["necrosis_percent"]) == pytest.approx(percent, abs=0.01)
    assert grade(tmp_path / "labels", necrosis_masks=necrosis.parent)[0].necrosis_percent == pytest.approx(percent)
    assert grade(commands.label, necrosis_masks=necrosis)[0].necrosis_percent == pytest.approx(percent)
    compared = compare(tmp_path / "labels", tmp_path / "truth", necrosis_masks=necrosis.parent)[0]
    assert (compared.head_dice, compared.necrosis_dice) == (1, 1)
    necrosis.rename(necrosis.with_name("P002_R.nii.gz"))
    with pytest.raises(OnfhError, match="lacks masks of the necrosis of P001_R"):
        grade(tmp_path / "labels", necrosis_masks=necrosis.parent)


def test_healthy_hip_is_healthy_for_all_commands_where_it_is_said(tmp_path):
    commands = Commands(tmp_path, image(HEAD.astype(np.uint8)), {"necrosis_label": "2"})
    assert commands.check() == []
    assert float(commands.convert()["necrosis_percent"]) == 0
    assert commands.grade().steinberg_grade == "none"
    assert commands.compare().necrosis_ml_true == 0
