"""What the names of people's files say: the name without its endings, its words, and the side that it states."""

from __future__ import annotations

import re
from pathlib import Path

from onfh_nnunet.core.hip import Side

_SUFFIX = re.compile(r"(\.(seg|label))?\.((nii|hdr|img)(\.gz)?|nrrd|nhdr|mha|mhd|dcm|zip)$", re.IGNORECASE)
_WORD = re.compile(r"[^\W_]+")
_SIDE_WORDS = {Side.LEFT: {"l", "left"}, Side.RIGHT: {"r", "right"}}


def stem(path: Path) -> str:
    """A file's or folder's name without the endings of its format: ``P001_L`` of ``P001_L.seg.nrrd``."""
    return _SUFFIX.sub("", path.name) or path.name


def words(text: str) -> frozenset[str]:
    """The words of a text, in small letters: runs of letters and digits."""
    return frozenset(_WORD.findall(text.casefold()))


def side_of_name(name: str) -> Side | None:
    """The side that ends a name as it ends a case id (``left_study_R``), else the one that its words state."""
    _, _, end = name.rpartition("_")
    return Side(end) if end in tuple(Side) else named_side(name)


def without_side(name: str) -> str:
    """A name without the words of a side: ``P001  T1`` of ``P001 left T1``."""
    sides = set().union(*_SIDE_WORDS.values())
    return _WORD.sub(lambda word: "" if word[0].casefold() in sides else word[0], name)


def named_side(*names: str) -> Side | None:
    """The side that names state as a word (``P001_L``, ``hip right``); none where they state none, or both."""
    said = words(" ".join(names))
    sides = [side for side, marks in _SIDE_WORDS.items() if said & marks]
    return sides[0] if len(sides) == 1 else None
