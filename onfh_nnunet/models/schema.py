"""JSON files, and checks of their values, of any type and size.

A check takes a name and a value. It raises ValueError with the name, the value and what was expected, or returns
nothing. Types are strict: true is not 1, and 1.0 is not a whole number.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

from onfh_nnunet.core.errors import ModelError
from onfh_nnunet.models.bounds import JSON_BYTES, JSON_DEPTH

Check = Callable[[str, Any], None]

REMEDY = "Get the file again from where it was exported"

_SHOWN = 200


def shown(value: object) -> str:
    """A value for a message: control characters escaped, truncated after 200 characters."""
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def plain(value: object) -> str:
    """A text for a message: unchanged where it is short and printable, else as `shown`."""
    text = str(value)
    return text if len(text) <= _SHOWN and text.isprintable() else shown(value)


def wrong(name: str, value: object, expected: str) -> ValueError:
    """The error of a failed check."""
    return ValueError(f"has {name} {shown(value)}, expected {expected}")


def whole(low: int, high: int) -> Check:
    """A whole number from `low` to `high`."""

    def check(name: str, value: Any) -> None:
        if type(value) is not int or not low <= value <= high:
            raise wrong(name, value, f"a whole number from {low} to {high}")

    return check


def number(low: float, high: float) -> Check:
    """A number from `low` to `high`, not NaN."""

    def check(name: str, value: Any) -> None:
        if type(value) not in (int, float) or not low <= value <= high:
            raise wrong(name, value, f"a number from {low:g} to {high:g}")

    return check


def line(most: int) -> Check:
    """One line of text of up to `most` characters without control characters, which would steer a terminal."""

    def check(name: str, value: Any) -> None:
        if not isinstance(value, str) or len(value) > most or not value.isprintable():
            raise wrong(name, value, f"one line of printable text of up to {most} characters")

    return check


def sha256(name: str, value: Any) -> None:
    """A SHA-256 in hexadecimal digits."""
    if not isinstance(value, str) or not re.fullmatch("[0-9a-f]{64}", value):
        raise wrong(name, value, "64 hexadecimal digits")


def identical(one: Any, other: Any) -> bool:
    """Whether two values are equal as JSON: with the same types, but for tuples and lists."""
    return _text(one) == _text(other)


def same(*known: Any) -> Check:
    """One of these values, `identical` to it."""

    def check(name: str, value: Any) -> None:
        if not any(identical(value, each) for each in known):
            raise wrong(name, value, " or ".join(map(repr, known)))

    return check


def optional(inner: Check) -> Check:
    """None, or a value that another check accepts."""

    def check(name: str, value: Any) -> None:
        if value is not None:
            inner(name, value)

    return check


def listed(inner: Check, fewest: int, most: int) -> Check:
    """A list of `fewest` to `most` values that another check accepts."""

    def check(name: str, value: Any) -> None:
        if not isinstance(value, list | tuple) or not fewest <= len(value) <= most:
            count = f"{fewest}" if fewest == most else f"{fewest} to {most}"
            raise wrong(name, value, f"a list of {count} values")
        for item in value:
            inner(name, item)

    return check


def any_value(name: str, value: Any) -> None:
    """Accept every value; it is checked elsewhere."""


def record(name: str, value: Any, checks: Mapping[str, Check], ignored: Collection[str] = ()) -> None:
    """An object of exactly these keys, each value checked; `ignored` keys are allowed too.

    Raises:
        ValueError: It is no object, a key is missing or unknown, or a value is wrong.
    """
    if not isinstance(value, Mapping):
        raise wrong(name, value, "an object")
    if missing := sorted(checks.keys() - value.keys()):
        raise ValueError(f"has {name} without {missing[0]}, expected it")
    if unknown := sorted(map(str, value.keys() - checks.keys() - set(ignored))):
        raise ValueError(f"has {name} with {shown(unknown[0])}, expected only {', '.join(checks)}")
    for key, check in checks.items():
        check(key, value[key])


@contextlib.contextmanager
def refused(case: object, remedy: str) -> Iterator[None]:
    """Context manager: turn a failed check into a `ModelError`.

    Raises:
        ModelError: A check of the block raised ValueError.
    """
    try:
        yield
    except ValueError as error:
        raise ModelError(case, str(error), remedy) from error


def to_json(value: Mapping[str, Any]) -> bytes:
    """Serialize an object as JSON."""
    return json.dumps(value, indent=1, default=dict).encode()


def from_json(case: object, content: bytes | str) -> dict[str, Any]:
    """Parse an object from JSON.

    Raises:
        ModelError: It is none, is larger than any such object, is nested deeper, or states a name twice.
    """
    if len(content) > JSON_BYTES:
        raise ModelError(case, f"has {len(content)} bytes of JSON, expected up to {JSON_BYTES}", REMEDY)
    try:
        value = json.loads(content, object_pairs_hook=_each_once)
        _require_shallow(value)
    except (ValueError, RecursionError) as error:
        raise ModelError(case, f"is damaged ({plain(error)})", REMEDY) from error
    if not isinstance(value, dict):
        raise ModelError(case, f"holds a {type(value).__name__}, expected an object", REMEDY)
    return value


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) < len(pairs):
        raise ValueError("it states a name twice")
    return value


def _require_shallow(value: object, depth: int = JSON_DEPTH) -> None:
    """Refuse JSON that is nested deeper than `depth`."""
    if depth < 0:
        raise ValueError(f"it is nested more than {JSON_DEPTH} levels deep")
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        if isinstance(item, dict | list):
            _require_shallow(item, depth - 1)


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=repr)
