"""Text without a language model: the sentences of the prompt that fit the question best, in their own order.

Scoring is BM25 (Robertson and Zaragoza, 2009) with k1 = 1.2 and b = 0.75 over the sentences of the prompt.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from functools import lru_cache
from hashlib import blake2b

K1, B = 1.2, 0.75
BEST_SENTENCES = 4
DETAILED_SENTENCES = 24
"""For a question that asks for detail, as a model's answer to it is longer, too."""
_IN_DETAIL = re.compile(r"\b(?:in detail|at length|thoroughly)\b", re.IGNORECASE)
_PASSAGE = re.compile(r'<passage number="(\d+)"(?: [a-z]+="[^"]*")*>\n(.*?)\n</passage>', re.DOTALL)
"""How numbered passages stand in a prompt that asks for citations."""
_EARLIER = re.compile(r"<question>(.*?)</question>", re.DOTALL)
_FOLLOW_UP = re.compile(r"<follow-up>(.*?)</follow-up>", re.DOTALL)
"""How a conversation stands in a prompt that asks for its last question alone."""
_BEGINS = re.compile(r"^(?:and|but|so|then|also)\b[ ,]*", re.IGNORECASE)
_STANDS_FOR = re.compile(r"\b(?:it|they|them|that|this|these|those)\b", re.IGNORECASE)
_STOPS = re.compile(r"[.!?]+$")
_SENTENCE = re.compile(r"[^.!?\n]+(?:[.!?]+(?=\s|$)|\n|$)|[^.!?\n]*[.!?]+\S*?(?=\s|$)")
_PICTURE = re.compile(r"!\[[^\]]*\](?:\([^)]*\))?")
_LINK = re.compile(r"\[([^\]\[]+)\]\([^)]*\)")
_EMPHASIS = re.compile(r"\*\*|(?<!\w)\*(?=\w)|(?<=\w)\*(?!\w)|`")
_BEFORE_A_LINE = re.compile(r"^\s*(?:#+|[-*+>|]|\d+\.)\s+")
FRAGMENT_FACTOR = 0.3
"""What a heading or a cell counts beside a whole sentence: it names what is asked for and says nothing about it."""
_WORD = re.compile(r"[^\W_]+")
_STOP = frozenset((
    "a", "an", "and", "are", "as", "at", "be", "but", "by", "can", "could", "do", "does", "for", "from", "had",
    "has", "have", "how", "i", "if", "in", "into", "is", "it", "its", "me", "my", "no", "not", "of", "on", "or",
    "our", "please", "shall", "should", "so", "tell", "than", "that", "the", "their", "them", "then", "there",
    "these", "they", "this", "to", "up", "us", "was", "we", "were", "what", "when", "where", "which", "who", "whom",
    "why", "will", "with", "would", "you", "your", "explain", "answer", "question", "following", "using",
    "according",
))  # fmt: skip


def _stem(word: str) -> str:
    for ending in ("ing", "ed", "es", "s"):
        if len(word) > len(ending) + 3 and word.endswith(ending):
            return word[: -len(ending)]
    return word


def terms(text: str) -> list[str]:
    """Lower-cased, lightly stemmed words without stop words."""
    return [_stem(word) for word in _WORD.findall(text.lower()) if word not in _STOP]


def sentences(text: str) -> list[str]:
    """Sentences and lines of ``text`` as they are read, without Markdown's signs; empty ones left out."""
    plain = _EMPHASIS.sub("", _LINK.sub(r"\1", _PICTURE.sub("", text)))
    return [found for part in _SENTENCE.findall(plain) if (found := _BEFORE_A_LINE.sub("", part).strip())]


def split_question(turn: str) -> tuple[str, str]:
    """The question of a user's turn, and what stands around it (which may hold the answer)."""
    found = sentences(turn)
    if not found:
        return "", ""
    asking = [i for i, sentence in enumerate(found) if sentence.endswith("?")]
    at = asking[-1] if asking else len(found) - 1
    return found[at], "\n".join(found[:at] + found[at + 1 :])


@lru_cache(maxsize=256)
def answer(context: str, turn: str, seed: int = 0) -> str:
    """Answer ``turn`` from ``context`` (which may contain the turn itself).

    Where the turn holds numbered passages, only these are quoted, each sentence with its passage's number.
    """
    if passages := _PASSAGE.findall(turn):
        return _cited(passages, turn[turn.rfind("</passage>") + len("</passage>") :], seed)
    if follow_up := _FOLLOW_UP.search(turn):
        return _standalone(_EARLIER.findall(turn), follow_up[1])
    question, around = split_question(turn)
    asked = set(terms(question))
    pool = [s for s in dict.fromkeys(sentences(context) + sentences(around)) if s != question and not s.endswith("?")]
    scores = _bm25(pool, asked, seed)
    most = DETAILED_SENTENCES if _IN_DETAIL.search(question) else BEST_SENTENCES
    best = sorted(sorted(range(len(pool)), key=lambda i: -scores[i])[:most])
    chosen = [pool[i] for i in best if scores[i] > 0.01]
    if chosen:
        return " ".join(chosen)
    if not question:
        return "The prompt holds no text to answer from."
    return f"The prompt asks: {question} It holds no passage that answers it, so there is nothing to quote."


def _standalone(earlier: list[str], question: str) -> str:
    """A follow-up question with what the one before it was about in place of the word that stands for it."""
    kept = [word for word in _WORD.findall(earlier[-1] if earlier else "") if word.lower() not in _STOP]
    subject = " ".join(kept)
    plain = _BEGINS.sub("", question)
    said = _STANDS_FOR.sub(subject, plain, count=1)
    if said == plain and subject:
        said = f"{plain.rstrip('?. ')}: {subject}?"
    return said[:1].upper() + said[1:]


def _cited(passages: list[tuple[str, str]], turn: str, seed: int) -> str:
    question, _ = split_question(turn)
    numbers = {s: number for number, text in reversed(passages) for s in sentences(text) if not s.endswith("?")}
    pool = list(numbers)
    scores = _bm25(pool, set(terms(question)), seed)
    best = sorted(range(len(pool)), key=lambda i: -scores[i])[:BEST_SENTENCES]
    chosen = [pool[i] for i in best if scores[i] > 0.01]
    if not chosen:
        return "The passages do not answer the question."
    return " ".join(_marked(sentence, numbers[sentence]) for sentence in chosen)


def _marked(sentence: str, number: str) -> str:
    stops = _STOPS.search(sentence)
    at = stops.start() if stops else len(sentence)
    return f"{sentence[:at]} [{number}]{sentence[at:] or '.'}"


def _bm25(pool: list[str], asked: set[str], seed: int) -> list[float]:
    documents = [Counter(terms(sentence)) for sentence in pool]
    lengths = [sum(document.values()) for document in documents]
    average = sum(lengths) / len(lengths) if lengths else 1.0
    frequency = Counter(term for document in documents for term in document if term in asked)
    scores = []
    for sentence, document, length in zip(pool, documents, lengths, strict=True):
        score = 0.0
        for term in asked & document.keys():
            idf = math.log(1 + (len(pool) - frequency[term] + 0.5) / (frequency[term] + 0.5))
            tf = document[term]
            score += idf * tf * (K1 + 1) / (tf + K1 * (1 - B + B * length / (average or 1.0)))
        if not sentence.endswith((".", "!", ":")) or length < 3:
            score *= FRAGMENT_FACTOR
        tie = blake2b(f"{seed}{sentence}".encode(), digest_size=2).digest()
        scores.append(score + int.from_bytes(tie, "big") / 65536 * 0.001)
    return scores
