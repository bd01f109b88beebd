"""Which language a text is in, as far as an analyzer needs to know: by its script, else by its commonest words."""

from __future__ import annotations

import re
from collections import Counter

SAMPLE = 4_000
ENOUGH_WORDS = 3
_SCRIPTS = (
    ("ja", re.compile("[\u3040-\u30ff]")),
    ("ko", re.compile("[\uac00-\ud7af]")),
    ("zh", re.compile("[\u4e00-\u9fff]")),
    ("ar", re.compile("[\u0600-\u06ff]")),
    ("he", re.compile("[\u0590-\u05ff]")),
    ("ru", re.compile("[\u0400-\u04ff]")),
    ("el", re.compile("[\u0370-\u03ff]")),
    ("hi", re.compile("[\u0900-\u097f]")),
    ("th", re.compile("[\u0e00-\u0e7f]")),
)
_LETTER = re.compile(r"[^\W\d_]")
_WORD = re.compile(r"[^\W\d_]+")
COMMON = {
    "en": "the and of to is that for with are this you be not it on as have from can which",
    "de": "der die und das ist nicht ein eine mit den von zu auf für sich dem im des auch werden",
    "fr": "le la les et des est une dans que pour qui pas sur avec du ce sont vous aux cette",
    "es": "el los las que y del una por con para es se no su al lo como más pero sus",
    "it": "il di che è la per un una non sono con del della gli nel dei alla le si anche",
    "pt": "o os que não uma do da em para com por mais dos as se como são ao ou você",
    "nl": "de het een van en is dat op te zijn niet met voor aan er die door ook naar wordt",
}
_LANGUAGE_OF: dict[str, list[str]] = {}
for _language, _words in COMMON.items():
    for _word in _words.split():
        _LANGUAGE_OF.setdefault(_word, []).append(_language)


def language_of(text: str) -> str:
    """ISO 639-1 code; ``en`` where nothing tells."""
    sample = text[:SAMPLE]
    letters = len(_LETTER.findall(sample))
    if not letters:
        return "en"
    for language, script in _SCRIPTS:
        least = 0.05 if language == "ja" else 0.3  # Japanese is mostly written in Chinese characters
        if len(script.findall(sample)) > least * letters:
            return language
    votes: Counter[str] = Counter()
    for word in _WORD.findall(sample.lower()):
        votes.update(_LANGUAGE_OF.get(word, ()))
    best = votes.most_common(1)
    return best[0][0] if best and best[0][1] >= ENOUGH_WORDS else "en"
