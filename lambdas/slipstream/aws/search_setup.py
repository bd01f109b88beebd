"""What a search engine holds beside the indexes: templates, search pipelines, and roles where access is fine-grained.

All of it is put in place by name, so applying it again changes nothing, and applying a newer version replaces it.
Indexes made through the API carry their own settings and need none of this; those made by hand find the mapping in a
template, and hybrid queries written by hand find the two fusions under a name.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec
import opensearchpy

from slipstream.aws import hybrid_search, index_mapping
from slipstream.aws.document_index import told
from slipstream.errors import PermissionDenied, UpstreamTimeout, UpstreamUnavailable
from slipstream.retrieval.ports import IndexSpec

PREFIX = "slipstream"
BY_HAND, GENERATIONS = f"{PREFIX}-documents", f"{PREFIX}-generations"
READER, WRITER = f"{PREFIX}_reader", f"{PREFIX}_writer"
SECURITY = "/_plugins/_security/api"
PAUSE_S = 5.0


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """``slow_log_s``: searches that take longer are logged; None: none. ``readers`` and ``writers`` are ARNs of IAM
    roles, both empty where the domain's access is not fine-grained.
    """

    slow_log_s: float | None = None
    readers: tuple[str, ...] = ()
    writers: tuple[str, ...] = ()


class Request(NamedTuple):
    """``path`` begins with a slash; without a ``body`` what is there is removed."""

    path: str
    body: dict[str, Any] | None = None

    @property
    def verb(self) -> str:
        """The method."""
        return "PUT" if self.body is not None else "DELETE"


def requests(wanted: Wanted, *, legacy_bm25: str) -> list[Request]:
    """Everything that is to be asked for, in order. ``legacy_bm25``: see ``index_mapping.body``."""
    slow = _slow_log(wanted.slow_log_s)
    found = index_mapping.body(IndexSpec(), legacy_bm25=legacy_bm25)
    found["settings"]["index"] |= slow
    asked = [
        _template(BY_HAND, f"{PREFIX}-*", found, priority=200),
        Request(f"/_search/pipeline/{PREFIX}-normalization", hybrid_search.normalization()),
        Request(f"/_search/pipeline/{PREFIX}-rank-fusion", hybrid_search.rank_fusion()),
        # Only where it is wanted: a template keeps older ones of other people from working on the names it takes.
        Request(f"/_index_template/{GENERATIONS}")
        if wanted.slow_log_s is None
        else _template(GENERATIONS, "*-0*", {"settings": {"index": slow}}, priority=100),
    ]
    for role, arns, rights in ((READER, wanted.readers, _READING), (WRITER, wanted.writers, _WRITING)):
        if arns:
            asked += [
                Request(f"{SECURITY}/roles/{role}", rights),
                Request(f"{SECURITY}/rolesmapping/{role}", {"backend_roles": list(arns)}),
            ]
    return asked


def apply(
    client: opensearchpy.OpenSearch,
    wanted: Wanted,
    *,
    deadline_s: float,
    clock: Callable[[], float],
    pause: Callable[[float], None],
) -> list[str]:
    """Put everything in place; returns the paths. An engine that does not answer yet, or does not know the caller's
    rights yet, is asked again until ``deadline_s`` of ``clock``. Raises what it said last.
    """
    while True:
        try:
            with told(PREFIX):
                legacy = index_mapping.legacy_bm25(str(client.info()["version"]["number"]))
                asked = requests(wanted, legacy_bm25=legacy)
                for each in asked:
                    missing = {"ignore": 404} if each.body is None else None
                    client.transport.perform_request(each.verb, each.path, params=missing, body=each.body)
            return [each.path for each in asked if each.body is not None]
        except (UpstreamUnavailable, UpstreamTimeout, PermissionDenied):
            if clock() + PAUSE_S >= deadline_s:
                raise
            pause(PAUSE_S)


def _template(name: str, pattern: str, template: dict[str, Any], *, priority: int) -> Request:
    body = {
        "index_patterns": [pattern],
        "priority": priority,
        "version": index_mapping.SCHEMA,
        "template": template,
    }
    return Request(f"/_index_template/{name}", body)


def _slow_log(threshold_s: float | None) -> dict[str, Any]:
    """-1 logs nothing."""
    said = "-1" if threshold_s is None else f"{round(threshold_s * 1000)}ms"
    return {"search.slowlog.threshold.query.warn": said, "indexing.slowlog.threshold.index.warn": said}


_READING: dict[str, Any] = {
    "cluster_permissions": ["indices:data/read/msearch"],
    "index_permissions": [{"index_patterns": ["*"], "allowed_actions": ["read", "indices:admin/mappings/get"]}],
}
_WRITING: dict[str, Any] = {
    "cluster_permissions": ["cluster:monitor/main", "cluster_composite_ops"],
    "index_permissions": [{"index_patterns": ["*"], "allowed_actions": ["indices_all"]}],
}
