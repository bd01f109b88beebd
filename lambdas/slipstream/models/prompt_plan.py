"""Where cache points pay: after tools, system and earlier turns that have come back or can be expected to.

The sum behind it, per token of a prefix and in units of its input price: a write costs ``w`` extra (0.25 for five
minutes, 1.0 for an hour on Claude; 0 on Nova), each read saves ``r`` (0.9; Nova 0.75). A prefix that is asked for again
with chance ``p`` gains ``p * r - w`` at least, so a point is put where p > w / r (0.28 for Claude's five minutes).
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import blake2b
from time import monotonic
from typing import TYPE_CHECKING

import msgspec

from slipstream.chat.request import CachePoint, ChatRequest, Message
from slipstream.models import estimate
from slipstream.models.cache_marks import within_limits, without_points
from slipstream.models.prefix_memory import Habit, PrefixMemory, Seen
from slipstream.models.resolved import CacheMark, Price, PromptCache, ResolvedCall

if TYPE_CHECKING:
    from slipstream.chat.events import Usage

TTL_S = {"5m": 300.0, "1h": 3600.0}
SURE = 0.8
"""Chance that a prefix returns which has already returned once within its time."""
SLACK = 0.9
"""Share of the model's minimum from which a point is tried: the estimate may be short, a point too early is free."""
LATE_RETURNS = 2
"""So many returns between five minutes and an hour show a rhythm that only the long TTL catches."""
MOST_TURNS_LOOKED_AT = 20
HABITS = 1024
PRIORS = {"stable": (3.0, 5.0), "turns": (3.0, 5.0), "openings": (1.0, 5.0)}
"""(returned, seen) before anything was seen: three in five long system prompts and conversations under way return, one
in five first questions."""
WORTHWHILE_TOKENS = 256
"""A first question shorter than this is not worth a point of its own beside the stable prefix before it."""


class _Boundary(msgspec.Struct):
    """A place where a point could stand. ``tokens`` is the estimated length of everything before it."""

    mark: CacheMark
    digest: bytes
    tokens: float
    seen: Seen | None


class PromptPlanner:
    """Adds cache points to resolved calls and learns which prefixes come back. Safe to share between threads."""

    def __init__(self, clock: Callable[[], float] = monotonic, *, prefixes: int = 8192) -> None:
        """``clock`` gives seconds, monotonic; ``prefixes`` bounds the memory (some 200 bytes each)."""
        self._clock = clock
        self._memory = PrefixMemory(prefixes)
        self._habits: dict[tuple[str, str, str], Habit] = {}
        self._ratios: dict[str, float] = {}

    def chars_per_token(self, model_id: str) -> float:
        """Measured on this model's answers, or the general guess."""
        return self._ratios.get(model_id, estimate.LIKELY_CHARS_PER_TOKEN)

    def plan(self, call: ResolvedCall) -> ResolvedCall:
        """The call with cache points after the caller's own (never more than the model's four in all)."""
        cache = call.prompt_cache
        request = call.request
        if cache is None or cache.kind != "explicit" or "off" in (request.options.cache, request.options.prompt_cache):
            return call
        ratio = self.chars_per_token(call.model_id)
        least = cache.min_tokens * SLACK
        if not _may_reach(request, least, ratio):
            return call
        boundaries = [b for b in self._boundaries(call, cache, ratio) if b.tokens >= least]
        marks = self._choose(call, cache, boundaries)
        return msgspec.structs.replace(call, cache_points=marks) if marks else call

    def observe(self, call: ResolvedCall, usage: Usage) -> None:
        """Calibrate the token estimate from what the model counted. To be called after the last byte."""
        size = estimate.of_request(call.request)
        tokens = usage.input_tokens + usage.cache_read_tokens + usage.cache_write_tokens
        if size.images or size.others or tokens < 200 or size.chars < 500:
            return  # too short to tell, or not text alone
        measured = min(max(size.chars / tokens, 1.0), 8.0)
        known = self._ratios.get(call.model_id)
        self._ratios[call.model_id] = measured if known is None else 0.8 * known + 0.2 * measured

    def _boundaries(self, call: ResolvedCall, cache: PromptCache, ratio: float) -> list[_Boundary]:
        """Every place where a point may stand, in the order in which the model reads, each with its prefix's hash."""
        request = call.request
        running = blake2b(f"{request.tenant}\0{call.target_id}\0".encode(), digest_size=16)
        tokens = 0.0
        found: list[_Boundary] = []

        def add(mark: CacheMark) -> None:
            digest = running.copy().digest()
            found.append(_Boundary(mark, digest, tokens, self._memory.recall(digest)))

        if request.tools:
            encoded = _encoder.encode(without_points(request.tools))
            tokens += len(encoded) / ratio
            running.update(encoded)
            if "tools" in cache.places:
                add(CacheMark("tools"))
        if request.system:
            tokens += estimate.of_system(request.system).likely_tokens(ratio)
            running.update(_encoder.encode([part for part in request.system if type(part) is not CachePoint]))
            if "system" in cache.places:
                add(CacheMark("system"))
        wanted = "messages" in cache.places
        first_looked_at = len(request.messages) - 2 * MOST_TURNS_LOOKED_AT
        for i, message in enumerate(request.messages):
            running.update(_encoded_turn(message))
            tokens += estimate.of_message(message).likely_tokens(ratio)
            if wanted and message.role == "user" and i >= first_looked_at:
                add(CacheMark("message", i))
        return found

    def _choose(self, call: ResolvedCall, cache: PromptCache, boundaries: list[_Boundary]) -> list[CacheMark]:
        now, request = self._clock(), call.request
        fixed = [b for b in boundaries if b.mark.after != "message"]
        turns = [b for b in boundaries if b.mark.after == "message"]
        economics = _economics(call.price, None)
        stable = self._habit(call, "stable")
        wanted = [b for b in fixed if _pays(b, stable.chance(), economics, now)]

        goes_on = any(message.role == "assistant" for message in request.messages)
        conversing = self._habit(call, "turns" if goes_on else "openings")
        last = turns.pop() if turns and turns[-1].mark.index == len(request.messages) - 1 else None
        if last is not None and not goes_on and wanted and last.tokens - wanted[-1].tokens < WORTHWHILE_TOKENS:
            last = None
        if last is not None and _pays(last, conversing.chance(), economics, now):
            wanted.append(last)
        # The turn before ended where its own last point stands, so what that wrote is read here. A point there costs
        # nothing extra: the tokens up to it are written or read because of the last point all the same.
        known = next((b for b in reversed(turns) if b.seen is not None), None)
        live = next((b for b in reversed(turns) if _live(b, now)), None)
        if live is not None or (turns and last in wanted):
            wanted.append(live or turns[-1])

        marks = within_limits(request, cache, [b.mark for b in wanted], self._ttl_of_fixed(fixed, cache, call.price))
        self._note(fixed, stable, marks, now)
        if last is not None:
            self._note([last], conversing, marks, now)
        if known is not None:
            self._note([known], self._habit(call, "turns" if known.mark.index else "openings"), marks, now)
        return marks

    def _ttl_of_fixed(self, fixed: list[_Boundary], cache: PromptCache, price: Price | None) -> str | None:
        """``1h`` where the prefix keeps returning too late for five minutes and an hour's write is paid back."""
        seen = fixed[-1].seen if fixed else None
        if seen is None or "1h" not in cache.ttls or seen.late_returns < LATE_RETURNS:
            return None
        extra, saving = _economics(price, "1h")
        short_extra, _ = _economics(price, None)
        # A late return costs another short write without the long TTL, and is a read with it.
        return "1h" if seen.late_returns * (saving + short_extra) > extra else None

    def _note(self, boundaries: list[_Boundary], habit: Habit, marks: list[CacheMark], now: float) -> None:
        marked = {(mark.after, mark.index): TTL_S[mark.ttl or "5m"] for mark in marks}
        for boundary in boundaries:
            # Only the longest prefix tells of habits: tools alone come back whenever tools and system do.
            counted = habit if boundary is boundaries[-1] else Habit(1.0, 1.0)
            ttl_s = marked.get((boundary.mark.after, boundary.mark.index), 0.0)
            self._memory.note(boundary.digest, now, ttl_s, counted)

    def _habit(self, call: ResolvedCall, kind: str) -> Habit:
        key = (call.request.tenant, call.model_id, kind)
        habit = self._habits.get(key)
        if habit is None:
            if len(self._habits) >= HABITS:
                self._habits.clear()
            habit = self._habits[key] = Habit(*PRIORS[kind])
        return habit


def _pays(boundary: _Boundary, habit: float, economics: tuple[float, float], now: float) -> bool:
    """Whether a point here is worth its write; a prefix that is still cached is only read."""
    extra, saving = economics
    chance = habit if boundary.seen is None else max(SURE, habit)
    return _live(boundary, now) or chance * saving > extra


def _live(boundary: _Boundary, now: float) -> bool:
    return boundary.seen is not None and boundary.seen.live_until_s > now


def _economics(price: Price | None, ttl: str | None) -> tuple[float, float]:
    """(extra cost of a write, saving of a read), each as a share of the input price."""
    if price is None or price.input <= 0:
        return (1.0, 0.9) if ttl == "1h" else (0.25, 0.9)
    write = price.cache_write if ttl != "1h" or price.cache_write_1h is None else price.cache_write_1h
    read = price.input if price.cache_read is None else price.cache_read
    return (0.0 if write is None else max(0.0, write / price.input - 1)), 1 - read / price.input


_encoder = msgspec.json.Encoder()


def _encoded_turn(message: Message) -> bytes:
    content = message.content
    if any(type(part) is CachePoint for part in content):
        # A caller moves its points from turn to turn; the text before them is what is cached.
        content = [part for part in content if type(part) is not CachePoint]
        return _encoder.encode(Message(message.role, content))
    return _encoder.encode(message)


def _may_reach(request: ChatRequest, least: float, ratio: float) -> bool:
    """Whether the prompt may be as long as the shortest prefix that is kept; stops counting when it is."""
    tokens = estimate.of_tools(request.tools) / ratio + estimate.of_system(request.system).likely_tokens(ratio)
    if tokens >= least:
        return True
    for message in request.messages:
        tokens += estimate.of_message(message).likely_tokens(ratio)
        if tokens >= least:
            return True
    return False
