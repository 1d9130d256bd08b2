"""Every hip of known truth has a row, found or not."""

import csv

import numpy as np

from dataset_conversion.phantom.phantom_cohort import write_phantom_cohort
from onfh_nnunet.core.choices import PhantomForm
from onfh_nnunet.core.volume import Volume
from onfh_nnunet.models.model_file import BUNDLED_MODEL
from postprocessing.uncertainty.conformal import Calibration
from recipes.judged import judged_hips, widened


def test_each_hip_is_judged_by_its_own_label_and_one_that_is_not_found_counts(tmp_path):
    write_phantom_cohort(tmp_path / "c", hips=3, seed=77, form=PhantomForm.NIFTI)
    scans = sorted((tmp_path / "c" / "images").iterdir())
    lost, *others = scans
    dark = Volume.read(lost)
    noise = np.random.default_rng(1).normal(100, 8, dark.array.shape).astype(np.float32)
    Volume(noise, dark.grid).write(lost)
    rows = judged_hips(BUNDLED_MODEL, tmp_path / "c", scans, tmp_path / "out")
    with (tmp_path / "c" / "truth.csv").open(newline="") as file:
        truth = {f"{row['patient_id']}_{row['side']}": float(row["necrosis_percent"]) for row in csv.DictReader(file)}
    assert {row.case_id: row.necrosis_percent_true for row in rows} == truth
    by_name = {row.case_id: row for row in rows}
    missed = by_name[lost.name.removesuffix(".nii.gz")]
    assert (missed.head_dice, missed.necrosis_percent_pred, missed.traits) == (0, None, None)
    for scan in others:
        found = by_name[scan.name.removesuffix(".nii.gz")]
        assert found.head_dice > 0.8
        assert found.traits.head_score > 0.6


def test_intervals_for_unlike_lesions_are_wider_and_those_of_healthy_hips_are_not_shorter():
    rng = np.random.default_rng(2)
    true = np.repeat([0.0, 8.0, 22.0, 36.0], 20)
    pred = np.clip(true + rng.normal(0, 1.5, true.size), 0, 100)
    known = Calibration.fit(true.tolist(), pred.tolist(), [f"P{n:03}" for n in range(true.size)])
    for percent in (0.0, 4.0, 14.0, 20.0, 33.0, 50.0):
        narrow, wide = known.interval(percent), widened(known).interval(percent)
        assert wide.low <= narrow.low <= percent <= narrow.high <= wide.high
    assert widened(known).interval(20.0).high - 20 > 1.3 * (known.interval(20.0).high - 20)
