"""What the request path makes of an engine that is busy, late, half broken or gone; answers as an engine gives them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from slipstream.aws.places import Authorizes
from slipstream.aws.search_index import OpenSearchPassages
from slipstream.aws.sigv4 import Credentials, Signer, Unsigned
from slipstream.aws.transport import Transport
from slipstream.disconnect import NEVER
from slipstream.errors import (
    IndexNotFound,
    PermissionDenied,
    Throttled,
    UpstreamError,
    UpstreamTimeout,
    UpstreamUnavailable,
)
from slipstream.retrieval.search import EngineQuery, Legs
from slipstream.telemetry.waterfall import Waterfall
from tests.contract.upstream.tiny_server import Peer, TinyServer

QUERY = EngineQuery("needle", (1.0, 0.0))
BUSY = {"error": {"type": "rejected_execution_exception", "reason": "queue is full"}, "status": 429}
BROKEN = {"error": {"type": "search_phase_execution_exception", "reason": "all shards failed"}, "status": 503}
CANCELLED = {"error": {"type": "task_cancelled_exception", "reason": "Cancellation timeout"}, "status": 500}


def leg(*documents: str, version: str = "v1", write: int = 1, index: str = "docs-000001", **fields: Any) -> Any:
    hits = [
        {
            "_index": index,
            "_id": name,
            "_seq_no": write,
            "_score": 0.75,
            "fields": {"card": [msgspec.json.encode([name, version, "", "", "en", None, 0.0, {}]).decode()]},
            "inner_hits": {
                "passages": {"hits": {"hits": [{"_score": 0.75, "fields": {"passages.card": ['[0,0,1,"text",[]]']}}]}}
            },
        }
        for name in documents
    ]
    return {"took": 3, "timed_out": False, "hits": {"hits": hits}, "status": 200, **fields}


@pytest.fixture
def server() -> Iterator[TinyServer]:
    tiny = TinyServer()
    yield tiny
    tiny.close()


def ask(
    server: TinyServer, *answers: Any, query: EngineQuery = QUERY, auth: Authorizes | None = None
) -> tuple[Legs, list[bytes]]:
    """Search an engine that gives these answers one after another; also the requests that it got."""
    asked: list[bytes] = []

    def play(peer: Peer) -> None:
        for answer in answers:
            asked.append(peer.request())
            if isinstance(answer, int):
                peer.answer(b'{"error":{"type":"some_exception","reason":"why"}}', status=answer)
            else:
                peer.answer(msgspec.json.encode({"responses": answer}))

    server.expects(play)
    transport = Transport()
    try:
        passages = OpenSearchPassages(server.url, transport=transport, auth=auth or Unsigned())
        return passages.search("docs", query, Waterfall(), NEVER), asked
    finally:
        transport.restore()


@pytest.mark.parametrize("failed", [BUSY, BROKEN])
def test_one_leg_that_fails_twice_is_named_and_the_other_serves(server: TinyServer, failed: Any) -> None:
    legs, asked = ask(server, [failed, leg("a")], [failed, leg("a")])

    assert (legs.lexical, [hit.document_id for hit in legs.dense], legs.missing) == ((), ["a"], ("lexical",))
    assert len(asked) == 2


def test_a_leg_that_fails_once_is_asked_again(server: TinyServer) -> None:
    legs, _ = ask(server, [leg("a"), BUSY], [leg("a"), leg("b")])

    assert legs.missing == ()
    assert [hit.document_id for hit in legs.dense] == ["b"]


@pytest.mark.parametrize("late", [CANCELLED, leg("half", timed_out=True)])
def test_a_late_leg_is_named_and_not_waited_for_again(server: TinyServer, late: Any) -> None:
    legs, asked = ask(server, [leg("a"), late])

    assert (legs.dense, legs.missing) == ((), ("dense",))
    assert len(asked) == 1


def test_the_time_limit_of_a_leg_reaches_the_engine(server: TinyServer) -> None:
    _, (request,) = ask(server, [leg(), leg()], query=msgspec.structs.replace(QUERY, timeout_ms=5_000))

    assert request.count(b'"timeout":"5000ms"') == 2
    assert request.count(b'"cancel_after_time_interval":"5000ms"') == 2


def test_both_legs_late_are_a_timeout(server: TinyServer) -> None:
    with pytest.raises(UpstreamTimeout):
        ask(server, [CANCELLED, leg(timed_out=True)])


def test_an_engine_with_too_much_to_do_says_when_to_come_back(server: TinyServer) -> None:
    with pytest.raises(Throttled) as raised:
        ask(server, [BUSY, BUSY], [BUSY, BUSY])

    assert raised.value.retry_after_s == 1.0


@pytest.mark.parametrize(
    ("status", "error"), [(403, PermissionDenied), (429, Throttled), (500, UpstreamError), (503, UpstreamUnavailable)]
)
def test_a_refusal_of_the_whole_request_is_told_for_what_it_is(
    server: TinyServer, status: int, error: type[Exception]
) -> None:
    with pytest.raises(error, match="search engine"):
        ask(server, status, status)


@pytest.mark.parametrize("status", [429, 502, 503])
def test_a_refusal_that_passes_is_asked_again(server: TinyServer, status: int) -> None:
    legs, _ = ask(server, status, [leg("a"), leg("a")])

    assert legs.missing == ()


def test_an_engine_that_is_not_there_is_unavailable() -> None:
    passages = OpenSearchPassages("http://127.0.0.1:9", transport=Transport(), auth=Unsigned())

    with pytest.raises(UpstreamUnavailable, match="the search engine cannot be reached"):
        passages.search("docs", QUERY, Waterfall(), NEVER)


def test_an_answer_that_is_none_is_no_empty_result(server: TinyServer) -> None:
    with pytest.raises(UpstreamError, match="cannot be understood"):
        ask(server, [{"hits": {"hits": [{"_index": "docs-000001"}]}}, leg()])


def test_a_missing_index_is_not_asked_for_twice(server: TinyServer) -> None:
    gone = {
        "error": {"type": "index_not_found_exception", "reason": "no such index [docs]", "index": "docs"},
        "status": 404,
    }

    with pytest.raises(IndexNotFound, match="'docs'"):
        ask(server, [gone, gone])


def test_a_generation_that_went_while_it_was_searched_is_looked_up_again(server: TinyServer) -> None:
    gone = {"error": {"type": "index_not_found_exception", "reason": "x", "index": "docs-000001"}, "status": 404}

    legs, _ = ask(server, [leg("a"), gone], [leg("a", index="docs-000002"), leg("a", index="docs-000002")])

    assert (legs.missing, legs.generation) == ((), "docs-000002")


def test_legs_of_two_generations_are_asked_again_of_the_newer(server: TinyServer) -> None:
    new = leg("a", index="docs-000002")

    legs, asked = ask(server, [leg("a"), new], [new, new])

    assert legs.generation == "docs-000002"
    assert b'{"index":"docs-000002"' in asked[1]


def test_of_a_document_replaced_between_the_legs_only_the_newer_version_is_shown(server: TinyServer) -> None:
    legs, _ = ask(server, [leg("a", "b"), leg("a", version="v2", write=7)])

    assert [(hit.document_id, hit.version) for hit in legs.lexical] == [("b", "v1")]
    assert [(hit.document_id, hit.version) for hit in legs.dense] == [("a", "v2")]


def test_a_domain_is_asked_with_a_signature_for_its_service(server: TinyServer) -> None:
    signer = Signer(lambda: Credentials("AKID", "secret"), "eu-west-1")

    _, (request,) = ask(server, [leg(), leg()], auth=signer)

    assert b"/eu-west-1/es/aws4_request" in request
