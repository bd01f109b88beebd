"""Answers over an index under constant change, through the whole local stack: none may be served that a change ended.

Readers ask about a few short pages all the time, mostly answered from the cache; meanwhile the pages change, again and
again, over HTTP. A reply is *stale* if it came from the cache (a hit, or an answer that was joined) and tells a version
that is older than the last change that had been acknowledged when the question was sent. A new answer over a page that
the engine does not show yet is *behind*: the cache had no part in it.
"""

from __future__ import annotations

import http.client
import random
import re
import threading
import uuid
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

from bench.caller import Caller

PAGES, READERS, READS, CHANGES = 8, 8, 10_000, 200
WAIT_S = 60.0
_NUMBER = re.compile(r"rule number (\d+)")
LAMPS = ("amber", "blue", "coral", "dusty", "ebony", "frosty", "green", "hazel")


@dataclass
class Seen:
    """What readers saw. ``outcomes`` are the replies' own words."""

    outcomes: Counter[str] = field(default_factory=Counter)
    stale: list[str] = field(default_factory=list)
    behind: int = 0
    failed: list[str] = field(default_factory=list)

    def note(self, reply: dict[str, Any], lamp: str, at_least: int) -> None:
        """Judge one reply; ``at_least`` is the version that was acknowledged before it was asked for."""
        outcome = (reply["slipstream"].get("cache") or {}).get("outcome", "none")
        self.outcomes[outcome] += 1
        found = _NUMBER.search(reply["choices"][0]["message"]["content"])
        if found is None or int(found[1]) >= at_least:
            return
        if outcome in ("hit", "joined"):
            self.stale.append(f"{lamp}: {found[1]} where {at_least} was acknowledged")
        else:
            self.behind += 1


def under_change(
    base_url: str, api_key: str, *, reads: int = READS, changes: int = CHANGES, tick: Callable[[], None] = lambda: None
) -> dict[str, Any]:
    """Make an index on a gateway that runs, ask and change it at once, drop it."""
    index = f"changes-{uuid.uuid4().hex[:8]}"
    lamps = LAMPS[:PAGES]
    acknowledged = dict.fromkeys(lamps, 0)
    seen, began_s = Seen(), perf_counter()
    with closing(Caller(base_url, api_key)) as client:
        client.call("PUT", f"/v1/indexes/{index}", {})
        try:
            _put(client, index, dict.fromkeys(lamps, 0))
            _until_it_answers(client, index, lamps[0])
            threads = [
                threading.Thread(target=_read, args=(base_url, api_key, index, number, reads // READERS, acknowledged,
                                                     seen, tick))
                for number in range(READERS)
            ]  # fmt: skip
            for thread in threads:
                thread.start()
            for number in range(1, changes + 1):
                lamp = lamps[number % len(lamps)]
                _put(client, index, {lamp: number})
                acknowledged[lamp] = number
                tick()
            for thread in threads:
                thread.join()
        finally:
            client.call("DELETE", f"/v1/indexes/{index}")
    return {
        "reads": sum(seen.outcomes.values()), "changes": changes, "stale": len(seen.stale), "behind": seen.behind,
        "failed": len(seen.failed), "outcomes": dict(sorted(seen.outcomes.items())),
        "seconds": round(perf_counter() - began_s, 1), "wrong": [*seen.stale, *seen.failed][:5],
    }  # fmt: skip


def _put(client: Caller, index: str, versions: dict[str, int]) -> None:
    documents = [
        {"id": lamp, "title": f"The {lamp} lamp", "text": f"The {lamp} lamp follows rule number {version}."}
        for lamp, version in versions.items()
    ]
    told = client.call("POST", f"/v1/indexes/{index}/documents", {"documents": documents})
    if told.get("failed"):
        raise RuntimeError(f"a page was refused: {told['failed']}")


def _ask(client: Caller, index: str, lamp: str) -> dict[str, Any]:
    question = f"Which rule number does the {lamp} lamp follow?"
    patient = {"retrieval": {"leg_timeout_ms": 10_000}}  # a busy engine is no fault here
    body = {"model": f"rag:{index}", "max_tokens": 60, "slipstream": patient,
            "messages": [{"role": "user", "content": question}]}  # fmt: skip
    return client.call("POST", "/v1/chat/completions", body)


def _until_it_answers(client: Caller, index: str, lamp: str) -> None:
    until_s = perf_counter() + WAIT_S
    while _NUMBER.search(_ask(client, index, lamp)["choices"][0]["message"]["content"]) is None:
        if perf_counter() > until_s:
            raise RuntimeError(f"the index {index} answers nothing after {WAIT_S:g} s")


def _read(
    base_url: str, api_key: str, index: str, number: int, reads: int, acknowledged: dict[str, int], seen: Seen,
    tick: Callable[[], None],
) -> None:  # fmt: skip
    order = random.Random(number)
    with closing(Caller(base_url, api_key)) as client:
        for _ in range(reads):
            lamp = order.choice(sorted(acknowledged))
            at_least = acknowledged[lamp]
            try:
                seen.note(_ask(client, index, lamp), lamp, at_least)
            except (RuntimeError, OSError, http.client.HTTPException) as error:
                client.close()  # the next one connects anew
                seen.failed.append(str(error) or type(error).__name__)
            tick()
