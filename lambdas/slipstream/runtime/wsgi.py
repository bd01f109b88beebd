"""The gateway as a WSGI application (PEP 3333): for the threaded server beside this file, or any other."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from slipstream.disconnect import NEVER, Disconnect
from slipstream.errors import SlipstreamError
from slipstream.gateway.http import NOBODY, App, HttpRequest, HttpResponse, Principal

StartResponse = Callable[..., Any]
WsgiApp = Callable[[dict[str, Any], StartResponse], Iterable[bytes]]
Authenticate = Callable[[Mapping[str, str]], Principal]

REASONS = {
    200: "OK", 204: "No Content", 400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found",
    405: "Method Not Allowed", 413: "Content Too Large", 415: "Unsupported Media Type", 429: "Too Many Requests",
    500: "Internal Server Error", 502: "Bad Gateway", 503: "Service Unavailable", 504: "Gateway Timeout",
}  # fmt: skip
DISCONNECT_KEY = "slipstream.disconnect"


def anyone(_headers: Mapping[str, str]) -> Principal:
    """Accept every caller: for a server that listens on the loopback interface only."""
    return Principal(key_id="local", scopes=frozenset({"invoke", "admin"}))


class _Body:
    """Response iterable: ``close`` ends the answer early if need be, then settles (after the server's last write)."""

    __slots__ = ("_close", "_parts", "_response")

    def __init__(self, response: HttpResponse) -> None:
        self._response = response
        self._parts = iter(response.body)
        self._close = getattr(response.body, "close", None)

    def __iter__(self) -> Iterator[bytes]:
        return self._parts

    def close(self) -> None:
        try:
            if self._close is not None:
                self._close()
        finally:
            self._response.settle()


def wsgi_app(app: App, *, authenticate: Authenticate = anyone) -> WsgiApp:
    """Wrap ``app``. ``authenticate`` gets the lower-case headers; what it raises the app answers with.

    The server's ``environ`` may carry ``slipstream.disconnect`` (a Disconnect): then a hang-up ends the upstream call.
    """

    def application(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        response = app(_request(environ, authenticate))
        reason = REASONS.get(response.status, "Status")
        start_response(f"{response.status} {reason}", response.headers)
        return _Body(response)

    return application


def _request(environ: dict[str, Any], authenticate: Authenticate) -> HttpRequest:
    headers = {k[5:].replace("_", "-").lower(): v for k, v in environ.items() if k.startswith("HTTP_")}
    if kind := environ.get("CONTENT_TYPE"):
        headers["content-type"] = kind
    length = environ.get("CONTENT_LENGTH")
    body = environ["wsgi.input"].read(int(length)) if length else b""
    disconnect: Disconnect = environ.get(DISCONNECT_KEY, NEVER)
    principal, denied = NOBODY, None
    try:
        principal = authenticate(headers)
    except SlipstreamError as error:
        denied = error
    return HttpRequest(
        method=environ["REQUEST_METHOD"],
        path=environ.get("RAW_URI", environ["PATH_INFO"]).partition("?")[0],
        headers=headers,
        body=body,
        query=_query(environ.get("QUERY_STRING", "")),
        principal=principal,
        disconnect=disconnect,
        denied=denied,
    )


def _query(text: str) -> dict[str, str]:
    if not text:
        return {}
    from urllib.parse import parse_qsl

    return dict(parse_qsl(text, keep_blank_values=True))
