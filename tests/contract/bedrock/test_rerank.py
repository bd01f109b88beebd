"""Rerank through boto3's bedrock-agent-runtime client."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from local.bedrock.settings import Settings
from tests.contract.bedrock.running import QUICK, Running

AMAZON = "arn:aws:bedrock:us-west-2::foundation-model/amazon.rerank-v1:0"
COHERE = "arn:aws:bedrock:us-west-2::foundation-model/cohere.rerank-v3-5:0"
QUERY = "How do I reset my password?"
TEXTS = (
    "Bread rises because of yeast.",
    "To reset your password, choose Forgot password on the sign-in page.",
    "Accounts are locked after five attempts.",
)


@pytest.fixture(params=["local", pytest.param("real", marks=pytest.mark.real)])
def agents(request: pytest.FixtureRequest) -> Any:
    if request.param == "real":
        return boto3.client("bedrock-agent-runtime")
    server: Running = request.getfixturevalue("server")
    return server.boto("bedrock-agent-runtime")


def source(text: str) -> dict[str, Any]:
    return {"type": "INLINE", "inlineDocumentSource": {"type": "TEXT", "textDocument": {"text": text}}}


def asked(texts: Sequence[str] = TEXTS, *, query: str = QUERY, model: str = COHERE, **options: Any) -> dict[str, Any]:
    configuration = {"modelConfiguration": {"modelArn": model}, **options}
    return {
        "queries": [{"type": "TEXT", "textQuery": {"text": query}}],
        "sources": [source(text) for text in texts],
        "rerankingConfiguration": {
            "type": "BEDROCK_RERANKING_MODEL",
            "bedrockRerankingConfiguration": configuration,
        },
    }


@pytest.mark.parametrize("model", [AMAZON, COHERE])
def test_the_source_that_answers_comes_first_with_its_index_and_a_score(agents: Any, model: str) -> None:
    results = agents.rerank(**asked(model=model))["results"]
    assert results[0]["index"] == 1
    assert sorted(result["index"] for result in results) == [0, 1, 2]
    scores = [result["relevanceScore"] for result in results]
    assert scores == sorted(scores, reverse=True)
    assert all(0 <= score <= 1 for score in scores)


def test_meaning_counts_where_no_word_is_shared(agents: Any) -> None:
    texts = ("Quarterly figures of the company", "Choose a new secret phrase to sign in with.")
    assert agents.rerank(**asked(texts))["results"][0]["index"] == 1


def test_no_more_results_come_than_were_asked_for(agents: Any) -> None:
    assert len(agents.rerank(**asked(numberOfResults=2))["results"]) == 2


def test_a_json_document_is_read_by_its_values(agents: Any) -> None:
    body = asked(TEXTS[:1])
    document = {"type": "JSON", "jsonDocument": {"title": "Password reset", "body": TEXTS[1]}}
    body["sources"].append({"type": "INLINE", "inlineDocumentSource": document})
    assert agents.rerank(**body)["results"][0]["index"] == 1


def test_a_score_does_not_depend_on_the_other_sources(agents: Any) -> None:
    alone = agents.rerank(**asked(TEXTS[1:2]))["results"][0]["relevanceScore"]
    together = agents.rerank(**asked())["results"][0]["relevanceScore"]
    assert math.isclose(alone, together, abs_tol=1e-6)


def without_query(body: dict[str, Any]) -> None:
    body["queries"] = []


def two_queries(body: dict[str, Any]) -> None:
    body["queries"] *= 2


def without_sources(body: dict[str, Any]) -> None:
    body["sources"] = []


def too_many_sources(body: dict[str, Any]) -> None:
    body["sources"] = body["sources"][:1] * 1001


def too_long_a_source(body: dict[str, Any]) -> None:
    body["sources"][0] = source("x" * 32_001)


def an_empty_source(body: dict[str, Any]) -> None:
    body["sources"][0]["inlineDocumentSource"]["textDocument"] = {}


def another_kind_of_source(body: dict[str, Any]) -> None:
    body["sources"][0]["type"] = "S3"


def more_results_than_sources(body: dict[str, Any]) -> None:
    body["rerankingConfiguration"]["bedrockRerankingConfiguration"]["numberOfResults"] = 4


def a_model_that_does_not_rerank(body: dict[str, Any]) -> None:
    model = {"modelArn": "arn:aws:bedrock:us-west-2::foundation-model/amazon.nova-lite-v1:0"}
    body["rerankingConfiguration"]["bedrockRerankingConfiguration"]["modelConfiguration"] = model


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (without_query, "'queries'"),
        (two_queries, "'queries'"),
        (without_sources, "'sources'"),
        (too_many_sources, "'sources'"),
        (too_long_a_source, "sources"),
        (an_empty_source, "sources"),
        (another_kind_of_source, "type"),
        (more_results_than_sources, "exceeds the number of sources"),
        (a_model_that_does_not_rerank, "model ARN for reranking is invalid"),
    ],
)
def test_what_bedrock_refuses_is_refused_with_what_is_wrong(
    server: Running, spoil: Callable[[dict[str, Any]], None], said: str
) -> None:
    client = boto3.client(
        "bedrock-agent-runtime",
        endpoint_url=server.url,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(parameter_validation=False),  # the service's own checks, not the SDK's
    )
    body = asked()
    spoil(body)
    with pytest.raises(ClientError) as refused:
        client.rerank(**body)
    client.close()
    assert refused.value.response["Error"]["Code"] == "ValidationException"
    assert said in refused.value.response["Error"]["Message"]


def test_a_throttle_that_was_armed_hits_it(server: Running) -> None:
    server.control("faults", {"kind": "throttle", "operation": "Rerank", "model": "cohere.rerank*"})
    client = server.boto("bedrock-agent-runtime")
    with pytest.raises(client.exceptions.ThrottlingException):
        client.rerank(**asked())
    assert client.rerank(**asked())["results"]


def test_requests_over_the_quota_are_throttled() -> None:
    with Running(Settings(**QUICK, rpm=1)) as server:
        client = server.boto("bedrock-agent-runtime")
        client.rerank(**asked())
        with pytest.raises(client.exceptions.ThrottlingException):
            client.rerank(**asked())


def test_reranking_models_are_listed_and_answer_no_chat(server: Running) -> None:
    listed = server.boto("bedrock").list_foundation_models()["modelSummaries"]
    assert {"amazon.rerank-v1:0", "cohere.rerank-v3-5:0"} <= {model["modelId"] for model in listed}
    with pytest.raises(ClientError, match="ValidationException"):
        server.boto().converse(modelId="cohere.rerank-v3-5:0", messages=[{"role": "user", "content": [{"text": "Hi"}]}])
