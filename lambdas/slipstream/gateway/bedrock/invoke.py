"""Operations of Bedrock that pass through unread (invoke, invoke-with-response-stream, count-tokens), metered."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

import msgspec

from slipstream.chat.events import Usage
from slipstream.chat.request import ChatRequest
from slipstream.errors import InvalidRequest, ModelNotFound, SlipstreamError
from slipstream.gateway import manners
from slipstream.gateway.allowed import require_model
from slipstream.gateway.bedrock.whole_frames import WholeFrames
from slipstream.gateway.exchange import Exchange, Gateway
from slipstream.gateway.http import HttpResponse
from slipstream.gateway.options import from_headers
from slipstream.gateway.ports import RawReply
from slipstream.models.resolved import ResolvedCall

if TYPE_CHECKING:
    from slipstream.models.cost import Cost

STREAMED = "invoke-with-response-stream"
_UP = ("content-type", "accept")
_DOWN = ("content-type", "x-amzn-errortype", "x-amzn-requestid", "retry-after")
_BEDROCK = "x-amzn-bedrock-"
_TAIL_BYTES = 8192
"""What is kept of a stream's end: its last chunk carries the token counts and is far shorter than this."""


def passthrough(gateway: Gateway, exchange: Exchange, operation: str) -> HttpResponse:
    """Hand the request on and its reply back, bytes unchanged; tokens are recorded after the last byte.

    Raises PermissionDenied, ModelNotFound (with the nearest names) or InvalidRequest before anything is sent.
    """
    request, waterfall = exchange.request, exchange.waterfall
    with waterfall.span("parse"):
        from_headers(request.headers)  # none has an effect here, but a misspelt one is told
    with waterfall.span("resolve"):
        call = _resolve(gateway, exchange)
        waterfall.facts["region"] = call.region or gateway.pipeline.region
    require_model(request.principal.models, (exchange.identifier, call.model_id, call.target_id))
    headers = {k: v for k, v in request.headers.items() if k in _UP or k.startswith(_BEDROCK)}
    meter = Meter(gateway, call, exchange)
    try:
        reply = gateway.passthrough.passthrough(
            call.target_id, operation, request.body, headers, waterfall, request.disconnect
        )
    except SlipstreamError as error:
        meter.outcome = error.code
        meter.record()
        raise
    meter.head(reply)
    kept = [(k, v) for k, v in reply.headers if k in _DOWN or k.startswith(_BEDROCK)]
    kept += [("x-slipstream-model", manners.printable(call.model_id)), ("server-timing", waterfall.server_timing())]
    if (usd := meter.cost().usd) is not None:
        kept.append(("x-slipstream-cost-usd", f"{usd:.9f}"))
    body: Iterable[bytes] = reply.body
    if operation == STREAMED and reply.status < 400:
        body = WholeFrames(reply.body)
    return HttpResponse(reply.status, kept, meter.watch(body), meter.record)


def _resolve(gateway: Gateway, exchange: Exchange) -> ResolvedCall:
    """The model behind an alias or id; what the catalogue lacks but looks like Bedrock's own id is left to Bedrock."""
    asked = ChatRequest(model=exchange.identifier, messages=[], tenant=exchange.request.principal.tenant)
    try:
        call = gateway.resolver.resolve(asked)
    except ModelNotFound:
        if "." not in asked.model and not asked.model.startswith("arn:"):
            raise
        return ResolvedCall(request=asked, target_id=asked.model, model_id=asked.model, known=False)
    if call.endpoint.dialect != "converse":
        raise InvalidRequest(
            f"'{call.model_id}' is served through another endpoint of Bedrock and has no InvokeModel; "
            "use converse, converse-stream or /v1/chat/completions",
            param="modelId",
        )
    return call


class Meter:
    """Reads token counts beside the bytes as they pass."""

    def __init__(self, gateway: Gateway, call: ResolvedCall, exchange: Exchange) -> None:
        self._gateway = gateway
        self._call = call
        self._waterfall = exchange.waterfall
        self._tail = b""
        self.usage: Usage | None = None
        self.outcome = "cut"
        self._accepted = False
        """Whether Bedrock knows the model."""

    def head(self, reply: RawReply) -> None:
        """Take the counts from the reply's headers, where they are."""
        self.usage = usage_of_headers(dict(reply.headers))
        self._accepted = reply.status < 400
        if not self._accepted:
            self.outcome = f"http_{reply.status}"

    def cost(self) -> Cost:
        """Dollars, where tokens and price are known."""
        from slipstream.models.cost import UNPRICED, price_of

        return UNPRICED if self.usage is None else price_of(self._call, self.usage)

    def watch(self, body: Iterable[bytes]) -> Iterator[bytes]:
        """Hand ``body`` on, keeping its end; closing this closes it."""
        stream = self._waterfall.begin("stream")
        try:
            for piece in body:
                if "ttft_ms" not in self._waterfall.facts:
                    self._waterfall.facts["ttft_ms"] = self._waterfall.now_ms()
                self._tail = (self._tail + piece)[-_TAIL_BYTES:] if len(piece) < _TAIL_BYTES else piece[-_TAIL_BYTES:]
                yield piece
            if self.outcome == "cut":
                self.outcome = getattr(body, "failure", None) or "ok"
        except SlipstreamError as error:
            self.outcome = error.code
            raise
        finally:
            self._waterfall.end(stream)
            close: Callable[[], None] | None = getattr(body, "close", None)
            if close is not None:
                close()

    def record(self) -> None:
        """Hand the figures to the metrics; runs after the last byte."""
        from slipstream.gateway.report import UNKNOWN_MODEL, figures

        self.usage = self.usage or usage_of_tail(self._tail)
        metrics, dimensions, properties = figures(self._call, self._waterfall, self.usage, self.cost(), self.outcome)
        if not self._call.known and not self._accepted:
            dimensions["model"] = UNKNOWN_MODEL
        self._gateway.metrics.record(metrics, dimensions, properties)


def usage_of_headers(headers: Mapping[str, str]) -> Usage | None:
    """Tokens from InvokeModel's response headers; None where there are none."""
    names = ("input", "output", "cache-read-input", "cache-write-input")
    found = [headers.get(f"{_BEDROCK}{name}-token-count", "") for name in names]
    if not found[0].isdecimal():
        return None
    counts = [int(text) if text.isdecimal() else 0 for text in found]
    return Usage(counts[0], counts[1], counts[2], counts[3])


def usage_of_tail(tail: bytes) -> Usage | None:
    """Tokens from the last chunk of InvokeModelWithResponseStream; None where it does not tell."""
    start = tail.rfind(b'"bytes":"')
    end = tail.find(b'"', start + 9)
    if start < 0 or end < 0:
        return None
    from binascii import Error, a2b_base64

    try:
        last = msgspec.json.decode(a2b_base64(tail[start + 9 : end]), type=_LastChunk)
    except (Error, msgspec.MsgspecError, UnicodeDecodeError):
        return None
    counts = last.metrics
    if counts is None:
        return None
    return Usage(counts.input, counts.output, counts.cache_read, counts.cache_write)


class _Counts(msgspec.Struct):
    input: int = msgspec.field(default=0, name="inputTokenCount")
    output: int = msgspec.field(default=0, name="outputTokenCount")
    cache_read: int = msgspec.field(default=0, name="cacheReadInputTokenCount")
    cache_write: int = msgspec.field(default=0, name="cacheWriteInputTokenCount")


class _LastChunk(msgspec.Struct):
    metrics: _Counts | None = msgspec.field(default=None, name="amazon-bedrock-invocationMetrics")
