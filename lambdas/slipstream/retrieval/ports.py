"""What retrieval needs from outside, as Protocols. `aws` implements them, `fakes` doubles them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

import msgspec

from slipstream.disconnect import Disconnect
from slipstream.retrieval.document import Document
from slipstream.retrieval.question.acronyms import Meaning
from slipstream.retrieval.search import EngineQuery, Legs
from slipstream.telemetry.waterfall import Waterfall

QUANTIZATIONS = {
    "lucene": ("none", "byte", "on_disk_4x"),
    "faiss": ("none", "fp16", "byte", "on_disk_8x", "on_disk_16x", "on_disk_32x"),
}
"""What each engine can do. Four times is lucene's alone: the plugin refuses it of a field that names faiss."""


class PassageIndex(Protocol):
    """Search over one engine; on the request path, so without the engine's slow client library."""

    def search(self, index: str, query: EngineQuery, waterfall: Waterfall, disconnect: Disconnect) -> Legs:
        """Both legs of ``query`` in the index behind the alias ``index``, in one round trip.

        Raises IndexNotFound; UpstreamUnavailable or UpstreamTimeout where no leg answered. One leg alone that fails
        or is late is named in ``Legs.missing``.
        """
        ...

    def describe(self, index: str, waterfall: Waterfall, disconnect: Disconnect) -> Generation:
        """What stands behind the alias, without its count of documents; one small request. Raises IndexNotFound."""
        ...


class IndexSpec(msgspec.Struct, frozen=True):
    """What an index is made of; a change of any of it needs a new generation."""

    embedding_model: str = "amazon.titan-embed-text-v2:0"
    dimensions: int = 512
    engine: str = "lucene"
    """``lucene`` or ``faiss``; a local engine has lucene alone, and a faiss field would halt it."""
    m: int = 16
    ef_construction: int = 100
    ef_search: int = 100
    quantization: str = "none"
    """``none``, ``fp16``, ``byte``, ``on_disk_4x`` … ``on_disk_32x``; which of them depends on the engine."""
    shards: int = 1
    replicas: int = 0
    language: str = "english"
    """The engine's analyzer."""
    schema: int = 2
    """Version of our own mapping; raised when this project's changes."""

    @property
    def vector_space(self) -> tuple[str, int]:
        """Generations that can share vectors have it in common."""
        return self.embedding_model, self.dimensions


class Kept(msgspec.Struct, frozen=True):
    """What an index keeps beside its documents, the same in every generation."""

    ranking: dict[str, Any] | None = None
    """Parameters fitted to this index; None: those that ship."""
    learnt: dict[str, Meaning] = {}
    """Acronyms that its documents explain, short form → meaning."""
    synonyms: tuple[str, ...] = ()
    """Its owner's, rule by rule."""


class Generation(msgspec.Struct, frozen=True):
    """A concrete index, ``docs-000002``, behind the alias ``docs`` or being filled beside it."""

    name: str
    spec: IndexSpec
    documents: int | None
    """None: not counted."""
    live: bool
    kept: Kept = Kept()


class Failed(msgspec.Struct, frozen=True):
    """A document that the engine refused, and why; the others of the same call were taken."""

    document_id: str
    reason: str
    retryable: bool


class Held(msgspec.Struct, frozen=True):
    """What an index knows of a document without reading it."""

    version: str
    origin: str
    """See Document; empty for one that was written without."""


class DocumentIndex(Protocol):
    """The writing side and administration. Not on the request path."""

    def create(self, index: str, spec: IndexSpec) -> Generation:
        """Make the first generation and the alias. Raises IndexExists, InvalidRequest (a spec the engine refuses)."""
        ...

    def generations(self, index: str, *, counted: bool = True) -> list[Generation]:
        """All generations, oldest first, one of them live. Raises IndexNotFound.

        ``counted`` False: without their documents' numbers, of which each takes a request.
        """
        ...

    def names(self) -> list[str]:
        """All indexes, sorted."""
        ...

    def begin_generation(self, index: str, spec: IndexSpec) -> Generation:
        """A new empty generation beside the live one. Whoever writes puts each document into both from now on."""
        ...

    def promote(self, index: str, generation: str) -> None:
        """Let the alias point to ``generation``, in one step, and remove the older ones."""
        ...

    def write(
        self,
        index: str,
        documents: Iterable[Document],
        *,
        generation: str | None = None,
        if_absent: bool = False,
    ) -> list[Failed]:
        """Put documents in place of their former versions, each atomically: no search sees both or neither.

        ``generation`` None: the live one. Vectors have to be of its spec. ``if_absent``: a document that stands there
        already stays as it is, and is no failure. The report lists what was refused. Raises IndexNotFound, also for
        a generation that is gone.
        """
        ...

    def unfit(self, document: Document, generation: Generation) -> str | None:
        """Why ``generation`` would not take the document, whatever vectors it gets; None: nothing stands against it.

        Asks nobody, and is there to be asked before a vector is paid for. ``write`` refuses for no other size.
        """
        ...

    def delete(self, index: str, document_ids: Sequence[str], *, generation: str | None = None) -> None:
        """Take documents out of ``generation`` (None: of all); unknown ids are nothing to complain of."""
        ...

    def versions(
        self,
        index: str,
        document_ids: Sequence[str] | None = None,
        *,
        generation: str | None = None,
        origin: str | None = None,
        after: str = "",
        limit: int | None = None,
    ) -> Mapping[str, str]:
        """Document id → version, of those that are indexed, written a moment ago included.

        ``document_ids`` None: of all, in the order of their ids, behind the id ``after`` and at most ``limit`` of them;
        ``origin``: only documents of this one.
        """
        ...

    def held(self, index: str, document_ids: Sequence[str], *, generation: str | None = None) -> Mapping[str, Held]:
        """Document id → version and origin, of those that are indexed, written a moment ago included."""
        ...

    def read(self, index: str, document_ids: Sequence[str], *, generation: str | None = None) -> list[Document]:
        """The documents as they were written, vectors included (to the engine's precision), less the unknown ones."""
        ...

    def refresh(self, index: str) -> None:
        """Make everything written so far visible to searches."""
        ...

    def set_ranking(self, index: str, ranking: Mapping[str, Any] | None) -> None:
        """Keep fitted parameters with every generation; None: take them out. Raises IndexNotFound."""
        ...

    def set_synonyms(self, index: str, rules: Sequence[str]) -> None:
        """Keep an owner's synonyms, in place of the former ones. Raises IndexNotFound."""
        ...

    def learn(self, index: str, acronyms: Mapping[str, Meaning]) -> None:
        """Add to the acronyms that are known (``acronyms.merged``). Raises IndexNotFound."""
        ...

    def drop(self, index: str) -> None:
        """Remove the index with all generations. Raises IndexNotFound."""
        ...
