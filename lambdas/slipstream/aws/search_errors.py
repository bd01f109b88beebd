"""What a search engine says went wrong → our one error tree, for the request path and the writing side alike."""

from __future__ import annotations

from typing import Any

import msgspec

from slipstream.errors import (
    IndexExists,
    IndexNotFound,
    IndexReadOnly,
    InvalidRequest,
    PermissionDenied,
    SlipstreamError,
    Throttled,
    UpstreamError,
    UpstreamInternal,
    UpstreamTimeout,
    UpstreamUnavailable,
)

_REASON_CHARACTERS = 500
_MEANINGS = {
    "does not match the expected length": "the query's vector has other dimensions than the index '{index}': "
    "embed the query with the index's model",
    "failed to find nested object under path": "the index '{index}' was made by another version of slipstream: "
    "re-index it (`slipstream index reindex {index}`)",
}
"""Where the engine speaks of a query that only we have seen."""


class Said(msgspec.Struct, frozen=True):
    """An error as the engine told it: type and reason of its root cause, and whose index it is about."""

    status: int
    type: str
    reason: str
    index: str = ""


def read(status: int, error: Any) -> Said:
    """An ``error`` object of an answer, of one search in it, or of one item of a bulk request."""
    if not isinstance(error, dict):
        return Said(status, "", str(error or "")[:_REASON_CHARACTERS])
    outer = str(error.get("type") or "")
    cause: Any = error
    roots = error.get("root_cause")
    if isinstance(roots, list) and roots and isinstance(roots[0], dict):
        cause = roots[0]
    reasons = [str(cause.get("reason") or "")]
    kind = str(cause.get("type") or outer)
    while isinstance(cause.get("caused_by"), dict):
        cause = cause["caused_by"]
        reasons.append(str(cause.get("reason") or ""))
    index = str(error.get("index") or "")
    return Said(status, kind, ": ".join(dict.fromkeys(filter(None, reasons)))[:_REASON_CHARACTERS], index)


def to_error(said: Said, index: str) -> SlipstreamError:
    """The error for what was said about ``index``, the caller's name for it."""
    if said.type == "index_not_found_exception" or (said.status == 404 and not said.type):
        return not_found(index)
    if said.type == "resource_already_exists_exception":
        return IndexExists(f"there is an index '{index}' already: choose another name or drop it first")
    if said.type == "cluster_block_exception":
        return IndexReadOnly(
            f"the index '{index}' takes no writes now ({said.reason}): free disk space on the domain or lift the block "
            "(setting index.blocks.read_only_allow_delete, index.blocks.write), then repeat"
        )
    if said.status == 429:
        return Throttled("the search engine has too much to do; try again in a moment", retry_after_s=1.0)
    if "timeout" in said.type or said.type == "task_cancelled_exception" or said.status in (408, 504):
        return UpstreamTimeout("the search engine took longer than the search may take; try again or allow more")
    if said.status in (401, 403):
        return PermissionDenied(
            f"the search engine refuses this role ({said.type or said.status}): grant it es:ESHttp* on the domain",
            code="search_access_denied",
        )
    if said.status in (502, 503):
        return UpstreamUnavailable(
            f"the search engine cannot serve '{index}' now ({said.reason or said.status}); try again"
        )
    if 400 <= said.status < 500:
        for part, meaning in _MEANINGS.items():
            if part in said.reason:
                return InvalidRequest(meaning.format(index=index), code="search_refused")
        return InvalidRequest(f"the search engine refused this: {said.reason or said.status}", code="search_refused")
    if said.status >= 500:
        return UpstreamInternal(f"the search engine failed ({said.type or said.status}): {said.reason}")
    return UpstreamError(f"the search engine answered with status {said.status}", code="bad_upstream_response")


def not_found(index: str) -> IndexNotFound:
    """Names the index and how to make it."""
    return IndexNotFound(f"there is no index '{index}': make it with `slipstream index create {index}`", param="index")


def unreachable(error: SlipstreamError) -> SlipstreamError:
    """The transport's error, told of the search engine: it speaks of a model service."""
    if isinstance(error, UpstreamTimeout):
        return UpstreamTimeout("the search engine did not answer in time; try again or allow more", code=error.code)
    if isinstance(error, UpstreamUnavailable):
        return UpstreamUnavailable(f"the search engine cannot be reached: {error.message}", code=error.code)
    if isinstance(error, UpstreamError):
        return UpstreamUnavailable(
            "the search engine broke off in the middle of its answer; try again", code=error.code
        )
    return error
