"""Proposal of a cohort.csv from the content of a folder."""

from __future__ import annotations

from pathlib import Path

from dataset_conversion.cohort.table import ScanSide
from dataset_conversion.discovery import propose as discovery
from dataset_conversion.discovery.candidates import ScanCandidate
from dataset_conversion.discovery.propose import Proposal
from dataset_conversion.readers import read_volume
from onfh_nnunet.core.atomic_files import require_file_place, write_text
from onfh_nnunet.core.choices import AnyPath
from onfh_nnunet.core.errors import HipNotFound, WorkspaceError
from onfh_nnunet.core.progress import Progress, silent
from onfh_nnunet.core.user_files import read_content
from onfh_nnunet.workflows.scan_checks import require_hip_scan

__all__ = ["Proposal", "propose", "write_proposal"]


def propose(folder: AnyPath, *, relative_to: AnyPath | None = None, progress: Progress = silent) -> Proposal:
    """Propose the rows of a cohort.csv, for a person to correct.

    Args:
        folder: Scans and labels, at any depth.
        relative_to: The folder in which the table will lie; the current folder by default.
        progress: Called for each file that is looked into.

    Returns:
        The rows, and notes on what is uncertain. Where header, label and names state no side, it is ``B`` if the scan
        shows both hips, with a note, and empty otherwise.

    Raises:
        CohortError: There is no such folder, or no scan in it.

    Example:
        >>> import tempfile
        >>> from onfh_nnunet.workflows.cohort import propose
        >>> from onfh_nnunet.workflows.phantom import phantom
        >>> folder = tempfile.mkdtemp()
        >>> scans = phantom(f"{folder}/cohort", hips=1, form="nifti", spacing_mm=(4, 4, 4))
        >>> [row.side for row in propose(folder).rows]
        ['L']
    """
    start = Path(relative_to) if relative_to else Path.cwd()
    return discovery.propose(Path(folder), start, progress, _side_shown)


def _side_shown(scan: ScanCandidate) -> ScanSide:
    """Both hips, where the locator sees a pair of heads in a scan.

    Raises:
        OnfhError: It cannot be read, is no scan of a hip, or does not show both.
    """
    from onfh_nnunet.inference.laterality import side_of_head, sides_of_pair
    from onfh_nnunet.inference.locator import locate_heads

    volume = read_volume(scan.path, scan.series or None)
    require_hip_scan(volume, scan)
    heads = locate_heads(volume)
    if not heads:
        raise HipNotFound(scan, "shows no femoral head", "Check that it is an MRI of a hip")
    if len(heads) == 1:  # noise, too, looks like a hip of one side: a person decides
        side = side_of_head(heads[0], volume.grid, None, scan)
        raise HipNotFound(scan, f"shows one femoral head, which looks like side {side}", "Look at the scan")
    sides_of_pair(heads, scan)
    return "B"


def write_proposal(proposal: Proposal, out: AnyPath, *, force: bool = False) -> None:
    """Write a proposal; a table that a person may have corrected is kept.

    Args:
        proposal: The rows; their paths are relative to the folder of `out`.
        out: The table.
        force: Whether another table at `out` is replaced.

    Raises:
        WorkspaceError: Another table lies there, or `out` cannot be written.

    Example:
        >>> import tempfile
        >>> from onfh_nnunet.workflows.cohort import Proposal, write_proposal
        >>> write_proposal(Proposal((), ()), f"{tempfile.mkdtemp()}/cohort.csv")
    """
    path, text = Path(out), proposal.csv()
    require_file_place(path)
    if path.exists() and not force and read_content(path) != text.encode():
        problem = "holds another table, which somebody may have corrected"
        raise WorkspaceError(path, problem, "Give another `out`, or add `force` to replace it")
    write_text(path, text)
