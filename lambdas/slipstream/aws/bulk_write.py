"""Documents into the engine, in requests that it takes: bounded in bytes, repeated where it has too much to do."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import msgspec

from slipstream.aws import retry, search_errors
from slipstream.aws.index_mapping import engine_id, to_source
from slipstream.disconnect import NEVER
from slipstream.errors import IndexReadOnly, Throttled
from slipstream.retrieval.document import Document
from slipstream.retrieval.ports import Failed, IndexSpec

MAX_REQUEST_BYTES = 8 * 1024 * 1024
"""Small domains take 10 MiB a request."""
MAX_DOCUMENT_BYTES = 9_900_000
TRIES = 5
FIRST_WAIT_S = 0.25

Send = Callable[[bytes], Any]
"""Sends one bulk request; its answer. Raises SlipstreamError."""


class Line(msgspec.Struct, frozen=True):
    """What is to be done with one document, ready to be sent."""

    document_id: str
    data: bytes


def line(document: Document, spec: IndexSpec, index: str, *, if_absent: bool) -> Line:
    """A document to put in place."""
    action = {"create" if if_absent else "index": {"_index": index, "_id": engine_id(document.id)}}
    source = msgspec.json.encode(to_source(document, spec))
    return Line(document.id, b"%s\n%s\n" % (msgspec.json.encode(action), source))


def bounded(lines: Iterable[Line], most_bytes: int = MAX_REQUEST_BYTES) -> Iterator[list[Line]]:
    """Groups of at most ``most_bytes``; a line that is longer goes alone."""
    group: list[Line] = []
    total = 0
    for each in lines:
        if group and total + len(each.data) > most_bytes:
            yield group
            group, total = [], 0
        group.append(each)
        total += len(each.data)
    if group:
        yield group


def wait(most_s: float) -> None:
    """Half of the time at least, the rest by chance: those who were turned away together do not come back together."""
    retry.pause(most_s / 2 + retry.wait_s(Throttled("busy"), most_s / 2), NEVER, None)


def write(send: Send, index: str, lines: Iterable[Line], pause: Callable[[float], None] = wait) -> list[Failed]:
    """Send everything; what the engine refused. Raises IndexReadOnly, IndexNotFound, or that it cannot be reached."""
    failed: list[Failed] = []

    def fitting() -> Iterator[Line]:
        for each in lines:
            if len(each.data) <= MAX_DOCUMENT_BYTES:
                yield each
                continue
            why = f"with its passages it is {len(each.data):,} bytes, of {MAX_DOCUMENT_BYTES:,} allowed: split it"
            failed.append(Failed(each.document_id, why, retryable=False))

    for group in bounded(fitting()):
        failed += _patiently(send, index, group, pause)
    return failed


def _patiently(send: Send, index: str, group: list[Line], pause: Callable[[float], None]) -> list[Failed]:
    failed: list[Failed] = []
    for attempt in range(TRIES):
        busy: list[Line] = []
        try:
            answer = send(b"".join([each.data for each in group]))
        except Throttled as error:
            if attempt == TRIES - 1:
                return failed + [Failed(each.document_id, error.message, retryable=True) for each in group]
            busy = group
        else:
            for each, item in zip(group, answer["items"], strict=True):
                ((action, result),) = item.items()
                if "error" not in result or (action == "create" and result["status"] == 409):
                    continue
                said = search_errors.read(result["status"], result["error"])
                problem = search_errors.to_error(said, index)
                if isinstance(problem, IndexReadOnly) or problem.http_status == 404:
                    raise problem
                if isinstance(problem, Throttled) and attempt < TRIES - 1:
                    busy.append(each)
                else:
                    failed.append(Failed(each.document_id, said.reason or said.type, retryable=problem.retryable))
        if not busy:
            return failed
        pause(FIRST_WAIT_S * 2**attempt)
        group = busy
    return failed
