"""Proposal of a cohort.csv from the content of a folder."""

from __future__ import annotations

from pathlib import Path

from dataset_conversion.discovery import propose as discovery
from dataset_conversion.discovery.propose import Proposal
from onfh_nnunet.core.atomic_files import require_file_place, write_text
from onfh_nnunet.core.choices import AnyPath
from onfh_nnunet.core.errors import WorkspaceError
from onfh_nnunet.core.progress import Progress, silent
from onfh_nnunet.core.user_files import read_content

__all__ = ["Proposal", "propose", "write_proposal"]


def propose(folder: AnyPath, *, relative_to: AnyPath | None = None, progress: Progress = silent) -> Proposal:
    """Propose the rows of a cohort.csv, for a person to correct.

    Args:
        folder: Scans and labels, at any depth.
        relative_to: The folder in which the table will lie; the current folder by default.
        progress: Called for each file that is looked into.

    Returns:
        The rows, and notes on what is uncertain; a side that nothing states stays empty.

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
    return discovery.propose(Path(folder), Path(relative_to) if relative_to else Path.cwd(), progress=progress)


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
