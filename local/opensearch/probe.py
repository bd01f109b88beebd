"""Asks a server that may be there whether it is one that searches can run on, and waits for one that starts."""

from __future__ import annotations

import http.client
import json
import re
import time
from collections.abc import Callable
from typing import Any

from local.environments import Unprepared
from local.parts import QUOTED, Part, PartFailed
from local.proxies import direct

OLDEST = (2, 19)
"""Older ones rank fewer passages of a document (`expand_nested_docs`) or lack it."""
TIMEOUT_S = 5.0
START_TIMEOUT_S = 300.0
SIGN_OF_LIFE_S = 5.0
POLL_S = 0.1
FAULTS = (OSError, http.client.HTTPException, ValueError)
"""What an answer that is none raises; HTTP errors are OSErrors."""


def ask(url: str, path: str, timeout_s: float = TIMEOUT_S) -> Any:
    """The JSON that a GET answers. Raises one of FAULTS."""
    with direct.open(url.rstrip("/") + path, timeout=timeout_s) as answer:
        return json.load(answer)


def healthy(url: str) -> bool:
    """Whether it answers and all its primary shards are there."""
    try:
        return ask(url, "/_cluster/health").get("status") in {"yellow", "green"}
    except FAULTS:
        return False


def wait_until_healthy(part: Part, url: str, say: Callable[[str], None], timeout_s: float = START_TIMEOUT_S) -> None:
    """Return once the server that ``part`` runs is healthy. Raises PartFailed if it ends first or takes too long."""
    began = told = time.monotonic()
    while not healthy(url):
        part.check()
        now = time.monotonic()
        if now - began > timeout_s:
            raise PartFailed(f"OpenSearch was not ready within {timeout_s:.0f} s{QUOTED}:\n{part.tail()}")
        if now - told >= SIGN_OF_LIFE_S:
            say(f"waiting for OpenSearch ({now - began:.0f} s)")
            told = now
        time.sleep(POLL_S)


def require_usable(url: str) -> None:
    """Raise Unprepared, with what to do, unless an OpenSearch with k-NN in a usable version answers at ``url``."""
    if not re.match(r"https?://[^/\s]+", url):
        raise Unprepared(f"OPENSEARCH_URL is {url!r}; it has to be an address like http://127.0.0.1:9200")
    otherwise = "or unset OPENSEARCH_URL and let the local stack start one"
    try:
        version = ask(url, "/")["version"]
        number, kind = str(version["number"]), version.get("distribution", "another engine")
        plugins = {plugin["component"] for plugin in ask(url, "/_cat/plugins?format=json")}
    except (*FAULTS, KeyError, TypeError, AttributeError) as fault:
        raise Unprepared(f"no OpenSearch answers at OPENSEARCH_URL {url} ({fault}): start it, {otherwise}") from fault
    release = tuple(int(part) for part in re.findall(r"\d+", number)[:2])
    if kind != "opensearch" or release < OLDEST:
        wanted = ".".join(map(str, OLDEST))
        raise Unprepared(f"at OPENSEARCH_URL {url} is {kind} {number}: use OpenSearch {wanted} or newer, {otherwise}")
    if "opensearch-knn" not in plugins:
        raise Unprepared(f"the OpenSearch at OPENSEARCH_URL {url} lacks the k-NN plugin: install it, {otherwise}")
