"""The gateway as an application: both wires' routes, and what HTTP asks of every answer.

A wire's modules are imported when its first request comes, so a cold start pays for one wire only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import msgspec

from slipstream.errors import MethodNotAllowed, SlipstreamError
from slipstream.gateway import manners, routes
from slipstream.gateway.exchange import Exchange, Gateway
from slipstream.gateway.failures import guarded, unexpected
from slipstream.gateway.http import App, HttpRequest, HttpResponse
from slipstream.gateway.whole import WholeAnswer
from slipstream.telemetry.waterfall import Waterfall

if TYPE_CHECKING:
    from slipstream.chat.request import ChatRequest
    from slipstream.gateway.pipeline import Answer

JSON = ("content-type", "application/json")
STREAM_HEADERS = [("x-accel-buffering", "no")]
ANY_ROUTE = "GET, HEAD, POST, OPTIONS"


def create_app(gateway: Gateway) -> App:
    """The application over ``gateway``; any number of threads may call it."""
    return _Application(gateway).respond


class _Application:
    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._routes: dict[str, Callable[[Exchange], HttpResponse]] = {
            "healthz": self._health,
            "chat": self._chat,
            "embeddings": self._embeddings,
            "search": self._search,
            "answers": self._answers,
            "purge": self._purge,
            "models": self._models,
            "model": self._model,
            "converse": lambda exchange: self._converse(exchange, stream=False),
            "converse-stream": lambda exchange: self._converse(exchange, stream=True),
        }

    def respond(self, request: HttpRequest) -> HttpResponse:
        """Answer one request; never raises."""
        request_id = manners.request_id(request.headers, request.request_id)
        exchange = Exchange(request, Waterfall(request.received_s), request_id)
        exchange.waterfall.facts["request_id"] = request_id
        wire = routes.wire_of(request.path)
        try:
            response = self._dispatch(exchange)
        except Exception as error:
            response = _failed(wire, error, request_id)
        response.headers += self._common(request, wire, request_id)
        if request.method == "HEAD":
            response.body = ()
        return response

    def _common(self, request: HttpRequest, wire: routes.Wire, request_id: str) -> manners.Headers:
        headers = [("x-request-id", request_id), ("cache-control", "no-store")]
        if wire == "bedrock":
            headers.append(("x-amzn-requestid", request_id))
        if request.method != "OPTIONS":
            headers += manners.allow_origin(request.headers, self._gateway.cors_origins)
        return headers

    def _dispatch(self, exchange: Exchange) -> HttpResponse:
        request = exchange.request
        if request.method == "OPTIONS":
            return self._options(request)
        if request.denied is not None and not _is_health(request.path):
            raise request.denied
        found = routes.match(request.path)
        method = "GET" if request.method == "HEAD" else request.method
        if method != found.route.method:
            return _refused_method(found.route, request.method)
        if found.route not in (routes.HEALTH, routes.PURGE):
            request.principal.require("invoke")
        if method == "POST":
            manners.check_body(request.headers, len(request.body), self._gateway.max_body_bytes)
        exchange.identifier = found.identifier
        if (handler := self._routes.get(found.route.name)) is not None:
            return handler(exchange)
        from slipstream.gateway.bedrock import invoke

        return invoke.passthrough(self._gateway, exchange, found.route.name)

    def _options(self, request: HttpRequest) -> HttpResponse:
        allow = ANY_ROUTE if request.path == "*" else routes.match(request.path).route.allow
        return HttpResponse(204, manners.preflight(request.headers, self._gateway.cors_origins, allow))

    # -- small routes

    def _health(self, _exchange: Exchange) -> HttpResponse:
        return _whole(msgspec.json.encode({"status": "ok", "version": self._gateway.version}))

    def _models(self, exchange: Exchange) -> HttpResponse:
        from slipstream.gateway.openai import models_list

        gateway = self._gateway
        allowed = exchange.request.principal.models
        return _whole(models_list.encode(gateway.catalogue, gateway.aliases, gateway.pipeline.region, allowed))

    def _model(self, exchange: Exchange) -> HttpResponse:
        from slipstream.gateway.openai import models_list

        gateway, name = self._gateway, exchange.identifier
        return _whole(models_list.encode_one(gateway.catalogue, gateway.aliases, gateway.pipeline.region, name))

    def _embeddings(self, exchange: Exchange) -> HttpResponse:
        from slipstream.gateway.openai import embeddings, metered

        request, waterfall = exchange.request, exchange.waterfall
        with waterfall.span("parse"):
            asked = embeddings.decode(request.body, request.principal)
        made, record = metered.embed(self._gateway, exchange, asked)
        timing = ("server-timing", waterfall.server_timing())
        response = _whole(embeddings.encode(asked, made.vectors, made.input_tokens), [timing])
        response.settle = record
        return response

    def _search(self, exchange: Exchange) -> HttpResponse:
        from slipstream.gateway.openai import metered, search

        request, waterfall = exchange.request, exchange.waterfall
        with waterfall.span("parse"):
            asked = search.decode(request.body, request.principal)
        found, record = metered.search(self._gateway, exchange, asked)
        timing = ("server-timing", waterfall.server_timing())
        response = _whole(search.encode(asked, found, waterfall), [timing])
        response.settle = record
        return response

    def _purge(self, exchange: Exchange) -> HttpResponse:
        from slipstream.gateway.openai.purge import purge

        request, gateway = exchange.request, self._gateway
        ended = purge(gateway.kept, request.body, request.principal, asked_store=gateway.asked)
        return _whole(msgspec.json.encode(ended))

    # -- answers of a model

    def _answers(self, exchange: Exchange) -> HttpResponse:
        from slipstream.gateway.openai import answers

        request = exchange.request
        exchange.waterfall.started()
        with exchange.waterfall.span("parse"):
            asked = answers.decode(request.body, request.principal)
        answer = self._answer(exchange, asked)
        if asked.stream:
            return _streamed(answer, answers.stream(answer), "text/event-stream; charset=utf-8")
        return self._completed(exchange, answer, answers.complete, "openai")

    def _chat(self, exchange: Exchange) -> HttpResponse:
        from slipstream.gateway.openai import chat

        request = exchange.request
        exchange.waterfall.started()
        with exchange.waterfall.span("parse"):
            asked = chat.decode(request.body, request.headers, request.principal)
        try:
            answer = self._answer(exchange, asked)
        except SlipstreamError as error:
            raise chat.in_callers_words(error, request.body) from None
        if asked.stream:
            return _streamed(answer, chat.stream(answer), "text/event-stream; charset=utf-8")
        return self._completed(exchange, answer, chat.complete, "openai")

    def _converse(self, exchange: Exchange, *, stream: bool) -> HttpResponse:
        from slipstream import eventstream
        from slipstream.gateway.bedrock import converse, reply
        from slipstream.gateway.bedrock import stream as frames

        request = exchange.request
        exchange.waterfall.started()
        with exchange.waterfall.span("parse"):
            asked = converse.decode(
                exchange.identifier, request.body, request.headers, request.principal, stream=stream
            )
        answer = self._answer(exchange, asked)
        if stream:
            return _streamed(answer, frames.stream(answer), eventstream.CONTENT_TYPE)
        return self._completed(exchange, answer, reply.complete, "bedrock")

    def _answer(self, exchange: Exchange, asked: ChatRequest) -> Answer:
        answer = self._gateway.pipeline.answer(asked, exchange.waterfall, exchange.request.disconnect)
        answer.events = guarded(answer.events, exchange.request_id)
        return answer

    def _completed(
        self, exchange: Exchange, answer: Answer, encode: Callable[[Answer], bytes], wire: routes.Wire
    ) -> HttpResponse:
        """The whole answer, or its error with the true status; settled in both cases.

        One that is too long in coming is handed over before it is there: see ``whole``.
        """
        whole = WholeAnswer(answer, encode, self._gateway.pace)
        try:
            if not whole.wait(exchange.request.received_s + self._gateway.pace.silence_s):
                return _streamed(answer, whole.committed(), JSON[1])
            body = whole.body()
        except Exception as error:
            answer.close()
            response = _failed(wire, error, exchange.request_id)
            response.settle = answer.settle
            return response
        response = _whole(body, _told(answer, wire))
        response.settle = answer.settle
        return response


def _is_health(path: str) -> bool:
    """Whether the route, not merely the path's end, is the health check: only that is open to everybody."""
    return path.endswith(routes.HEALTH.template) and routes.match(path).route is routes.HEALTH


def _whole(body: bytes, headers: manners.Headers | None = None) -> HttpResponse:
    return HttpResponse(200, [JSON, ("content-length", str(len(body))), *(headers or ())], (body,))


def _refused_method(route: routes.Route, method: str) -> HttpResponse:
    error = MethodNotAllowed(f"{routes.printable(method)} is not for {route.template}; it takes {route.allow}")
    response = _encoded(route.wire, error)
    response.headers.append(("allow", route.allow))
    return response


def _encoded(wire: routes.Wire, error: SlipstreamError) -> HttpResponse:
    if wire == "bedrock":
        from slipstream.gateway.bedrock.errors import encode
    else:
        from slipstream.gateway.openai.errors import encode
    status, headers, body = encode(error)
    return HttpResponse(status, [*headers, ("content-length", str(len(body)))], (body,))


def _failed(wire: routes.Wire, error: Exception, request_id: str) -> HttpResponse:
    return _encoded(wire, error if isinstance(error, SlipstreamError) else unexpected(error, request_id))


def _of_model(answer: Answer) -> tuple[str, str]:
    return ("x-slipstream-model", manners.printable(answer.call.model_id))


def _of_cache(answer: Answer) -> manners.Headers:
    search = answer.search
    if search is None:
        return []
    headers = [("x-slipstream-cache", search.outcome)]
    if search.hit is not None:
        headers.append(("age", str(int(search.hit.age_s))))
    return headers


def _streamed(answer: Answer, parts: Iterator[bytes], content_type: str) -> HttpResponse:
    headers = [("content-type", content_type), *STREAM_HEADERS, _of_model(answer), *_of_cache(answer)]
    return HttpResponse(200, headers, _Parts(answer, parts), answer.settle)


class _Parts:
    """A stream's bytes; a host that stops early, even before the first, ends the upstream call with ``close``."""

    __slots__ = ("_answer", "_parts")

    def __init__(self, answer: Answer, parts: Iterator[bytes]) -> None:
        self._answer = answer
        self._parts = parts

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        return next(self._parts)

    def close(self) -> None:
        """End the stream and the call behind it; may be called twice."""
        self._parts.close()  # type: ignore[attr-defined]
        self._answer.close()


def _told(answer: Answer, wire: routes.Wire) -> manners.Headers:
    """What the head of a whole answer tells; Converse's body has no room for the report."""
    headers = [_of_model(answer), *_of_cache(answer), ("server-timing", answer.waterfall.server_timing())]
    if (usd := answer.cost.usd) is not None:
        headers.append(("x-slipstream-cost-usd", f"{usd:.9f}"))
    if wire == "bedrock":
        from slipstream.gateway.bedrock import report_header

        headers.append((report_header.NAME, report_header.encode(answer.report())))
    return headers
