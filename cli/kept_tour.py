"""The tour's last stop: one question again, in other words, and after its document changed; with times and money."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from rich.box import SIMPLE
from rich.table import Table

from cli import sample_index
from cli.demo_table import dollars
from cli.gateway_client import CallFailed, Reply, call
from cli.index import path
from cli.stage import Stage, drained
from slipstream.retrieval.judged import SourceText

QUESTION = "What is the maximum unzipped deployment package size in AWS Lambda?"
REWORDED = "Please tell me: what is the maximum unzipped deployment package size in AWS Lambda?"
WORDING = (
    f"In other words: “{REWORDED}” What ships serves only the same words, less courtesy and ways to begin; "
    "learning from a deployment's own questions does the rest (docs/caching.md)."
)
REVIEWED = "\n\nThis page was reviewed for the tour."


@dataclass(frozen=True)
class Asked:
    """One row: what was done, and the reply."""

    what: str
    reply: Reply

    @property
    def outcome(self) -> str:
        """What the cache said, in words."""
        told: dict[str, Any] = self.reply.report.get("cache") or {}
        if told.get("outcome") == "hit":
            return f"{told.get('kind', 'exact')} hit"
        dropped = told.get("dropped")
        return f"{told.get('outcome', 'not looked for')}{f' ({dropped})' if dropped else ''}"


def kept_answers(stage: Stage, first: Reply) -> list[Asked]:
    """Ask what ``first`` answered again, ask in other words, change the page that it cites, ask again.

    Raises CallFailed.
    """
    with stage.console.status("asking the same question again"):
        if _is_hit(first):  # of an earlier tour on this stack
            first = _ask(stage, QUESTION, cache="refresh")
        rows = [
            Asked("asked", first),
            Asked("asked again", _ask(stage, QUESTION)),
            Asked("in other words", _ask(stage, REWORDED)),
        ]
        with _changed(stage, _cited(first)):
            rows.append(Asked("its page changed", _ask(stage, QUESTION)))
    return rows


def _is_hit(reply: Reply) -> bool:
    return bool((reply.report.get("cache") or {}).get("outcome") == "hit")


def _ask(stage: Stage, question: str, **options: Any) -> Reply:
    return drained(stage.target, sample_index.body(question, **options))


def _cited(reply: Reply) -> SourceText:
    """The page that the answer cites first. Raises CallFailed where it cites none."""
    cited = (reply.report.get("rag") or {}).get("citations") or []
    named = {one["document"] for one in cited[:1]}
    for page in sample_index.questions().documents:
        if page.id in named:
            return page
    raise CallFailed("the answer cites no page of the samples, so there is none to change")


@contextmanager
def _changed(stage: Stage, page: SourceText) -> Iterator[None]:
    """The page with a sentence more, for the length of a block."""
    _put(stage, page.id, page.title, page.text + REVIEWED)
    try:
        yield
    finally:
        _put(stage, page.id, page.title, page.text)


def _put(stage: Stage, name: str, title: str, text: str) -> None:
    document = {"id": name, "title": title, "text": text}
    call(stage.target, "POST", f"{path(sample_index.INDEX)}/documents", {"documents": [document]})


def table(rows: list[Asked]) -> Table:
    """A row a question: which cache answered, when there was something to read, what it cost and what it saved.

    Below it how the other words went, so that nobody takes them for a free paraphrase.
    """
    shown = Table(
        title=f"“{QUESTION}”",
        title_justify="left",
        caption=WORDING,
        caption_justify="left",
        box=SIMPLE,
        pad_edge=False,
        padding=(0, 1, 0, 0),
    )
    for name in ("", "cache", "first token", "total", "cost", "saved"):
        shown.add_column(name, justify="left" if name in ("", "cache") else "right", no_wrap=True)
    for row in rows:
        reply = row.reply
        shown.add_row(
            row.what,
            row.outcome,
            f"{reply.first_token_ms or reply.total_ms:,.0f} ms",
            f"{reply.total_ms:,.0f} ms",
            dollars(reply.report.get("cost_usd")),
            dollars(reply.report.get("saved_usd")),
        )
    return shown
