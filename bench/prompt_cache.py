"""A long stable prefix, asked twice: how much of it the second call reads from the prompt cache.

On both wires, and through an inference-profile ARN; then over models and lengths. Tokens and times are the local
double's, so the gain in time is *modelled*: it follows from each model's constants (first token = fixed part + uncached
tokens / prefill rate), and grows with the prefix. That the checkpoint is placed and hit is the product's own.
"""

from __future__ import annotations

import json
import random
import re
import sys
import urllib.parse
import urllib.request
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from time import perf_counter
from typing import Any

from bench.load import FRAME_TEXT, SSE_TEXT
from bench.overhead import gateway_environ
from bench.processes import running
from local.bedrock import tokens
from local.proxies import direct

FOLDER = Path("build/bench/run")
PREFIX_TOKENS = 8_000
LINE_TOKENS = 14
"""A line's twelve words, its full stop and its break."""
MODEL = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
OPUS, NOVA = "us.anthropic.claude-opus-4-5-20251101-v1:0", "us.amazon.nova-pro-v1:0"
SETTINGS = ((MODEL, 30_000), (MODEL, 100_000), (OPUS, 8_000), (OPUS, 100_000), (NOVA, 8_000), (NOVA, 100_000))
"""(model, tokens of the prefix), beside the first model at 8,000 on all ways."""
PUBLISHED = (
    {"who": "Anthropic", "change": -0.31, "at": "at 10,000 tokens", "as_of": "2024-08-14"},
    {"who": "Anthropic", "change": -0.79, "at": "at 100,000 tokens", "as_of": "2024-08-14"},
    {"who": "AWS", "change": -0.85, "at": "at most", "as_of": "2025-04-07"},
)
"""By how much the makers say that the wait gets shorter over a cached prompt; they publish no prefill rates."""
QUESTIONS = ("Which of these words stands first?", "Which of these words stands last?")
WORDS = ("stream", "token", "latency", "cache", "prefix", "region", "quota", "window", "answer", "budget")


def prefix(seed: int, length: int = PREFIX_TOKENS) -> str:
    """A text of some ``length`` tokens that no other run has used: the first call must find the cache cold."""
    source = random.Random(seed)
    lines = [" ".join(source.choices(WORDS, k=12)) + "." for _ in range(length // LINE_TOKENS)]
    return "\n".join(lines)


def timed(
    read: Callable[[], bytes], token: re.Pattern[bytes], clock: Callable[[], float] = perf_counter
) -> tuple[float, float, bytes]:
    """Read until ``read`` gives nothing more: ms to the first content token, ms in all, everything that came.

    What comes before a content token (headers, the role, a heartbeat) is no answer yet. Raises ValueError where no
    content token comes.
    """
    began, raw = clock(), b""
    ttft_ms: float | None = None
    while piece := read():
        raw += piece
        if ttft_ms is None and token.search(raw):
            ttft_ms = (clock() - began) * 1000
    if ttft_ms is None:
        raise ValueError(f"no content token came: {raw[-300:]!r}")
    return ttft_ms, (clock() - began) * 1000, raw


def _request(url: str, body: dict[str, Any]) -> urllib.request.Request:
    return urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})  # noqa: S310


def _stream(url: str, body: dict[str, Any], token: re.Pattern[bytes]) -> tuple[float, float, bytes]:
    began = perf_counter()
    with direct.open(_request(url, body)) as reply:
        before_ms = (perf_counter() - began) * 1000
        ttft_ms, total_ms, raw = timed(reply.read1, token)
    return before_ms + ttft_ms, before_ms + total_ms, raw


def _ask_openai(base: str, model: str, system: str, question: str) -> dict[str, Any]:
    messages = [{"role": "system", "content": system}, {"role": "user", "content": question}]
    body = {"model": model, "stream": True, "max_tokens": 40, "messages": messages}
    ttft, total, raw = _stream(f"{base}/v1/chat/completions", body, SSE_TEXT)
    chunks = [json.loads(line[6:]) for line in raw.decode().splitlines() if line.startswith("data: {")]
    return {"ttft_ms": ttft, "total_ms": total, "tokens": chunks[-1]["slipstream"]["tokens"]}


def _ask_bedrock(base: str, model: str, system: str, question: str) -> dict[str, Any]:
    body = {
        "system": [{"text": system}],
        "messages": [{"role": "user", "content": [{"text": question}]}],
        "inferenceConfig": {"maxTokens": 40},
    }
    quoted = urllib.parse.quote(model, safe="")
    ttft, total, raw = _stream(f"{base}/model/{quoted}/converse-stream", body, FRAME_TEXT)
    usage = json.loads(raw[raw.rindex(b'{"usage"') : raw.rindex(b"}") + 1])["usage"]
    tokens = {"cached": usage.get("cacheReadInputTokens", 0), "cache_written": usage.get("cacheWriteInputTokens", 0)}
    return {"ttft_ms": ttft, "total_ms": total, "tokens": tokens}


def _profile(double: str) -> str:
    """The ARN of an application inference profile, made for this run."""
    source = f"arn:aws:bedrock:us-east-1:000000000000:inference-profile/{MODEL}"
    body = {"inferenceProfileName": "bench", "modelSource": {"copyFrom": source}}
    with direct.open(_request(f"{double}/inference-profiles", body)) as reply:
        return str(json.load(reply)["inferenceProfileArn"])


def run(*, rounds: int = 3, tick: Callable[[], None] = lambda: None) -> dict[str, Any]:
    """Ask twice over one prefix: each wire, by id and by an application profile's ARN, medians over ``rounds``; then
    once for each of ``SETTINGS``.
    """
    with ExitStack() as stack:
        double = stack.enter_context(
            running([sys.executable, "-m", "local.bedrock"], environ={}, folder=FOLDER, name="cache-double")
        )
        environ = gateway_environ(double.port)
        gateway = stack.enter_context(
            running(
                [sys.executable, "-m", "slipstream.runtime.serve"], environ=environ, folder=FOLDER, name="cache-gateway"
            )
        )
        base = f"http://127.0.0.1:{gateway.port}"
        arn = _profile(f"http://127.0.0.1:{double.port}")
        out: dict[str, Any] = {}
        for seed, (name, ask, model) in enumerate(
            [
                ("openai", _ask_openai, MODEL),
                ("bedrock", _ask_bedrock, MODEL),
                ("profile_arn", _ask_openai, arn),
                ("profile_arn_bedrock", _ask_bedrock, arn),
            ]
        ):
            pairs = []
            for number in range(rounds):
                system = prefix(1000 * seed + number)
                cold, warm = (ask(base, model, system, question) for question in QUESTIONS)
                pairs.append((tokens.count(system), cold, warm))
                tick()
            out[name] = summary(pairs)
        settings = [{"model": MODEL, "prefix_tokens": PREFIX_TOKENS, **out["openai"]}]
        for seed, (model, length) in enumerate(SETTINGS, 10_000):
            system = prefix(seed, length)
            cold, warm = (_ask_openai(base, model, system, question) for question in QUESTIONS)
            pair = (tokens.count(system), cold, warm)
            settings.append({"model": model, "prefix_tokens": length, **summary([pair])})
            tick()
    return {
        "prefix_tokens": PREFIX_TOKENS, "model": MODEL, "label": "modelled", "ways": out, "settings": settings,
        "published": PUBLISHED,
    }  # fmt: skip


def summary(pairs: Sequence[tuple[int, dict[str, Any], dict[str, Any]]]) -> dict[str, Any]:
    """Of pairs (tokens of the prefix, first call, second call) the one with the middle ratio of first tokens.

    The share is of the prefix, as the model service counts it: of what the first call wrote it would be whole even
    where that was only a part.
    """
    middle = sorted(pairs, key=lambda pair: pair[1]["ttft_ms"] / pair[2]["ttft_ms"])[len(pairs) // 2]
    counted, cold, warm = middle
    return {
        "cold": cold,
        "warm": warm,
        "counted_prefix_tokens": counted,
        "cached_share_of_prefix": round(warm["tokens"]["cached"] / counted, 4),
        "ttft_ratio": round(cold["ttft_ms"] / warm["ttft_ms"], 2),
    }
