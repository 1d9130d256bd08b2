"""The command line ``onfh``: each command parses, calls one function and prints."""

from __future__ import annotations

import io
import sys

import typer

from onfh_nnunet.cli import show
from onfh_nnunet.cli.agree import agree
from onfh_nnunet.cli.check import check
from onfh_nnunet.cli.cohort import cohort
from onfh_nnunet.cli.compare import compare
from onfh_nnunet.cli.convert import convert
from onfh_nnunet.cli.crossval import crossval
from onfh_nnunet.cli.doctor import doctor
from onfh_nnunet.cli.export import export
from onfh_nnunet.cli.grade import grade
from onfh_nnunet.cli.model import model
from onfh_nnunet.cli.phantom import phantom
from onfh_nnunet.cli.plan import plan
from onfh_nnunet.cli.predict import predict
from onfh_nnunet.cli.report import report
from onfh_nnunet.cli.train import train
from onfh_nnunet.errors import OnfhError

HELP = "Segment the femoral head and its necrosis on MRI, and grade the extent after Steinberg. Research use only."
COMMANDS = (
    *(doctor, phantom, cohort, check, convert, plan, train, crossval, export, model),
    *(predict, grade, compare, agree, report),
)

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=HELP)
for command in COMMANDS:
    app.command()(command)


def run() -> None:
    """Run ``onfh``; a refusal becomes one message on stderr and exit code 1, a bug stays a traceback."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # as stderr does: a terminal may lack a name's letters
    try:
        app()
    except OnfhError as error:
        show.refusal(error)
        sys.exit(1)
