"""Documents into the engine, in requests that it takes: bounded in bytes.

What it has no time for is told as worth another attempt: whoever writes knows until when (``retrieval.writing``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import msgspec

from slipstream.aws import search_errors
from slipstream.aws.index_mapping import engine_id, to_source
from slipstream.errors import IndexReadOnly, Throttled
from slipstream.retrieval.document import Document
from slipstream.retrieval.ports import Failed, IndexSpec

MAX_REQUEST_BYTES = 8 * 1024 * 1024
"""Small domains take 10 MiB a request."""
MAX_DOCUMENT_BYTES = 9_900_000
_VECTOR_BYTES = len(b',"vector":[]')
_LONGEST_COMPONENT = {"byte": len(b"-127,")}
_LONGEST_FLOAT = len(b"-0.1234567,")

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


def most_bytes(document: Document, spec: IndexSpec, index: str) -> int:
    """What the document's line has at most, whatever unit vectors its passages get.

    Exact but for the vectors, each component of which counts as the longest that ``to_source`` writes; they are 5 %
    shorter in fact.
    """
    bare = tuple([msgspec.structs.replace(passage, vector=()) for passage in document.passages])
    without = line(msgspec.structs.replace(document, passages=bare), spec, index, if_absent=True)
    component = _LONGEST_COMPONENT.get(spec.quantization, _LONGEST_FLOAT)
    return len(without.data) + len(bare) * (_VECTOR_BYTES + spec.dimensions * component)


def too_large(document: Document, spec: IndexSpec, index: str) -> str | None:
    """Why ``write`` would refuse the document for its size; None where it would not."""
    size = most_bytes(document, spec, index)
    if size <= MAX_DOCUMENT_BYTES:
        return None
    return (
        f"its {len(document.passages):,} passages with vectors of {spec.dimensions:,} dimensions take up to {size:,} "
        f"bytes, of {MAX_DOCUMENT_BYTES:,} allowed for one document: split it, or use an index of fewer dimensions"
    )


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


def write(send: Send, index: str, lines: Iterable[Line]) -> list[Failed]:
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
        failed += _refused(send, index, group)
    return failed


def _refused(send: Send, index: str, group: list[Line]) -> list[Failed]:
    try:
        answer = send(b"".join([each.data for each in group]))
    except Throttled as error:
        return [Failed(each.document_id, error.message, retryable=True) for each in group]
    failed: list[Failed] = []
    for each, item in zip(group, answer["items"], strict=True):
        ((action, result),) = item.items()
        if "error" not in result or (action == "create" and result["status"] == 409):
            continue
        said = search_errors.read(result["status"], result["error"])
        problem = search_errors.to_error(said, index)
        if isinstance(problem, IndexReadOnly) or problem.http_status == 404:
            raise problem
        failed.append(Failed(each.document_id, said.reason or said.type, retryable=problem.retryable))
    return failed
