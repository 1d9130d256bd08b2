"""A proposal of cohort.csv from what lies in a folder."""

from __future__ import annotations

from pathlib import Path

from dataset_conversion.discovery import propose as discovery
from dataset_conversion.discovery.propose import Proposal
from onfh_nnunet.core.choices import AnyPath
from onfh_nnunet.core.progress import Progress, silent

__all__ = ["Proposal", "propose"]


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
