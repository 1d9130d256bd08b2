"""The command line ``onfh``: each command parses, calls one function and prints."""

from __future__ import annotations

import contextlib
import io
import os
import signal
import sys
import warnings
from collections.abc import Callable
from typing import Annotated, Any

import typer

from onfh_nnunet import __version__
from onfh_nnunet.cli import console
from onfh_nnunet.cli.agree import agree
from onfh_nnunet.cli.check import check
from onfh_nnunet.cli.cohort import cohort
from onfh_nnunet.cli.compare import compare
from onfh_nnunet.cli.convert import convert
from onfh_nnunet.cli.crossval import crossval
from onfh_nnunet.cli.doctor import doctor
from onfh_nnunet.cli.export import export
from onfh_nnunet.cli.grade import grade
from onfh_nnunet.cli.implant import implant
from onfh_nnunet.cli.logged_command import LoggedCommand
from onfh_nnunet.cli.mesh import mesh
from onfh_nnunet.cli.model import model
from onfh_nnunet.cli.pacs import pacs
from onfh_nnunet.cli.phantom import phantom
from onfh_nnunet.cli.plan import plan
from onfh_nnunet.cli.plan_study import plan_study
from onfh_nnunet.cli.predict import predict
from onfh_nnunet.cli.report import report
from onfh_nnunet.cli.run import run as run_command
from onfh_nnunet.cli.train import train
from onfh_nnunet.cli.watch import watch
from onfh_nnunet.core.errors import OnfhError, OnfhWarning
from onfh_nnunet.core.no_telemetry import home_untouched
from onfh_nnunet.core.system_errors import system_refusal

HELP = "Segment the femoral head and its necrosis on MRI, and grade the extent after Steinberg. Research use only."
COMMANDS = (
    *(doctor, phantom, implant, cohort, check, convert, plan, train, crossval, export, model),
    *(run_command, predict, grade, mesh, compare, agree, plan_study, report, watch),
)

_LIBRARIES = r"(pydicom|highdicom|nibabel)\b"
"""What they warn of, such as a value longer than the standard allows, says nothing to a reader of our messages."""

_INTERRUPTED = 130
"""What shells and typer use as the exit code after Ctrl-C."""

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # plain text: rich's Markdown took half of the time of --help
    help=HELP,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for command in COMMANDS:
    app.command(command.__name__.replace("_", "-"), cls=LoggedCommand)(command)
app.add_typer(pacs, name="pacs")


def _show_version(wanted: bool) -> None:
    if wanted:
        console.say(f"onfh {__version__}")
        raise typer.Exit


@app.callback()
def _before_each_command(
    _version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    pass


def run() -> None:
    """Run ``onfh``.

    An `OnfhError`, or what the system refuses, becomes one message on stderr and exit code 1; a bug stays a traceback.
    """
    with contextlib.suppress(OnfhError):  # without a temporary folder most commands still work
        os.environ.update(home_untouched())
    warnings.filterwarnings("ignore", module=_LIBRARIES)
    warnings.simplefilter("always", OnfhWarning)
    warnings.showwarning = _shown(warnings.showwarning)
    for name in ("SIGTERM", "SIGHUP"):
        _end_as_by_ctrl_c(name)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # as stderr does: a terminal may lack a name's letters
    try:
        app()
    except Exception as error:
        refusal = error if isinstance(error, OnfhError) else system_refusal(error)
        if refusal is None:
            raise
        console.refusal(refusal)
        sys.exit(1)
    except KeyboardInterrupt:  # between the commands' own handling of it and the end
        sys.exit(_INTERRUPTED)


def _shown(otherwise: Callable[..., None]) -> Callable[..., None]:
    """How a warning is shown: ours as a line for people, any other as it would be."""

    def show(message: Warning | str, category: type[Warning], *place: Any, **more: Any) -> None:
        if issubclass(category, OnfhWarning):
            console.warn(f"warning: {message}")
        else:
            otherwise(message, category, *place, **more)

    return show


def _end_as_by_ctrl_c(name: str) -> None:
    """Make a termination signal run the clean-up, unless the caller ignores the signal, as nohup does."""
    number = getattr(signal, name, None)
    if number is not None and signal.getsignal(number) == signal.SIG_DFL:
        signal.signal(number, signal.default_int_handler)
