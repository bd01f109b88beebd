"""Small applications that the tests run inside real execution environments."""

from __future__ import annotations

import os
import random
import select
import socket
import sys
from collections.abc import Callable, Iterator

import msgspec

from slipstream.errors import ClientGone
from slipstream.gateway.http import App, HttpRequest, HttpResponse

SSE = [("content-type", "text/event-stream")]
state = {"restored": 0}
SNAPSHOT_SEED = 7
"""What the random module holds when the snapshot is taken, as every copy of it does."""


def control(request: HttpRequest) -> socket.socket:
    """Connection to the test that sent this request: what orders events without anyone sleeping."""
    return socket.create_connection(("127.0.0.1", int(request.query["control"])))


def app(request: HttpRequest) -> HttpResponse:
    return globals()[request.path.strip("/").split("/")[-1]](request)  # type: ignore[no-any-return]


def echo(request: HttpRequest) -> HttpResponse:
    seen = {
        "method": request.method,
        "path": request.path,
        "headers": dict(request.headers),
        "bytes": len(request.body),
        "query": dict(request.query),
        "key_id": request.principal.key_id,
        "scopes": sorted(request.principal.scopes),
        "request_id": request.request_id,
        "has_deadline": request.deadline_s is not None and request.deadline_s > request.received_s,
        "trace": os.environ.get("_X_AMZN_TRACE_ID", ""),
        "pid": os.getpid(),
        "modules": sorted(sys.modules),
        "restored": state["restored"],
        "drawn": random.random(),
    }
    return HttpResponse(200, [("content-type", "application/json")], [msgspec.json.encode(seen)])


def headers_twice(request: HttpRequest) -> HttpResponse:
    headers = [("set-cookie", "a=1"), ("set-cookie", "b=2"), ("vary", "origin"), ("vary", "accept")]
    return HttpResponse(204, headers, ())


def gated(request: HttpRequest) -> HttpResponse:
    peer = control(request)

    def body() -> Iterator[bytes]:
        for number in range(3):
            yield f"data: {number}\n\n".encode()
            peer.recv(1)

    return HttpResponse(200, SSE, body())


def settles(request: HttpRequest) -> HttpResponse:
    def settle() -> None:
        peer = control(request)
        peer.sendall(b"settling")
        peer.recv(1)

    return HttpResponse(200, SSE, iter([b"one", b"two"]), settle)


def breaks(request: HttpRequest) -> HttpResponse:
    def body() -> Iterator[bytes]:
        yield b"data: half\n\n"
        raise ValueError("the prompt was: open sesame")

    return HttpResponse(200, SSE, body())


def raises(request: HttpRequest) -> HttpResponse:
    raise ValueError("the prompt was: open sesame")


def first_item_raises(request: HttpRequest) -> HttpResponse:
    def body() -> Iterator[bytes]:
        raise ValueError("before any byte")
        yield b""

    return HttpResponse(200, SSE, body())


def crashes(request: HttpRequest) -> HttpResponse:
    os.write(1, b"about to fall over\n")
    os._exit(3)


def crashes_midway(request: HttpRequest) -> HttpResponse:
    def body() -> Iterator[bytes]:
        yield b"data: half\n\n"
        os._exit(3)

    return HttpResponse(200, SSE, body())


def hangs(request: HttpRequest) -> HttpResponse:
    control(request).recv(1)
    return HttpResponse(200, SSE, [b"late"])


def watches(request: HttpRequest) -> HttpResponse:
    """As an upstream does: waits for its own socket and for the caller's hanging up."""
    peer = control(request)

    def body() -> Iterator[bytes]:
        yield b"data: begun\n\n"
        gone = request.disconnect.fileno()
        assert gone is not None
        ready, _, _ = select.select([peer, gone], [], [])
        peer.sendall(b"gone" if gone in ready and request.disconnect.gone() else b"still there")
        raise ClientGone("the caller hung up")

    return HttpResponse(200, SSE, body())


def many(request: HttpRequest) -> HttpResponse:
    return HttpResponse(200, SSE, (b"x" * 1000 for _ in range(5000)))


def build() -> tuple[App, Callable[[], None]]:
    random.seed(SNAPSHOT_SEED)
    return app, restore


def restore() -> None:
    state["restored"] += 1
