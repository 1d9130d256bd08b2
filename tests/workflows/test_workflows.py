"""The functions of the front door, from Python: nothing is written unless asked, wrong values are refused."""

import doctest
import importlib
import shutil
import tempfile

import numpy as np
import pytest

from onfh_nnunet.core.devices import Device
from onfh_nnunet.core.errors import LabelError, OnfhError, SplitError, TrainingError, WorkspaceError
from onfh_nnunet.core.grid import Grid
from onfh_nnunet.core.volume import Volume
from onfh_nnunet.workflows.agree import agree
from onfh_nnunet.workflows.compare import compare
from onfh_nnunet.workflows.convert import convert
from onfh_nnunet.workflows.crossval import cross_validate
from onfh_nnunet.workflows.export import export
from onfh_nnunet.workflows.phantom import phantom
from onfh_nnunet.workflows.plan import plan
from onfh_nnunet.workflows.report import report
from onfh_nnunet.workflows.train import train
from tests.helpers.mask_pairs import ball

SPACING = (2.0, 2.0, 2.0)
IDENTITY = ((0.0, 0.0, 1.0), (0.0, 1.0, 0.0), (1.0, 0.0, 0.0))


def head(lesion_from_mm, kind=np.uint8):
    """A ball of 24 mm, necrotic beyond a plane."""
    mask = ball(SPACING, 24, 26)
    height = (np.arange(mask.shape[0]) - mask.shape[0] / 2) * SPACING[0]
    labels = mask.astype(kind) + (mask & (height > lesion_from_mm)[:, None, None])
    return Volume(labels, Grid(labels.shape, SPACING, (0.0, 0.0, 0.0), IDENTITY))


@pytest.mark.parametrize("name", ["agree", "cohort", "compare", "convert", "model", "phantom"])
def test_examples_run(name, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    found = doctest.testmod(importlib.import_module(f"onfh_nnunet.workflows.{name}"))
    assert (found.failed, found.attempted > 1) == (0, True)


def test_two_masks_in_memory_are_compared_as_their_files_are(tmp_path):
    pairs = {"P001_L": (9, 11), "P002_R": (3, 99)}
    for name, (true, pred) in pairs.items():
        head(true).write(tmp_path / "ref" / f"{name}.nii.gz")
        head(pred).write(tmp_path / "pred" / f"{name}.nrrd")
    done = []
    rows = compare(str(tmp_path / "ref"), str(tmp_path / "pred"), progress=lambda *step: done.append(step))
    assert [row.case_id for row in rows] == sorted(pairs)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["pred", "ref"]
    assert {(n, total) for _, n, total in done} == {(1, 2), (2, 2)}
    (alone,) = compare(head(9, np.float64), head(11))
    assert (alone.case_id, alone.patient, alone.side) == ("hip", "hip", None)
    assert alone.necrosis_dice == rows[0].necrosis_dice
    assert compare(head(9), head(11), out=str(tmp_path / "out")) == [alone]
    assert (tmp_path / "out" / "cases.csv").is_file()


def test_masks_in_memory_are_refused_as_their_files_are(tmp_path):
    with pytest.raises(LabelError, match="reference: has the unknown label values 3, 6, expected 0, 1"):
        compare(Volume(head(9).array * 3, head(9).grid), head(9))
    with pytest.raises(OnfhError, match="expected two masks or two folders"):
        compare(head(9), tmp_path)


def test_two_readers_are_compared_without_a_folder(tmp_path):
    table = tmp_path / "reader.csv"
    table.write_text("case_id,grade\nP001_L,A\nP001_R,B\nP002_L,C\n")
    assert {row.statistic: row.value for row in agree(str(table), table)}["accuracy"] == 1
    assert list(tmp_path.iterdir()) == [table]
    with pytest.raises(WorkspaceError, match="is an input"):
        agree(table, table, out=table)


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda: plan("w", "huge"), TrainingError, "preset 'huge'"),
        (lambda: plan("w", seed=-1), SplitError, "`seed` -1: is negative"),
        (lambda: train("w", epochs=0), TrainingError, "`epochs` 0: is too few"),
        (lambda: cross_validate("w"), WorkspaceError, "holds no dataset"),
        (lambda: phantom("p", plane="slanted"), OnfhError, "`plane` 'slanted': is unknown, expected one of coronal"),
        (lambda: convert("absent.csv", "w"), OnfhError, "cannot be read"),
        (lambda: convert("absent.csv", "w", dataset_id=0), WorkspaceError, "dataset 0"),
        (lambda: export(".", work="w"), WorkspaceError, "is a folder|expected a folder"),
    ],
)
def test_wrong_values_are_refused_and_nothing_is_written(tmp_path, monkeypatch, call, kind, message):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(kind, match=message):
        call()
    assert list(tmp_path.iterdir()) == []


def test_crossval_and_train_before_plan_name_what_to_run(tmp_path):
    scans = phantom(tmp_path / "cohort", hips=2, form="nifti", spacing_mm=(4, 4, 4))
    made = convert(tmp_path / "cohort" / "cohort.csv", tmp_path / "work")
    assert (scans, len(made.dataset.cases)) == (2, 2)
    for call in (cross_validate, train, lambda work: export(tmp_path / "m.onfh", work=work)):
        with pytest.raises(WorkspaceError, match=r"work: holds no plan\. Run onfh plan first"):
            call(tmp_path / "work")


@pytest.mark.slow
@pytest.mark.xdist_group("study")
def test_a_study_from_python(study, tmp_path):
    work = tmp_path / "work"
    shutil.copytree(study / "work", work)
    again = plan(str(work), "quick", folds=2)
    assert (again.unchanged, again.hips, again.plan.preset) == (True, 6, "quick")
    started = []
    done = train(str(work), fold=1, device="cpu", on_start=started.append)
    assert (done.device, done.trained, done.finished, started) == (Device.CPU, (), (1,), [Device.CPU])
    for fold in (2, "first"):
        with pytest.raises(SplitError, match=f"fold {fold}: does not exist; there are folds 0 to 1"):
            train(work, fold=fold)
    with pytest.raises(OnfhError, match="`device` 'abacus': is unknown, expected one of auto, cuda, mps, cpu"):
        train(work, device="abacus")
    shutil.rmtree(work / "crossval", ignore_errors=True)
    assert export(tmp_path / "raw.onfh", work=work).notes[0].startswith("no calibrated intervals in it: run onfh cross")
    rows = cross_validate(str(work), "cpu")
    assert sorted(row.case_id for row in rows) == [row.case_id for row in rows]
    assert len(rows) == 6
    assert cross_validate(work) == rows
    made = export(str(tmp_path / "hips.onfh"), work=work, licence="CC-BY-4.0")
    assert made.model_file.card.crossval
    assert made.model_file.card.licence == "CC-BY-4.0"
    assert report(str(work / "crossval")) == work / "crossval" / "report.html"
