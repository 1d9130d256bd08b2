"""Child process: fingerprint, plan and preprocess one dataset with nnU-Net's own code."""

from __future__ import annotations

import sys

from nnunetv2.experiment_planning.plan_and_preprocess_api import extract_fingerprint_dataset, preprocess_dataset

from onfh_nnunet.child import end_with_parent
from onfh_nnunet.nnunet import planner
from onfh_nnunet.preset import CONFIGURATION, preset_named


def main(dataset_id: int, preset_name: str, processes: int) -> None:
    """Plan and preprocess, in the folders that nnU-Net's environment variables name."""
    preset = preset_named(preset_name)
    extract_fingerprint_dataset(dataset_id, num_processes=processes, clean=True, show_progress_bar=False)
    planner_class = getattr(planner, preset.planner)
    spacing = None if preset.spacing_mm is None else list(preset.spacing_mm)
    planner_class(dataset_id, plans_name=preset.name, overwrite_target_spacing=spacing).plan_experiment()
    preprocess_dataset(dataset_id, preset.name, (CONFIGURATION,), [processes], show_progress_bar=False)


if __name__ == "__main__":
    end_with_parent()
    main(int(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
