"""Parameters: what each use case sends to models that accept different things, and a refusal that heals itself."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from rich.box import SIMPLE
from rich.table import Table

from cli.stage import Stage, drained
from slipstream.models.presets import PRESETS

MODELS = {"balanced": "balanced", "nova-pro": "us.amazon.nova-pro-v1:0", "best": "best"}
QUESTION = "Name one planet."
HEALED_MODEL, PARAMETER = "us.meta.llama3-1-405b-instruct-v1:0", "top_p"
ASKED = {PARAMETER: 0.5, "max_tokens": 64}
SETTLE_S = 0.5
"""What a call has taught is noted after its last byte, so the next one comes a moment later."""
REFUSAL = f"`{PARAMETER}` is not supported for this model. Only the default value is accepted; remove the parameter."


def run(stage: Stage) -> dict[str, Any]:
    """What was sent, by use case and model; then two equal calls of a model that has begun to refuse a parameter."""
    presets: dict[str, dict[str, Any]] = {}
    for use_case in PRESETS:
        presets[use_case] = {}
        for name, model in MODELS.items():
            report = _ask(stage, model, {"slipstream": {"use_case": use_case, "cache": "off"}})["report"]
            presets[use_case][name] = {"sent": report.get("sent", {}), "notes": report.get("notes", [])}
        stage.console.print(f"[dim]· {use_case}: asked {len(MODELS)} models[/dim]")
    return {"presets": presets, "healing": _healing(stage)}


def _healing(stage: Stage) -> list[dict[str, Any]]:
    """Two calls; none where there is no local Bedrock server that can be told to refuse."""
    known = _ask(stage, HEALED_MODEL, ASKED)["report"].get("sent", {}) if stage.local else {}
    if PARAMETER not in known:
        why = "an earlier run has taught it to this stack" if stage.local else "it takes the local stack to refuse"
        stage.console.print(f"[dim]· self-healing is not shown: {why}[/dim]")
        return []
    stage.refuse_once("*llama3-1-405b*", REFUSAL)
    calls = []
    for number in (1, 2):
        time.sleep(SETTLE_S)
        asked = _ask(stage, HEALED_MODEL, ASKED)
        report = asked["report"]
        calls.append(
            {
                "call": number,
                "healed": "heal" in report.get("spans_ms", {}),
                "sent": report.get("sent", {}),
                "notes": report.get("notes", []),
                "first_token_ms": asked["first_token_ms"],
            }
        )
    return calls


def _ask(stage: Stage, model: str, changes: dict[str, Any]) -> dict[str, Any]:
    body = {"model": model, "messages": [{"role": "user", "content": QUESTION}], **changes}
    reply = drained(stage.target, body)
    return {"report": reply.report, "first_token_ms": round(reply.first_token_ms or reply.total_ms, 1)}


def tables(found: dict[str, Any]) -> Sequence[Table]:
    """Use case by model; and the two calls."""
    shown = Table(title="What each use case sends", title_justify="left", box=SIMPLE)
    shown.add_column("use case")
    for name in MODELS:
        shown.add_column(name)
    for use_case, row in found["presets"].items():
        shown.add_row(use_case, *[_words(row[name]["sent"]) for name in MODELS])
    if not found["healing"]:
        return [shown]
    healing = Table(
        title=f"A model begins to refuse {PARAMETER}: the same call twice", title_justify="left", box=SIMPLE
    )
    for name in ("call", "refused and repeated", "sent in the end", "first token", "what the reply says"):
        healing.add_column(name)
    for call in found["healing"]:
        waited = f"{call['first_token_ms']:,.0f} ms"
        healing.add_row(f"{call['call']}", _outcome(call), _words(call["sent"]), waited, "; ".join(call["notes"]))
    return [shown, healing]


def _words(sent: dict[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in sent.items()) or "–"


def _outcome(call: dict[str, Any]) -> str:
    if call["healed"]:
        return "yes, once"
    # Environments read each other's rules every few minutes.
    return "no: another environment, which does not know yet" if PARAMETER in call["sent"] else "no: remembered"
