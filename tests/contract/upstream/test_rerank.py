"""What every Reranker does, the local one and Bedrock's; and what the adapter makes of Bedrock's troubles."""

from __future__ import annotations

import json
from typing import NamedTuple

import pytest

from slipstream.aws.places import Places
from slipstream.aws.rerank import BedrockReranker
from slipstream.aws.sigv4 import Signer
from slipstream.aws.transport import Transport
from slipstream.errors import ModelNotFound, PermissionDenied, SlipstreamError
from slipstream.retrieval.candidates import Candidate, candidates
from slipstream.retrieval.evidence import of_legs
from slipstream.retrieval.parameters import shipped
from slipstream.retrieval.question.prepare import prepare
from slipstream.retrieval.rerank import LocalReranker, Reranker
from slipstream.retrieval.search import Hit, Legs
from tests.contract.upstream.calls import CREDENTIALS
from tests.contract.upstream.tiny_server import Peer, TinyServer

ARN = "arn:aws:bedrock:us-west-2::foundation-model/cohere.rerank-v3-5:0"
QUESTION = prepare("How often does Lambda retry a failed asynchronous invocation?")
AMPLE_MS = 20_000.0


def hit(name: str, ordinal: int, text: str, score: float) -> Hit:
    return Hit(name, "v1", ordinal, name, (), text, 0, len(text), score)


def found() -> tuple[Candidate, ...]:
    bread, retry = "Bread rises because of yeast.", "Lambda retries a failed asynchronous invocation twice."
    other = "Functions have a name and a version."
    legs = Legs(
        lexical=(hit("bread", 0, bread, 8.0), hit("retry", 0, other, 7.9), hit("retry", 1, retry, 8.0)),
        dense=(hit("retry", 1, retry, 0.8), hit("bread", 0, bread, 0.1)),
    )
    return candidates(legs)


def bedrock(transport: Transport, url: str, arn: str = ARN) -> BedrockReranker:
    auth = Signer(lambda: CREDENTIALS, "us-east-1")
    return BedrockReranker(
        arn, transport=transport, auth=auth, places=Places("us-east-1", {"bedrock-agent-runtime": url})
    )


@pytest.fixture(params=["local", "bedrock"])
def reranker(request: pytest.FixtureRequest, transport: Transport) -> Reranker:
    if request.param == "local":
        return LocalReranker(shipped())
    return bedrock(transport, request.getfixturevalue("bedrock_url"))


def test_each_candidate_has_a_score_and_the_one_that_answers_the_highest(reranker: Reranker) -> None:
    scores = reranker.scores(QUESTION, found(), of_legs(QUESTION.text, found()), AMPLE_MS)
    assert scores is not None
    by_name = dict(zip([one.document_id for one in found()], scores, strict=True))
    assert by_name["retry"] > by_name["bread"]


def test_without_time_there_are_no_scores(reranker: Reranker) -> None:
    assert reranker.scores(QUESTION, found(), of_legs(QUESTION.text, found()), 0.0) is None


class Reply(NamedTuple):
    body: bytes
    status: int = 200
    error: str = ""

    def play(self, server: TinyServer) -> list[bytes]:
        """Have the server answer so; the list is what it will have been asked."""
        asked: list[bytes] = []

        def script(peer: Peer) -> None:
            asked.append(peer.request())
            headers = f"x-amzn-errortype: {self.error}\r\n" if self.error else ""
            peer.answer(self.body, status=self.status, headers=headers)

        server.expects(script)
        return asked


def told(*scores: tuple[int, float]) -> Reply:
    results = [{"index": index, "relevanceScore": score} for index, score in scores]
    return Reply(json.dumps({"results": results}).encode())


def refused(status: int, name: str, message: str) -> Reply:
    return Reply(json.dumps({"message": message}).encode(), status, name)


def scores_of(server: TinyServer, transport: Transport) -> list[float] | None:
    return bedrock(transport, server.url).scores(QUESTION, found(), of_legs(QUESTION.text, found()), AMPLE_MS)


def test_a_document_counts_as_its_best_passage_in_log_odds(server: TinyServer, transport: Transport) -> None:
    told((2, 0.5), (1, 0.1), (0, 0.2)).play(server)
    assert scores_of(server, transport) == pytest.approx([-1.386, 0.0], abs=1e-3)


def test_scores_at_the_ends_stay_finite_and_in_order(server: TinyServer, transport: Transport) -> None:
    told((0, 1.0), (1, 0.0), (2, 0.0)).play(server)
    assert scores_of(server, transport) == pytest.approx([13.8, -13.8], abs=0.1)


def test_titles_go_along_with_the_passages(server: TinyServer, transport: Transport) -> None:
    asked = told((0, 0.1)).play(server)
    scores_of(server, transport)
    sources = json.loads(asked[0].partition(b"\r\n\r\n")[2])["sources"]
    texts = [source["inlineDocumentSource"]["textDocument"]["text"] for source in sources]
    assert texts[0] == "bread\nBread rises because of yeast."
    assert len(texts) == 3


def test_the_call_is_signed_for_the_models_own_region(server: TinyServer, transport: Transport) -> None:
    asked = told((0, 0.1)).play(server)
    scores_of(server, transport)
    assert b"/us-west-2/bedrock/aws4_request" in asked[0]


@pytest.mark.parametrize(
    "trouble",
    [
        refused(429, "ThrottlingException", "slow down"),
        refused(503, "ServiceUnavailableException", "away"),
        refused(500, "InternalServerException", "broken"),
        told(),
        told((3, 0.5)),
        Reply(b"no json"),
    ],
)
def test_a_service_that_is_busy_or_broken_leaves_the_fused_order(
    server: TinyServer, transport: Transport, trouble: Reply
) -> None:
    trouble.play(server)
    assert scores_of(server, transport) is None


@pytest.mark.parametrize(
    ("trouble", "raised"),
    [
        (refused(403, "AccessDeniedException", "not authorized to perform: bedrock:Rerank"), PermissionDenied),
        (refused(404, "ResourceNotFoundException", "no such model"), ModelNotFound),
    ],
)
def test_what_does_not_pass_by_itself_is_told(
    server: TinyServer, transport: Transport, trouble: Reply, raised: type[SlipstreamError]
) -> None:
    trouble.play(server)
    with pytest.raises(raised):
        scores_of(server, transport)
