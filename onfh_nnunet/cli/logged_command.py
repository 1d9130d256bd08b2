"""A command that logs how it was called and how it ended; see `core.run_log`."""

from __future__ import annotations

from typing import Any

from typer.core import TyperCommand

from onfh_nnunet import __version__
from onfh_nnunet.cli import console
from onfh_nnunet.core.errors import OnfhError
from onfh_nnunet.core.run_log import LOGGER, folder_log
from onfh_nnunet.core.scratch import sweep_scratch
from onfh_nnunet.core.system_errors import require_address_space


class LoggedCommand(TyperCommand):
    """Each command of ``onfh``."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command; what its workflow says meanwhile is logged where it writes its results.

        What killed commands left in the temporary folder is removed first; help and usage errors never get here.
        """
        require_address_space()
        sweep_scratch()
        options = " ".join(f"{name}={console.plain(value)!r}" for name, value in ctx.params.items())
        name = ctx.command_path.removeprefix(ctx.find_root().command_path).strip()
        with folder_log() as log:
            LOGGER.info("onfh %s %s: %s", name, __version__, options)
            try:
                ended = super().invoke(ctx)
            except OnfhError as error:
                LOGGER.error("onfh %s refuses: %s", name, error)
                raise
            except KeyboardInterrupt:
                LOGGER.error("onfh %s was interrupted", name)
                raise
            except Exception:
                LOGGER.exception("onfh %s failed", name)
                raise
            LOGGER.info("onfh %s is done", name)
        if log.problem is not None:
            console.warn(f"the log could not be written: {log.problem.filename}: {log.problem.strerror}")
        return ended
