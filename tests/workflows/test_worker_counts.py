"""The same input gives the same bytes at any number of workers or threads."""

import shutil

import pytest
import torch

from onfh_nnunet.core import cores, parallel

COUNTS = (1, 2, 3)
SECRET = bytes(32)


@pytest.fixture(scope="module")
def cohort(tmp_path_factory, onfh):
    folder = tmp_path_factory.mktemp("cohort") / "c"
    onfh("phantom", folder, "--hips", 3, "--seed", 3, "--format", "nifti", "--spacing", "5,5,5")
    return folder


@pytest.fixture
def at_each_count(monkeypatch, tmp_path):
    """The content of a folder after ``make(folder)`` with 1, 2 and 3 workers; it is one and the same."""

    def contents(make, start=None):
        seen = []
        for count in COUNTS:
            for module in (cores, parallel):
                monkeypatch.setattr(module, "available_cores", lambda count=count: count)
            place = tmp_path / "place"  # always the same: a key quotes it
            if start is None:
                place.mkdir()
            else:
                shutil.copytree(start, place)
            (place / "private").mkdir(mode=0o700, exist_ok=True)
            (place / "private" / "secret").write_bytes(SECRET)  # of keyed hashes
            make(place)
            files = {path.relative_to(place): path.read_bytes() for path in place.rglob("*") if path.is_file()}
            seen.append({name: content for name, content in files.items() if name.suffix != ".log"})
            shutil.rmtree(place)
        return seen

    return contents


def test_convert(cohort, onfh, at_each_count):
    first, *others = at_each_count(lambda work: onfh("convert", cohort / "cohort.csv", "--work", work))
    assert sum(name.match("imagesTr/*.nii.gz") for name in first) == 3
    assert all(one == first for one in others)


def test_grade_and_compare(cohort, onfh, at_each_count):
    labels = cohort / "labels"

    def make(place):
        onfh("grade", labels, "--necrosis-label", 2, "--out", place / "grades.csv")
        onfh("compare", labels, labels, "--necrosis-label", 2, "--out", place / "compared")

    first, *others = at_each_count(make)
    assert sum(name.suffix == ".csv" for name in first) >= 5
    assert all(one == first for one in others)


@pytest.fixture
def threads_of_torch():
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)


@pytest.mark.slow
@pytest.mark.xdist_group("study")
def test_predict_batch_and_crossval(study, onfh, at_each_count, threads_of_torch):
    turn = iter(COUNTS)

    def make(work):
        threads_of_torch(next(turn))
        shutil.rmtree(work / "crossval", ignore_errors=True)
        onfh("crossval", "--work", work, "--device", "cpu")
        onfh("predict", study / "cohort" / "images", "--batch", "--device", "cpu", "--out", work / "out")

    first, *others = at_each_count(make, study / "work")
    assert any(name.match("crossval/masks/*.nii.gz") for name in first)
    assert any(name.match("out/*.nii.gz") for name in first)
    for one in others:
        assert {name for name in first if one.get(name) != first[name] and not is_keyed(name)} == set()


def is_keyed(name):
    """Whether a file of an OUT depends on the secret that each new OUT draws for its hashes."""
    return name.parts[:2] in {("out", ".made_from"), ("out", "private")}
