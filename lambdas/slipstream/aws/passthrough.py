"""Bedrock's own operations handed on unread: which headers travel, and the body as it comes."""

from __future__ import annotations

from collections.abc import Mapping

from slipstream.aws.exchange import Response
from slipstream.aws.sigv4 import Headers
from slipstream.gateway.ports import RawReply

_UP = frozenset({"content-type", "accept"})
_NOT_BACK = frozenset({"connection", "keep-alive", "transfer-encoding", "content-length", "date", "server"})


def headers_up(headers: Mapping[str, str]) -> Headers:
    """The caller's headers that mean something to Bedrock; its key, its host and its proxies' stay behind."""
    kept = [(name, value) for name, value in headers.items() if name in _UP or name.startswith("x-amzn-bedrock-")]
    return kept if any(name == "content-type" for name, _ in kept) else [("content-type", "application/json"), *kept]


def reply(response: Response) -> RawReply:
    """Bedrock's answer: everything but what belongs to its connection."""
    headers = [(name, value) for name, value in response.headers.items() if name not in _NOT_BACK]
    return RawReply(response.status, headers, iter(response))
