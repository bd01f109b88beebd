"""Amazon Bedrock as a model port: the dialect that a model speaks, one retry before the first event, deadlines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from time import perf_counter
from typing import NamedTuple

from slipstream.aws import converse, embeddings, responses, retry
from slipstream.aws.connection import Patience
from slipstream.aws.converse_stream import ConverseReader
from slipstream.aws.exchange import Request, Response
from slipstream.aws.passthrough import headers_up, reply
from slipstream.aws.places import Authorizes, Place, Places, signed_request
from slipstream.aws.responses_stream import ResponsesReader
from slipstream.aws.service_errors import from_response
from slipstream.aws.sigv4 import Headers, quote_segment
from slipstream.aws.transport import Transport
from slipstream.chat.events import Event, Failed, Heartbeat, Started
from slipstream.disconnect import NEVER, Disconnect
from slipstream.errors import ClientGone, SlipstreamError, StreamCut
from slipstream.gateway.ports import RawReply
from slipstream.models.embedding import EmbeddingCall, Embeddings
from slipstream.models.identifiers import region_of
from slipstream.models.resolved import Endpoint, ResolvedCall
from slipstream.telemetry.waterfall import Waterfall

EVENT_STREAM = [("content-type", "application/json"), ("accept", "application/vnd.amazon.eventstream")]
SSE = [("content-type", "application/json"), ("accept", "text/event-stream")]
ERROR_BYTES = 1024 * 1024
RUNTIME = Endpoint()

Reader = ConverseReader | ResponsesReader


class _Prepared(NamedTuple):
    place: Place
    path: str
    headers: Headers
    body: bytes
    service: str
    region: str | None


class BedrockModels:
    """Implements ModelPort, PassthroughPort and Embedder. Built once an environment; safe for threads.

    ``region`` is called where a model's ARN names no other.
    ``auth`` signs (sigv4.Signer) or carries a Bedrock key (sigv4.Bearer). ``endpoints`` maps service → base URL where
    the SDK's variables override AWS's hosts. ``retry_delay_s`` is the most that the jitter before the one retry takes.
    """

    def __init__(
        self,
        *,
        region: str,
        auth: Authorizes,
        transport: Transport,
        endpoints: Mapping[str, str] | None = None,
        heartbeat_s: float = 15.0,
        retry_delay_s: float = 0.2,
    ) -> None:
        self._transport = transport
        self._places = Places(region, endpoints or {})
        self._auth = auth
        self._heartbeat_s = heartbeat_s
        self._retry_delay_s = retry_delay_s

    def stream(self, call: ResolvedCall, waterfall: Waterfall, disconnect: Disconnect = NEVER) -> Iterator[Event]:
        """See ModelPort.stream. ``deadline_ms`` counts from the waterfall's origin."""
        prepared = self._prepare(call)
        patience = self._patience(disconnect, waterfall, call.request.options.deadline_ms)
        patience.may_repeat = "retried" not in waterfall.facts  # a healed call has what the first one left
        try:
            yield from self._once(prepared, call.endpoint.dialect, patience, waterfall)
        except SlipstreamError as error:  # raised before the first event only; later ones are Failed events
            if not retry.worth_another(error) or not retry.again(error, patience, self._retry_delay_s):
                raise
            waterfall.facts["retried"] = error.code
        else:
            return
        yield from self._once(prepared, call.endpoint.dialect, patience, waterfall)

    def passthrough(
        self,
        model_id: str,
        operation: str,
        body: bytes,
        headers: Mapping[str, str],
        waterfall: Waterfall,
        disconnect: Disconnect = NEVER,
    ) -> RawReply:
        """See PassthroughPort. Not repeated: the caller is an SDK that repeats by itself, and both would multiply."""
        path = f"/model/{quote_segment(model_id)}/{operation}"
        prepared = self._at(RUNTIME, region_of(model_id), path, headers_up(headers), body)
        return reply(self._answer(prepared, self._patience(disconnect, waterfall, quiet=False), waterfall))

    def embed(self, call: EmbeddingCall, waterfall: Waterfall, disconnect: Disconnect = NEVER) -> Embeddings:
        """See Embedder. One retry for each call that fails."""

        def invoke(body: bytes) -> embeddings.Reply:
            patience = self._patience(disconnect, waterfall, quiet=False)
            path = f"/model/{quote_segment(call.target_id)}/invoke"
            headers = [("content-type", "application/json"), ("accept", "application/json")]
            prepared = self._at(RUNTIME, region_of(call.target_id), path, headers, body)
            try:
                return self._invoke(prepared, patience)
            except SlipstreamError as error:
                if not retry.worth_another(error) or not retry.again(error, patience, self._retry_delay_s):
                    raise
                return self._invoke(prepared, patience)

        with waterfall.span("bedrock_wait"):
            return embeddings.embed(call, invoke)

    def _patience(
        self, disconnect: Disconnect, waterfall: Waterfall, deadline_ms: int | None = None, *, quiet: bool = True
    ) -> Patience:
        return Patience(
            self._transport.read_timeout_s,
            disconnect=disconnect,
            deadline_s=None if deadline_ms is None else waterfall.origin_s + deadline_ms / 1000,
            quiet_s=self._heartbeat_s if quiet else None,
        )

    def _prepare(self, call: ResolvedCall) -> _Prepared:
        endpoint = call.endpoint
        if endpoint.dialect == "responses":
            path = f"{endpoint.path_prefix}/responses"
            return self._at(endpoint, call.region, path, SSE, responses.encode(call))
        path = f"{endpoint.path_prefix}/model/{quote_segment(call.target_id)}/converse-stream"
        return self._at(endpoint, call.region, path, EVENT_STREAM, converse.encode(call))

    def _at(self, endpoint: Endpoint, region: str | None, path: str, headers: Headers, body: bytes) -> _Prepared:
        place = self._places.of(endpoint.host, region)
        return _Prepared(place, path, headers, body, endpoint.signing_name, region)

    def _once(self, prepared: _Prepared, dialect: str, patience: Patience, waterfall: Waterfall) -> Iterator[Event]:
        # Signed anew for each attempt: a signature is good for minutes only.
        exchange = self._transport.send(prepared.place.origin, self._sign(prepared), patience, waterfall)
        span = waterfall.begin("bedrock_wait")
        response: Response | None = None
        try:
            while (response := exchange.head()) is None:
                yield Heartbeat()
        finally:
            waterfall.end(span)
            if not patience.may_repeat:
                waterfall.facts.setdefault("retried", "connection_closed")
            if response is None:
                exchange.close()
        if response.status != 200:
            error = from_response(response.status, response.headers, response.read_all(ERROR_BYTES))
            if error.param is not None:
                error.param = responses.param_of(error.param)
            raise error
        reader = ResponsesReader() if dialect == "responses" else ConverseReader()
        yield from _events(reader, response, waterfall, self._heartbeat_s)

    def _answer(self, prepared: _Prepared, patience: Patience, waterfall: Waterfall | None) -> Response:
        exchange = self._transport.send(prepared.place.origin, self._sign(prepared), patience, waterfall)
        span = waterfall.begin("bedrock_wait") if waterfall is not None else None
        try:
            while (response := exchange.head()) is None:
                pass
            return response
        finally:
            if waterfall is not None and span is not None:
                waterfall.end(span)

    def _invoke(self, prepared: _Prepared, patience: Patience) -> embeddings.Reply:
        response = self._answer(prepared, patience, None)
        body = response.read_all()
        if response.status != 200:
            raise from_response(response.status, response.headers, body)
        tokens = response.headers.get("x-amzn-bedrock-input-token-count", "")
        return embeddings.Reply(body, int(tokens) if tokens.isdecimal() else 0)

    def _sign(self, prepared: _Prepared) -> Request:
        return signed_request(
            prepared.place,
            prepared.path,
            prepared.headers,
            prepared.body,
            auth=self._auth,
            service=prepared.service,
            region=prepared.region,
        )


def _events(reader: Reader, response: Response, waterfall: Waterfall, heartbeat_s: float) -> Iterator[Event]:
    first = waterfall.begin("first_token")
    idle_since_s: float | None = None
    begun, more = False, True
    failure: SlipstreamError | None = None
    out: list[Event] = []
    try:
        while more:
            more, failure = _pull(reader, response, out)
            if out:
                idle_since_s = None
            elif idle_since_s is None:
                idle_since_s = perf_counter()
            elif perf_counter() - idle_since_s >= heartbeat_s:  # bytes came, but none that is anything to a caller
                idle_since_s = None
                yield Heartbeat()
            for event in out:
                kind = type(event)
                if kind is not Heartbeat:
                    begun = True
                    if first.end_ms is None and kind is not Started:
                        waterfall.end(first)
                yield event
            out.clear()
    finally:
        response.close()
        if first.end_ms is None:
            waterfall.end(first)
    if failure is not None:
        if not begun:
            raise failure
        yield Failed(failure)


def _pull(reader: Reader, response: Response, out: list[Event]) -> tuple[bool, SlipstreamError | None]:
    """Append what has come; says whether there may be more, and why not."""
    try:
        data = response.read()
    except ClientGone:
        raise
    except SlipstreamError as error:
        return False, None if reader.complete else error
    try:
        if data:
            reader.feed(data, out)
        elif data is None:
            out.append(Heartbeat())
        else:
            reader.finish(out)
            if reader.complete:
                return False, None
            return False, StreamCut("the model's stream ended before the answer was complete; try again")
    except SlipstreamError as error:
        return False, error
    return True, None
