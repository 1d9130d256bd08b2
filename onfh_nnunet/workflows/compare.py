"""Comparison of masks with reference masks."""

from __future__ import annotations

from pathlib import Path

from onfh_nnunet.core.atomic_files import require_output_apart
from onfh_nnunet.core.choices import AnyPath
from onfh_nnunet.core.errors import OnfhError
from onfh_nnunet.core.folder_lock import locked_output
from onfh_nnunet.core.folder_record import written_folder
from onfh_nnunet.core.progress import Progress, silent
from onfh_nnunet.core.volume import Volume
from postprocessing.metrics.case_metrics import CrossvalRow
from postprocessing.metrics.mask_pairs import compare_masks, compare_pairs, match_masks
from postprocessing.statistics.summary_tables import write_tables

__all__ = ["CrossvalRow", "compare"]

IN_MEMORY = "hip"
"""The case id of two masks that are in memory."""


def compare(
    reference: AnyPath | Volume,
    prediction: AnyPath | Volume,
    *,
    out: AnyPath | None = None,
    progress: Progress = silent,
) -> list[CrossvalRow]:
    """Compare two folders of masks hip by hip, or the two masks of one hip.

    Args:
        reference: A folder of NIfTI, NRRD or MetaImage label maps, one hip each: 0 background, 1 viable head,
            2 necrosis; or one such mask (z, y, x).
        prediction: A folder of masks of the same hips under the same names; or the other mask, on the same grid.
        out: A folder for cases.csv, summary.csv, summary_by_group.csv, agreement.csv and confusion.csv; those of an
            earlier comparison are replaced. Nothing is written by default.
        progress: Called after each hip.

    Returns:
        The metrics of each hip, in order of the case ids; distances in mm, volumes in ml, None where undefined.

    Raises:
        GridMismatch: The masks of a hip do not lie on one grid.
        LabelError: A mask is no label map of one hip, or a reference holds no head.
        OnfhError: Several hips cannot be compared; all of them are named.
        ReadError: A folder holds no mask, the folders hold masks of different names, or a mask cannot be read.
        WorkspaceError: `out` cannot be written, lies in an input, or holds something else.

    Example:
        >>> import numpy as np
        >>> from onfh_nnunet.core.grid import Grid
        >>> from onfh_nnunet.core.volume import Volume
        >>> from onfh_nnunet.workflows.compare import compare
        >>> axes = ((0.0, 0.0, 1.0), (0.0, 1.0, 0.0), (1.0, 0.0, 0.0))
        >>> labels = np.pad(np.ones((40, 40, 40), np.uint8), 4)
        >>> mask = Volume(labels, Grid(labels.shape, (1.0, 1.0, 1.0), (0.0, 0.0, 0.0), axes))
        >>> compare(mask, mask)[0].head_dice
        1.0
    """
    if out is None:
        return _rows(reference, prediction, progress)
    folder = Path(out)
    require_output_apart(folder, [Path(given) for given in (reference, prediction) if not isinstance(given, Volume)])
    with locked_output(folder, "onfh compare"), written_folder(folder, "tables") as part:
        rows = _rows(reference, prediction, progress)
        write_tables(part, rows)
    return rows


def _rows(reference: AnyPath | Volume, prediction: AnyPath | Volume, progress: Progress) -> list[CrossvalRow]:
    if isinstance(reference, Volume) and isinstance(prediction, Volume):
        return [compare_masks(IN_MEMORY, reference, prediction)]
    if isinstance(reference, Volume) or isinstance(prediction, Volume):
        problem = "are a mask and a folder, expected two masks or two folders"
        raise OnfhError("reference and prediction", problem, "Read the other mask as well")
    return compare_pairs(match_masks(Path(reference), Path(prediction)), progress)
