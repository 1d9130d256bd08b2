"""Damage done to a whole file: bytes are changed, lost, doubled, or replaced by what programs stumble over."""

from hypothesis import strategies as st

ODD = [
    *(b"", b"\0", b"\xff", b"\xed\xa0\x80", b"\xe2\x80\xae", b"\r", b"\n", b'"', b"'", b",", b";", b"%n", b"[]", b"{}"),
    *(b"nan", b"inf", b"1e999", b"-1", b"0", b"1,5", b"null", b"true", b"9" * 5000, b"[" * 2000, b"\xff\xff\xff\x7f"),
    *(
        b"=1+1",
        b"None",
        b"-0",
        b"\x1b[2J",
        b"4294967296",
        b"\0\0\xc0\x7f",
        b"\0\0\0\x80",
        b"PK\x03\x04",
        b"\x1f\x8b\x08",
    ),
]

places = st.integers(0, 2**32 - 1)
edits = st.tuples(places, st.integers(0, 12), st.one_of(st.sampled_from(ODD), st.binary(max_size=8)))


def damaged(content, made):
    """The content after some edits, each of a place, how many bytes go there, and what comes instead."""
    for place, n_lost, more in made:
        start = place % (len(content) + 1)
        content = content[:start] + more + content[start + n_lost :]
    return content


VALUES = [
    *(None, True, False, 0, -1, 1, 10**30, 1.5, float("nan"), float("inf"), -0.0, 1e-320, "", "x", "\x1b[2J", "\ud800"),
    *([], {}, [[]], [0], {"a": 1}, "9" * 5000, "os.system"),
]
"""What JSON can say in place of a value."""


def places_in(value, place=()):
    """The keys that lead to each value of parsed JSON."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield (*place, key)
        yield from places_in(inner, (*place, key))


def put(value, place, other):
    """Replace the value at a place of parsed JSON."""
    for key in place[:-1]:
        value = value[key]
    value[place[-1]] = other
