"""Pages from templates: every value is escaped, and no page loads anything or runs a script that is not its own."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from onfh_nnunet.core.printable import printable
from onfh_nnunet.core.steinberg import MODERATE_FROM_PERCENT, SEVERE_ABOVE_PERCENT, printed_percent
from postprocessing.report.slices import COLOURS, FIELD_MM
from postprocessing.uncertainty.margin_interval import MARGIN_VOXELS

if TYPE_CHECKING:
    from markupsafe import Markup

MISSING = "\N{EN DASH}"
"""What a value that is undefined looks like."""

FOLDER = Path(__file__).parent


def render(template: str, values: Mapping[str, Any], filters: Mapping[str, Any]) -> str:
    """A page.

    Args:
        template: Its file in this folder.
        values: What it shows.
        filters: More filters than `number`, `percent`, `webp` and `png`.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        finalize=_shown,
    )
    environment.filters |= {"number": number, "percent": printed_percent, "png": _png, "webp": _webp} | dict(filters)
    environment.globals |= {"style": _style, "script": _script, "policy": _policy}
    limits = {"moderate": MODERATE_FROM_PERCENT, "severe": SEVERE_ABOVE_PERCENT, "margin": MARGIN_VOXELS}
    page: str = environment.get_template(template).render(values, limits=limits, colours=COLOURS, field_mm=FIELD_MM)
    return page


def with_digest(page: str) -> str:
    """Append a line with a digest, which identifies the page as onfh's and as unedited."""
    return f"{page}<!-- onfh report, sha256 {hashlib.sha256(page.encode()).hexdigest()} -->\n"


def has_valid_digest(content: bytes) -> bool:
    """Whether a file's content is an unedited page of `with_digest`."""
    page, _, _ = content.rpartition(b"<!-- onfh report, sha256 ")
    return bool(page) and with_digest(page.decode(errors="replace")).encode() == content


def number(value: float | None, digits: int = 1) -> str:
    """A number with its digits, or `MISSING`."""
    return MISSING if value is None else f"{value:.{digits}f}"


def _shown(value: Any) -> Any:
    """Filter of all values: printable text; markup made here is unchanged."""
    return printable(value) if type(value) is str else value


def _style() -> Markup:
    return _own("report.css", "style")


def _script(name: str) -> Markup:
    return _own(name, "script")


def _own(name: str, element: str) -> Markup:
    """A file of this folder as an element of the page."""
    from markupsafe import Markup

    content = (FOLDER / name).read_text(encoding="utf-8")
    return Markup("<{0}>{1}</{0}>").format(element, Markup(content))


def _policy(*names: str) -> str:
    """The content security policy of a page with these scripts: nothing is loaded, and no other script runs."""
    contents = ((FOLDER / name).read_text(encoding="utf-8").encode() for name in names)
    allowed = " ".join(f"'sha256-{in_base64(hashlib.sha256(content).digest())}'" for content in contents)
    return f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src {allowed}"


def in_base64(content: bytes) -> str:
    """Bytes as text of an attribute."""
    return base64.b64encode(content).decode()


def _png(content: bytes) -> str:
    return "data:image/png;base64," + in_base64(content)


def _webp(content: bytes) -> str:
    return "data:image/webp;base64," + in_base64(content)
