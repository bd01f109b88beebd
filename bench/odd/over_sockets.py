"""Send generated requests to a running gateway, over kept-alive connections.

answers = send(openai.cases(1, 10_000), port=port, path="/v1/chat/completions")
assert not [told for case, status, body in answers if (told := openai.complaint(case, status, body))]
"""

from __future__ import annotations

import http.client
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue
from typing import Protocol, TypeVar
from urllib.parse import quote

TIMEOUT_S = 60
UNTOUCHED = "/%:?=&.~-_@!$'()*+,;"
"""What a path keeps as it is; the rest (spaces, say) could not stand in a request line."""


class Sendable(Protocol):
    """What every generated case has."""

    @property
    def body(self) -> bytes:
        """The request's body, byte by byte."""
        ...


C = TypeVar("C", bound=Sendable)
Answer = tuple[C, int, bytes]


def send(
    cases: Iterable[C], *, port: int, path: str = "", host: str = "127.0.0.1", headers: Mapping[str, str] | None = None
) -> Iterator[Answer[C]]:
    """POST every case over one connection; yields (case, status, body).

    A case's own ``path`` and ``headers`` go before the given ones. An answer that breaks off has the status 599: no
    server sends it, and every complaint knows that it is a fault.
    """
    connection = http.client.HTTPConnection(host, port, timeout=TIMEOUT_S)
    try:
        for case in cases:
            target = quote(getattr(case, "path", "") or path, safe=UNTOUCHED)
            sent = {"content-type": "application/json", **(headers or {}), **getattr(case, "headers", {})}
            try:
                connection.request("POST", target, case.body, sent)
                response = connection.getresponse()
                body = response.read()
            except (http.client.HTTPException, OSError) as error:
                connection.close()
                yield case, 599, f"no whole answer: {type(error).__name__}".encode()
                continue
            kind = response.headers.get("content-type", "")
            broken = response.status == 200 and not complete(kind, body)
            yield (case, 599, b"the stream ended early: " + body[-200:]) if broken else (case, response.status, body)
    finally:
        connection.close()


def send_in_parallel(cases: Iterable[C], connections: int, *, port: int, path: str = "") -> Iterator[Answer[C]]:
    """The same over several connections at once; the answers come as they are ready."""
    shares = list(cases)
    answers: SimpleQueue[Answer[C] | None] = SimpleQueue()

    def work(share: list[C]) -> None:
        try:
            for answer in send(share, port=port, path=path):
                answers.put(answer)
        finally:
            answers.put(None)

    with ThreadPoolExecutor(connections) as pool:
        workers = [pool.submit(work, shares[number::connections]) for number in range(connections)]
        working = connections
        while working:
            if (answer := answers.get()) is None:
                working -= 1
            else:
                yield answer
        for worker in workers:
            worker.result()


def complete(content_type: str, body: bytes) -> bool:
    """Whether an answer of status 200 came to its proper end; streams say so in their last event."""
    if content_type.startswith("text/event-stream"):
        return body.endswith(b"data: [DONE]\n\n") and b'data: {"error"' not in body
    if content_type.startswith("application/vnd.amazon.eventstream"):
        return b"messageStop" in body and b":exception-type" not in body
    return True
