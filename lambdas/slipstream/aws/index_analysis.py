"""The engine's analyzers where they are not built in: what `slipstream.retrieval.analysis` does, said to the engine."""

from __future__ import annotations

from typing import Any

_OURS = {"english": "slipstream_english", "standard": "slipstream_standard"}
"""Other languages have the engine's own analyzers, which part no words at colons."""


def name(language: str) -> str:
    """The analyzer of a language."""
    return _OURS.get(language, language)


def settings() -> dict[str, Any]:
    """``analysis`` of an index's settings."""
    words = {"type": "custom", "tokenizer": "standard", "char_filter": ["colons"]}
    english = ["english_possessive", "lowercase", "english_stop", "porter_stem"]
    return {
        # dynamodb:PutItem and sts:AssumeRole are two words each; the tokenizer keeps a colon between letters.
        "char_filter": {"colons": {"type": "mapping", "mappings": [": => \\u0020"]}},
        "filter": {
            "english_possessive": {"type": "stemmer", "language": "possessive_english"},
            "english_stop": {"type": "stop", "stopwords": "_english_"},
        },
        "analyzer": {
            _OURS["english"]: {**words, "filter": english},
            _OURS["standard"]: {**words, "filter": ["lowercase"]},
        },
    }
