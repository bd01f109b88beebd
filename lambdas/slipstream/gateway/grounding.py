"""Answers over an index: ``rag:docs`` and ``rag:docs@fast`` as a model, passages in the prompt, citations checked."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from time import perf_counter
from typing import Any, Protocol

import msgspec

from slipstream.caching.store import DocumentVersion
from slipstream.chat.events import Event, Stopped, TextDelta
from slipstream.chat.request import ChatRequest, Message, Text
from slipstream.chat.retrieval_options import DEFAULTS, RetrievalOptions
from slipstream.disconnect import NEVER, Disconnect
from slipstream.errors import InvalidRequest
from slipstream.gateway.pipeline import RAG
from slipstream.gateway.report import total_input
from slipstream.retrieval import index_name
from slipstream.retrieval.bar import Bar
from slipstream.retrieval.citations import CitationCheck
from slipstream.retrieval.document import in_context
from slipstream.retrieval.ports import Generation
from slipstream.retrieval.prompt import grounded, within_budget
from slipstream.retrieval.question.rewrite import Rewritten
from slipstream.retrieval.ranking import Found, Ranked
from slipstream.telemetry.waterfall import Waterfall

DEFAULT_MODEL = "balanced"
FOREIGN = "another language than the index: evidence of shared words counts half, meaning and identifiers in full"
UNSUPPORTED = "\n\n(No passage of the index supports this answer.)"


class RagModel(msgspec.Struct, frozen=True):
    """What ``rag:INDEX@MODEL`` names."""

    index: str
    model: str


class Finds(Protocol):
    """The retriever, as answers need it."""

    def find(
        self,
        index: str,
        question: str,
        earlier: Sequence[str],
        options: RetrievalOptions,
        waterfall: Waterfall,
        disconnect: Disconnect,
    ) -> Found:
        """The passages that answer ``question``. Raises IndexNotFound, or what the engine says."""
        ...

    def rewritten_by(self, question: str, earlier: Sequence[str], options: RetrievalOptions) -> str:
        """The model that would make ``question`` stand alone before it is searched for; empty: none."""
        ...

    def describe(self, index: str, waterfall: Waterfall, disconnect: Disconnect) -> Generation:
        """What stands behind the index's name now, to within half a minute. Raises IndexNotFound."""
        ...


def rag_model(name: str) -> RagModel:
    """Read a name that begins with ``rag:``. Raises InvalidRequest where what follows can be no index."""
    index, at, model = name[len(RAG) :].partition("@")
    if not index_name.fits(index) or (at and not model):
        raise InvalidRequest(
            f"'{name[:200]}' names no index: write rag:INDEX or rag:INDEX@MODEL, INDEX being {index_name.RULE} "
            "(`slipstream index list` shows them)",
            param="model",
        )
    return RagModel(index, model or DEFAULT_MODEL)


def turns(messages: Sequence[Message]) -> list[str]:
    """What the user wrote, turn by turn, oldest first; tool results and images are not questions."""
    said = (
        "\n".join(part.text for part in message.content if type(part) is Text)
        for message in messages
        if message.role == "user"
    )
    return [text for text in said if text.strip()]


def ground(
    request: ChatRequest, asked: RagModel, finds: Finds, waterfall: Waterfall, disconnect: Disconnect
) -> tuple[ChatRequest, Grounding]:
    """Search, and the request with passages and instructions. Raises InvalidRequest for one without a question."""
    *earlier, question = turns(request.messages) or [""]
    if not question:
        raise InvalidRequest("there is no question: the messages hold no text of a user", param="messages")
    options = request.options.retrieval or DEFAULTS
    found = finds.find(asked.index, question, earlier, options, waterfall, disconnect)
    kept = within_budget([one.hit for one in found.passages])
    read = [msgspec.structs.replace(one, hit=hit) for one, hit in zip(found.passages, kept, strict=False)]

    def again() -> Found:
        return finds.find(asked.index, question, earlier, options, Waterfall(), NEVER)

    checks = request.response_format is None
    return grounded(request, kept), Grounding(found, read, checks=checks, options=options, again=again)


class Grounding:
    """One answer's passages, and the check of what it says of them."""

    def __init__(
        self,
        found: Found,
        passages: Sequence[Ranked],
        *,
        checks: bool = True,
        options: RetrievalOptions = DEFAULTS,
        again: Callable[[], Found] | None = None,
    ) -> None:
        """``passages`` as the model read them, so that nothing else can be cited. ``checks`` False: the answer is
        JSON, in which brackets are not markers. ``options`` is what it was found with, ``again`` does the same search.
        """
        self.found = found
        self._options = options
        self._again = again
        self._passages = passages
        hits = [one.hit for one in passages]
        texts = [in_context(hit.title, hit.heading, hit.text) for hit in hits]
        self._check = CitationCheck(texts) if checks else None
        self._waiting_since_s: float | None = None
        self._held_ms = 0.0

    @property
    def keepable(self) -> bool:
        """Whether the answer may serve again: every leg was heard and the model that rewrites, and a passage supports
        it.
        """
        rewritten = self.found.rewritten
        heard = not self.found.missing and (rewritten is None or rewritten.outcome in ("ok", "unfit"))
        return heard and (self._check is None or bool(self._check.cited))

    @property
    def documents(self) -> tuple[DocumentVersion, ...]:
        """What the model had to read, each document once."""
        read = [DocumentVersion(self.found.index, one.hit.document_id, one.hit.version) for one in self._passages]
        return tuple(dict.fromkeys(read))

    @property
    def index(self) -> str:
        """The name that was asked for."""
        return self.found.index

    @property
    def generation(self) -> str:
        """The concrete index that answered."""
        return self.found.generation

    def bar(self) -> Bar | None:
        """What a new document has to reach to be among the passages; None: nothing can be said."""
        from slipstream.retrieval.arrivals import bar_of

        return bar_of(self.found, self._options)

    def found_again(self) -> bool:
        """Whether a search finds the same passages now. Raises what the engine says.

        A question that a model has rewritten is not asked again: that would be paid for.
        """
        if self._again is None or self.found.rewritten is not None:
            return False
        return _places(self._again()) == _places(self.found)

    def events(self, events: Iterator[Event]) -> Iterator[Event]:
        """The same events, with markers that hold; one that supports nothing is left out, and no support is said."""
        if self._check is None:
            yield from events
            return
        block = 0
        for event in events:
            if type(event) is TextDelta:
                block = event.block
                if text := self._feed(event.text):
                    yield TextDelta(text, block)
                continue
            if type(event) is Stopped and (text := self._finish(event)):
                yield TextDelta(text, block)
            yield event

    def _feed(self, text: str) -> str:
        check = self._check
        assert check is not None  # noqa: S101
        shown = check.feed(text)
        if check.waiting and self._waiting_since_s is None:
            self._waiting_since_s = perf_counter()
        elif not check.waiting and self._waiting_since_s is not None:
            self._held_ms += (perf_counter() - self._waiting_since_s) * 1000
            self._waiting_since_s = None
        return shown

    def _finish(self, stopped: Stopped) -> str:
        check = self._check
        assert check is not None  # noqa: S101
        shown = check.finish()
        # A cut answer may have lost its markers, and one that calls a tool is no answer yet.
        if not check.cited and stopped.reason == "end_turn" and check.said_something:
            shown += UNSUPPORTED
        return shown

    def report(self) -> dict[str, Any]:
        """``citations``, ``supported``, and how the passages were found: for the reply's ``slipstream`` object."""
        found, check = self.found, self._check
        out: dict[str, Any] = {"index": found.index, "generation": found.generation}
        if check is not None:
            sentences: dict[int, list[dict[str, Any]]] = {}
            for cited in check.cited:
                told = {"sentence": cited.sentence, "support": cited.support}
                sentences.setdefault(cited.number, []).append(told)
            out["supported"] = bool(sentences)
            out["citations"] = [
                {"number": number, **describe(self._passages[number - 1]), "supports": supports}
                for number, supports in sorted(sentences.items())
            ]
            if check.dropped:
                out["citations_dropped"] = len(check.dropped)
            out["citations_held_ms"] = round(self._held_ms, 3)
        out["passages"] = [{"number": n, **describe(one)} for n, one in enumerate(self._passages, 1)]
        return out | search_report(found)


def _places(found: Found) -> set[tuple[str, str, int]]:
    return {(one.hit.document_id, one.hit.version, one.hit.ordinal) for one in found.passages}


def describe(ranked: Ranked) -> dict[str, Any]:
    """Where a passage stands and how good it is; without its text."""
    hit = ranked.hit
    out: dict[str, Any] = {
        "document": hit.document_id,
        "version": hit.version,
        "title": hit.title,
        "section": " > ".join(hit.heading),
        "start": hit.start,
        "end": hit.end,
        "score": round(ranked.score, 4),
    }
    return out | {"source": hit.source} if hit.source else out


def rewrite_report(rewritten: Rewritten) -> dict[str, Any]:
    """What the model that rewrites follow-up questions did, and what that cost."""
    out: dict[str, Any] = {"outcome": rewritten.outcome, "model": rewritten.model}
    if (usage := rewritten.usage) is not None:
        out["tokens"] = {"input": total_input(usage), "output": usage.output_tokens}
    if rewritten.cost.usd is not None:
        out["cost_usd"] = round(rewritten.cost.usd, 9)
    return out


def search_report(found: Found) -> dict[str, Any]:
    """How the question was put to the engine, step by step, and what was left out."""
    out: dict[str, Any] = {
        "question": found.question.meaning,
        "steps": {
            step.name: {"ms": step.ms} | ({"did": step.result} if step.result else {}) for step in found.question.steps
        },
    }
    if (rewritten := found.rewritten) is not None:
        out["rewrite"] = rewrite_report(rewritten)
    if found.question.foreign:
        out["language"] = {"question": found.question.language, "did": FOREIGN}
    if (look := found.second_look) is not None:
        told = {"lead": look.lead, "margin": look.margin}
        rounded = {name: round(value, 3) for name, value in told.items() if value is not None}
        out["rerank"] = {"outcome": look.outcome, **rounded}
    if found.missing:
        out["missing"] = list(found.missing)
    if found.notes:
        out["notes"] = list(found.notes)
    return out
