"""The whole way of a question, over the index and embedder in memory."""

from __future__ import annotations

from typing import Any

import pytest

from slipstream.chat.events import Started, Stopped, TextDelta, Usage
from slipstream.chat.retrieval_options import DEFAULTS, RetrievalOptions
from slipstream.disconnect import NEVER
from slipstream.errors import UpstreamTimeout
from slipstream.fakes.model import Answer, ScriptedModels
from slipstream.models.resolve import Resolver
from slipstream.retrieval.question.rewrite import ModelRewriter
from slipstream.retrieval.ranking import Found
from slipstream.retrieval.retrieve import Retriever
from slipstream.telemetry.waterfall import Waterfall
from tests.unit.retrieval.loading import Desk, resolve

TEXTS = {
    "kms.md": "# Keys\n\nThe AWS Key Management Service (AWS KMS) rotates a key once a year.",
    "rotation.md": "# Rotation\n\nThe Key Management Service renews what it holds every year.",
    "bucket.md": "# Buckets\n\nA bucket that is removed takes its objects along.",
    "other.md": "# Other\n\nNothing of the kind.",
}


class Asking:
    """An index with real documents, and a retriever over it."""

    def __init__(self, **parts: object) -> None:
        self.desk = Desk()
        self.desk.load(TEXTS)
        self.retriever = Retriever(
            index=self.desk.index, embedder=self.desk.embedder, target=resolve,
            **parts,  # type: ignore[arg-type]
        )  # fmt: skip

    def find(self, question: str, *earlier: str, options: RetrievalOptions = DEFAULTS) -> Found:
        return self.retriever.find("docs", question, earlier, options, Waterfall(), NEVER)


@pytest.fixture
def asking() -> Asking:
    return Asking()


def documents(found: Found) -> list[str]:
    return [one.hit.document_id for one in found.passages]


def did(found: Found, step: str) -> object:
    return next(one.result for one in found.question.steps if one.name == step)


def test_what_the_documents_explain_is_looked_for_and_told(asking: Asking) -> None:
    found = asking.find("KMS rotation")

    assert found.question.expansions == ("Key Management Service",)
    assert did(found, "expansions") == ["KMS → Key Management Service (acronym)"]


def test_an_owners_synonyms_find_what_the_question_does_not_say_and_can_be_left_out(asking: Asking) -> None:
    asking.desk.index.set_synonyms("docs", ["delete, remove"])
    asking.desk.index.down = {"dense"}

    found = asking.find("delete")

    assert documents(found) == ["bucket.md"]
    assert did(found, "expansions") == ["delete → remove (synonym)"]
    assert documents(asking.find("delete", options=RetrievalOptions(off=("expansions",)))) == []


# -- follow-up questions

EARLIER = "Does the Key Management Service rotate a key?"
ALONE = "How often does the Key Management Service rotate?"


def rewriting(*answers: Answer) -> tuple[Asking, ScriptedModels]:
    models = ScriptedModels(answers)
    rewriter = ModelRewriter(models, Resolver().resolve, model="fast", limit_ms=400)
    return Asking(rewriter=rewriter), models


def saying(text: str) -> Answer:
    return [Started(), TextDelta(text), Stopped("end_turn"), Usage(120, 9)]


def test_a_follow_up_question_is_searched_for_as_the_model_says_it_and_its_span_is_told() -> None:
    asking, _ = rewriting(saying(ALONE))
    waterfall = Waterfall()

    found = asking.retriever.find("docs", "And how often?", [EARLIER], DEFAULTS, waterfall, NEVER)

    assert (found.question.meaning, did(found, "followup")) == (ALONE, ALONE)
    assert found.rewritten is not None
    assert found.rewritten.usage == Usage(120, 9)
    assert "rewrite" in waterfall.ms()
    assert asking.retriever.rewritten_by("And how often?", [EARLIER], DEFAULTS) == Resolver().target("fast").target_id


@pytest.mark.parametrize(
    ("question", "earlier", "off"),
    [
        ("How often does it rotate?", (), ()),
        ("How often does the Key Management Service renew what customers hold?", (EARLIER,), ()),
        ("And how often?", (EARLIER,), ("rewrite",)),
        ("And how often?", (EARLIER,), ("followup",)),
    ],
)
def test_no_model_is_asked_without_a_conversation_or_a_need_or_against_a_wish(
    question: str, earlier: tuple[str, ...], off: tuple[Any, ...]
) -> None:
    asking, models = rewriting(saying(ALONE))
    waterfall = Waterfall()

    found = asking.retriever.find("docs", question, earlier, RetrievalOptions(off=off), waterfall, NEVER)

    assert models.calls == []
    assert found.rewritten is None
    assert "rewrite" not in waterfall.ms()
    assert asking.retriever.rewritten_by(question, earlier, RetrievalOptions(off=off)) == ""


def test_where_the_model_is_late_the_rule_serves_and_the_reply_says_so() -> None:
    asking, _ = rewriting(UpstreamTimeout("late"))

    found = asking.find("And how often?", EARLIER)

    assert {"Key", "Management", "Service", "rotate", "often"} <= set(found.question.meaning.rstrip("?").split())
    assert found.rewritten is not None
    assert (found.rewritten.outcome, found.rewritten.usage) == ("late", None)
