"""What goes to each family of embedding models, and what comes back, against a scripted service."""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from typing import Any

import pytest

from slipstream.aws.transport import Transport
from slipstream.errors import Throttled, UpstreamError
from slipstream.models.catalogue import load
from slipstream.models.embedding import EmbeddingCall, InputType, embedding_call
from slipstream.models.targets import Targets
from slipstream.telemetry.waterfall import Waterfall
from tests.contract.upstream.calls import models
from tests.contract.upstream.tiny_server import Peer, TinyServer

TITAN, COHERE = "amazon.titan-embed-text-v2:0", "cohere.embed-v4:0"
COUNTED = "x-amzn-bedrock-input-token-count: 2\r\n"


def asks(
    model: str, texts: Sequence[str], dimensions: int | None = None, input_type: InputType = "search_document"
) -> EmbeddingCall:
    return embedding_call(Targets(load(), {}, None, {}).find(model), texts, dimensions, input_type)


def body_of(request: bytes) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(request.partition(b"\r\n\r\n")[2])
    return body


class Service:
    """Answers every connection with what ``answer`` makes of a request's body; keeps the bodies."""

    def __init__(self, server: TinyServer, answer: Any, connections: int = 8) -> None:
        self.bodies: list[dict[str, Any]] = []
        self._answer = answer
        server.expects(*[self._serve] * connections)

    def _serve(self, peer: Peer) -> None:
        while True:
            body = body_of(peer.request())
            self.bodies.append(body)
            peer.answer(json.dumps(self._answer(body)).encode(), headers=COUNTED)


def titan(body: dict[str, Any]) -> dict[str, Any]:
    return {"embedding": [float(body["inputText"])]}


def cohere(body: dict[str, Any]) -> dict[str, Any]:
    return {"embeddings": {"float": [[float(text)] for text in body["texts"]]}}


def nova(body: dict[str, Any]) -> dict[str, Any]:
    value = body["singleEmbeddingParams"]["text"]["value"]
    return {"embeddings": [{"embeddingType": "TEXT", "embedding": [float(value)]}]}


def numbers(count: int) -> list[str]:
    return [str(at) for at in range(count)]


def test_texts_for_a_model_that_takes_one_a_call_come_back_in_their_order(
    transport: Transport, server: TinyServer
) -> None:
    Service(server, titan)
    done = models(transport, server.url).embed(asks(TITAN, numbers(20)), Waterfall())
    transport.restore()
    assert done.vectors == [[float(at)] for at in range(20)]
    assert done.input_tokens == 40


def test_one_text_a_call_means_several_calls_at_once(transport: Transport, server: TinyServer) -> None:
    all_there = threading.Barrier(8)

    def waits(peer: Peer) -> None:
        body = body_of(peer.request())
        all_there.wait(10)  # passes only once eight calls are open together
        peer.answer(json.dumps(titan(body)).encode())

    server.expects(*[waits] * 8)
    done = models(transport, server.url).embed(asks(TITAN, numbers(8)), Waterfall())
    transport.restore()
    assert len(done.vectors) == 8
    assert server.connections == 8


def test_texts_for_a_model_that_takes_many_go_in_batches(transport: Transport, server: TinyServer) -> None:
    service = Service(server, cohere)
    done = models(transport, server.url).embed(asks(COHERE, numbers(200)), Waterfall())
    transport.restore()
    assert done.vectors == [[float(at)] for at in range(200)]
    assert sorted(len(body["texts"]) for body in service.bodies) == [8, 96, 96]
    assert done.input_tokens == 6


@pytest.mark.parametrize(
    ("model", "answer", "body"),
    [
        (TITAN, titan, {"inputText": "1", "dimensions": 256}),
        (
            COHERE,
            cohere,
            {"texts": ["1"], "input_type": "search_query", "embedding_types": ["float"], "output_dimension": 256},
        ),
        (
            "amazon.nova-2-multimodal-embeddings-v1:0",
            nova,
            {
                "taskType": "SINGLE_EMBEDDING",
                "singleEmbeddingParams": {
                    "embeddingPurpose": "TEXT_RETRIEVAL",
                    "text": {"truncationMode": "NONE", "value": "1"},
                    "embeddingDimension": 256,
                },
            },
        ),
    ],
)
def test_a_question_is_asked_in_the_models_own_shape(
    transport: Transport, server: TinyServer, model: str, answer: Any, body: dict[str, Any]
) -> None:
    service = Service(server, answer, connections=1)
    done = models(transport, server.url).embed(asks(model, ["1"], 256, "search_query"), Waterfall())
    transport.restore()
    assert service.bodies == [body]
    assert done.vectors == [[1.0]]


def test_a_model_of_one_size_is_not_told_it(transport: Transport, server: TinyServer) -> None:
    service = Service(server, cohere, connections=1)
    models(transport, server.url).embed(asks("cohere.embed-english-v3", ["1"], 1024), Waterfall())
    transport.restore()
    assert "output_dimension" not in service.bodies[0]


def test_the_id_that_was_asked_for_is_the_one_that_is_called(transport: Transport, server: TinyServer) -> None:
    seen: list[bytes] = []

    def script(peer: Peer) -> None:
        seen.append(peer.request())
        peer.answer(json.dumps(cohere({"texts": ["1"]})).encode())

    server.expects(script)
    models(transport, server.url).embed(asks("eu.cohere.embed-v4:0", ["1"]), Waterfall())
    assert seen[0].startswith(b"POST /model/eu.cohere.embed-v4%3A0/invoke HTTP/1.1\r\n")


@pytest.mark.parametrize("answer", [{}, {"embeddings": {"float": []}}, {"embeddings": [[1.0]]}])
def test_an_answer_without_a_vector_for_each_text_is_an_error(
    transport: Transport, server: TinyServer, answer: dict[str, Any]
) -> None:
    Service(server, lambda _: answer, connections=1)
    with pytest.raises(UpstreamError) as caught:
        models(transport, server.url).embed(asks(COHERE, ["1"]), Waterfall())
    transport.restore()
    assert caught.value.code == "bad_upstream_response"


def test_a_call_that_fails_for_good_fails_them_all(transport: Transport, server: TinyServer) -> None:
    def throttles(peer: Peer) -> None:
        while True:
            peer.request()
            peer.answer(b"{}", status=429, headers="x-amzn-ErrorType: ThrottlingException\r\n")

    server.expects(*[throttles] * 8)
    with pytest.raises(Throttled):
        models(transport, server.url).embed(asks(TITAN, numbers(20)), Waterfall())
    transport.restore()
