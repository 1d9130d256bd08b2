"""What the name and the code of a segment say: which region it is, and of which side.

Names are free text in many languages, so they are read word by word. A name that speaks of a necrosis is the necrosis
("femoral head necrosis"), unless it speaks of the head with it or without it ("head without necrosis"). The words that
turn a meaning (without, neck, prosthesis) matter more than completeness: a name that is not understood is asked about.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum

from dataset_conversion.readers.segmentation import Segment
from onfh_nnunet.core.hip import Side

_CODES = {"SCT:2812003": "femoral head", "SCT:6574001": "necrosis", "SCT:52988006": "lesion"}
"""SNOMED CT: structure of head of femur, necrosis, lesion; the meanings of other codes are read as names are."""

_HUMP = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_LETTERS = re.compile(r"[^\W\d_]+")
_NECROSIS = re.compile(
    r".*(necro|nekro|infarc|infarkt|некро|νεκρω|坏死|壞死|壊死|괴사|病変|病灶|病变).*"
    r"|(lesi|lesao|laesi|lasi|martwic|elhalas).*|ne[ck]r?|onfh|anfh|avn(fh)?|avascular|dead|avital"
    r"|devital(i[sz]ed)?|nonviable|nonvital"
)
_HEAD = re.compile(
    r"(fem(oral|ur)?)?heads?|[lr]?fh|caput|(femur|huft|hueft|oberschenkel)?kopf|(femur|heup|dijbeen)?kop|tete|testa|cabeza"
    r"|cabeca|larbens(hoved|hode|huvud)|larhuvud|głow[ay]|hlavice|combfej|bas\u0131|κεφαλη|viable|vital"
    r"|.*(骨頭|骨头|골두).*|голов[ак].*"
)
_OTHER = re.compile(
    r".*neck|.*hals|collum|col|cuello|cartilage|knorpel|prosthesis|prothese|implant|humer.*|radi.*|fibula.*|metatars.*"
    r"|metacarp.*|musc.*|muskel|biceps|rectus|acetab.*|edema|oedema|odem|cyst|.*頸.*|.*颈.*"
)
_TURNS = re.compile(
    r"with(out)?|w|wo|incl.*|excl.*|minus|plus|non?|not|and|mit|ohne|nicht|und|avec|sans|sin|senza|free|frei|outside"
    r"|healthy|viable|vital|intact|normal|remaining|rest|gesund.*"
)
_NOTHING = re.compile(
    r"segment(ation)?|seg|labels?|labelmap|roi|region|class|mask|maske|struct(ure)?|object|item|area|contour|value|new"
    r"|unnamed|untitled|unknown|foreground|tissue|tumou?r|threshold|copy|of|the|s"
)
_SIDES = {
    Side.LEFT: re.compile(
        r"l|lt|left|li|links?|linke[rsn]?|gauche|izquierd[ao]|esquerd[ao]|sinistr[ao]|sinister|sx|左|лев.*"
    ),
    Side.RIGHT: re.compile(
        r"r|rt|right|re|rechts?|rechte[rsn]?|droite?|derech[ao]|direit[ao]|destr[ao]|dex|dext(er|ra)|dx|右|прав.*"
    ),
}
_SPELT = ("necrosis", "osteonecrosis", "necrotic", "nekrose", "osteonekrose", "lesion")
_TYPO = 0.8
"""How alike a word is to one of these if it is meant: ``necorsis`` 0.88, ``nektrose`` 0.93; ``fibrosis`` 0.63."""


class Meaning(StrEnum):
    """What a segment is by its name and code."""

    HEAD = "head"
    NECROSIS = "necrosis"
    OTHER = "other"
    UNCLEAR = "unclear"


@dataclass(frozen=True)
class Reading:
    """What a name says.

    Args:
        meaning: What the segment is; unclear where it says nothing, or two things.
        side: The patient's side; none where it states none, or both.
    """

    meaning: Meaning
    side: Side | None


def read_name(name: str) -> Reading:
    """What a name says, in any case, with or without accents."""
    tokens = _tokens(name)
    sides = [side for side, marks in _SIDES.items() if any(marks.fullmatch(token) for token in tokens)]
    return Reading(_meaning(tokens), sides[0] if len(sides) == 1 else None)


def read_segment(segment: Segment) -> Reading:
    """What a segment's name says, and where that is unclear or another structure, its code.

    A name and a code that say different regions are unclear.
    """
    named = read_name(segment.name)
    coded = [read_name(_CODES.get(code, code)) for code in segment.codes if ":" not in code or code in _CODES]
    regions = {one.meaning for one in (named, *coded)} & {Meaning.HEAD, Meaning.NECROSIS}
    sides = {one.side for one in (named, *coded)} - {None}
    meaning = next(iter(regions)) if len(regions) == 1 else Meaning.UNCLEAR if regions else named.meaning
    return Reading(meaning, next(iter(sides)) if len(sides) == 1 else None)


def _tokens(name: str) -> list[str]:
    """The words of a name without digits: those of ``FemoralHead_L2`` are femoral, head and l."""
    spelt = "".join(one for one in unicodedata.normalize("NFKD", name) if not unicodedata.combining(one))
    whole = unicodedata.normalize("NFC", _HUMP.sub(" ", spelt)).casefold()  # NFKD takes Korean syllables apart
    whole = re.sub("[左右]", r" \g<0> ", re.sub("[+&]", " and ", whole))  # "head + necrosis" is the whole head
    return _LETTERS.findall(re.sub(r"\b([lr])(fh)\b", r"\1 \2", whole))


def _meaning(tokens: list[str]) -> Meaning:
    tokens = [token for token in tokens if not any(marks.fullmatch(token) for marks in _SIDES.values())]
    said = " ".join(tokens)
    if re.search(r"\b(non|not|nicht) (viable|vital)\b", said):
        return Meaning.NECROSIS
    necrosis = [place for place, token in enumerate(tokens) if _NECROSIS.fullmatch(token)]
    head = [place for place, token in enumerate(tokens) if _HEAD.fullmatch(token)]
    turns = [place for place, token in enumerate(tokens) if _TURNS.fullmatch(token)]
    if any(_OTHER.fullmatch(token) for token in tokens) and not turns:
        return Meaning.OTHER
    if necrosis and turns:
        # "head with necrosis", "non-necrotic head", "necrosis-free head": the head; other turns are nobody's guess
        return Meaning.HEAD if head and (turns[0] < necrosis[0] or "fre" in said) else Meaning.UNCLEAR
    if necrosis:
        return Meaning.NECROSIS
    if any(map(_is_typo, tokens)):
        return Meaning.UNCLEAR
    if head:
        return Meaning.HEAD
    return Meaning.UNCLEAR if all(_NOTHING.fullmatch(token) for token in tokens) else Meaning.OTHER


def _is_typo(token: str) -> bool:
    """Whether a word is a misspelt necrosis, which must not be taken for another structure."""
    return bool(difflib.get_close_matches(token, _SPELT, n=1, cutoff=_TYPO))
