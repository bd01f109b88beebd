"""Which route a path means. A stage or base path in front (``/prod``) is skipped; identifiers are decoded exactly once.

Bedrock's identifiers may be ARNs with slashes, sent encoded or not: the operation is the path's last segment, the
identifier everything between it and ``model/``.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from slipstream.errors import NoSearchEngine, NotFound

Wire = Literal["openai", "bedrock"]


class Route(msgspec.Struct, frozen=True):
    """One route: what it is called here, how it is shown, which method it takes, whose shapes it speaks."""

    name: str
    template: str
    method: Literal["GET", "POST"]
    wire: Wire

    @property
    def allow(self) -> str:
        """The ``Allow`` header's value."""
        return "GET, HEAD, OPTIONS" if self.method == "GET" else "POST, OPTIONS"


class Match(msgspec.Struct, frozen=True):
    """A route and the identifier in its path, decoded (empty where it has none)."""

    route: Route
    identifier: str = ""


HEALTH = Route("healthz", "/healthz", "GET", "openai")
MODEL = Route("model", "/v1/models/{id}", "GET", "openai")
PURGE = Route("purge", "/v1/cache/purge", "POST", "openai")
REPORT = Route("report", "/v1/cache/report", "GET", "openai")
_V1 = {
    "chat/completions": Route("chat", "/v1/chat/completions", "POST", "openai"),
    "embeddings": Route("embeddings", "/v1/embeddings", "POST", "openai"),
    "models": Route("models", "/v1/models", "GET", "openai"),
    "search": Route("search", "/v1/search", "POST", "openai"),
    "answers": Route("answers", "/v1/answers", "POST", "openai"),
    "feedback": Route("feedback", "/v1/feedback", "POST", "openai"),
    "cache/purge": PURGE,
    "cache/report": REPORT,
}
_OPERATIONS = {
    name: Route(name, f"/model/{{id}}/{name}", "POST", "bedrock")
    for name in ("converse", "converse-stream", "invoke", "invoke-with-response-stream", "count-tokens")
}
_INDEXES = "/v1/indexes/"
_NO_INDEXES = (
    "there are no indexes here, because this gateway has no search engine: deploy it with search=dev or search=prod; a "
    "local stack gets one by `make down` and `make up` with SLIPSTREAM_SEARCH unset; `serve` wants --indexes"
)
_CHAT_TOO = frozenset({"responses", "completions", "messages"})
"""Last segments of other APIs' routes to a chat model."""
ROUTES: tuple[Route, ...] = (HEALTH, *_V1.values(), MODEL, *_OPERATIONS.values())


def match(path: str) -> Match:
    """Find the route of a percent-encoded ``path``. Raises NotFound, naming the nearest routes; NoSearchEngine for
    /v1/indexes and what lies below, which a gateway with an engine has in front of these routes.
    """
    found = _bedrock(path) or _openai(path) or (Match(HEALTH) if path.rstrip("/").endswith("/healthz") else None)
    if found is None and _INDEXES in f"{path}/":
        raise NoSearchEngine(_NO_INDEXES)
    if found is None:
        raise NotFound(f"there is no route {printable(decode(path))}; {_nearest(path)}", code="route_not_found")
    return found


def wire_of(path: str) -> Wire:
    """Whose shape an error has where no route was found."""
    return "bedrock" if "/model/" in path else "openai"


def _bedrock(path: str) -> Match | None:
    _, found, rest = path.partition("/model/")
    identifier, _, operation = rest.rstrip("/").rpartition("/")
    if found and identifier and (route := _OPERATIONS.get(operation)):
        return Match(route, decode(identifier))
    return None


def _openai(path: str) -> Match | None:
    at = path.find("/v1/")
    while at >= 0:
        rest = path[at + 4 :].strip("/")
        if route := _V1.get(rest):
            return Match(route)
        if rest.startswith("models/") and len(rest) > 7:
            return Match(MODEL, decode(rest[7:]))
        at = path.find("/v1/", at + 1)
    return None


def decode(text: str) -> str:
    """Undo percent-encoding once; what is no valid escape stays, what is no UTF-8 becomes U+FFFD."""
    if "%" not in text and text.isascii():
        return text
    head, *rest = text.encode("utf-8", "replace").split(b"%")
    out = bytearray(head)
    for piece in rest:
        digits = piece[:2]
        if len(digits) == 2 and all(byte in b"0123456789abcdefABCDEF" for byte in digits):
            out += bytes.fromhex(digits.decode()) + piece[2:]
        else:
            out += b"%" + piece
    return out.decode("utf-8", "replace")


def printable(text: str, limit: int = 200) -> str:
    """``text`` fit for a message: control characters out, cut at ``limit`` characters."""
    shown = "".join(character if character.isprintable() else "\ufffd" for character in text[:limit])
    return shown + ("…" if len(text) > limit else "")


def _nearest(path: str) -> str:
    from difflib import get_close_matches

    if (rest := path.strip("/")) in _V1:
        return f"OpenAI's SDKs want a base URL that ends in /v1 (…/v1/{rest}), Bedrock's one that does not (…/model/…)"
    if rest.rpartition("/")[2] in _CHAT_TOO:
        return f"chat goes to {_V1['chat/completions'].method} {_V1['chat/completions'].template}"
    templates = {route.template: route for route in ROUTES}
    if wire_of(path) == "bedrock":
        operation = path.rstrip("/").rpartition("/")[2]
        near = [_OPERATIONS[name].template for name in get_close_matches(operation[:60], _OPERATIONS, 2, 0.5)]
    else:
        near = get_close_matches(path[-60:], templates, 3, 0.5)
    if not near:
        return "there are " + ", ".join(f"{route.method} {route.template}" for route in ROUTES)
    return "the nearest: " + ", ".join(f"{templates[name].method} {name}" for name in near)
