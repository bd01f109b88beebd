"""``POST /v1/feedback``: a reader says what a kept answer was worth. A wrong one ends at once, and teaches.

The id names keys; whose they are comes from the caller's key, so that nobody reaches another's answers with it.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import blake2b
from typing import Any

import msgspec

from slipstream.caching.knowledge import Knowledge
from slipstream.caching.semantic.policy import Label, Seen
from slipstream.caching.semantic.ports import Known
from slipstream.caching.semantic.vectors import cosine
from slipstream.caching.store import Place
from slipstream.errors import NotFound
from slipstream.gateway.feedback_id import FeedbackId, decode
from slipstream.gateway.http import Principal
from slipstream.gateway.openai import rejection
from slipstream.gateway.openai.body import Strict
from slipstream.gateway.openai.purge import NoCache

_TIME = 10
"""Signs of a ULID that are its time."""


class FeedbackBody(Strict):
    """The request: ``id`` is a reply's ``slipstream.cache.feedback``."""

    id: str
    correct: bool


_decoder = msgspec.json.Decoder(FeedbackBody)


def feedback(known_of: Callable[[], Knowledge] | None, body: bytes, principal: Principal) -> dict[str, Any]:
    """What came of it. Raises InvalidRequest, NotFound where nothing stands there (any more), NoCache, and what the
    stores raise: it can be sent again then.
    """
    asked = rejection.decode(_decoder, body)
    if known_of is None:
        raise NoCache
    told, knowledge = decode(asked.id), known_of()
    namespace = knowledge.namespace(principal.tenant)
    place = Place(namespace, told.answer)
    head = knowledge.answers.read(place, with_body=False).head
    known = knowledge.questions.find(namespace, told.family, told.asked) if told.family else None
    stands = head is not None and head.entry_id == told.entry
    # What ended the answer may have been the first half of this very report; one that took its place is not meant.
    led_there = known is not None and known.answer == told.answer and (told.semantic or head is None)
    if not stands and not led_there:
        raise NotFound(
            "no answer is kept under this id (any more): it has expired, was made anew, or has been ended; there is "
            "nothing to correct",
            param="id",
            code="answer_not_found",
        )
    candidate = knowledge.questions.find(namespace, told.family, told.answer) if told.semantic else None
    if not asked.correct and stands:
        knowledge.answers.drop(place, told.entry)
    learnt = _teach(knowledge, namespace, told, known, candidate, correct=asked.correct)
    if not asked.correct:
        _forget(knowledge, namespace, told, with_answer=stands or head is None)
    knowledge.tally.reported(namespace, told.answer, told.family, correct=asked.correct)
    return {
        "object": "feedback",
        "kind": "semantic" if told.semantic else "exact",
        "correct": asked.correct,
        "ended": not asked.correct and stands,
        "learnt": learnt,
    }


def _teach(
    knowledge: Knowledge,
    namespace: str,
    told: FeedbackId,
    known: Known | None,
    candidate: Known | None,
    *,
    correct: bool,
) -> bool:
    """Keep a label of the two questions, once for each answer that was given; False where they are not known."""
    if known is None or candidate is None or known.answer != told.answer:
        return False
    seen = Seen(known.text, candidate.text, cosine(known.vector, candidate.vector))
    # Named for what it is of, behind the answer's own time, so that it stands among the labels of then.
    own = blake2b(f"{told.asked}{told.answer}{told.entry}".encode(), digest_size=8).hexdigest()
    knowledge.labels.tell(
        namespace, told.family, Label(seen, equal=correct, drawn=False), name=f"{told.entry[:_TIME]}{own}"
    )
    if not correct:
        knowledge.learning.refuse(namespace, known.text, candidate.text)
    knowledge.learning.learns()
    return True


def _forget(knowledge: Knowledge, namespace: str, told: FeedbackId, *, with_answer: bool) -> None:
    """Remove the questions that led to the answer; last, since they prove the report where it is sent again."""
    if not told.family:
        return
    if told.semantic and with_answer:
        knowledge.questions.remove(namespace, told.family, told.answer)
    if told.semantic or with_answer:
        knowledge.questions.remove(namespace, told.family, told.asked)
