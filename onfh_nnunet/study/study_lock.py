"""Lock of a study: one process at a time changes it, and none while a fold is being trained."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from onfh_nnunet.core.folder_lock import locked, require_unlocked
from onfh_nnunet.study.workspace import Workspace


@contextlib.contextmanager
def locked_study(workspace: Workspace, command: str) -> Iterator[None]:
    """Context manager: hold the lock of a workspace.

    Folds have locks of their own, so that several processes can train side by side; see `train.train`.

    Raises:
        WorkspaceError: Another process holds it or trains a fold, or the workspace cannot be made or written.
    """
    with locked(workspace.root, command, "give another `work`"):
        for folder in workspace.results.glob("*/fold_*"):
            require_unlocked(folder, "onfh train", "stop it")
        yield
