"""One HTTP exchange, free of its host: the Lambda loop, the threaded WSGI server and the tests all speak this."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from time import perf_counter

import msgspec

from slipstream.disconnect import NEVER, Disconnect
from slipstream.errors import PermissionDenied, SlipstreamError


class Principal(msgspec.Struct, frozen=True):
    """Whose key it is, from the authorizer."""

    key_id: str
    tenant: str = "default"
    scopes: frozenset[str] = frozenset({"invoke"})
    models: tuple[str, ...] = ()
    """Allowed models: ids, aliases or globs (``anthropic.*``); empty means all."""

    def require(self, scope: str) -> None:
        """Raise PermissionDenied unless the key has ``scope`` (invoke, ingest, admin)."""
        if scope not in self.scopes:
            raise PermissionDenied(
                f"this key lacks the scope '{scope}'; create one with `slipstream keys create --scope {scope}`"
            )


NOBODY = Principal(key_id="anonymous", scopes=frozenset())
"""Who calls on a route without an authorizer (health checks): may do nothing that needs a scope."""


class HttpRequest(msgspec.Struct):
    """``path`` is still percent-encoded and without stage prefix; header names are lower-case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes = b""
    query: Mapping[str, str] = msgspec.field(default_factory=dict)
    principal: Principal = Principal(key_id="local")
    request_id: str = ""
    received_s: float = msgspec.field(default_factory=perf_counter)
    """Monotonic time at which the host had the whole request."""
    disconnect: Disconnect = NEVER
    denied: SlipstreamError | None = None
    """Why the host's authorizer turned the caller away; the app answers with it in the wire's own shape."""
    deadline_s: float | None = None
    """Monotonic time at which the host ends the run, or None where it never does."""


def nothing() -> None:
    """Default for ``HttpResponse.settle``."""


class HttpResponse(msgspec.Struct):
    """``body`` yields what is to be sent, each item at once; ``settle`` runs after the last byte has gone.

    A host must close ``body`` (when it is a generator) if it stops early, and must call ``settle`` in every case.
    An exception out of ``body`` means that the answer is broken: the host must not end it as if it were whole.
    """

    status: int
    headers: list[tuple[str, str]]
    body: Iterable[bytes] | Iterator[bytes] = ()
    settle: Callable[[], None] = nothing


App = Callable[[HttpRequest], HttpResponse]
