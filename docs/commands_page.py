"""The page "Commands", made from the program itself when the site is built (a hook of MkDocs)."""

from __future__ import annotations

import re
from typing import Any

PAGE = "commands.md"
START = """# Commands

This page is made from the program. `onfh COMMAND --help` prints the same.

Exit codes: 0 means done, 1 means refused with one message that says what to do, and 2 means wrong usage.
"""


def on_files(files: Any, config: Any) -> Any:
    """Add the page to the site."""
    from mkdocs.structure.files import File

    files.append(File.generated(config, PAGE, content=page()))
    return files


def page() -> str:
    """The page as Markdown: each command with its usage, arguments and options."""
    import typer

    from onfh_nnunet.cli import app

    commands = vars(typer.main.get_command(app))["commands"]
    return START + "".join(_section(name, command) for name, command in commands.items())


def _section(name: str, command: Any) -> str:
    if parts := getattr(command, "commands", None):
        return f"\n## onfh {name}\n\n{_text(command.help)}\n" + "".join(
            _section(f"{name} {part}", one).replace("\n## ", "\n### ") for part, one in parts.items()
        )
    context = command.make_context(name, [], resilient_parsing=True)
    usage = " ".join(("onfh", name, *command.collect_usage_pieces(context)))
    records = (parameter.get_help_record(context) for parameter in command.get_params(context))
    rows = "".join(f"| <code>{_text(given)}</code> | {_text(meaning)} |\n" for given, meaning in filter(None, records))
    head = "| argument or option | meaning |\n|---|---|\n"
    about = "\n\n".join(map(_text, command.help.split("\n\n")))
    return f"\n## onfh {name}\n\n{about}\n\n    {usage}\n\n{head}{rows}"


def _text(text: str) -> str:
    """One line of plain text as Markdown that shows it as it is."""
    return re.sub(r"[<>|*_\[\]`]", lambda sign: f"&#{ord(sign[0])};", " ".join(text.split()))
