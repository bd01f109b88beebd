"""What goes wrong at the Responses endpoint, as clients of both wires see it."""

from __future__ import annotations

from contextlib import closing
from typing import Any

import openai
import pytest
from botocore.exceptions import ClientError, EventStreamError

from tests.functional.faults.conftest import GPT, HI, HI_CONVERSE, Double, Host
from tests.functional.wires.conftest import Client

LEARNER = "openai.gpt-5.4"  # its rules are learnt for the whole process
HELLO = "The tower is 330 metres tall. How tall is the tower?"
ARN = "arn:aws:bedrock:us-west-2"


def refusal(client: Client, **more: Any) -> tuple[int, str, str, dict[str, str]]:
    """Status, code or exception's name, message and headers of the refusal."""
    try:
        client.say(HELLO, model=GPT, **more)
    except openai.APIStatusError as refused:
        return refused.status_code, str(refused.code), refused.message, dict(refused.response.headers)
    except ClientError as refused:
        told = refused.response
        headers = told["ResponseMetadata"]["HTTPHeaders"]
        return told["ResponseMetadata"]["HTTPStatusCode"], told["Error"]["Code"], told["Error"]["Message"], headers
    raise AssertionError("it was answered")


@pytest.mark.parametrize(
    ("status", "openai_told", "bedrock_told", "calls"),
    [
        (400, (400, "invalid_request"), (400, "ValidationException"), 1),
        (401, (502, "upstream_credentials"), (500, "InternalServerException"), 1),
        (403, (403, "upstream_access_denied"), (403, "AccessDeniedException"), 1),
        (404, (404, "model_not_found"), (404, "ResourceNotFoundException"), 1),
        (500, (500, "upstream_internal"), (500, "InternalServerException"), 2),
        (503, (503, "upstream_unavailable"), (503, "ServiceUnavailableException"), 2),
    ],
)
def test_a_refused_call_has_each_wires_own_status(
    client: Client, double: Double, status: int, openai_told: Any, bedrock_told: Any, calls: int
) -> None:
    double.arm("status", status=status, times=0, message="It is so.")
    *told, message, _ = refusal(client)
    assert tuple(told) == (openai_told if client.wire == "openai" else bedrock_told)
    assert "It is so." in message or status == 401
    assert double.calls() == calls


def test_credentials_that_bedrock_refuses_are_the_gateways_not_the_callers(client: Client, double: Double) -> None:
    double.arm("status", status=401, times=0)
    assert "the gateway's own credentials" in refusal(client)[2]


def test_a_throttle_is_passed_on_with_its_time(client: Client, double: Double) -> None:
    double.arm("throttle", times=0, retry_after_s=7)
    status, code, _, headers = refusal(client)
    assert (status, code) in ((429, "rate_limit_exceeded"), (429, "ThrottlingException"))
    assert headers["retry-after"] == "7"


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("max_output_tokens", "max_tokens"),
        ("reasoning.effort", "reasoning_effort"),
        ("text.format.schema", "response_format"),
        ("input[3].content", "messages"),
        ("tools[0].parameters", "tools[0].parameters"),
    ],
)
def test_the_field_that_bedrock_complains_of_is_named_as_the_caller_knows_it(
    sdk: openai.OpenAI, double: Double, theirs: str, ours: str
) -> None:
    double.arm("status", status=400, message="Wrong.", param=theirs)
    with pytest.raises(openai.BadRequestError) as refused:
        sdk.chat.completions.create(model=GPT, messages=HI)
    assert refused.value.param == ours


@pytest.mark.parametrize("error", ["throttlingException", "serviceUnavailableException", "internalServerException"])
def test_a_failure_before_the_first_piece_has_a_status_after_one_retry(
    client: Client, double: Double, error: str
) -> None:
    double.arm("exception", error=error, after=0, times=0)
    status, code, _, _ = refusal(client)
    expected = {
        "throttlingException": (429, {"rate_limit_exceeded", "ThrottlingException"}),
        "serviceUnavailableException": (503, {"upstream_unavailable", "ServiceUnavailableException"}),
        "internalServerException": (500, {"upstream_internal", "InternalServerException"}),
    }[error]
    assert status == expected[0]
    assert code in expected[1]
    assert double.calls() == 2


def test_a_failure_before_the_first_piece_is_not_seen_where_the_retry_succeeds(client: Client, double: Double) -> None:
    double.arm("exception", error="serviceUnavailableException", after=0)
    assert client.say(HELLO, model=GPT).text
    assert double.calls() == 2


BREAKS: list[tuple[dict[str, Any], set[str]]] = [
    ({"kind": "exception", "error": "internalServerException"}, {"internalServerException"}),
    ({"kind": "exception", "error": "throttlingException"}, {"throttlingException"}),
    ({"kind": "exception", "error": "serviceUnavailableException"}, {"serviceUnavailableException"}),
    ({"kind": "exception", "error": "validationException"}, {"validationException"}),
    ({"kind": "cut"}, {"modelStreamErrorException"}),
    ({"kind": "garbage"}, {"modelStreamErrorException"}),
]


@pytest.mark.parametrize(("fault", "names"), BREAKS)
def test_a_broken_stream_raises_in_boto3_after_what_came(
    boto: Any, double: Double, fault: dict[str, Any], names: set[str]
) -> None:
    double.arm(after=3, **fault)
    seen: list[Any] = []
    with (
        closing(boto.converse_stream(modelId=GPT, messages=HI_CONVERSE)["stream"]) as stream,
        pytest.raises(EventStreamError) as broken,
    ):
        seen.extend(stream)
    assert broken.value.response["Error"]["Code"] in names
    assert sum("contentBlockDelta" in event for event in seen) == 3
    assert not any("messageStop" in event for event in seen)


@pytest.mark.parametrize(("fault", "names"), BREAKS)
def test_a_broken_stream_never_looks_complete_on_openais_wire(
    host: Host, double: Double, fault: dict[str, Any], names: set[str]
) -> None:
    double.arm(after=3, **fault)
    reply = host.chat(model=GPT, stream=True)
    assert reply.status == 200
    assert b"[DONE]" not in reply.body
    assert reply.body.count(b'"content"') == 3
    assert reply.body[reply.body.rindex(b"data: ") :].startswith(b'data: {"error":')
    assert host.metrics_of(reply)["errors"] == 1


@pytest.mark.parametrize(("fault", "names"), BREAKS)
def test_an_answer_in_one_piece_that_breaks_has_an_error_status(
    host: Host, double: Double, fault: dict[str, Any], names: set[str]
) -> None:
    double.arm(after=3, times=2, **fault)
    assert host.chat(model=GPT).status in (400, 429, 500, 502, 503)
    assert host.converse(model=GPT).status in (400, 424, 429, 500, 503)


def test_an_effort_that_the_model_refuses_is_left_out_and_remembered(sdk: openai.OpenAI, double: Double) -> None:
    message = "Unsupported value: 'reasoning.effort' does not support 'low' with this model."
    double.arm("status", status=400, message=message, param="reasoning.effort")
    for calls in (2, 3):
        answer = sdk.chat.completions.create(model=LEARNER, messages=HI, reasoning_effort="low")
        report = (answer.model_extra or {})["slipstream"]
        assert "reasoning_effort" not in report["sent"]
        assert any(note.startswith("reasoning_effort left out") for note in report["notes"])
        assert double.calls() == calls


def test_a_limit_that_the_model_tells_is_kept_to(boto: Any, double: Double) -> None:
    message = "max_output_tokens is too large: 12288. This model supports at most 900 completion tokens."
    double.arm("status", status=400, message=message, param="max_output_tokens")
    for calls in (2, 3):
        reply = boto.converse(modelId=LEARNER, messages=HI_CONVERSE)
        assert '"max_tokens":900' in reply["ResponseMetadata"]["HTTPHeaders"]["x-slipstream-report"]
        assert double.calls() == calls


def test_a_callers_own_limit_is_the_callers_to_correct(boto: Any, double: Double) -> None:
    double.arm("status", status=400, message="max_output_tokens is too large: at most 900.", param="max_output_tokens")
    with pytest.raises(ClientError, match="at most 900"):
        boto.converse(modelId=GPT, messages=HI_CONVERSE, inferenceConfig={"maxTokens": 1000})
    assert double.calls() == 1


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"guardrailConfig": {"guardrailIdentifier": "g", "guardrailVersion": "1"}}, "guardrailConfig.*ApplyGuardrail"),
        ({"promptVariables": {"a": {"text": "b"}}}, "promptVariables.*into the prompt"),
        ({"additionalModelResponseFieldPaths": ["/a"]}, "additionalModelResponseFieldPaths"),
        ({"outputConfig": {"effort": "very"}}, r"outputConfig\.effort"),
        ({"toolConfig": {"tools": [{"systemTool": {"name": "nova_grounding"}}]}}, "system tool 'nova_grounding'"),
    ],
)
@pytest.mark.parametrize("operation", ["converse", "converse_stream"])
def test_what_the_endpoint_has_no_words_for_is_refused_by_name_and_not_sent(
    boto: Any, double: Double, operation: str, fields: dict[str, Any], told: str
) -> None:
    with pytest.raises(boto.exceptions.ValidationException, match=told):
        getattr(boto, operation)(modelId=GPT, messages=HI_CONVERSE, **fields)
    assert double.calls() == 0


def test_a_foundation_models_arn_is_called_by_its_id_in_its_region(boto: Any, double: Double) -> None:
    reply = boto.converse(modelId=f"{ARN}::foundation-model/{GPT}", messages=HI_CONVERSE)
    assert '"region":"us-west-2"' in reply["ResponseMetadata"]["HTTPHeaders"]["x-slipstream-report"]
    (call,) = double.control("stats")["last"]
    assert (call["model"], call["signed_for"]) == (GPT, "us-west-2/bedrock-mantle")


def test_a_profile_of_a_responses_only_model_is_refused_with_the_id_to_use(sdk: openai.OpenAI, double: Double) -> None:
    arn = f"{ARN}:000000000000:inference-profile/us.{GPT}"
    with pytest.raises(
        openai.BadRequestError, match=rf"takes no inference profiles.*foundation-model/{GPT}"
    ) as refused:
        sdk.chat.completions.create(model=arn, messages=HI)
    assert refused.value.param == "model"
