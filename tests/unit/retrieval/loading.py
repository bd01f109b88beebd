"""What the tests of loading are made of: an index, an embedder, and one call."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from slipstream.fakes.embedder import HashingEmbedder
from slipstream.models.resolve import Resolver
from slipstream.retrieval.drafts import Draft, Item, Refused, drafts
from slipstream.retrieval.ingest import Ingestion, Pace
from slipstream.retrieval.ingest_report import Report
from tests.unit.retrieval.memory_index import SPEC, MemoryIndex

resolve = Resolver(region="us-east-1").target


class Desk:
    """An index ``docs`` and loads into it. ``texts`` maps file names to contents."""

    def __init__(self) -> None:
        self.index = MemoryIndex()
        self.index.create("docs", SPEC)
        self.embedder = HashingEmbedder()
        self.slept: list[float] = []

    def load(self, texts: Mapping[str, bytes | str], *, pace: Pace = Pace(), **more: Any) -> Report:  # noqa: B008
        return self.ingest(drafts(items(texts)), pace=pace, **more)

    def ingest(self, found: Any, *, pace: Pace = Pace(), embedder: Any = None, **more: Any) -> Report:  # noqa: B008
        clock: dict[str, Callable[[], float]] = {"clock": more.pop("clock")} if "clock" in more else {}
        ingestion = Ingestion(
            self.index, "docs", embedder or self.embedder, resolve, pace=pace, sleep=self.slept.append, **clock
        )
        return ingestion.run(found, **more)

    @property
    def embedded(self) -> list[str]:
        """Texts that were embedded so far."""
        return [text for call in self.embedder.calls for text in call.texts]


def items(texts: Mapping[str, bytes | str]) -> list[Item]:
    contents = {name: text.encode() if isinstance(text, str) else text for name, text in texts.items()}
    return [Item(id=name, origin=name, read=lambda raw=raw: raw) for name, raw in contents.items()]  # type: ignore[misc]


def draft_ids(texts: Mapping[str, bytes | str]) -> list[str]:
    return [found.id for found in drafts(items(texts)) if isinstance(found, (Draft, Refused))]
