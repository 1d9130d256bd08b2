"""Worker process: fingerprint, plan and preprocess one dataset with nnU-Net."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from nnunetv2.experiment_planning.plan_and_preprocess_api import extract_fingerprint_dataset, preprocess_dataset
from nnunetv2.paths import nnUNet_preprocessed
from nnunetv2.training.dataloading.nnunet_dataset import infer_dataset_class
from nnunetv2.utilities.dataset_name_id_conversion import maybe_convert_to_dataset_name

from onfh_nnunet.nnunet import planner
from onfh_nnunet.nnunet.worker_process import end_with_parent
from onfh_nnunet.study.preset import CONFIGURATION, preset_named


def main(dataset_id: int, preset_name: str, processes: int) -> None:
    """Plan and preprocess, in the folders that nnU-Net's environment variables name."""
    preset = preset_named(preset_name)
    extract_fingerprint_dataset(dataset_id, num_processes=processes, clean=True, show_progress_bar=False)
    planner_class = getattr(planner, preset.planner)
    spacing = None if preset.spacing_mm is None else list(preset.spacing_mm)
    planner_class(dataset_id, plans_name=preset.name, overwrite_target_spacing=spacing).plan_experiment()
    preprocess_dataset(dataset_id, preset.name, (CONFIGURATION,), [processes], show_progress_bar=False)
    plans = Path(nnUNet_preprocessed, maybe_convert_to_dataset_name(dataset_id), f"{preset.name}.json")
    identifier = json.loads(plans.read_text(encoding="utf-8"))["configurations"][CONFIGURATION]["data_identifier"]
    read_back(plans.parent / identifier)


def read_back(folder: Path) -> None:
    """Read all preprocessed cases once, so that files truncated by a full disk are an error now.

    Raises:
        RuntimeError: A file cannot be read to its end.
    """
    cases = infer_dataset_class(str(folder))(str(folder))
    for name in cases.identifiers:
        data, labels, *_ = cases.load_case(name)
        if data[:].shape[1:] != labels[:].shape[1:]:
            raise RuntimeError(f"{name}: image and label differ in shape after preprocessing")


if __name__ == "__main__":
    end_with_parent()
    main(int(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
