"""Bedrock's prompt cache: exact prefixes of a model, kept for a time to live, from a minimum length on."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import msgspec

from local.bedrock.catalogue import Model
from local.bedrock.clock import Clock
from local.bedrock.errors import invalid
from local.bedrock.prompt import Block

TTL_SECONDS = {"5m": 300.0, "1h": 3600.0}
MAX_POINTS = 4
IMPLICIT_STEP_TOKENS = 128
"""Implicit reads come in steps of this many tokens (OpenAI's documentation of prompt caching)."""
MAX_ENTRIES = 50_000


class CacheUse(msgspec.Struct, frozen=True):
    """What the cache did for one prompt. ``felt_tokens`` were read instead of computed, reported or not."""

    read: int = 0
    write: int = 0
    felt_tokens: int = 0
    writes_by_ttl: tuple[tuple[str, int], ...] = ()
    to_store: tuple[tuple[bytes, str], ...] = ()


class PromptCache:
    """Prefix digests by model; an entry can be read from the moment ``store`` was told, and each read renews it."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._entries: dict[bytes, tuple[float, float, str]] = {}

    def clear(self) -> None:
        """Forget everything."""
        self._entries.clear()

    def look_up(self, model: Model, blocks: tuple[Block, ...]) -> CacheUse:
        """Find the longest known prefix and what would be written; ``store`` makes the latter known."""
        rules = model.cache
        marks = [block.cache_ttl for block in blocks if block.cache_ttl]
        if rules is None or not rules.explicit:
            if marks:
                raise invalid(
                    "You invoked an unsupported model or your request did not allow prompt caching. See the "
                    "documentation for more information."
                )
        else:
            _check_marks(marks, rules.ttls)
            if marks:
                return self._explicit(model, blocks)
        if rules is None or rules.implicit == "none":
            return CacheUse()
        return self._implicit(model, blocks, reported=rules.implicit == "reported")

    def store(self, use: CacheUse, *, available_in_s: float) -> None:
        """Keep what a request wrote; others can read it once its first token is out."""
        start = self._clock.now() + available_in_s
        if len(self._entries) > MAX_ENTRIES:
            now = self._clock.now()
            self._entries = {key: entry for key, entry in self._entries.items() if entry[1] > now}
        for key, ttl in use.to_store:
            self._entries[key] = (start, start + TTL_SECONDS[ttl], ttl)

    def _known(self, key: bytes) -> bool:
        entry, now = self._entries.get(key), self._clock.now()
        if entry is None or not entry[0] <= now < entry[1]:
            return False
        self._entries[key] = (entry[0], now + TTL_SECONDS[entry[2]], entry[2])
        return True

    def _explicit(self, model: Model, blocks: tuple[Block, ...]) -> CacheUse:
        rules = model.cache
        assert rules is not None  # noqa: S101 - look_up has checked
        prefixes = list(_prefixes(model.id, blocks))
        points = [i for i, block in enumerate(blocks) if block.cache_ttl and prefixes[i][1] >= rules.min_tokens]
        read = 0
        for point in reversed(points):
            earliest = max(0, point - rules.lookback_blocks)
            hit = next((i for i in range(point, earliest - 1, -1) if self._known(prefixes[i][0])), None)
            if hit is not None:
                read = prefixes[hit][1]
                break
        written: dict[str, int] = {}
        to_store: list[tuple[bytes, str]] = []
        covered = read
        for point in points:
            key, tokens = prefixes[point]
            ttl = blocks[point].cache_ttl or "5m"
            if tokens > covered:
                written[ttl] = written.get(ttl, 0) + tokens - covered
                to_store.append((key, ttl))
                covered = tokens
        by_ttl = tuple(sorted(written.items(), key=lambda item: -TTL_SECONDS[item[0]]))
        return CacheUse(read, covered - read, read, by_ttl, tuple(to_store))

    def _implicit(self, model: Model, blocks: tuple[Block, ...], *, reported: bool) -> CacheUse:
        rules = model.cache
        if rules is None or sum(block.tokens for block in blocks) < rules.min_tokens:
            return CacheUse()
        read, to_store = 0, []
        for key, tokens in _steps(model.id, blocks):
            if tokens < rules.min_tokens:
                continue
            if self._known(key):
                read = tokens
            else:
                to_store.append((key, rules.ttls[0]))
        return CacheUse(read if reported else 0, 0, read, (), tuple(to_store))


def _check_marks(marks: list[str], ttls: tuple[str, ...]) -> None:
    if len(marks) > MAX_POINTS:
        raise invalid(f"A maximum of {MAX_POINTS} blocks with cache_control may be provided. Found {len(marks)}.")
    for mark in marks:
        if mark not in ttls:
            raise invalid(f"The cache point's ttl {mark} is not supported by this model; supported: {', '.join(ttls)}.")
    if sorted(marks, key=lambda ttl: -TTL_SECONDS[ttl]) != marks:
        raise invalid(
            "A cache point with ttl 1h must not come after one with ttl 5m (processing order: tools, system, messages)."
        )


def _prefixes(model_id: str, blocks: tuple[Block, ...]) -> Iterator[tuple[bytes, int]]:
    """Digest and tokens of the prompt up to and with each block."""
    state, tokens = hashlib.blake2b(model_id.encode(), digest_size=16), 0
    for block in blocks:
        state.update(len(block.key).to_bytes(8, "big") + block.section.encode() + block.key)
        tokens += block.tokens
        yield state.copy().digest(), tokens


def _steps(model_id: str, blocks: tuple[Block, ...]) -> Iterator[tuple[bytes, int]]:
    """Digest and tokens of the prompt in steps of some 128 tokens, inside blocks too."""
    state, tokens = hashlib.blake2b(b"implicit" + model_id.encode(), digest_size=16), 0
    for block in blocks:
        state.update(block.section.encode())
        per_token = max(1, len(block.key) // max(1, block.tokens))
        step = per_token * IMPLICIT_STEP_TOKENS
        whole = block.tokens // IMPLICIT_STEP_TOKENS
        for index in range(whole):
            state.update(block.key[index * step : (index + 1) * step])
            yield state.copy().digest(), tokens + (index + 1) * IMPLICIT_STEP_TOKENS
        state.update(block.key[whole * step :])
        tokens += block.tokens
