"""A model service that refuses, fails or cannot be reached, before the answer has begun."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest
from botocore.exceptions import ClientError

from bench.processes import running
from tests.functional.faults.conftest import (
    GPT,
    HI,
    HI_CONVERSE,
    NOVA,
    SERVE,
    Double,
    Host,
    environ_over,
)

BOTH = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])


def converse(boto: Any, *, stream: bool) -> Any:
    return getattr(boto, "converse_stream" if stream else "converse")(modelId=NOVA, messages=HI_CONVERSE)


@BOTH
@pytest.mark.parametrize("model", [NOVA, GPT])
def test_a_throttle_is_passed_on_with_its_time_after_one_retry(
    sdk: openai.OpenAI, double: Double, model: str, stream: bool
) -> None:
    double.arm("throttle", times=0, retry_after_s=0.1)
    with pytest.raises(openai.RateLimitError) as refused:
        sdk.chat.completions.create(model=model, messages=HI, stream=stream)
    assert refused.value.code == "rate_limit_exceeded"
    assert refused.value.response.headers["retry-after"] == "1"
    assert refused.value.response.headers["retry-after-ms"] == "100"
    assert double.calls() == 2


@BOTH
def test_boto3_raises_a_throttle_as_bedrocks_own(boto: Any, double: Double, stream: bool) -> None:
    double.arm("throttle", times=0, retry_after_s=0.1)
    with pytest.raises(boto.exceptions.ThrottlingException) as refused:
        converse(boto, stream=stream)
    assert refused.value.response["ResponseMetadata"]["HTTPHeaders"]["retry-after"] == "1"
    assert double.calls() == 2


def test_a_service_that_wants_a_long_pause_is_not_asked_again(sdk: openai.OpenAI, double: Double) -> None:
    double.arm("throttle", times=0, retry_after_s=7)
    with pytest.raises(openai.RateLimitError) as refused:
        sdk.chat.completions.create(model=NOVA, messages=HI)
    assert refused.value.response.headers["retry-after"] == "7"
    assert double.calls() == 1


@BOTH
@pytest.mark.parametrize("fault", [{"kind": "throttle"}, {"kind": "status", "status": 503}, {"kind": "drop"}])
def test_one_failed_call_is_not_seen_by_anybody(
    sdk: openai.OpenAI, double: Double, fault: dict[str, Any], stream: bool
) -> None:
    double.arm(**fault)
    answer = sdk.chat.completions.create(model=NOVA, messages=HI, stream=stream)
    if stream:
        assert list(answer)[-1].choices[0].finish_reason
    else:
        assert answer.choices[0].message.content
    assert double.calls() == 2


@BOTH
@pytest.mark.parametrize("model", [NOVA, GPT])
@pytest.mark.parametrize(
    ("status", "told", "code", "calls"),
    [
        (500, 500, "upstream_internal", 2),
        (503, 503, "upstream_unavailable", 2),
        (424, 424, "model_error", 1),
        (408, 504, "upstream_timeout", 1),
        (404, 404, "model_not_found", 1),
        (403, 403, "upstream_access_denied", 1),
    ],
)
def test_openais_wire_tells_an_upstream_failure_by_status_and_code(
    sdk: openai.OpenAI, double: Double, model: str, status: int, told: int, code: str, calls: int, stream: bool
) -> None:
    double.arm("status", status=status, times=0)
    with pytest.raises(openai.APIStatusError) as refused:
        sdk.chat.completions.create(model=model, messages=HI, stream=stream)
    assert (refused.value.status_code, refused.value.code) == (told, code)
    assert isinstance(refused.value, openai.InternalServerError) == (told >= 500)
    assert double.calls() == calls


@BOTH
@pytest.mark.parametrize(
    ("status", "name", "calls"),
    [
        (500, "InternalServerException", 2),
        (503, "ServiceUnavailableException", 2),
        (424, "ModelErrorException", 1),
        (408, "ModelTimeoutException", 1),
        (404, "ResourceNotFoundException", 1),
        (403, "AccessDeniedException", 1),
    ],
)
def test_boto3_raises_an_upstream_failure_as_bedrocks_own(
    boto: Any, double: Double, status: int, name: str, calls: int, stream: bool
) -> None:
    double.arm("status", status=status, times=0)
    with pytest.raises(getattr(boto.exceptions, name)) as refused:
        converse(boto, stream=stream)
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == status
    assert double.calls() == calls


def test_what_passes_through_is_not_repeated_and_keeps_bedrocks_words(boto: Any, double: Double) -> None:
    double.arm("throttle", times=0, retry_after_s=3, message="Slow down, please.")
    with pytest.raises(boto.exceptions.ThrottlingException, match=r"Slow down, please\.") as refused:
        boto.invoke_model(modelId=NOVA, body=b'{"messages":[{"role":"user","content":[{"text":"Hi"}]}]}')
    assert refused.value.response["ResponseMetadata"]["HTTPHeaders"]["retry-after"] == "3"
    assert double.calls() == 1


@BOTH
def test_a_call_that_failed_before_it_began_is_counted_as_an_error(host: Host, double: Double, stream: bool) -> None:
    double.arm("status", status=503, times=0)
    metrics = host.metrics_of(host.chat(stream=stream))
    assert (metrics["errors"], metrics["outcome"], metrics["requests"]) == (1, "upstream_unavailable", 1)


@BOTH
@pytest.mark.parametrize("kind", ["drop", "garbage"])
def test_a_line_that_breaks_before_the_first_token_is_an_error_with_its_own_status(
    host: Host, double: Double, kind: str, stream: bool
) -> None:
    double.arm(kind, times=0, after=0)
    reply = host.chat(stream=stream)
    if reply.status == 200:  # the head of the stream had come, so the answer had begun
        assert b"[DONE]" not in reply.body
        assert b'data: {"error"' in reply.body
    else:
        assert reply.status in (502, 503)
        assert reply.error["retryable"]


@pytest.fixture(scope="module")
def stranded(dead_port: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    """A gateway whose model service is not there."""
    folder: Path = tmp_path_factory.mktemp("stranded")
    with running(SERVE, environ=environ_over(dead_port), folder=folder, name="stranded") as process:
        yield Host(process)


@BOTH
@pytest.mark.parametrize("model", [NOVA, GPT])
def test_a_service_that_is_not_there_is_503_on_openais_wire(stranded: Host, model: str, stream: bool) -> None:
    reply = stranded.chat(model=model, stream=stream)
    assert (reply.status, reply.error["code"]) == (503, "upstream_unavailable")
    assert reply.error["retryable"]
    assert stranded.metrics_of(reply)["outcome"] == "upstream_unavailable"


@pytest.mark.parametrize("operation", ["converse", "converse-stream", "invoke", "invoke-with-response-stream"])
def test_a_service_that_is_not_there_is_bedrocks_503_on_its_wire(stranded: Host, operation: str) -> None:
    reply = stranded.converse(operation=operation)
    assert (reply.status, reply.headers["x-amzn-errortype"]) == (503, "ServiceUnavailableException")
    assert stranded.metrics_of(reply)["errors"] == 1


def test_embeddings_of_a_service_that_is_not_there_are_503(stranded: Host) -> None:
    reply = stranded.post("/v1/embeddings", {"model": "amazon.titan-embed-text-v2:0", "input": "text"})
    assert (reply.status, reply.error["code"]) == (503, "upstream_unavailable")


def test_a_missing_region_is_told_before_anything_is_served(tmp_path: Path) -> None:
    environ = environ_over(1) | {"AWS_REGION": "", "AWS_DEFAULT_REGION": ""}
    with (
        pytest.raises(Exception, match="AWS_REGION is not set"),
        running(
            [sys.executable, "-m", "slipstream.runtime.serve"], environ=environ, folder=tmp_path, name="regionless"
        ),
    ):
        raise AssertionError("it began to serve")


def test_an_error_of_the_service_itself_names_no_credentials(boto: Any, double: Double) -> None:
    with pytest.raises(ClientError) as refused:
        boto.converse(modelId="us.no.such-model-v9:0", messages=HI_CONVERSE)
    assert refused.value.response["Error"]["Code"] in ("ResourceNotFoundException", "ValidationException")
