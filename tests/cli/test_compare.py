"""What `onfh compare` writes, refuses and leaves alone."""

import csv

import numpy as np
import pytest

from onfh_nnunet.core.grid import Grid
from onfh_nnunet.core.run_log import LOG
from onfh_nnunet.core.volume import Volume
from tests.helpers.mask_pairs import ball

CONTRACT = [
    "case_id", "patient", "side", "fold",
    "head_dice", "head_assd_mm", "head_hd95_mm", "head_nsd_1mm", "head_ml_true", "head_ml_pred",
    "necrosis_dice", "necrosis_assd_mm", "necrosis_hd95_mm", "necrosis_nsd_1mm", "necrosis_ml_true", "necrosis_ml_pred",
    "necrosis_percent_true", "necrosis_percent_pred", "grade_true", "grade_pred",
]  # fmt: skip
HEALTHY = ("--necrosis-label", "2")
"""What says that a hip without it has none."""
SPACING = (2.0, 2.0, 2.0)
IDENTITY = ((0.0, 0.0, 1.0), (0.0, 1.0, 0.0), (1.0, 0.0, 0.0))
LESIONS_FROM_MM = {"P001_L": (9, 11), "P001_R": (3, 3), "P002_R": (99, 11), "nameless": (15, 99)}


def head(lesion_from):
    """A ball of 24 mm, necrotic beyond a plane."""
    mask = ball(SPACING, 24, 26)
    height = (np.arange(mask.shape[0]) - mask.shape[0] / 2) * SPACING[0]
    labels = mask.astype(np.uint8) + (mask & (height > lesion_from)[:, None, None])
    return Volume(labels, Grid(labels.shape, SPACING, (0.0, 0.0, 0.0), IDENTITY))


@pytest.fixture
def folders(tmp_path):
    """References as NIfTI and predictions as NRRD of four hips."""
    for name, (true, pred) in LESIONS_FROM_MM.items():
        head(true).write(tmp_path / "ref" / f"{name}.nii.gz")
        head(pred).write(tmp_path / "pred" / f"{name}.nrrd")
    return tmp_path / "ref", tmp_path / "pred"


def table(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_tables_of_two_folders(folders, tmp_path, onfh):
    done = onfh("compare", *folders, *HEALTHY, "--out", tmp_path / "out")
    assert "4 hips compared" in done.stdout
    rows = {row["case_id"]: row for row in table(tmp_path / "out" / "cases.csv")}
    assert set(CONTRACT) <= set(rows["P001_L"])
    assert sorted(rows) == list(rows) == sorted(LESIONS_FROM_MM)
    assert [(row["patient"], row["side"], row["fold"]) for row in rows.values()] == [
        ("P001", "L", ""),
        ("P001", "R", ""),
        ("P002", "R", ""),
        ("nameless", "", ""),
    ]
    assert {row["head_dice"] for row in rows.values()} == {"1"}
    assert (rows["P001_R"]["necrosis_dice"], rows["P001_R"]["necrosis_assd_mm"]) == ("1", "0")
    assert (rows["P002_R"]["necrosis_dice"], rows["P002_R"]["necrosis_assd_mm"]) == ("", "")  # healthy, and called ill
    assert (rows["nameless"]["necrosis_dice"], rows["nameless"]["necrosis_assd_mm"]) == ("0", "")  # a missed lesion
    counted = {row["true"]: row for row in table(tmp_path / "out" / "confusion.csv")}
    assert counted["none"]["B"] == counted["A"]["none"] == counted["C"]["C"] == counted["B"]["B"] == "1"
    (dice,) = [
        row for row in table(tmp_path / "out" / "summary.csv") if (row["region"], row["metric"]) == ("necrosis", "dice")
    ]
    assert (dice["n"], dice["n_undefined"]) == ("3", "1")
    assert dice["median"] == rows["P001_L"]["necrosis_dice"]
    agreement = {row["statistic"]: row for row in table(tmp_path / "out" / "agreement.csv")}
    assert (agreement["accuracy"]["value"], agreement["accuracy"]["n"]) == ("0.5", "4")
    assert (agreement["healthy_hip_specificity"]["value"], agreement["healthy_hip_specificity"]["n"]) == ("0", "1")
    assert agreement["healthy_hip_false_positive_ml"]["value"] == rows["P002_R"]["necrosis_ml_pred"]


def test_earlier_tables_are_replaced_and_nothing_else_is(folders, tmp_path, onfh):
    out = tmp_path / "out"
    onfh("compare", *folders, *HEALTHY, "--out", out)
    before = {path.name: path.read_bytes() for path in out.iterdir() if path.name != LOG.parent.name}
    onfh("compare", *folders, *HEALTHY, "--out", out)
    assert {path.name: path.read_bytes() for path in out.iterdir() if path.name != LOG.parent.name} == before
    (out / "notes.txt").write_text("precious")
    done = onfh("compare", *folders, *HEALTHY, "--out", out, check=False)
    assert done.returncode == 1
    assert "holds something other than tables (notes.txt)" in done.stderr
    assert (out / "notes.txt").read_text() == "precious"
    done = onfh("compare", *folders, *HEALTHY, "--out", folders[0], check=False)
    assert done.returncode == 1
    assert len(list(folders[0].iterdir())) == len(LESIONS_FROM_MM)


def test_missing_and_surplus_masks_are_one_message(folders, tmp_path, onfh):
    (folders[1] / "P001_R.nrrd").rename(folders[1] / "P003_R.nrrd")
    done = onfh("compare", *folders, *HEALTHY, "--out", tmp_path / "out", check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("onfh: ")
    assert "lacks P001_R and holds without a reference P003_R" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_unusable_mask_leaves_no_tables(folders, tmp_path, onfh):
    (folders[1] / "P002_R.nrrd").write_text("no image")
    done = onfh("compare", *folders, *HEALTHY, "--out", tmp_path / "out", check=False)
    assert done.returncode == 1
    assert "P002_R.nrrd: is not one of" in done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["pred", "ref"]
