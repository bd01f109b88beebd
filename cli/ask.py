"""``slipstream ask``: one question, a document or an index if need be, the answer as it streams, and its waterfall."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click

from cli.document import read_document, system_prompt
from cli.gateway_client import CallFailed, Reply, stream
from cli.target import Target, find
from cli.waiting import with_sign_of_life
from slipstream.gateway.options import CHOICES

USUAL_MODEL = "balanced"
MODELLED = "On a local stack: the model service's times are modelled (bedrock wait, stream); all else is measured."


@click.command()
@click.argument("question")
@click.option("--file", "-f", "document", type=click.Path(path_type=Path), help="A text to answer from.")
@click.option("--index", "-i", help="An index to answer from, with citations: slipstream index list names them.")
@click.option("--model", "-m", default=USUAL_MODEL, show_default=True, help="Alias, Bedrock id or profile ARN.")
@click.option("--use-case", type=click.Choice(CHOICES["use_case"]), help="Preset of sampling parameters.")
@click.option("--latency", type=click.Choice(CHOICES["latency"]), help="Bedrock's latency-optimized inference.")
@click.option(
    "--cache", type=click.Choice(CHOICES["cache"]), help="Use of kept answers; off: none, and no prompt caching."
)
@click.option("--max-tokens", type=click.IntRange(1), default=1024, show_default=True, help="Longest answer.")
@click.option("--base-url", help="The gateway; else SLIPSTREAM_BASE_URL, else the local stack.")
@click.option("--api-key", help="Its key; else SLIPSTREAM_API_KEY, else the local stack's.")
@click.option(
    "--svg",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    help="Draw the waterfall into this file, too.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output and nothing else.")
def ask(
    question: str,
    *,
    document: Path | None,
    index: str | None,
    model: str,
    use_case: str | None,
    latency: str | None,
    cache: str | None,
    max_tokens: int,
    base_url: str | None,
    api_key: str | None,
    svg: Path | None,
    as_json: bool,
) -> None:
    """Ask QUESTION and stream the answer, then show where the milliseconds went."""
    if not question.strip():
        raise click.UsageError('the question is empty: slipstream ask "What does this say?" --file notes.md')
    if document is not None and index is not None:
        raise click.UsageError("--file and --index exclude each other: the answer comes from a document or an index")
    if svg is not None:
        refuse_unwritable(svg)
    target = find(base_url, api_key)
    asked = model if index is None else over_index(index, model)
    options = {"use_case": use_case, "latency": latency, "cache": cache}
    body = request(question, document, model=asked, options=options, max_tokens=max_tokens)
    reply = Reply()
    try:
        for piece in with_sign_of_life(stream(target, body, reply), model):
            if not as_json:
                sys.stdout.write(piece)
                sys.stdout.flush()
    except CallFailed as error:
        if not as_json and reply.text:
            sys.stdout.write("\n")
        raise click.ClickException(str(error)) from error
    if as_json:
        click.echo(json.dumps(as_object(reply)))
    else:
        show(reply, max_tokens)
    if svg is not None:
        from cli.waterfall_svg import picture

        try:
            drawn = picture(question, reply.report, reply.first_token_ms, reply.total_ms, note_of(target))
            svg.write_text(drawn, encoding="utf-8")
        except OSError as error:
            raise click.ClickException(f"{svg} was not written: {error.strerror}") from error


def refuse_unwritable(path: Path) -> None:
    """Raise BadParameter where a file cannot be made at ``path``, before anything is asked and paid for."""
    if not os.access(path.parent, os.W_OK | os.X_OK):
        what = "cannot be written to" if path.parent.is_dir() else "is no folder"
        raise click.BadParameter(f"{path.parent} {what}", param_hint="--svg")


def over_index(index: str, model: str) -> str:
    """The model that answers from ``index``: ``rag:docs``, and ``rag:docs@best`` where it is not the usual one."""
    return f"rag:{index}" if model == USUAL_MODEL else f"rag:{index}@{model}"


def note_of(target: Target) -> str:
    """What a reader of the picture has to know of its times: a local stack's model service is modelled."""
    return MODELLED if urlsplit(target.base_url).hostname in ("127.0.0.1", "localhost", "::1") else ""


def request(
    question: str,
    document: Path | None,
    *,
    model: str,
    options: dict[str, str | None],
    max_tokens: int,
) -> dict[str, Any]:
    """The request's body: the document goes first, as the stable prefix that Bedrock can keep."""
    messages = [{"role": "user", "content": question}]
    if document is not None:
        messages.insert(0, {"role": "system", "content": system_prompt(read_document(document))})
    given = {name: value for name, value in options.items() if value}
    body: dict[str, Any] = {"model": model, "messages": messages, "max_tokens": max_tokens}
    return {**body, "slipstream": given} if given else body


def as_object(reply: Reply) -> dict[str, Any]:
    """What ``--json`` prints."""
    return {
        "answer": reply.text,
        "finish_reason": reply.finish_reason,
        "first_token_ms": None if reply.first_token_ms is None else round(reply.first_token_ms, 3),
        "total_ms": round(reply.total_ms, 3),
        "slipstream": reply.report,
    }


def show(reply: Reply, max_tokens: int) -> None:
    """The waterfall and the line below it."""
    from rich.console import Console

    from cli.citations_view import citations
    from cli.waterfall_view import summary, waterfall

    console = Console(highlight=False)
    console.print("\n")
    if rag := reply.report.get("rag"):
        console.print(citations(rag))
    if reply.finish_reason == "length":
        console.print(f"(cut at {max_tokens} tokens: --max-tokens raises that)", style="yellow")
    console.print(waterfall(reply.report, reply.first_token_ms))
    console.print(
        summary(reply.report, reply.first_token_ms, reply.total_ms), style="dim", markup=False, soft_wrap=True
    )
    for note in reply.report.get("notes", ()):
        console.print(f"note: {note}", style="dim")
