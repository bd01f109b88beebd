"""A model whose ARN names another region: the local server takes only a signature that is right for that region."""

from __future__ import annotations

import json
import urllib.request

import pytest

from slipstream.aws.transport import Transport
from slipstream.chat.events import Stopped
from slipstream.models.catalogue import load
from slipstream.models.embedding import embedding_call
from slipstream.models.resolve import Resolver
from slipstream.models.resolved import ResolvedCall
from slipstream.telemetry.waterfall import Waterfall
from tests.contract.upstream.calls import MODEL, RESPONSES, call, models

ABROAD = "arn:aws:bedrock:eu-west-3"
PROFILE = f"{ABROAD}:000000000000:inference-profile/{MODEL}"
GPT = "openai.gpt-5.4"


def signed_for(url: str) -> str:
    with urllib.request.urlopen(f"{url}/__double/stats", timeout=10) as reply:
        return str(json.loads(reply.read())["last"][-1]["signed_for"])


@pytest.mark.parametrize(
    ("resolved", "expected"),
    [
        (call(target_id=PROFILE), "eu-west-3/bedrock"),
        (call(), "us-east-1/bedrock"),
        (
            call(target_id=f"{ABROAD}::foundation-model/{GPT}", model_id=GPT, endpoint=RESPONSES),
            "eu-west-3/bedrock-mantle",
        ),
        (call(target_id=GPT, model_id=GPT, endpoint=RESPONSES), "us-east-1/bedrock-mantle"),
    ],
)
def test_a_call_is_signed_for_the_region_that_its_arn_names(
    transport: Transport, bedrock_url: str, resolved: ResolvedCall, expected: str
) -> None:
    events = list(models(transport, bedrock_url).stream(resolved, Waterfall()))
    assert any(isinstance(event, Stopped) for event in events)
    assert signed_for(bedrock_url) == expected


def test_what_passes_through_is_signed_for_that_region_too(transport: Transport, bedrock_url: str) -> None:
    body = b'{"anthropic_version":"bedrock-2023-05-31","max_tokens":5,"messages":[{"role":"user","content":"hi"}]}'
    reply = models(transport, bedrock_url).passthrough(
        PROFILE, "invoke", body, {"content-type": "application/json"}, Waterfall()
    )
    assert (reply.status, bool(b"".join(reply.body))) == (200, True)
    assert signed_for(bedrock_url) == "eu-west-3/bedrock"


def test_embeddings_are_asked_of_that_region_too(transport: Transport, bedrock_url: str) -> None:
    target = Resolver(load()).target(f"{ABROAD}::foundation-model/amazon.titan-embed-text-v2:0")
    assert models(transport, bedrock_url).embed(embedding_call(target, ["text"]), Waterfall()).vectors
    assert signed_for(bedrock_url) == "eu-west-3/bedrock"
