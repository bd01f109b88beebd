"""The index that demonstrations ask: samples/aws-guides, filled through the gateway as any other index is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from cli.citations_view import citations
from cli.gateway_client import CallFailed, Reply, call, stream
from cli.index import path
from cli.loading import Loading
from cli.stage import Stage
from cli.target import Target
from cli.tour import SAMPLES
from cli.waterfall_view import summary, waterfall
from slipstream.retrieval.folder import Folder
from slipstream.retrieval.ingest_report import Report
from slipstream.retrieval.judged import JudgedSet, read_set
from slipstream.retrieval.parsing.parsed import USUAL_COLUMNS

INDEX = "aws-guides"
FOLDER = SAMPLES / "aws-guides"
MAX_TOKENS = 160
LEG_TIMEOUT_MS = 10_000


def questions() -> JudgedSet:
    """The questions that ship with the pages, and which page answers each."""
    return read_set(FOLDER)


def fill(stage: Stage) -> Report:
    """Make the index, if need be, and load what it lacks. Raises CallFailed, also where a page was refused."""
    with stage.console.status(f"loading the samples into the index {INDEX}") as status:
        loading = load(stage.target, lambda report: status.update(f"{INDEX}: {report.passages:,} passages"))
    stage.console.print(f"[dim]· {loaded(loading, local=stage.local)}[/dim]")
    return loading.report


def load(target: Target, on_progress: Callable[[Report], None] = lambda report: None) -> Loading:
    """The same without a word. Raises CallFailed, also where a page was refused."""
    call(target, "PUT", path(INDEX), {})
    loading = Loading(target, INDEX, on_progress=on_progress)
    loading.folder(Folder(FOLDER / "corpus.jsonl.gz"), columns=USUAL_COLUMNS, delete_missing=False)
    if failed := loading.report.failed:
        raise CallFailed(f"{len(failed)} pages could not be loaded; the first, '{failed[0].id}': {failed[0].reason}")
    return loading


def loaded(loading: Loading, *, local: bool) -> str:
    """What a load did, in a line."""
    report = loading.report
    if not report.added + report.changed:
        return f"the index {INDEX} holds the {report.unchanged:,} pages already"
    passages = f"{'at least ' if loading.unheard else ''}{report.passages:,} passages"
    did = f"{report.added + report.changed:,} pages, {passages} loaded in {report.seconds:,.1f} s"
    return f"{did}; the local Bedrock server has their vectors from samples/, the rest was done now" if local else did


def body(question: str, **options: Any) -> dict[str, Any]:
    """A question to the index, with time for an engine that has just started."""
    return {
        "model": f"rag:{INDEX}",
        "messages": [{"role": "user", "content": question}],
        "max_tokens": MAX_TOKENS,
        "slipstream": {"retrieval": {"leg_timeout_ms": LEG_TIMEOUT_MS}, **options},
    }


def ask(stage: Stage, question: str) -> Reply:
    """One question to the index: the answer as it streams, its citations, its waterfall."""
    stage.console.print(f"[cyan]{question}[/cyan]  [dim](rag:{INDEX})[/dim]")
    reply = Reply()
    for piece in stream(stage.target, body(question), reply):
        stage.console.file.write(piece)
        stage.console.file.flush()
    stage.console.print("\n")
    stage.console.print(citations(reply.report.get("rag") or {}))
    stage.console.print(waterfall(reply.report, reply.first_token_ms))
    stage.console.print(
        summary(reply.report, reply.first_token_ms, reply.total_ms), style="dim", markup=False, soft_wrap=True
    )
    return reply


def search(stage: Stage, question: str, **retrieval: Any) -> dict[str, Any]:
    """One search that explains itself, with as many passages as it may give back."""
    body = {"index": INDEX, "query": question, "explain": True, "retrieval": {"passages": 20, **retrieval}}
    found: dict[str, Any] = call(stage.target, "POST", "/v1/search", body)
    return found


def as_figures(report: Report) -> dict[str, Any]:
    """A load's figures."""
    told = msgspec.to_builtins(report)
    return {name: told[name] for name in ("added", "changed", "unchanged", "passages", "embedded", "seconds")}


def documents(found: dict[str, Any]) -> Sequence[str]:
    """The documents of a search's passages, each once, best first."""
    return list(dict.fromkeys(result["document"] for result in found["results"]))
