"""Worker process: fingerprint, plan and preprocess one dataset with nnU-Net."""

from __future__ import annotations

import contextlib
import json
import sys
import threading
from collections.abc import Callable, Iterator
from multiprocessing.pool import ThreadPool
from pathlib import Path

from nnunetv2.experiment_planning.plan_and_preprocess_api import extract_fingerprint_dataset, preprocess_dataset
from nnunetv2.paths import nnUNet_preprocessed, nnUNet_raw
from nnunetv2.training.dataloading.nnunet_dataset import infer_dataset_class
from nnunetv2.utilities import utils as nnunet_names
from nnunetv2.utilities.dataset_name_id_conversion import maybe_convert_to_dataset_name

from onfh_nnunet.nnunet import planner
from onfh_nnunet.nnunet.worker_process import end_with_parent, reporter
from onfh_nnunet.study.preset import CONFIGURATION, preset_named

POLL_S = 1.0
"""How often the finished cases are counted."""


def main(dataset_id: int, preset_name: str, processes: int) -> None:
    """Plan and preprocess, in the folders that nnU-Net's environment variables name."""
    report = reporter()
    nnunet_names.Pool = ThreadPool  # nnU-Net forks twelve processes after torch, to join names of files
    raw = Path(nnUNet_raw, maybe_convert_to_dataset_name(dataset_id))
    n_cases = json.loads((raw / "dataset.json").read_text(encoding="utf-8"))["numTraining"]
    preset = preset_named(preset_name)
    report(("fingerprint", 0, n_cases))
    extract_fingerprint_dataset(dataset_id, num_processes=processes, clean=True, show_progress_bar=False)
    report(("plan of the network", 0, n_cases))
    planner_class = getattr(planner, preset.planner)
    spacing = None if preset.spacing_mm is None else list(preset.spacing_mm)
    planner_class(dataset_id, plans_name=preset.name, overwrite_target_spacing=spacing).plan_experiment()
    plans = Path(nnUNet_preprocessed, maybe_convert_to_dataset_name(dataset_id), f"{preset.name}.json")
    identifier = json.loads(plans.read_text(encoding="utf-8"))["configurations"][CONFIGURATION]["data_identifier"]
    with _files_counted(plans.parent / identifier, lambda done: report(("preprocessing", done, n_cases))):
        preprocess_dataset(dataset_id, preset.name, (CONFIGURATION,), [processes], show_progress_bar=False)
    report(("reading back", 0, n_cases))
    read_back(plans.parent / identifier)


@contextlib.contextmanager
def _files_counted(folder: Path, report: Callable[[int], None]) -> Iterator[None]:
    """Report how many cases lie in a folder while the block fills it: nnU-Net itself does not say."""
    over = threading.Event()

    def count() -> None:
        known, ended = -1, False
        while not ended:
            ended = over.wait(POLL_S)
            if (found := len(list(folder.glob("*.pkl")))) != known:
                report(known := found)

    counting = threading.Thread(target=count)
    counting.start()
    try:
        yield
    finally:
        over.set()
        counting.join()


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
