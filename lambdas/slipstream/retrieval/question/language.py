"""Which language a text is in, as far as that decides on an analyzer: by script, else by its commonest words."""

from __future__ import annotations

import re

_CJK = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_SCRIPTS = (
    ("ru", re.compile(r"[\u0400-\u04ff]")),
    ("ar", re.compile(r"[\u0600-\u06ff]")),
    ("el", re.compile(r"[\u0370-\u03ff]")),
    ("he", re.compile(r"[\u0590-\u05ff]")),
    ("th", re.compile(r"[\u0e00-\u0e7f]")),
    ("hi", re.compile(r"[\u0900-\u097f]")),
)
_COMMON = {
    "en": "the of and to in is that for it with as on are be this what how do does can which when where why not you",
    "de": "der die das und ist ein eine nicht mit von zu den auf für wie was kann ich wird sind oder wenn warum",
    "fr": "le la les des et est un une que dans pour pas sur avec qui comment quel quelle puis je vous sont ou",
    "es": "el los las y es un una que en para con por no como cual cuál cómo qué puedo son se del al",
    "it": "il lo gli e è un una che di per con non come quale posso sono della nel si perché cosa",
    "pt": "o os as e é um uma que de para com não como qual posso são da do em se por quando",
    "nl": "de het een en is van niet met op voor hoe wat kan ik zijn of als waarom welke wordt",
}
_WORDS = {language: frozenset(common.split()) for language, common in _COMMON.items()}
_WORD = re.compile(r"[^\W\d_]+")


OF_ANALYZER = {
    "arabic": "ar", "cjk": "cjk", "dutch": "nl", "english": "en", "french": "fr", "german": "de", "greek": "el",
    "hindi": "hi", "italian": "it", "portuguese": "pt", "brazilian": "pt", "russian": "ru", "spanish": "es",
    "thai": "th",
}  # fmt: skip
"""The engine's analyzers for languages that can be told here; an index of another one is asked as it is."""
SURE = 2
"""Common words by which a language has to lead: one alone (``was``, ``die``) is also a word of another language."""


def language_of(text: str, default: str = "en", lead: int = 1) -> str:
    """An ISO 639-1 code, or ``cjk`` for Chinese, Japanese and Korean together; ``default`` where nothing tells.

    ``lead``: by how many of its commonest words another language has to be ahead of ``default``.
    """
    sample = text[:4000]
    letters = sum(c.isalpha() for c in sample)
    if letters and len(_CJK.findall(sample)) * 3 > letters:
        return "cjk"
    for language, script in _SCRIPTS:
        if letters and len(script.findall(sample)) * 2 > letters:
            return language
    found = [word.lower() for word in _WORD.findall(sample)]
    counts = {language: sum(word in common for word in found) for language, common in _WORDS.items()}
    best = max(counts, key=lambda language: (counts[language], language == default))
    return best if counts[best] - counts.get(default, 0) >= lead else default
