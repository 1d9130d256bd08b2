"""From an export to a page to look at: pick the scans, predict them, report."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from onfh_nnunet.core.choices import AnyPath
from onfh_nnunet.core.devices import Device
from onfh_nnunet.core.progress import Progress, silent
from onfh_nnunet.workflows.output_rows import FailedRow
from onfh_nnunet.workflows.predict_folder import Predicted, predict_scans
from onfh_nnunet.workflows.predictor import Settings
from onfh_nnunet.workflows.report import report
from onfh_nnunet.workflows.scan_pipeline import Lines


@dataclass(frozen=True)
class Run:
    """What a run came to.

    Args:
        predicted: The hips, the failures, and which series were taken.
        page: The report; none where no hip was graded.
    """

    predicted: Predicted
    page: Path | None


def run(
    source: AnyPath,
    out: AnyPath,
    on_scan: Callable[[Lines | FailedRow], None] = lambda _outcome: None,
    *,
    model: AnyPath | None = None,
    device: Device = Device.AUTO,
    keep_ids: bool = False,
    progress: Progress = silent,
) -> Run:
    """Segment and grade every hip of an export, and report them.

    Args:
        source: A folder of studies at any depth, one study, or a table of scans.
        out: The folder for masks, tables and the report.
        on_scan: Called after each scan with its lines of grades.csv, or why it failed.
        model: The model file; default: the bundled demo model, trained on drawn and painted lesions.
        device: What computes.
        keep_ids: Whether results are named after the scans, instead of by pseudonyms.
        progress: Called after each scan.

    Returns:
        What was predicted, and the page.

    Raises:
        OnfhError: The source, the model, the device or `out` cannot be used; or the only scan cannot be predicted.

    Example:
        >>> from onfh_nnunet.workflows.run import run
        >>> run("export", "out").page  # doctest: +SKIP
        PosixPath('out/report.html')
    """
    given, folder = Path(source), Path(out)
    settings = Settings(
        *(Path(model) if model else None, folder, None, device, None, False), batch=given.is_dir(), keep_ids=keep_ids
    )
    predicted = predict_scans([given], settings, progress, on_scan)
    return Run(predicted, report(folder) if predicted.rows else None)
