"""build/bench/report.html: every benchmark's figure and numbers on one page that needs nothing else."""

from __future__ import annotations

import html
import json
from pathlib import Path
from typing import Any

from bench.results import FOLDER

STYLE = """
body{font:15px/1.5 system-ui,sans-serif;color:#1b2733;max-width:52rem;margin:2.5rem auto;padding:0 1rem}
h1{font-size:1.6rem;margin-bottom:0}h2{margin-top:2.5rem;border-top:1px solid #d9e2ec;padding-top:1.2rem}
p.note{color:#52606d}figure{margin:1rem 0}figure svg{width:100%;height:auto}
table{border-collapse:collapse;font-size:13px;margin:.6rem 0}
td,th{padding:.2rem .8rem .2rem 0;text-align:left;border-bottom:1px solid #eef2f6}
td{font-variant-numeric:tabular-nums}
details{margin:.5rem 0}pre{font-size:12px;background:#f5f7fa;padding:.8rem;overflow:auto}
"""
INTRODUCTIONS = {
    "overhead": "What the gateway adds to the same answer, paths interleaved in one run.",
    "streaming": "Streamed against buffered. The pace is the local double's: the saved wait is modelled.",
    "prompt-cache": "The same long prefix, asked twice. Token counts and times come from the local double: modelled.",
    "soak": "Many streams at once: errors, lost or doubled chunks.",
    "odd-requests": "Generated bad and odd requests on both wires, through real sockets.",
    "upstream-cost": "Our transport, signer and event-stream codec beside botocore's.",
    "search": "/v1/search beside its parts, over a judged set in a real OpenSearch.",
    "reindex": "An index is rebuilt and swapped while readers search it all the time.",
    "cold-start": "From the start of the process to the first byte at the client, on the deployed bundle.",
}


def _rows(value: Any, path: str = "") -> list[tuple[str, str]]:
    if isinstance(value, dict):
        return [row for key, inner in value.items() for row in _rows(inner, f"{path} · {key}" if path else str(key))]
    return [(path, json.dumps(value) if not isinstance(value, str) else value)]


def _section(name: str, result: dict[str, Any]) -> str:
    figure = FOLDER / f"{name}.svg"
    drawing = figure.read_text().partition("<svg")[2] if figure.exists() else ""
    picture = f"<figure><svg{drawing}</figure>" if drawing else ""
    machine = result.get("machine", {})
    body = {key: value for key, value in result.items() if key != "machine"}
    rows = "".join(f"<tr><th>{html.escape(k)}</th><td>{html.escape(v)}</td></tr>" for k, v in _rows(body))
    where = ", ".join(f"{key} {value}" for key, value in machine.items())
    return (
        f"<h2>{html.escape(name)}</h2><p>{INTRODUCTIONS.get(name, '')}</p>{picture}"
        f"<details><summary>All figures</summary><table>{rows}</table></details>"
        f'<p class="note">Taken on: {html.escape(where)}.</p>'
    )


def write_report() -> Path:
    """Put together what build/bench holds; returns the page's path. Raises FileNotFoundError without any result."""
    found = sorted(FOLDER.glob("*.json"))
    if not found:
        raise FileNotFoundError(f"no results in {FOLDER}: run `slipstream bench overhead` (or another) first")
    sections = "".join(_section(path.stem, json.loads(path.read_text())) for path in found)
    page = (
        '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>Slipstream: measured</title><style>{STYLE}</style><h1>Slipstream, measured</h1>"
        '<p class="note">Shared machines are noisy: compare within a run, by medians and ratios.</p>'
        f"{sections}</html>"
    )
    path = FOLDER / "report.html"
    path.write_text(page)
    return path
