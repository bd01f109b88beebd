"""An owner's own synonyms, in the lines that search engines read: ``delete, remove`` and ``k8s => Kubernetes``."""

from __future__ import annotations

from collections.abc import Sequence

from slipstream.errors import InvalidRequest
from slipstream.retrieval.question.clean import normalized
from slipstream.retrieval.question.phrases import key

MOST_RULES = 1000
MOST_CHARS = 64_000
"""Of all rules together: an index says them with its mapping, which every node of the engine holds in memory."""
MOST_IN_A_RULE = 12
LONGEST_CHARS = 80
_FORM = "write 'delete, remove' for words that mean the same, 'k8s => Kubernetes' for one direction"


def checked(lines: Sequence[str]) -> tuple[str, ...]:
    """The rules among ``lines``, tidied; empty lines and those that begin with # are none.

    Raises InvalidRequest that names the line, from 1.
    """
    rules = []
    for number, line in enumerate(lines, 1):
        text = normalized(line)
        if text and not text.startswith("#"):
            _sides(text, f"line {number}: ")
            rules.append(text)
    if len(rules) > MOST_RULES:
        raise InvalidRequest(f"{len(rules):,} rules: an index takes {MOST_RULES:,}", param="rules")
    size = sum(map(len, rules))
    if size > MOST_CHARS:
        raise InvalidRequest(f"the rules have {size:,} characters: an index takes {MOST_CHARS:,}", param="rules")
    return tuple(rules)


def read(rules: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Phrase, as ``phrases.key`` writes it → what is looked for besides; rules on one phrase add up."""
    found: dict[str, dict[str, None]] = {}
    for rule in rules:
        left, right = _sides(rule)
        for phrase in left:
            others = [other for other in right if key(other) != key(phrase)]
            found.setdefault(key(phrase), {}).update(dict.fromkeys(others))
    return {phrase: tuple(others) for phrase, others in found.items()}


def _sides(rule: str, where: str = "") -> tuple[list[str], list[str]]:
    """What is found in a question, and what is looked for then. Raises InvalidRequest."""
    left, arrow, right = rule.partition("=>")
    sides = [_phrases(left, where), _phrases(right, where)] if arrow else [_phrases(rule, where)] * 2
    if "=>" in right or len({key(phrase) for phrase in (*sides[0], *sides[1])}) < 2:
        what = "more than one '=>'" if "=>" in right else f"'{rule[:60]}' says no other word"
        raise InvalidRequest(f"{where}{what}: {_FORM}", param="rules")
    return sides[0], sides[1]


def _phrases(side: str, where: str) -> list[str]:
    phrases = [phrase.strip() for phrase in side.split(",")]
    if len(phrases) > MOST_IN_A_RULE:
        raise InvalidRequest(f"{where}{len(phrases)} phrases: a rule takes {MOST_IN_A_RULE}", param="rules")
    for phrase in phrases:
        if not key(phrase):
            raise InvalidRequest(f"{where}'{phrase[:60]}' holds no word: {_FORM}", param="rules")
        if len(phrase) > LONGEST_CHARS:
            raise InvalidRequest(
                f"{where}'{phrase[:40]}…' has {len(phrase)} characters: a phrase has {LONGEST_CHARS} at most",
                param="rules",
            )
    return phrases
