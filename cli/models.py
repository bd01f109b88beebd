"""`slipstream models`: what each model accepts, from the catalogue that the gateway itself goes by."""

from __future__ import annotations

import json
import os
from typing import Any

import click
import msgspec
from rich.console import Console, Group
from rich.padding import Padding
from rich.table import Table

from slipstream.chat.request import ChatRequest, Message, Options, Text
from slipstream.errors import SlipstreamError
from slipstream.models.aliases import DEFAULT_ALIASES
from slipstream.models.calling import callable_id
from slipstream.models.catalogue import load
from slipstream.models.model import Model
from slipstream.models.presets import PRESETS
from slipstream.models.resolve import Resolver
from slipstream.models.targets import Target

WIDE = 90
"""Columns of a terminal from which the longest answer of each model fits into its line."""


@click.command(name="models")
@click.argument("model", required=False)
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output, nothing else.")
@click.option("--region", envvar="AWS_REGION", default="us-east-1", show_default=True, help="Region that is called.")
def models(model: str | None, *, as_json: bool, region: str) -> None:
    """Show what each model accepts; with MODEL (an id, an alias or an ARN) one model and its presets."""
    try:
        aliases = aliases_setting()
        resolver = Resolver(aliases=aliases, region=region, prices=json_setting("SLIPSTREAM_PRICES"))
        shown = _detail(resolver, resolver.target(model), model) if model else _everything(aliases, region)
    except (SlipstreamError, ValueError) as error:
        raise click.ClickException(str(error)) from error
    if as_json:
        click.echo(json.dumps(shown, indent=2, ensure_ascii=False))
    elif model:
        _print_detail(shown)
    else:
        _print_table(aliases, region)


def json_setting(name: str) -> dict[str, Any]:
    """An object in the environment; empty where it is not set. Raises ValueError that names the variable."""
    raw = os.environ.get(name, "").strip()
    if not raw:
        return {}
    try:
        value = json.loads(raw)
    except ValueError as error:
        raise ValueError(f"{name} is not JSON ({error}); expected an object") from error
    if isinstance(value, dict):
        return value
    raise ValueError(f"{name} is not a JSON object")


def aliases_setting() -> dict[str, str]:
    """The shell's aliases, as a deployment would have them. Raises ValueError that names the setting."""
    return {**DEFAULT_ALIASES, **json_setting("SLIPSTREAM_ALIASES")}


def _everything(aliases: dict[str, str], region: str) -> dict[str, Any]:
    models = [{**msgspec.to_builtins(model), "call_as": callable_id(model, region)} for model in load().list()]
    return {"aliases": aliases, "models": models}


def _detail(resolver: Resolver, target: Target, name: str) -> dict[str, Any]:
    shown: dict[str, Any] = msgspec.to_builtins(target.model)
    shown["target_id"] = target.target_id
    shown["price"] = msgspec.to_builtins(target.price)
    shown["notes"] = list(target.notes)
    if target.model.kind == "chat":
        turn = [Message("user", [Text("…")])]
        shown["presets"] = {}
        for use_case in PRESETS:
            options = msgspec.convert({"use_case": use_case}, Options)
            call = resolver.resolve(ChatRequest(model=name, messages=turn, options=options))
            shown["presets"][use_case] = {"sent": call.sent, "notes": call.notes}
    return shown


def _accepts(model: Model) -> str:
    rules, can = model.rules, model.capabilities
    takes = [name for name in ("temperature", "top_p", "top_k") if getattr(rules, name) is not None]
    if rules.temperature_or_top_p:
        takes = ["temperature|top_p", *(name for name in takes if name == "top_k")]
    if rules.stop:
        takes.append("stop")
    if model.reasoning and model.reasoning.efforts:
        takes.append("effort")
    if can.tools:
        takes.append("tools" if can.forced_tool_choice else "tools(auto)")
    if can.json_schema:
        takes.append("json_schema")
    return " ".join(takes)


def _short(tokens: int) -> str:
    """128000 → 128k."""
    return f"{tokens / 1e6:g}M" if tokens >= 1_000_000 else f"{tokens // 1000}k"


def _print_table(aliases: dict[str, str], region: str) -> None:
    console = Console()
    ids = [callable_id(model, region) for model in load().list() if model.kind != "embedding"]
    table = Table(title="Chat models", title_justify="left", box=None, pad_edge=False)
    table.add_column("model, and what it accepts", overflow="fold", min_width=max(map(len, ids)))
    wide = console.width >= WIDE
    for title in ("context", "output", "cache", "$/M in, out") if wide else ("context", "cache", "$/M in, out"):
        table.add_column(title, justify="right", no_wrap=True)
    named = {target.partition(".")[2] if target.split(".")[0] != "arn" else target: a for a, target in aliases.items()}
    embeddings = []
    for model in load().list():
        if model.kind == "embedding":
            embeddings.append(model)
            continue
        alias = f"[bold cyan]{named[model.id]}[/] · " if model.id in named else ""
        cache = model.cache
        price = model.price
        table.add_row(
            Group(
                callable_id(model, region),
                Padding(f"{alias}[dim]{'+'.join(model.modalities)}: {_accepts(model)}[/]", (0, 0, 0, 2)),
            ),
            _short(model.context_tokens),
            *([_short(model.output_tokens)] if wide else []),
            "–" if cache.kind == "none" else f"{cache.min_tokens:,}{' auto' if cache.kind == 'implicit' else ''}",
            "?" if price is None else f"{price.input:g}, {price.output:g}",
        )
    console.print(table)
    second = Table(title="\nEmbedding models", title_justify="left", box=None, pad_edge=False)
    for title in ("model", "tokens", "dimensions", "$/M"):
        second.add_column(title)
    for model in embeddings:
        sizes = ", ".join(str(size) for size in model.dimensions)
        second.add_row(
            callable_id(model, region),
            f"{model.context_tokens:,}",
            sizes,
            f"{model.price.input:g}" if model.price else "?",
        )
    console.print(second)
    console.print(
        f"\nThe ids are those to call from {region}: with a prefix where only an inference profile can be called.\n"
        "cache: from that many tokens of prefix on; auto: without cache points.\n"
        "Aliases: " + ", ".join(f"{alias} = {target}" for alias, target in aliases.items()) + "\n"
        "Prices are those of the catalogue, all of them from secondary sources; set your own with SLIPSTREAM_PRICES.",
        highlight=False,
    )


def _print_detail(shown: dict[str, Any]) -> None:
    console = Console(highlight=False)
    console.print(f"[bold]{shown['name']}[/]  {shown['id']}")
    facts = Table(box=None, show_header=False, pad_edge=False)
    for key in (
        "target_id", "provider", "kind", "prefixes", "on_demand", "context_tokens", "output_tokens", "modalities",
        "capabilities", "rules", "reasoning", "cache", "burndown", "latency_optimized", "tiers", "endpoint", "price",
        "dimensions", "remarks", "notes",
    ):  # fmt: skip
        value = shown.get(key)
        if value not in (None, [], (), {}):
            facts.add_row(key, _plain(value))
    console.print(facts)
    if "presets" in shown:
        table = Table(title="\nPresets, as they are sent to it", title_justify="left", box=None, pad_edge=False)
        for title in ("use case", "sent", "notes"):
            table.add_column(title)
        for use_case, preset in shown["presets"].items():
            table.add_row(use_case, _plain(preset["sent"]), "; ".join(preset["notes"]))
        console.print(table)


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(
            f"{key} {_plain(inner)}" for key, inner in value.items() if inner not in (None, [], (), {}, "")
        )
    if isinstance(value, list | tuple):
        return ", ".join(_plain(inner) for inner in value)
    return str(value)
