"""A model's card says what is in the file, and no more than is known."""

import csv
import json

import pytest
from typer.testing import CliRunner

from onfh_nnunet.core.choices import UNSTATED
from onfh_nnunet.core.hip import Side
from onfh_nnunet.core.steinberg import Grade
from onfh_nnunet.models.model_card import INTENDED_USE, LONGEST_CAUTION, NO_HEALTHY_HIP, Card, Score, cohort_figures
from onfh_nnunet.models.model_file import ModelFile, write_model_file
from onfh_nnunet.study.dataset import Case, Dataset
from onfh_nnunet.study.workspace import Workspace
from tests.helpers.calibrations import RANGES, calibration
from tests.helpers.small_model import small_model

SCORES = (
    Score("necrosis", "dice", 63, 0, 0.89, 0.85, 0.92),
    Score("necrosis", "assd_mm", 63, 63, None, None, None),
)


def case(patient, side, grade, spacing):
    return Case(f"{patient}_{side}", patient, side, "", "", False, 8, 8, 8, *spacing, 40.0, 4.0, 10.0, grade)


def test_cohort_figures_are_counted_and_name_nobody(tmp_path):
    cases = (
        case("p1", Side.LEFT, Grade.A, (1.0, 0.8, 0.8)),
        case("p1", Side.RIGHT, Grade.C, (1.0, 0.8, 0.8)),
        case("p2", Side.LEFT, Grade.A, (3.0, 0.5, 0.9)),
    )
    scans = {"p1_L": "b" * 64, "p1_R": "b" * 64, "p2_L": "a" * 64}
    figures = cohort_figures(Dataset(Workspace(tmp_path), cases, "", scans))
    assert figures == {
        "hips": 3,
        "patients": 2,
        "grades": {"none": 0, "A": 2, "B": 0, "C": 1},
        "sides": {"L": 2, "R": 1},
        "spacing_mm": ((1.0, 3.0), (0.5, 0.8), (0.8, 0.9)),
        "scans": ("a" * 64, "b" * 64),
    }
    assert "p1" not in json.dumps(Card(**figures).to_json())


def test_card_survives_the_file(tmp_path):
    stored = calibration(20, 30).to_json()
    training = {"preset": "paper", "epochs": 1000, "torch": "2.13"}
    card = Card(
        "CC-BY-4.0", training, 63, 50, {"A": 63}, {"L": 63}, ((1.0, 1.0),) * 3, SCORES, stored, scans=("c" * 64,)
    )
    write_model_file(tmp_path / "x.safetensors", small_model(0), card)
    back = ModelFile.read(tmp_path / "x.safetensors").card
    assert json.dumps(back.to_json()) == json.dumps(card.to_json())
    assert back.crossval == SCORES
    assert back.scans == card.scans


@pytest.mark.parametrize("absent", ["licence", "crossval", "intended_use"])
def test_card_that_lacks_a_statement_is_refused(absent):
    values = Card().to_json()
    del values[absent]
    with pytest.raises(ValueError, match=f"holds no card .*{absent}"):
        Card.from_json(values)


@pytest.mark.parametrize("scans", [("MRN-1",), "a" * 64, ("A" * 64,), ("a" * 63,), (7,), {}])
def test_scans_that_are_no_hashes_are_refused(scans):
    with pytest.raises(ValueError, match="scans"):
        Card.from_json(Card().to_json() | {"scans": scans})


def test_card_of_an_earlier_version_lists_no_scans():
    values = Card().to_json()
    del values["scans"]
    assert Card.from_json(values).scans is None
    assert Card.from_json(values | {"scans": []}).scans == ()


def test_score_of_another_form_is_refused():
    with pytest.raises(ValueError, match=r"holds no card .*mean"):
        Card.from_json(Card().to_json() | {"crossval": [{"mean": 1.0}]})


@pytest.mark.parametrize("caution", [None, 3, ["a"], "x" * 80, "\u00e4" * 40])
def test_caution_that_no_mask_can_repeat_is_refused(caution):
    with pytest.raises(ValueError, match="expected text of up to 79 bytes"):
        Card.from_json(Card().to_json() | {"caution": caution})
    assert Card(caution="x" * 79).caution == "x" * 79


@pytest.mark.parametrize(
    ("grades", "says"),
    [(None, ""), ({"A": 9}, NO_HEALTHY_HIP), ({"none": 0, "A": 9}, NO_HEALTHY_HIP), ({"none": 1, "A": 8}, "")],
)
def test_a_model_that_knows_no_healthy_hip_says_so_of_each_result(grades, says):
    figures = {} if grades is None else {"hips": 9, "patients": 9, "grades": grades}
    assert Card(**figures).said_of_results == says
    assert Card(**figures, caution="for trying out").said_of_results == "; ".join(
        filter(None, ("for trying out", says))
    )
    assert len(says.encode()) <= LONGEST_CAUTION


def test_card_of_a_file_that_does_not_count_healthy_hips_is_read():
    values = Card(hips=9, grades={"A": 9}).to_json()
    del values["healthy_calibrated"]
    assert Card.from_json(values).healthy_calibrated is None
    with pytest.raises(ValueError, match="healthy_calibrated"):
        Card.from_json(values | {"healthy_calibrated": -1})


@pytest.fixture
def printed(tmp_path):
    """Run ``onfh model`` on a model of a card; what it prints."""
    import typer

    from onfh_nnunet.cli.model import model

    app = typer.Typer()
    app.command()(model)

    def run(card, *arguments):
        write_model_file(tmp_path / "hips.safetensors", small_model(0, 3), card)
        done = CliRunner().invoke(
            app, [str(tmp_path / "hips.safetensors"), *map(str, arguments)], catch_exceptions=False
        )
        assert done.exit_code == 0
        return done.output

    return run


def test_card_is_printed(printed, tmp_path):
    stored = calibration(20, 30).to_json()
    grades, sides = {"none": 0, "A": 22, "B": 23, "C": 18}, {"L": 30, "R": 33}
    training = {"preset": "paper", "epochs": 1000, "plans_sha256": "abcdef"}
    spacing = ((1.0, 1.0), (1.25, 1.25), (0.5, 1.25))
    card = Card("CC-BY-4.0", training, 63, 50, grades, sides, spacing, SCORES, stored, applicability=RANGES.to_json())
    text = printed(card)
    lines = {line[:14].strip(): line[14:] for line in text.splitlines()}
    model_file = ModelFile.read(tmp_path / "hips.safetensors")
    assert lines["model"].startswith("hips.safetensors, onfh-model version 3, onfh-nnunet 0.")
    assert lines["sha256"] == model_file.sha256
    assert lines["intended use"] == INTENDED_USE == "Research use only. Not a medical device."
    assert lines["licence"] == "CC-BY-4.0"
    assert lines["trained on"] == (
        "63 hips of 50 patients; grades 0 none, 22 A, 23 B, 18 C; sides 30 L, 33 R; "
        "spacing 1.00-1.00 x 1.25-1.25 x 0.50-1.25 mm"
    )
    assert (lines["healthy hips"], lines["caution"]) == ("trained on 0", NO_HEALTHY_HIP)
    assert lines["trained by"] == "preset paper, epochs 1000"
    numbers = sum(tensor.numel() for tensor in {t.data_ptr(): t for t in model_file.model.weights[0].values()}.values())
    assert lines["network"] == (
        f"2 folds of PlainConvUNet of 2 stages, {numbers} parameters; patch 8 x 8 x 16 voxels of 2 x 1.5 x 1 mm"
    )
    assert lines["intervals"] == (
        "90% for each true grade (30 hips of 20 patients; patients by grade: 20 none, 20 A, 20 B, 20 C; "
        "conformal-by-true-grade)"
    )
    assert lines["they hold for"] == RANGES.about
    assert "0.890 (0.850-0.920)" in text
    assert "undefined" in text


def test_healthy_hips_of_training_and_calibration_are_printed(printed):
    card = Card(hips=30, patients=15, grades={"none": 6, "A": 8, "B": 9, "C": 7}, healthy_calibrated=5)
    text = printed(card)
    assert "healthy hips  trained on 6, calibrated on 5" in text
    assert "caution" not in text


def test_what_is_not_known_is_said(printed):
    text = printed(Card())
    assert UNSTATED in text
    assert text.count("not stated") == 5
    assert "scans         not listed: whether it saw a patient cannot be checked" in text
    assert "not calibrated: no cross-validation is in the file" in text
    assert "Out of fold" not in text
    few = printed(Card(calibration=calibration(4, 6, reach=None).to_json(), applicability=RANGES.to_json()))
    assert "no 90% interval: 4 patients, 9 are needed" in few
    assert "trained on    7 images" in printed(Card(hips=7))


def test_unpacking_says_how_to_run_it(printed, tmp_path):
    assert f"-m {tmp_path / 'stock'} -f 0 3" in printed(Card(), "--unpack", tmp_path / "stock")
    assert (tmp_path / "stock" / "fold_3" / "checkpoint_final.pth").is_file()
    card = json.loads((tmp_path / "stock" / "onfh_card.json").read_text())
    assert Card.from_json(card) == Card()


@pytest.mark.slow
@pytest.mark.xdist_group("study")
def test_exported_study_carries_its_cohort_and_cross_validation(study, onfh, tmp_path):
    onfh("crossval", "--work", study / "work")
    onfh("export", "--work", study / "work", "--out", tmp_path / "x.safetensors")
    card = ModelFile.read(tmp_path / "x.safetensors").card
    with (study / "work" / "cases.csv").open() as file:
        cases = list(csv.DictReader(file))
    assert card.hips == len(cases) == sum(card.grades.values()) == sum(card.sides.values())
    assert card.patients == len({row["patient"] for row in cases})
    assert card.training["preset"] == "quick"
    assert card.training["epochs"] == 2
    with (study / "work" / "crossval" / "summary.csv").open() as file:
        summary = list(csv.DictReader(file))
    assert [(score.region, score.metric, str(score.n)) for score in card.crossval] == [
        (row["region"], row["metric"], row["n"]) for row in summary
    ]
    assert card.calibration["n_hips"] <= card.hips
    assert card.healthy == sum(row["grade"] == "none" for row in cases) == 1
    assert card.healthy_calibrated in (0, 1)  # a head that was not found calibrates nothing
