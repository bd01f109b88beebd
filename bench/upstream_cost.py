"""What the path to Bedrock costs in CPU, against botocore's parts: ``python -m bench.upstream_cost --json``.

Each figure is the least of several rounds, in µs: the machine's other work only ever adds. Imports are timed in fresh
interpreters, in ms.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from time import perf_counter
from typing import Any

import botocore.auth
import botocore.awsrequest
import botocore.credentials
import botocore.eventstream
import click

from slipstream.aws import converse
from slipstream.aws.converse_stream import ConverseReader
from slipstream.aws.origin import Origin
from slipstream.aws.places import Place, signed_request
from slipstream.aws.sigv4 import Credentials, Signer
from slipstream.chat.events import Event
from slipstream.chat.request import ChatRequest, Message, Text
from slipstream.eventstream import Decoder, event
from slipstream.models.resolved import ResolvedCall

ROUNDS, TURNS, TOKENS = 15, 200, 40
MODEL = "us.anthropic.claude-haiku-4-5-20251001-v1:0"
PATH = "/model/us.anthropic.claude-haiku-4-5-20251001-v1%3A0/converse-stream"
HEADERS = [("content-type", "application/json"), ("accept", "application/vnd.amazon.eventstream")]


def least_us(work: Callable[[], object], turns: int = TURNS) -> float:
    """µs a call, best of the rounds."""
    best = float("inf")
    for _ in range(ROUNDS):
        began = perf_counter()
        for _ in range(turns):
            work()
        best = min(best, (perf_counter() - began) / turns)
    return round(best * 1e6, 2)


def import_ms(module: str) -> float:
    """Ms to import ``module`` in a fresh interpreter, best of five."""
    code = f"from time import perf_counter as t; a = t(); import {module}; print((t() - a) * 1000)"
    runs = [subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True) for _ in range(5)]
    return round(min(float(run.stdout) for run in runs), 1)


def frames() -> bytes:
    """An answer of forty tokens as Bedrock sends it."""
    delta = b'{"contentBlockIndex":0,"delta":{"text":" token"},"p":"abcdefghijkl"}'
    return event("contentBlockDelta", delta) * TOKENS


def run(*, tick: Callable[[], None] = lambda: None) -> dict[str, Any]:
    """All figures, ours beside botocore's in one run; one ``tick``, as there are no requests to count."""
    tick()
    request = ChatRequest(model=MODEL, messages=[Message("user", [Text("word " * 200)])])
    call = ResolvedCall(request=request, target_id=MODEL, model_id=MODEL, sent={"max_tokens": 100})
    body = converse.encode(call)
    signer = Signer(lambda: Credentials("AKID", "secret"), "us-east-1")
    place = Place(Origin("https", "bedrock-runtime.us-east-1.amazonaws.com", 443), "")
    theirs = botocore.auth.SigV4Auth(botocore.credentials.Credentials("AKID", "secret"), "bedrock", "us-east-1")
    url = f"https://{place.origin.host}{PATH}"
    data = frames()

    def botocore_sign() -> None:
        theirs.add_auth(botocore.awsrequest.AWSRequest("POST", url, dict(HEADERS), body))

    def botocore_decode() -> None:
        buffer = botocore.eventstream.EventStreamBuffer()
        buffer.add_data(data)
        for message in buffer:
            message.to_response_dict()

    def to_events() -> None:
        out: list[Event] = []
        ConverseReader().feed(data, out)

    def sign() -> None:
        signed_request(place, PATH, HEADERS, body, auth=signer, service="bedrock")

    return {
        "encode_request_us": least_us(lambda: converse.encode(call)),
        "sign_and_write_head_us": {"ours": least_us(sign), "botocore_sign_only": least_us(botocore_sign)},
        "decode_frame_us": {
            "ours": round(least_us(lambda: Decoder().feed(data)) / TOKENS, 2),
            "botocore": round(least_us(botocore_decode) / TOKENS, 2),
        },
        "bytes_to_event_us": round(least_us(to_events) / TOKENS, 2),
        "import_ms": {
            module: import_ms(module)
            for module in ("slipstream.aws.sigv4", "slipstream.eventstream", "slipstream.aws.transport",
                           "botocore.auth", "botocore.eventstream", "http.client")
        },
    }  # fmt: skip


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output.")
def main(as_json: bool) -> None:
    """Measure and print."""
    figures = run()
    if as_json:
        print(json.dumps(figures))
        return
    for name, value in figures.items():
        print(f"{name:26} {value}")


if __name__ == "__main__":
    main()
