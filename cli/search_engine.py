"""The search engine a command works with: the one at a URL, this machine's, or the one in memory."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from slipstream.errors import IndexNotFound, InvalidRequest
from slipstream.retrieval.ports import DocumentIndex, PassageIndex

Engines = tuple[DocumentIndex, PassageIndex, str]
"""The writing side, the searching side, and a line that says which engine it is."""


@contextmanager
def engine_for(choice: str, index: str) -> Iterator[Engines]:
    """``choice``: ``auto``, ``memory`` or a URL. ``index`` is a scratch index: removed before and after.

    Raises InvalidRequest for a choice that is none of these.
    """
    if choice == "memory":
        yield _memory("in memory, as asked")
    elif choice == "auto":
        from local.opensearch.shared import shared
        from local.places import ROOT

        with shared(ROOT / "build" / "eval-opensearch") as found:
            if found.url:
                with _emptied(_over(found.url), index) as engines:
                    yield engines
            else:
                yield _memory(found.why)
    elif choice.startswith(("http://", "https://")):
        with _emptied(_over(choice.rstrip("/")), index) as engines:
            yield engines
    else:
        raise InvalidRequest(f"--engine is auto, memory or a URL, not {choice!r}.", param="engine")


def _memory(why: str) -> Engines:
    from slipstream.fakes.passage_index import MemoryIndex

    memory = MemoryIndex()
    return memory, memory, f"Engine: {why}"


def _over(url: str) -> Engines:
    from slipstream.aws.document_index import OpenSearchDocuments, connect
    from slipstream.aws.search_index import OpenSearchPassages
    from slipstream.aws.sigv4 import Unsigned
    from slipstream.aws.transport import Transport

    passages = OpenSearchPassages(url, transport=Transport(), auth=Unsigned())
    return OpenSearchDocuments(connect(url)), passages, f"Engine: OpenSearch at {url}"


@contextmanager
def _emptied(engines: Engines, index: str) -> Iterator[Engines]:
    def remove() -> None:
        try:
            engines[0].drop(index)
        except IndexNotFound:
            return

    remove()
    try:
        yield engines
    finally:
        remove()
