"""API Gateway's REST proxy event (payload version 1) → HttpRequest."""

from __future__ import annotations

from base64 import b64decode

import msgspec

from slipstream.disconnect import NEVER, Disconnect
from slipstream.gateway import routes
from slipstream.gateway.http import NOBODY, HttpRequest, Principal


class Authorizer(msgspec.Struct):
    """The context that our authorizer returned; API Gateway turns every value into a string."""

    key_id: str = ""
    tenant: str = "default"
    scopes: str = ""
    models: str = ""


class RequestContext(msgspec.Struct, rename="camel"):
    """The parts of ``requestContext`` that we read."""

    request_id: str = ""
    authorizer: Authorizer | None = None


class ProxyEvent(msgspec.Struct, rename="camel"):
    """The parts of the event that we read; what it holds besides is skipped while decoding."""

    http_method: str
    path: str
    request_context: RequestContext
    resource: str = ""
    multi_value_headers: dict[str, list[str]] | None = None
    multi_value_query_string_parameters: dict[str, list[str]] | None = None
    path_parameters: dict[str, str] | None = None
    body: str | None = None
    is_base64_encoded: bool = False


_decoder = msgspec.json.Decoder(ProxyEvent)


def decode(event: bytes, *, disconnect: Disconnect = NEVER, deadline_s: float | None = None) -> HttpRequest:
    """Decode one event as it comes from the Runtime API.

    Raises msgspec.ValidationError or msgspec.DecodeError for anything but a REST proxy event, and ValueError for a
    body that claims to be base64 and is not.
    """
    e = _decoder.decode(event)
    text = e.body or ""
    return HttpRequest(
        method=e.http_method,
        path=_without_base_path(e.path, e.resource, e.path_parameters or {}),
        headers=_headers(e.multi_value_headers or {}),
        body=b64decode(text, validate=True) if e.is_base64_encoded else text.encode(),
        query={name: values[-1] for name, values in (e.multi_value_query_string_parameters or {}).items() if values},
        principal=principal_of(e.request_context.authorizer),
        request_id=e.request_context.request_id,
        disconnect=disconnect,
        deadline_s=deadline_s,
    )


def _headers(multi: dict[str, list[str]]) -> dict[str, str]:
    """Lower-case names; repeated headers joined as RFC 9110 §5.3 allows (cookies with their own separator)."""
    out: dict[str, str] = {}
    for name, values in multi.items():
        key = name.lower()
        separator = "; " if key == "cookie" else ", "
        joined = values[0] if len(values) == 1 else separator.join(values)
        out[key] = f"{out[key]}{separator}{joined}" if key in out else joined
    return out


def principal_of(context: Authorizer | None) -> Principal:
    """Whose key it is; without an authorizer, nobody's."""
    if context is None or not context.key_id:
        return NOBODY
    return Principal(
        key_id=context.key_id,
        tenant=context.tenant,
        scopes=frozenset(context.scopes.split()),
        models=tuple(context.models.split()),
    )


def _without_base_path(path: str, resource: str, parameters: dict[str, str]) -> str:
    """Strip a custom domain's base path, which ``path`` carries in front of what ``resource`` matched.

    ``path`` is percent-encoded while ``parameters`` are decoded, so the comparison is made on decoded text; a base
    path itself has nothing to decode.
    """
    if not resource:
        return path
    matched = resource
    for name, value in parameters.items():
        matched = matched.replace(f"{{{name}+}}", value).replace(f"{{{name}}}", value)
    if path == matched:
        return path
    plain, tail = routes.decode(path).rstrip("/"), matched.rstrip("/")
    base = plain[: len(plain) - len(tail)] if plain.endswith(tail) else ""
    if base and path.startswith(base) and path[len(base) : len(base) + 1] == "/":
        return path[len(base) :]
    return path
