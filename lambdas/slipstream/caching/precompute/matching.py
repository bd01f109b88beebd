"""When two queries are the same question: equal after case folding, or as a set of stems.

One fixed rule for what is chosen, for what counts as served, and for the yardsticks. Stems are of the log's language,
as an index's analyzer is: English by `slipstream.retrieval.analysis`, others by Snowball (Porter, 2001), their
commonest words left out, accents folded.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable
from functools import lru_cache

from slipstream.errors import InvalidRequest
from slipstream.retrieval.analysis import terms, words
from slipstream.retrieval.parsing.languages import COMMON, SAMPLE, language_of

Key = tuple[str, ...]
"""A question's stems, each once, in the order of the alphabet; the folded text where nothing is left of it."""

_SNOWBALL = {
    "ar": "arabic", "ca": "catalan", "cs": "czech", "da": "danish", "de": "german", "el": "greek", "es": "spanish",
    "et": "estonian", "eu": "basque", "fi": "finnish", "fr": "french", "ga": "irish", "hi": "hindi", "hu": "hungarian",
    "hy": "armenian", "id": "indonesian", "it": "italian", "lt": "lithuanian", "ne": "nepali", "nl": "dutch",
    "no": "norwegian", "pl": "polish", "pt": "portuguese", "ro": "romanian", "ru": "russian", "sr": "serbian",
    "sv": "swedish", "ta": "tamil", "tr": "turkish", "yi": "yiddish",
}  # fmt: skip
_PREPOSITIONS = {
    "de": "am an aus bei im in nach vom zum zur", "es": "a de en", "fr": "à au de en", "it": "a da in",
    "nl": "bij in om uit", "pt": "a de em na no",
}  # fmt: skip
"""Common too, and left out of the list that tells languages apart, since several have them."""
_UNSTEMMED = ("ja", "ko", "zh", "he", "th")
LANGUAGES = ("en", *_SNOWBALL, *_UNSTEMMED)


def language_of_queries(queries: Iterable[str]) -> str:
    """The language of most queries, as ISO 639-1: each some thousand characters of them have a vote."""
    votes: dict[str, int] = {}
    part: list[str] = []
    for query in [*queries, ""]:
        part.append(query)
        if query and sum(map(len, part)) + len(part) < SAMPLE:
            continue
        found = language_of("\n".join(part))
        votes[found] = votes.get(found, 0) + 1
        part = []
    return max(sorted(votes), key=votes.__getitem__)


def key_by(language: str) -> Callable[[str], Key]:
    """The rule for one language. Raises InvalidRequest for one that there are no stems for."""
    if language not in LANGUAGES:
        raise InvalidRequest(
            f"There are no stems for the language {language!r}; there are {', '.join(sorted(LANGUAGES))}.",
            param="language",
        )
    stems = terms if language == "en" else _stems(language)

    def key(query: str) -> Key:
        return tuple(sorted(set(stems(query)))) or (" ".join(query.casefold().split()),)

    return key


def _stems(language: str) -> Callable[[str], list[str]]:
    common = frozenset(f"{COMMON.get(language, '')} {_PREPOSITIONS.get(language, '')}".split())
    stem = _stemmer(language)

    @lru_cache(maxsize=65536)
    def stem_of(word: str) -> str:
        folded = word.casefold()
        return "" if folded in common or word.lower() in common else _without_accents(stem(folded))

    return lambda query: [found for word in words(query) if (found := stem_of(word))]


def _stemmer(language: str) -> Callable[[str], str]:
    if language in _UNSTEMMED:
        return str
    from Stemmer import Stemmer  # only a nightly run or a command groups queries

    stem: Callable[[str], str] = Stemmer(_SNOWBALL[language]).stemWord
    return stem


def _without_accents(word: str) -> str:
    if word.isascii():
        return word
    return "".join(c for c in unicodedata.normalize("NFD", word) if not unicodedata.combining(c))
