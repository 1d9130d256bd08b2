import itertools

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from dataset_conversion.labels.grid_alignment import align_to_grid
from dataset_conversion.labels.label_map import LabelFiles, LabelRules, label_map
from dataset_conversion.labels.segment_names import read_name
from onfh_nnunet.core.errors import GeometryError, GridMismatch, LabelError, ReadError, SideError
from onfh_nnunet.core.grid import Grid, direction_of, same_grid
from onfh_nnunet.core.image_files import write_image
from onfh_nnunet.core.volume import Volume
from tests.helpers.dicom_files import PELVIS, RIGHT, ball, both_heads
from tests.helpers.segmentation_files import FRAME, oblique, segment_keys, write_dicom_seg, write_seg_nrrd

BONE, HEAD, LESION = ball(PELVIS, RIGHT, 30), ball(PELVIS, RIGHT), ball(PELVIS, (-85, 0, 12), 12) & ball(PELVIS, RIGHT)
TRUTH = np.where(LESION, 2, HEAD).astype(np.uint8)
ML = PELVIS.voxel_ml
BY_NAME = LabelRules("Femoral head", "Nekrose")


def plain(path, *layers, grid=PELVIS):
    """A label map: each mask with its value, the later over the earlier."""
    array = np.zeros(grid.size, np.int16)
    for mask, value in layers:
        array[mask] = value
    write_image(path, array, grid)
    return path


def slicer(path, *masks, names=("Femoral head", "Nekrose", "acetabulum"), values=(1, 1, 1), tags=("", "", "")):
    """A Slicer segmentation with one layer a mask."""
    keys = {}
    for index, (name, value, tag) in enumerate(zip(names, values, tags, strict=False)):
        keys |= segment_keys(index, name, index, value, tag) if index < len(masks) else {}
    layers = [mask.astype(np.uint8) * np.uint8(value) for mask, value in zip(masks, values, strict=False)]
    return write_seg_nrrd(path, layers, PELVIS, keys)


def labelled(head, necrosis=None, rules=None, grid=PELVIS, frame=None, side="R", healthy=False):
    return label_map(LabelFiles(head, necrosis, side, healthy), rules or LabelRules(), "line 3, P007_R", grid, frame)


def check(result, notes=()):
    same_grid("label", result.volume.grid, PELVIS)
    assert result.volume.array.dtype == np.uint8
    assert np.array_equal(result.volume.array, TRUTH)
    assert result.notes == tuple(notes)


def test_values_of_a_label_map(tmp_path):
    check(labelled(plain(tmp_path / "a.nii.gz", (HEAD, 1), (LESION, 2))))
    check(labelled(plain(tmp_path / "b.nrrd", (HEAD, 7), (LESION, 1)), rules=LabelRules("7", "1")))


@pytest.mark.parametrize(
    ("rules", "healthy"),
    [(LabelRules(), True), (LabelRules(necrosis="2"), False), (LabelRules(necrosis="none"), False)],
)
def test_head_without_necrosis_is_healthy_where_somebody_says_so(tmp_path, rules, healthy):
    files = plain(tmp_path / "a.nii.gz", (HEAD, 1)), slicer(tmp_path / "b", HEAD, names=["Femoral head"])
    for file in files:
        result = labelled(file, rules=rules, healthy=healthy)
        assert np.array_equal(result.volume.array, HEAD)
        assert result.notes == ()


def test_head_without_necrosis_is_asked_about_where_nobody_says_so(tmp_path):
    for file in (plain(tmp_path / "a.nii.gz", (HEAD, 1)), slicer(tmp_path / "b", HEAD, names=["Femoral head"])):
        with pytest.raises(
            LabelError, match=r"draws a head \(1.*\) and nothing else: a healthy hip, or .*another file"
        ):
            labelled(file)


def test_label_that_is_said_to_have_no_necrosis_has_none(tmp_path):
    for file in (plain(tmp_path / "a.nii.gz", (HEAD, 1), (LESION, 2)), slicer(tmp_path / "b", HEAD, LESION)):
        with pytest.raises(
            LabelError, match=r"unknown label values 2, .*none \(necrosis\)|holds 1 Femoral head, 1 Nekr"
        ):
            labelled(file, rules=LabelRules(necrosis="none"))


SAY_HEAD = [
    "head",
    "Femoral head",
    "FEMUR_HEAD_LEFT",
    "caput femoris",
    "Head of femur",
    "viable head",
    "Hüftkopf rechts",
]
SAY_HEAD += ["tête fémorale", "cabeza femoral", "大腿骨頭", "股骨头", "головка бедра", "head without necrosis"]
SAY_HEAD += ["Non-necrotic head", "necrosis-free head", "FemoralHead_R", "FH_R", "head (without neck)"]
SAY_NECROSIS = [
    "necrosis",
    "Lesion",
    "ONFH",
    "Osteonecrosis",
    "AVN",
    "bone infarct",
    "Femoral head necrosis",
    "dead bone",
]
SAY_NECROSIS += ["Hüftkopfnekrose", "nécrose", "壊死", "股骨头坏死", "некроз", "nonviable head", "necrosis of the head"]
SAY_HEAD += [
    "голова бедра",
    "heupkop",
    "lårbenshoved",
    "głowa kości udowej",
    "hlavice femuru",
    "combfej",
    "femur baş\u0131",
]
SAY_HEAD += ["Femoral head + necrosis", "RFH", "dijbeenkop", "κεφαλή μηριαίου"]
SAY_NECROSIS += ["lesão", "NEC_L", "nekr.", "νέκρωση"]
SAY_NECROSIS += ["martwica", "nekróza", "elhalás", "nekroz"]
SAY_NEITHER = [
    "fibrosis",
    "version",
    "acetabulum",
    "Femur_HeadNeck_L",
    "femoral head prosthesis",
    "Humeral head",
    "forehead",
    "edema",
]
SAY_NOTHING = ["Segment_1", "Segment_2 left", "Label 3", "1", "", "necrosis and head", "no necrosis", "ROI-4", "Tissue"]
SAY_NOTHING += ["necorsis", "Nektrose", "Lession", "femoral head necorsis"]
"""The last ones are misspelt, and must not be left out as another structure, nor be the head."""


@pytest.mark.parametrize(
    ("names", "meaning"),
    [(SAY_HEAD, "head"), (SAY_NECROSIS, "necrosis"), (SAY_NEITHER, "other"), (SAY_NOTHING, "unclear")],
    ids=["head", "necrosis", "neither", "nothing"],
)
def test_what_names_say(names, meaning):
    assert {name: read_name(name).meaning for name in names} == dict.fromkeys(names, meaning)


@pytest.mark.parametrize(
    ("name", "side"),
    [
        ("Femoral_Head_L", "L"),
        ("HEAD RIGHT", "R"),
        ("Hüftkopf links", "L"),
        ("左大腿骨頭", "L"),
        ("Hüftkopf li", "L"),
        ("HK re", "R"),
        ("testa femorale sx", "L"),
        ("caput femoris dexter", "R"),
        ("LFH", "L"),
        ("heads L and R", None),
    ],
)
def test_sides_that_names_say(name, side):
    assert read_name(name).side == side


SWAPPED = np.where(LESION, 1, np.where(HEAD, 2, 0)).astype(np.uint8)


def test_named_segments_are_matched_by_name_whatever_their_order_and_values(tmp_path):
    codes = ["SCT^6574001^Necrosis", "SCT^2812003^Head of femur"]
    tags = [f"TerminologyEntry:list~SCT^1^Category~{code}~^^|" for code in codes]
    masks = np.stack([LESION, HEAD], axis=-1).astype(np.uint8)
    check(labelled(slicer(tmp_path / "a", LESION, HEAD, names=["NECROSIS", "Caput femoris"])))
    check(labelled(slicer(tmp_path / "b", LESION, HEAD, names=["ONFH", "head of femur"], values=(1, 2))))
    check(labelled(slicer(tmp_path / "c", LESION, HEAD, names=["Segment_1", "Segment_2"], tags=tags)))
    check(labelled(write_dicom_seg(tmp_path / "d", masks, PELVIS, ["lesion", "Femoral_Head_R"])))
    check(labelled(write_dicom_seg(tmp_path / "e", SWAPPED, PELVIS, ["AVN", "head"], "LABELMAP")))
    names = {1: "Nekrose", 2: "Hüftkopf"}
    check(labelled(plain(tmp_path / "f.nii.gz", (HEAD, 2), (LESION, 1)), rules=LabelRules(names=names)))


@pytest.mark.parametrize(
    ("names", "match"),
    [
        (["Segment_1", "Segment_2"], "say what they are: 1 Segment_1, 1 Segment_2; .*give `head_label` "
         "Segment_1 `necrosis_label` Segment_2, or the reverse"),
        (["Segment 1", "necrosis"], "give `head_label` 'Segment 1' `necrosis_label` necrosis"),
        (["head", "lesion", "Segment_3"], "do not say what they are: 1 Segment_3; it holds 1 head"),
        (["viable head", "head"], "2 segments that 'head' may mean: 1 viable head, 1 head"),
        (["head", "lesion", "necrosis"], "2 segments that 'necrosis' may mean.* Merge them.*`necrosis_label` lesion"),
        (["femur", "lesion"], "has no head: no label or segment 'head'; it holds 1 femur, 1 lesion"),
        (["head", "cyst"], r"draws a head \(1 head\) beside 1 cyst"),
    ],
)  # fmt: skip
def test_names_that_say_nothing_or_too_much_are_refused(tmp_path, names, match):
    masks = (HEAD, LESION, LESION)[: len(names)]
    with pytest.raises(LabelError, match=match):
        labelled(slicer(tmp_path / "a", *masks, names=names))


def test_names_that_contradict_the_values_asked_for_are_refused(tmp_path):
    file = slicer(tmp_path / "a", LESION, HEAD, names=["necrosis", "head"], values=(1, 2))
    with pytest.raises(LabelError, match="segment 1 necrosis as head, by `head_label` 1, and its name says necrosis"):
        labelled(file, rules=LabelRules("1", "2"))
    result = labelled(file, rules=LabelRules("necrosis", "head"))  # as asked, and told
    assert result.notes[:2] == ("took segment 1 necrosis as head", "took segment 2 head as necrosis")


def test_values_that_enclose_the_head_in_necrosis_are_refused_unless_said(tmp_path):
    inside = ball(PELVIS, RIGHT, 12)
    file = plain(tmp_path / "a.nii.gz", (HEAD, 2), (inside, 1))
    with pytest.raises(
        LabelError, match=r"value 1 .viable head. wholly inside value 2 .*`head_label` 2 `necrosis_label` 1"
    ):
        labelled(file)
    assert np.array_equal(labelled(file, rules=LabelRules("2", "1")).volume.array, np.where(inside, 2, HEAD))
    assert np.array_equal(labelled(file, rules=LabelRules("1", "2")).volume.array, np.where(inside, 1, 2 * HEAD))


LEFT = (-RIGHT[0], *RIGHT[1:])


def test_side_in_a_name_takes_the_hip_of_that_side(tmp_path):
    other = ball(PELVIS, LEFT)
    names = ["Femoral_Head_L", "Femoral_Head_R", "necrosis right"]
    file = slicer(tmp_path / "a", other, HEAD, LESION, names=names)
    check(labelled(file, side="R"))
    assert np.array_equal(labelled(file, side="L").volume.array, other)
    assert np.array_equal(labelled(file, side="B").volume.array, np.maximum(TRUTH, other))
    with pytest.raises(LabelError, match=r"holds the heads of both hips: 1 Femoral_Head_L, 1 Femoral_Head_R.*`side`"):
        labelled(file, side=None)
    alone = slicer(tmp_path / "b", HEAD, LESION, names=["head right", "lesion"])
    assert labelled(alone, side=None).side == "R"
    with pytest.raises(SideError, match="has side L, and its label names the head 1 head right"):
        labelled(alone, side="L")


def test_side_in_a_name_is_checked_against_the_place(tmp_path):
    names = ["Femoral_Head_R", "Femoral_Head_L", "necrosis"]
    file = slicer(tmp_path / "a", ball(PELVIS, LEFT), HEAD, LESION, names=names)
    with pytest.raises(SideError, match="head named left 170 mm to the patient's right of the one named right"):
        labelled(file, side="B")


@pytest.mark.parametrize("value", ["65536", "9" * 30, "9" * 5000])
def test_a_value_that_no_voxel_can_have_is_not_taken_for_a_hip_without_necrosis(tmp_path, value):
    with pytest.raises(LabelError, match="has no necrosis"):
        labelled(plain(tmp_path / "a.nii.gz", (HEAD, 1)), rules=LabelRules("1", value))


@pytest.mark.parametrize("head", [HEAD, HEAD & ~LESION], ids=["with the necrosis", "without it"])
def test_named_segments_become_nested_regions(tmp_path, head):
    check(labelled(slicer(tmp_path / "a", head, LESION), rules=BY_NAME))
    masks = np.stack([head, LESION], axis=-1).astype(np.uint8)
    seg = write_dicom_seg(tmp_path, masks, PELVIS, ["Femoral head", "Nekrose"])
    check(labelled(seg, rules=BY_NAME, frame=FRAME))
    check(labelled(seg, rules=LabelRules("Femoral head", "2")))


def test_segments_by_code(tmp_path):
    codes = ["SCT^2812003^Head of femur", "SCT^6574001^Necrosis"]
    tags = [f"TerminologyEntry:list~SCT^1^Category~{code}~^^|" for code in codes]
    file = slicer(tmp_path / "a", HEAD, LESION, tags=tags)
    check(labelled(file, rules=LabelRules("SCT:2812003", "SCT:6574001")))
    check(labelled(file, rules=LabelRules("Head of femur", "Necrosis")))


def test_other_named_segments_are_left_out_with_a_note(tmp_path):
    check(labelled(slicer(tmp_path / "a", HEAD, LESION, BONE), rules=BY_NAME), ["left out the segments 'acetabulum'"])
    nothing = np.zeros_like(BONE)
    check(labelled(slicer(tmp_path / "b", HEAD, LESION, nothing), rules=BY_NAME))


def test_names_given_for_the_values_of_a_label_map(tmp_path):
    file = plain(tmp_path / "a.nii.gz", (BONE, 9), (HEAD, 4), (LESION, 6))
    names = {4: "Femoral head", 6: "Nekrose", 9: "pelvis", 12: "vessel"}
    check(labelled(file, rules=LabelRules("Femoral head", "Nekrose", names)), ["left out the segments 'pelvis'"])


def test_empty_segment_is_a_hip_without_necrosis(tmp_path):
    result = labelled(slicer(tmp_path / "a", HEAD, np.zeros_like(HEAD)), rules=BY_NAME)
    assert np.array_equal(result.volume.array, HEAD)


@pytest.mark.parametrize("head", [HEAD, HEAD & ~LESION], ids=["with the necrosis", "without it"])
@pytest.mark.parametrize("value", [1, 2, 255])
def test_two_files(tmp_path, head, value):
    check(labelled(plain(tmp_path / "h.nii.gz", (head, value)), plain(tmp_path / "n.nii.gz", (LESION, value))))


def test_two_files_of_one_segment_each(tmp_path):
    head = slicer(tmp_path / "h", HEAD, names=["Segment_1"])
    necrosis = slicer(tmp_path / "n", LESION, names=["Segment_1"])
    check(labelled(head, necrosis))
    both = slicer(tmp_path / "b", HEAD, LESION)
    check(labelled(both, both, BY_NAME), ["left out the segments 'Nekrose'", "left out the segments 'Femoral head'"])


def test_mask_whose_name_says_the_other_region_is_refused(tmp_path):
    head, necrosis = slicer(tmp_path / "h", HEAD, names=["caput"]), slicer(tmp_path / "n", LESION, names=["AVN"])
    check(labelled(head, necrosis))
    with pytest.raises(LabelError, match="has segment 1 AVN as head, by the file, and its name says necrosis"):
        labelled(necrosis, head)


def test_empty_file_is_a_hip_without_necrosis(tmp_path):
    head = plain(tmp_path / "h.nii.gz", (HEAD, 1))
    assert np.array_equal(labelled(head, plain(tmp_path / "n.nii.gz")).volume.array, HEAD)
    voxel = Grid((1, 1, 1), (1, 1, 1), (0, 0, 0), PELVIS.direction)  # what Slicer writes for empty segments
    empty = write_seg_nrrd(tmp_path / "n", [np.zeros((1, 1, 1), np.uint8)], voxel, segment_keys(0, "Nekrose"))
    assert np.array_equal(labelled(head, empty, LabelRules("1", "Nekrose")).volume.array, HEAD)


def test_necrosis_that_overhangs_the_head_is_kept_and_told(tmp_path):
    beyond = ball(PELVIS, (-85, 0, 18), 12)
    outside = np.count_nonzero(beyond & ~HEAD)
    result = labelled(slicer(tmp_path / "a", HEAD, beyond), rules=BY_NAME)
    assert result.notes == (f"{outside * ML:.2f} ml of the necrosis lie outside the head's mask; kept as necrosis",)
    assert np.array_equal(result.volume.array, np.where(beyond, 2, HEAD))


@pytest.mark.parametrize(
    ("layers", "rules", "match"),
    [
        ([(HEAD, 1), (LESION, 5)], LabelRules(), r"unknown label values 5, expected 0, 1 \(head\), 2 \(necrosis\)"),
        ([(HEAD, 4), (LESION, 5)], LabelRules(), "unknown label values 4, 5, expected 0, 1"),
        ([(HEAD, 2)], LabelRules(), "has no head: no label or segment '1'; it holds 2. Name it with `head_label`"),
        ([], LabelRules(), "has no head: no label or segment '1'; it holds nothing"),
        ([(HEAD, 1)], LabelRules("1", "Nekrose"), "has no necrosis: .*'Nekrose'; it holds 1.*add an empty segment"),
        ([(HEAD, 1)], LabelRules("1", "1"), "has head label 1 and necrosis label 1"),
        ([(HEAD, 1)], LabelRules("0", "1"), "has head label 0 and necrosis label 1"),
        ([(HEAD, 1)], LabelRules("a", "b", {1: "a", 2: "b", 3: "a"}), "2 segments that 'a' may mean: 1 a, 3 a"),
    ],
)
def test_values_that_do_not_say_which_is_which(tmp_path, layers, rules, match):
    with pytest.raises(LabelError, match=f"line 3, P007_R: .*{match}"):
        labelled(plain(tmp_path / "a.nii.gz", *layers), rules=rules)


def named(*names, values=(1, 1, 1)):
    return {"names": names, "values": values}


@pytest.mark.parametrize(
    ("masks", "made", "rules", "match"),
    [
        ([HEAD, LESION], {}, LabelRules("1"), "'1' may mean: 1 Femoral head, 1 Nekrose.*`head_label` 'Femoral head'"),
        ([HEAD, LESION], {}, LabelRules("femoral head", "Nekrose"), "'femoral head'; it holds 1 Femoral head, 1 Nek"),
        ([HEAD, LESION], {}, LabelRules("Femoral head", "Necrosis"), "has no necrosis: .*'Necrosis'; it holds"),
        ([HEAD], {}, BY_NAME, "has no necrosis: .*'Nekrose'; it holds 1 Femoral head.*add an empty segment"),
        ([HEAD, LESION], named("head", "head"), LabelRules("head", "x"), "2 segments that 'head' may mean"),
        ([HEAD, LESION], named("2", "head", values=(1, 2)), LabelRules("2", "head"), "'2' may mean: 1 2, 2 head"),
        ([HEAD, LESION], named("head", "lesion", values=(1, 3)), LabelRules("1", "2"), "has no necrosis: .*3 lesion"),
        ([HEAD, LESION], named("head", "n", values=(1, 2)), LabelRules("head", "1"), "segment 1 head as necrosis"),
    ],
)
def test_segments_that_do_not_say_which_is_which(tmp_path, masks, made, rules, match):
    with pytest.raises(LabelError, match=match):
        labelled(slicer(tmp_path / "a", *masks, **made), rules=rules)


@pytest.mark.parametrize(
    ("head", "necrosis", "rules", "match"),
    [
        ([(HEAD, 1)], [(HEAD, 1), (LESION, 2)], LabelRules(), r"values 1, expected 0, 2 \(necrosis\)"),
        ([(HEAD, 1), (LESION, 2)], [(LESION, 1)], LabelRules(), r"values 2, expected 0, 1 \(head\)"),
        ([], [(LESION, 1)], LabelRules(), "has no head"),
        ([(HEAD, 1)], [(LESION, 1)], LabelRules("1", "Nekrose", {1: "a", 2: "b"}), "has no necrosis: .*1 a, 2 b"),
    ],
)
def test_two_files_that_do_not_say_which_is_which(tmp_path, head, necrosis, rules, match):
    with pytest.raises(LabelError, match=match):
        labelled(plain(tmp_path / "h.nii.gz", *head), plain(tmp_path / "n.nii.gz", *necrosis), rules)


def test_other_frame_of_reference_is_refused(tmp_path):
    seg = write_dicom_seg(tmp_path, HEAD.astype(np.uint8), PELVIS, ["1"])
    assert labelled(seg, frame=FRAME, healthy=True).volume.array.any()
    with pytest.raises(GeometryError, match="FrameOfReferenceUID is not the scan's"):
        labelled(seg, frame="1.2.3")


SCAN = oblique((7, 8, 9), (2.5, 0.75, 1.25))


@st.composite
def lattices(draw):
    """A box of the scan's lattice, which may stick out of it: first voxel, size, order and signs of its axes."""
    first = [draw(st.integers(-4, n - 1)) for n in SCAN.size]
    size = [draw(st.integers(max(1, 1 - start), 12)) for start in first]
    order = draw(st.permutations(range(3)))
    signs = draw(st.tuples(*[st.sampled_from([1, -1])] * 3))
    return first, size, order, signs


def on_lattice(first, size, order, signs):
    """The grid of the box, and for each of its voxels the scan's index."""
    axes = [np.arange(start, start + n)[::sign] for start, n, sign in zip(first, size, signs, strict=True)]
    index = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).transpose(*order, 3)
    direction = (np.array(SCAN.direction) * signs)[:, order]
    spacing = tuple(SCAN.spacing_mm[axis] for axis in order)
    return Grid(index.shape[:3], spacing, tuple(SCAN.to_mm(index[0, 0, 0])), direction_of(direction)), index


@settings(max_examples=60)
@given(lattice=lattices(), seed=st.integers(0, 999))
def test_label_on_the_scans_lattice_comes_back_voxel_for_voxel(lattice, seed):
    grid, index = on_lattice(*lattice)
    inside = ((index >= 0) & (index < SCAN.size)).all(axis=-1)
    drawn = np.where(inside, np.random.default_rng(seed).integers(0, 3, inside.shape), 0).astype(np.uint8)
    expected = np.zeros(SCAN.size, np.uint8)
    expected[tuple(index[inside].T)] = drawn[inside]
    placed, notes = align_to_grid(Volume(drawn, grid), SCAN, "case", resample=False)
    assert notes == ()
    same_grid("placed", placed.grid, SCAN)
    assert np.array_equal(placed.array, expected)


@settings(max_examples=20)
@given(lattice=lattices())
def test_labelled_voxels_outside_the_scan_are_refused(lattice):
    grid, index = on_lattice(*lattice)
    outside = int((~((index >= 0) & (index < SCAN.size)).all(axis=-1)).sum())
    label = Volume(np.ones(grid.size, np.uint8), grid)
    if outside:
        with pytest.raises(GeometryError, match=rf"has {outside * SCAN.voxel_ml:.2f} ml of its label outside the scan"):
            align_to_grid(label, SCAN, "case", resample=False)
    else:
        align_to_grid(label, SCAN, "case", resample=False)


def test_small_extent_of_a_slicer_file_is_laid_in_its_place(tmp_path):
    box = (slice(5, 20), slice(4, 25), slice(3, 30))
    grid = PELVIS.part((5, 4, 3), HEAD[box].shape)
    layers = [mask[box].astype(np.uint8) for mask in (HEAD, LESION)]
    keys = segment_keys(0, "Femoral head") | segment_keys(1, "Nekrose", 1)
    check(labelled(write_seg_nrrd(tmp_path / "a", layers, grid, keys), rules=BY_NAME))


def moved(grid, *, turn=0.0, by=(0, 0, 0), spacing=(1, 1, 1), size=None):
    """A grid turned about its z axis, shifted by mm, with other voxels."""
    columns = Rotation.from_euler("z", turn, degrees=True).as_matrix() @ np.array(grid.direction)
    origin, step = np.array(grid.origin_mm) + by, np.array(grid.spacing_mm) * spacing
    return Grid(size or grid.size, tuple(step), tuple(origin), direction_of(columns))


OTHER_GRIDS = {
    "turned": (moved(PELVIS, turn=3), "direction"),
    "half a voxel aside": (moved(PELVIS, by=(2, 0, 0)), "origin"),
    "spacing off by a hundredth": (moved(PELVIS, spacing=(1, 1, 1.01)), "spacing"),
    "finer": (moved(PELVIS, by=(-1, -1, -1), spacing=(0.5, 0.5, 0.5), size=(48, 56, 144)), "size"),
    "coarser": (moved(PELVIS, by=(2, 2, 2), spacing=(2, 2, 2), size=(12, 14, 36)), "size"),
}


@pytest.mark.parametrize("name", OTHER_GRIDS)
def test_label_on_another_grid_is_resampled_only_when_told(tmp_path, name):
    grid, what = OTHER_GRIDS[name]
    drawn = both_heads(grid)
    drawn.write(tmp_path / "a.nrrd")
    with pytest.raises(GridMismatch, match=f"P007_R: label's {what}.*Check that this is the label.*`resample_labels`"):
        labelled(tmp_path / "a.nrrd")
    result = labelled(tmp_path / "a.nrrd", rules=LabelRules(resample=True))
    same_grid("label", result.volume.grid, PELVIS)
    ml = [
        [np.count_nonzero(volume.array >= low) * volume.grid.voxel_ml for volume in (drawn, result.volume)]
        for low in (1, 2)
    ]
    (head, necrosis) = (f"{old:.2f} to {new:.2f} ml" for old, new in ml)
    assert result.notes == (f"resampled the label onto the scan's grid: head {head}, necrosis {necrosis}",)
    assert ml[0][1] == pytest.approx(ml[0][0], rel=0.05)


@pytest.mark.parametrize(("by_mm", "accepted"), [(0.04, True), (0.06, False)])
def test_crop_may_be_off_by_the_rounding_of_headers_and_no_more(tmp_path, by_mm, accepted):
    box = (slice(5, 20), slice(4, 25), slice(3, 30))
    grid = moved(PELVIS.part((5, 4, 3), HEAD[box].shape), by=(by_mm, 0, 0))
    file = plain(tmp_path / "a.nrrd", (HEAD[box], 1), (LESION[box], 2), grid=grid)
    if accepted:
        check(labelled(file))
    else:
        with pytest.raises(GridMismatch, match="size"):
            labelled(file)


@pytest.mark.parametrize("turn", [1.3, 11.0])
def test_resampling_equals_simpleitk(tmp_path, turn):
    grid = moved(PELVIS, turn=turn, by=(0.31, -0.17, 0.23), spacing=(0.83, 1.1, 0.9), size=(31, 27, 81))
    both_heads(grid).write(tmp_path / "a.mha")
    both_heads(PELVIS).write(tmp_path / "scan.mha")
    image, scan = (sitk.ReadImage(str(tmp_path / name)) for name in ("a.mha", "scan.mha"))
    expected = sitk.GetArrayFromImage(sitk.Resample(image, scan, sitk.Transform(), sitk.sitkNearestNeighbor))
    result = labelled(tmp_path / "a.mha", rules=LabelRules(resample=True))
    assert np.array_equal(result.volume.array, expected)


def test_border_voxels_are_resampled_to_their_outer_edge():
    """A label of ones whose voxels are three times the scan's covers it whole."""
    scan = Grid((9, 9, 9), (1, 1, 1), (0, 0, 0), PELVIS.direction)
    label = Volume(np.ones((3, 3, 3), np.uint8), Grid((3, 3, 3), (3, 3, 3), (1, 1, 1), PELVIS.direction))
    placed, notes = align_to_grid(label, scan, "case", resample=True)
    assert placed.array.all()
    assert notes == ("resampled the label onto the scan's grid: head 0.73 to 0.73 ml",)


@pytest.mark.parametrize("turn", [0, 5])
def test_label_beside_the_scan_is_refused_even_when_empty(tmp_path, turn):
    grid = moved(PELVIS, turn=turn, by=(400, 0, 0))
    head, empty = plain(tmp_path / "h.nii.gz", (HEAD, 1)), plain(tmp_path / "n.nii.gz", grid=grid)
    with pytest.raises(GeometryError, match="has a label whose grid lies beside the scan"):
        labelled(head, empty, LabelRules(resample=True))


@pytest.mark.parametrize("resample", [False, True])
def test_label_of_another_scan_is_called_so_before_it_is_resampled(tmp_path, resample):
    """A finer grid that reaches into the scan, on which the head lies beside it."""
    grid = moved(PELVIS, by=(130, 0, 0), spacing=(0.5, 0.5, 0.5), size=(48, 56, 144))
    label = plain(tmp_path / "a.nii.gz", (ball(grid, (200, 0, 0)), 1), grid=grid)
    with pytest.raises(
        GeometryError, match=r"ml of its label outside the scan\. It belongs to another scan, or"
    ) as told:
        labelled(label, rules=LabelRules(resample=resample), healthy=True)
    assert "resample" not in str(told.value)


def test_resampled_tissue_outside_the_scan_is_refused(tmp_path):
    grid = moved(PELVIS, turn=2, by=(-60, 0, 0))
    label = plain(tmp_path / "a.nii.gz", (ball(grid, (-150, 0, 0)), 1), grid=grid)
    with pytest.raises(GeometryError, match=r"has \d+\.\d\d ml of its label outside the scan"):
        labelled(label, rules=LabelRules(resample=True), healthy=True)


def test_two_files_may_lie_on_two_grids(tmp_path):
    head = plain(tmp_path / "h.nii.gz", (HEAD, 1))
    box = (slice(5, 20), slice(4, 25), slice(3, 30))
    necrosis = plain(tmp_path / "n.nrrd", (LESION[box], 1), grid=PELVIS.part((5, 4, 3), LESION[box].shape))
    check(labelled(head, necrosis))


@pytest.mark.parametrize(
    ("order", "signs"), [((0, 1, 2), (1, 1, -1)), ((2, 1, 0), (1, 1, 1)), ((1, 2, 0), (-1, 1, -1))]
)
def test_left_stays_left_whatever_the_order_of_the_voxels(tmp_path, order, signs):
    """The same head, written with other axes, keeps its place in the patient."""
    columns = (np.array(PELVIS.direction) * signs)[:, order]
    index = np.where(np.array(signs) < 0, np.array(PELVIS.size) - 1, 0)
    size, spacing = ([values[axis] for axis in order] for values in (PELVIS.size, PELVIS.spacing_mm))
    grid = Grid(tuple(size), tuple(spacing), tuple(PELVIS.to_mm(index)), direction_of(columns))
    layers = (ball(grid, RIGHT), 1), (ball(grid, (-85, 0, 12), 12) & ball(grid, RIGHT), 2)
    check(labelled(plain(tmp_path / "a.nii.gz", *layers, grid=grid)))


def test_damaged_or_missing_file_is_named(tmp_path):
    head = plain(tmp_path / "h.nii.gz", (HEAD, 1))
    with pytest.raises(ReadError, match=r"gone\.nii\.gz: does not exist"):
        labelled(head, tmp_path / "gone.nii.gz")
    with pytest.raises(ReadError, match=r"folder with 0 DICOM SEG or RTSTRUCT files"):
        labelled(tmp_path)


def test_every_value_of_every_kind_gives_one_label_map(tmp_path):
    """All ways to say the same thing agree."""
    masks = np.stack([HEAD, LESION], axis=-1).astype(np.uint8)
    files = [
        plain(tmp_path / "a.nii.gz", (HEAD, 1), (LESION, 2)),
        slicer(tmp_path / "b", HEAD, LESION, names=["1", "2"], values=(1, 2)),
        write_dicom_seg(tmp_path / "c", masks, PELVIS, ["1", "2"]),
        write_dicom_seg(tmp_path / "d", TRUTH, PELVIS, ["1", "2"], "LABELMAP"),
    ]
    for one, other in itertools.pairwise(map(labelled, files)):
        check(one)
        check(other)
