"""The command line ``onfh``: each command parses, calls one function and prints."""

import sys

import typer

from onfh_nnunet.errors import OnfhError

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)


def run() -> None:
    """Run ``onfh``; a refusal becomes one message on stderr and exit code 1, a bug stays a traceback."""
    try:
        app()
    except OnfhError as error:
        print(f"onfh: {error}", file=sys.stderr)
        sys.exit(1)
