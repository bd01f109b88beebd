"""The search engine a command works with: the one at a URL, this machine's, or the one in memory."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from slipstream.errors import IndexNotFound, InvalidRequest
from slipstream.retrieval.ports import DocumentIndex, PassageIndex


@dataclass(frozen=True)
class Scratch:
    """An engine, and the name of an index in it that is nobody else's. ``said``: which engine it is."""

    documents: DocumentIndex
    passages: PassageIndex
    index: str
    said: str


@contextmanager
def engine_for(choice: str, purpose: str) -> Iterator[Scratch]:
    """``choice``: ``auto``, ``memory`` or a URL. The index, named after ``purpose``, is to be created, and is removed
    in the end; two runs on one engine have one each.

    Raises InvalidRequest for a choice that is none of these.
    """
    index = f"slipstream-{purpose}-{uuid.uuid4().hex[:12]}"
    if choice == "memory":
        yield _memory(index, "in memory, as asked")
    elif choice == "auto":
        from local.opensearch.shared import shared
        from local.places import ROOT

        with shared(ROOT / "build" / "eval-opensearch") as found:
            if found.url:
                with _over(found.url, index) as scratch:
                    yield scratch
            else:
                yield _memory(index, found.why)
    elif choice.startswith(("http://", "https://")):
        with _over(choice.rstrip("/"), index) as scratch:
            yield scratch
    else:
        raise InvalidRequest(f"--engine is auto, memory or a URL, not {choice!r}.", param="engine")


def _memory(index: str, why: str) -> Scratch:
    from slipstream.fakes.passage_index import MemoryIndex

    memory = MemoryIndex()
    return Scratch(memory, memory, index, f"Engine: {why}")


@contextmanager
def _over(url: str, index: str) -> Iterator[Scratch]:
    from slipstream.aws.document_index import OpenSearchDocuments, connect
    from slipstream.aws.search_index import OpenSearchPassages
    from slipstream.aws.sigv4 import Unsigned
    from slipstream.aws.transport import Transport

    documents = OpenSearchDocuments(connect(url))
    passages = OpenSearchPassages(url, transport=Transport(), auth=Unsigned())
    try:
        yield Scratch(documents, passages, index, f"Engine: OpenSearch at {url}")
    finally:
        with suppress(IndexNotFound):
            documents.drop(index)
