"""The model that comes with the package, from trained weights: rounded, judged, calibrated, with its card.

    python -m recipes.bundle TRAINED.safetensors COHORT.csv OUT.safetensors CASES.csv ...

TRAINED is of `averaged` on all scans of COHORT.csv; each CASES.csv of `judge_real`, whose folds did not see the hips
that they judge. The card has the scores of the first. The intervals are calibrated on the hips of each table and on
phantoms, so that they hold for each of these kinds, and widened.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from dataclasses import fields, replace
from importlib.metadata import version
from pathlib import Path

from dataset_conversion.cohort.table import read_cohort
from dataset_conversion.phantom.phantom_cohort import write_phantom_cohort
from dataset_conversion.readers import read_scan
from onfh_nnunet.core.choices import PhantomForm
from onfh_nnunet.core.csv_rows import read_rows
from onfh_nnunet.core.scan_hash import scan_sha256
from onfh_nnunet.models.model import Model
from onfh_nnunet.models.model_card import Card, Score
from onfh_nnunet.models.model_file import ModelFile, write_model_file
from onfh_nnunet.workflows.crossval import OutOfFold
from onfh_nnunet.workflows.export import calibrated
from postprocessing.metrics.case_metrics import CrossvalRow
from postprocessing.statistics.summary_tables import summarize
from postprocessing.uncertainty.conformal import Calibration
from recipes.judged import judged_hips, widened
from recipes.train_real import CAUTION
from recipes.train_synthetic import BODIES

PHANTOMS, SEED = 63, 2025
IMAGES = "CPTAC-UCEC, doi 10.7937/k9/tcia.2018.3r3juisw, CC BY 4.0"


def main() -> None:
    """Write the model file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("trained", "cohort", "out"):
        parser.add_argument(name, type=Path)
    parser.add_argument("cases", type=Path, nargs="+")
    options = parser.parse_args()
    trained = ModelFile.read(options.trained)
    scans = tuple(sorted(scan_sha256(read_scan(scan.image).volume) for scan in read_cohort(options.cohort)))
    real = [read_rows(cases, CrossvalRow) for cases in options.cases]
    heads = {(row.patient, row.side) for row in real[0]}
    training = {"recipe": "recipes/bundle.py", "torch": version("torch"), "real_images": IMAGES}
    training |= {"drawn_hips": BODIES, "real_heads": len(heads)}
    card = Card("Apache-2.0", training, BODIES + len(heads), caution=CAUTION, scans=scans)
    model = _rounded(trained.model)
    write_model_file(options.out, model, card)
    write_model_file(options.out, model, _judged(card, [*real, phantoms(options.out)]))


def phantoms(model: Path) -> list[CrossvalRow]:
    """The phantoms of `onfh phantom`, which taught no model of ours, as the model outlines them."""
    with tempfile.TemporaryDirectory(prefix="onfh-judged-") as folder:
        cohort = Path(folder) / "phantoms"
        write_phantom_cohort(cohort, hips=PHANTOMS, seed=SEED, form=PhantomForm.NIFTI)
        return judged_hips(model, cohort, (cohort / "images").iterdir(), Path(folder) / "out")


def _rounded(model: Model) -> Model:
    """The model with weights of half precision, whose file takes half the room."""
    shared: dict[int, object] = {}
    weights = {
        fold: {name: shared.setdefault(value.data_ptr(), value.half().float()) for name, value in own.items()}
        for fold, own in model.weights.items()
    }
    return replace(model, weights=weights)


def _judged(card: Card, kinds: Sequence[Sequence[CrossvalRow]]) -> Card:
    """The card with scores of the first kind of hips, and intervals that hold for each kind."""
    named = [field.name for field in fields(Score)]
    scores = tuple(Score(**{name: getattr(row, name) for name in named}) for row in summarize(kinds[0]))
    rows = [row for own in kinds for row in own]
    known = OutOfFold.of(rows)
    true, pred = ([getattr(row, f"necrosis_percent_{which}") for row in rows] for which in ("true", "pred"))
    of_kind = [str(kind) for kind, own in enumerate(kinds) for _ in own]
    calibration = Calibration.fit(true, pred, [row.patient for row in rows], kinds=of_kind)
    made, notes = calibrated(replace(card, crossval=scores), replace(known, calibration=widened(calibration)))
    print(*notes, sep="\n")
    return made


if __name__ == "__main__":
    main()
