"""One question, read once: what the comparison of two questions looks at."""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import pairwise

import msgspec

from slipstream.caching.semantic.lexicon import joined, products, stem, vocabulary
from slipstream.retrieval.analysis import words

FUNCTION_WORDS = vocabulary(
    "a an the is are was were be been am do does did can could would should will may might must to of in on at by for "
    "from with into as it its this that these those i you he she we they my your our their me us them if or and but so "
    "there here have has had what which who whom whose when where why how not no any some just also please need want "
    "like way possible using use get"
)
NEGATIONS = vocabulary(
    "not never without none neither nor cannot dont doesnt didnt isnt arent wasnt werent cant couldnt wont wouldnt "
    "shouldnt hasnt havent hadnt mustnt aint non except unless refuse refuses refused"
)
REPAIRS = vocabulary("sorry mean meant wait er uh um umm err actually rather scratch correction oops instead")
"""Words with which a speaker takes back what came before: "at five, no, I mean at six"."""
_HESITATIONS = vocabulary("no sorry mean meant wait er uh um umm err oh oops")
"""Those of them that hardly stand in a sentence otherwise."""
QUESTION_WORDS = vocabulary("what which who whom whose when where why how")

_APOSTROPHE = re.compile("['’]")
_NUMBER_WORDS = {
    "zero": "0", "two": "2", "three": "3", "four": "4", "five": "5", "six": "6", "seven": "7", "eight": "8",
    "nine": "9", "ten": "10", "eleven": "11",
    "twelve": "12", "thirteen": "13", "fourteen": "14", "fifteen": "15", "sixteen": "16",
    "seventeen": "17", "eighteen": "18", "nineteen": "19", "twenty": "20", "thirty": "30", "forty": "40", "fifty": "50",
    "sixty": "60", "seventy": "70", "eighty": "80", "ninety": "90",
}  # fmt: skip
"""Not ``one``, which is mostly said in passing."""
_CONTRACTED = {"whats": "what is", "hows": "how is", "wheres": "where is", "whos": "who is", "im": "i am",
               "ive": "i have", "lets": "let us", "theres": "there is"}  # fmt: skip
_SIGNED = re.compile(r"(?<![\w.])[-+−]\d|\d+(?:[.,]\d+)*\s*[%‰]|[$€£¥]\s*\d|[<>]=?|[≤≥≠]")
_ROMAN = re.compile(r"\b(?:[IVX]{2,5}|(?<=[A-Z]-)[IVX]{1,5})\b")
_NUMBER_AND_UNIT = re.compile(r"^(\d+(?:\.\d+)?)([a-zµ]{1,4})$")


_SIGN = re.compile(
    r"^[A-Za-z]+[+#*]+$|^\.[A-Za-z]\w*$|^[^\w\s]{1,3}$|[=!<>]=|&&|\|\||[-=]>|<-|[*/]{2}|[*]\.\w|\$[{(]"
    r"|^[!@#~¬^&*$]\w|^--?[A-Za-z]|\w[\[({][\w:]*[\])}]|^\(?\w{1,3}[-+*/^%|&<>=]\w{1,3}\)?$"
)
"""Tokens in which a sign says something: operators, options, languages, indices, handles."""
_PUNCTUATION = vocabulary("- -- --- – — & / ... … . • | ( ) :) :-) ! !! !!!")
_SMALL = vocabulary(
    "us it who am is or in as at so no do can will a b c d e f g h k l m n p r s t v x y z polish turkey march may"
)
"""Words that are others with capitals (US, IT, WHO), and letters that name something (plan A)."""


class Reading(msgspec.Struct, frozen=True):
    """A question's words and what follows from them; the same text always gives the same reading."""

    text: str
    words: tuple[str, ...]
    """Lower case, in order, contractions without their apostrophe; a number is parted from its unit."""
    stems: tuple[str, ...]
    content: frozenset[str]
    """Stems of the words that carry meaning."""
    numbers: frozenset[str]
    """Words with a digit, number words as digits, and signs that change a number (%, $, <)."""
    names: frozenset[str]
    """Words that are names, by their capital inside the sentence or because they are products."""
    joined: tuple[str, ...]
    """Word pairs that mean something together (how-many)."""
    trigrams: frozenset[str]
    signs: frozenset[str]
    """What words leave out and a question may be about: C++, .NET, ==, a+b; capitals that make another word (US, A)."""


@lru_cache(maxsize=4096)
def read(text: str) -> Reading:
    """Read a question. Costs some 50 µs; entries of a cache are read once."""
    raw = words(text)
    lowered = [word for one in raw for word in _plain(one)]
    stems = tuple(map(_stem, lowered))
    pairs = [f"{first}-{second}" for first, second in pairwise(lowered) if (first, second) in joined()]
    padded = f" {' '.join(lowered)} "
    return Reading(
        text=text,
        words=tuple(lowered),
        stems=stems,
        content=frozenset(one for one, word in zip(stems, lowered, strict=True) if word not in FUNCTION_WORDS),
        numbers=_numbers(text, lowered),
        names=_names(raw, lowered),
        joined=tuple(pairs),
        trigrams=frozenset(padded[at : at + 3] for at in range(len(padded) - 2)),
        signs=_signs(text, raw),
    )


def negated(reading: Reading) -> frozenset[bool]:
    """Whether the question is a negated one; both may be where a negation may belong to a repair: "no, not in Oslo"."""
    places = [at for at, word in enumerate(reading.words) if word in NEGATIONS]
    standing = [at for at in places if not _taken_back(reading.words, at)]
    return frozenset({len(places) % 2 == 1, len(standing) % 2 == 1})


def _taken_back(words: tuple[str, ...], at: int) -> bool:
    """A repair stands close before the negation or right after it, and something stands before the repair."""
    if words[at : at + 2] == ("never", "mind"):
        return True
    before = words[max(2, at - 4) : at]
    after = words[at + 1 : at + 4]
    return not _HESITATIONS.isdisjoint(before) or (at > 0 and "or" in after and not _HESITATIONS.isdisjoint(after))


def _stem(word: str) -> str:
    if word in FUNCTION_WORDS or word in NEGATIONS:
        return word
    return _NUMBER_WORDS.get(word) or stem(word)


def _plain(word: str) -> list[str]:
    lowered = _APOSTROPHE.sub("", word.lower())
    parted = _NUMBER_AND_UNIT.match(lowered)
    if parted:
        return [parted[1], parted[2]]
    return _CONTRACTED.get(lowered, lowered).split()


def _numbers(text: str, lowered: list[str]) -> frozenset[str]:
    roman = {word for word in _ROMAN.findall(text) if word != "I"}
    digits = roman | {
        _NUMBER_WORDS.get(word, word) for word in lowered if word in _NUMBER_WORDS or any(map(str.isdigit, word))
    }
    signs = {re.sub(r"[\d\s.,]", "", sign).lower() for sign in _SIGNED.findall(text)}
    return frozenset({number.replace(",", "") for number in digits} | signs)


def _signs(text: str, raw: list[str]) -> frozenset[str]:
    tokens = [token.strip(",;:?\"'") for token in text.split()]
    signs = {token for token in tokens if _SIGN.search(token) and token not in _PUNCTUATION}
    capital = [word for word in raw[1:] if word[:1].isupper() and word != "I"]
    loud = len(capital) > 0.5 * max(1, len(raw) - 1) and len(raw) > 3
    capitals = {word for word in capital if word.lower() in _SMALL and (word.isupper() or word.istitle())}
    return frozenset(signs | (set() if loud else capitals))


def _names(raw: list[str], lowered: list[str]) -> frozenset[str]:
    capital = [word for word in raw[1:] if word[:1].isupper() and word not in {"I", "I'm", "I'd", "I've", "I'll"}]
    title_case = len(capital) > 0.6 * max(1, len(raw) - 1) and len(raw) > 3
    named = set() if title_case else {_APOSTROPHE.sub("", word.lower()) for word in capital}
    return frozenset(named | {word for word in lowered if word in products()})
