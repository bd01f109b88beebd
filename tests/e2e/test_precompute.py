"""Answers before the question on the deployed parts: what was asked is counted, a schedule fires, a run fills."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from local.endpoint import Endpoint
from local.nights import EmulatedAccount
from local.places import Places
from tests.e2e.test_kept_answers import Gateway

LIGHTHOUSE, BRIDGE = "lighthouse", "bridge"
"""Indexes of one document each: an answer rests on all documents that it was given."""
QUESTIONS = {
    LIGHTHOUSE: "How tall is the white lighthouse of Ilmholm?",
    BRIDGE: "How long is the iron bridge of Ilmholm?",
}
ONCE = "What is the iron bridge of Ilmholm built of?"
USERS = "anna", "boris"
PATIENCE_S = 110


def until(look: Callable[[], Any]) -> Any:
    """Look until there is something to see."""
    end_s = time.monotonic() + PATIENCE_S
    while not (found := look()):
        assert time.monotonic() < end_s, f"nothing after {PATIENCE_S} s"
        time.sleep(0.2)
    return found


class Town:
    """An index of two documents, whoever asks about them, and the runs of answers before the question."""

    def __init__(self, endpoint: Endpoint, places: Places) -> None:
        self.gateway = Gateway(endpoint)
        self.account = EmulatedAccount(places)
        for index in QUESTIONS:
            self.gateway.send("PUT", f"/v1/indexes/{index}", {})
        self.says(LIGHTHOUSE, "The white lighthouse of Ilmholm is 41 metres tall. It was built of granite.")
        self.says(BRIDGE, "The iron bridge of Ilmholm is 230 metres long. It was built of puddled iron.")

    def says(self, index: str, text: str) -> None:
        document = {"id": "it", "title": index, "text": text}
        self.gateway.send("POST", f"/v1/indexes/{index}/documents", {"documents": [document]})
        until(lambda: self.found(index) == [text])

    def found(self, index: str) -> list[str]:
        asked = {"index": index, "query": QUESTIONS[index], "explain": True}
        return [one["text"] for one in self.gateway.send("POST", "/v1/search", asked)["results"]]

    def ask(self, index: str, question: str = "", user: str = USERS[0]) -> tuple[str, dict[str, Any]]:
        asked = question or QUESTIONS[index]
        text, report = self.gateway.ask(asked, model=f"rag:{index}@fast", user=user)
        return text, report["cache"]

    def run(self, name: str) -> dict[str, Any]:
        """How the run ended."""

        def ended() -> dict[str, Any] | None:
            told: dict[str, Any] = self.gateway.send("GET", f"/v1/precompute/{name}")
            return told if told["state"] in ("done", "failed") else None

        found: dict[str, Any] = until(ended)
        return found


@pytest.fixture(scope="module")
def town(local_stack: Endpoint, local_places: Places) -> Iterator[Town]:
    """Two questions were asked by two users, one by one of them; then a day passed."""
    if not local_stack.opensearch_url:
        pytest.skip(f"no OpenSearch: the stack runs with the engine {local_stack.search_engine}")
    found = Town(local_stack, local_places)
    with found.gateway.sdk:
        found.ask(BRIDGE, ONCE)
        for user in USERS:
            for index in QUESTIONS:
                found.ask(index, user=user)
        until(lambda: found.ask(BRIDGE)[1]["outcome"] == "hit")  # so that the log has been written, too
        found.account.pass_a_day()
        yield found
        for index in QUESTIONS:
            found.gateway.send("DELETE", f"/v1/indexes/{index}")


@pytest.fixture(scope="module")
def night(town: Town) -> dict[str, Any]:
    """The run that the deployed schedule's target made of it."""
    before = {one["name"] for one in town.account.runs()}
    town.account.fire(f"night-{time.time_ns()}")
    (name,) = until(lambda: {one["name"] for one in town.account.runs()} - before)
    return town.run(name)


def test_a_schedule_starts_a_run_that_answers_what_several_users_asked(town: Town, night: dict[str, Any]) -> None:
    assert (night["state"], night["failed"], night["refused"]) == ("done", 0, 0)
    assert night["answered"] >= 2
    assert night["left_out"]["few_users"] >= 1
    assert 0 < night["spent_usd"] <= 1
    for index, says in ((LIGHTHOUSE, "41"), (BRIDGE, "230")):
        text, cache = town.ask(index)
        assert (cache["outcome"], cache["precomputed"]) == ("hit", True)
        assert says in text
    assert town.ask(BRIDGE, ONCE)[1]["outcome"] == "miss"


def test_a_refill_makes_anew_what_a_changed_document_ended_and_passes_over_the_rest(
    town: Town, night: dict[str, Any]
) -> None:
    town.says(LIGHTHOUSE, "The white lighthouse of Ilmholm is 43 metres tall. It was built of granite.")

    refill = town.run(town.gateway.send("POST", "/v1/precompute", {"refill": True})["id"])

    assert (refill["state"], refill["refill"], refill["answered"]) == ("done", True, 1)
    assert refill["held"] == night["items"] - 1
    text, cache = town.ask(LIGHTHOUSE)
    assert (cache["outcome"], cache["precomputed"]) == ("hit", True)
    assert "43" in text
