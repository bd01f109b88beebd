"""The whole way of a question, over the index and embedder in memory."""

from __future__ import annotations

import pytest

from slipstream.chat.retrieval_options import DEFAULTS, RetrievalOptions
from slipstream.disconnect import NEVER
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
