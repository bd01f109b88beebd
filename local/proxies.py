"""Loopback is never reached through a proxy, whatever the user's environment says of the way to the world."""

from __future__ import annotations

import urllib.request
from collections.abc import Mapping

LOOPBACK = ("127.0.0.1", "localhost")

direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
"""Opens URLs past any proxy: for servers on this machine, or named by the user."""


def past_proxies(base: Mapping[str, str]) -> dict[str, str]:
    """The environment with loopback added to what its owner already reaches without a proxy."""
    named = (base.get("no_proxy") or base.get("NO_PROXY") or "").split(",")
    hosts = ",".join(dict.fromkeys([*(name.strip() for name in named if name.strip()), *LOOPBACK]))
    return {**base, "NO_PROXY": hosts, "no_proxy": hosts}
