"""An application inference profile's ARN in place of a model: prompt cache and region, on both wires."""

from __future__ import annotations

from contextlib import closing
from typing import Any

import boto3
import pytest

from tests.functional.faults.conftest import Double, Host, Stack
from tests.functional.wires.conftest import Client

CLAUDE = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"


@pytest.fixture(scope="module")
def profile(stack: Stack) -> str:
    """The ARN of a team's profile of a Claude."""
    control: Any = boto3.client(
        "bedrock",
        endpoint_url=f"http://127.0.0.1:{stack.double_port}",
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    with closing(control):
        source = f"arn:aws:bedrock:us-east-1:000000000000:inference-profile/{CLAUDE}"
        made = control.create_inference_profile(inferenceProfileName="team", modelSource={"copyFrom": source})
    return str(made["inferenceProfileArn"])


def handbook(of: str) -> str:
    return " ".join(f"Line {number} of the handbook of {of}." for number in range(600))


def test_a_stable_prefix_is_written_once_and_read_from_then_on(client: Client, double: Double, profile: str) -> None:
    system = handbook(f"{client.wire}{client.stream}")
    cold = client.say("Which line is first?", system=system, model=profile)
    warm = client.say("Which line is last?", system=system, model=profile)
    assert cold.tokens["cached"] == 0
    assert warm.tokens["cached"] >= 0.97 * (warm.tokens["input"] + warm.tokens["cached"])
    if warm.report is not None and cold.report is not None:
        assert warm.report["target"] == profile
        assert warm.report["model"] == CLAUDE.removeprefix("us.")
        assert warm.report["tokens"]["cached"] == cold.report["tokens"]["cache_written"]
        assert warm.report["saved_usd"] > 0
        assert 0 < warm.report["ttft_ms"] <= warm.report["total_ms"]


def test_time_to_first_token_and_cache_reads_are_in_the_metrics(host: Host, double: Double, profile: str) -> None:
    system = {"role": "system", "content": handbook("metrics")}
    asked = [system, {"role": "user", "content": "Which line is first?"}]
    host.chat(model=profile, messages=asked, stream=True)
    metrics = host.metrics_of(host.chat(model=profile, messages=asked, stream=True))
    assert metrics["cache_read_tokens"] >= 0.97 * (metrics["cache_read_tokens"] + metrics["input_tokens"])
    assert metrics["ttft_ms"] > 0
    assert (metrics["model"], metrics["region"]) == (CLAUDE.removeprefix("us."), "us-east-1")


def test_the_model_behind_is_looked_up_once(client: Client, double: Double, profile: str) -> None:
    for _ in range(3):
        client.say("Hello there.", model=profile)
    assert double.control("stats")["calls"].get("GetInferenceProfile", 0) <= 1


def test_a_profile_of_another_region_is_looked_up_called_and_told_there(
    host: Host, double: Double, profile: str
) -> None:
    abroad = profile.replace("us-east-1", "eu-west-3")
    reply = host.chat(model=abroad)
    assert reply.status == 200
    assert host.metrics_of(reply)["region"] == "eu-west-3"
    assert b'"region":"eu-west-3"' in reply.body
    told = {call["operation"]: call["signed_for"] for call in double.control("stats")["last"]}
    assert told == {"GetInferenceProfile": "eu-west-3/bedrock", "ConverseStream": "eu-west-3/bedrock"}


def test_a_region_that_the_gateways_role_may_not_call_is_told_with_the_setting_that_grants_it(
    client: Client, double: Double
) -> None:
    double.arm("status", status=403, message="No.")
    with pytest.raises(Exception, match=r"No; calls in eu-west-3 are granted by naming this ARN .* 'models'"):
        client.say("Hi.", model="arn:aws:bedrock:eu-west-3::foundation-model/amazon.nova-lite-v1:0")


@pytest.mark.parametrize("operation", ["invoke", "count-tokens"])
def test_what_passes_through_goes_to_the_named_region_too(host: Host, double: Double, operation: str) -> None:
    arn = "arn:aws:bedrock:eu-west-3::foundation-model/amazon.nova-lite-v1:0"
    reply = host.post(f"/model/{arn}/{operation}", {"messages": [{"role": "user", "content": [{"text": "Hi"}]}]})
    assert host.metrics_of(reply)["region"] == "eu-west-3"
    assert double.control("stats")["last"][-1]["signed_for"] == "eu-west-3/bedrock"


def test_a_region_that_is_none_is_refused_before_anything_is_sent(client: Client, double: Double) -> None:
    with pytest.raises(Exception, match="is no AWS region"):
        client.say("Hi.", model="arn:aws:bedrock:evil.example:1:application-inference-profile/x")
    assert double.calls() == 0
