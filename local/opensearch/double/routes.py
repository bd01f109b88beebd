"""Method and path → what answers. What is not in the table the double has not, and says so."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import unquote

import msgspec

from local.opensearch.double import administration as admin
from local.opensearch.double.bulk import bulk
from local.opensearch.double.indices import Indices
from local.opensearch.double.refusals import Refused, illegal, unsupported
from local.opensearch.double.searching import multi_search, search

Json = dict[str, Any]
PARAMETERS = frozenset({"filter_path", "require_alias", "pretty"})


class Asked(NamedTuple):
    """``names``: what stood in the path's open places."""

    indices: Indices
    names: Sequence[str]
    body: bytes
    parameters: Mapping[str, str]

    @property
    def object(self) -> Json:
        """The body as JSON. Raises Refused."""
        try:
            return msgspec.json.decode(self.body, type=Json) if self.body.strip() else {}
        except msgspec.MsgspecError as error:
            raise illegal(f"the body is no JSON object: {error}") from None


Answer = Callable[[Asked], Json]
ROUTES: tuple[tuple[str, str, Answer], ...] = (
    ("GET", "", lambda asked: admin.info()),
    ("GET", "_cluster/health", lambda asked: admin.health()),
    ("POST", "_msearch", lambda asked: multi_search(asked.indices, asked.body)),
    ("POST", "_bulk", lambda asked: bulk(
        asked.indices, asked.body, require_alias=asked.parameters.get("require_alias") == "true")),
    ("POST", "_aliases", lambda asked: admin.move_aliases(asked.indices, asked.object)),
    ("GET", "_alias/*", lambda asked: admin.alias(asked.indices, asked.names[0])),
    ("PUT", "_index_template/*", lambda asked: admin.keep(asked.indices.templates, asked.names[0], asked.object)),
    ("GET", "_index_template/*", lambda asked: admin.template(asked.indices, asked.names[0])),
    ("DELETE", "_index_template/*", lambda asked: admin.forget(asked.indices.templates, asked.names[0])),
    ("PUT", "_search/pipeline/*", lambda asked: admin.keep(asked.indices.pipelines, asked.names[0], asked.object)),
    ("GET", "_search/pipeline/*", lambda asked: admin.pipeline(asked.indices, asked.names[0])),
    ("DELETE", "_search/pipeline/*", lambda asked: admin.forget(asked.indices.pipelines, asked.names[0])),
    ("PUT", "*", lambda asked: admin.create(asked.indices, asked.names[0], asked.object)),
    ("DELETE", "*", lambda asked: admin.delete(asked.indices, asked.names[0])),
    ("HEAD", "*", lambda asked: admin.exists(asked.indices, asked.names[0])),
    ("GET", "*/_alias", lambda asked: admin.aliases(asked.indices, asked.names[0])),
    ("GET", "*/_mapping", lambda asked: admin.mapping(asked.indices, asked.names[0])),
    ("POST", "*/_mapping", lambda asked: admin.put_mapping(asked.indices, asked.names[0], asked.object)),
    ("PUT", "*/_settings", lambda asked: admin.put_settings(asked.indices, asked.names[0], asked.object)),
    ("POST", "*/_refresh", lambda asked: admin.refresh(asked.indices, asked.names[0])),
    ("POST", "*/_count", lambda asked: admin.count(asked.indices, asked.names[0])),
    ("POST", "*/_search", lambda asked: search(asked.indices.one(asked.names[0]), asked.object)),
)  # fmt: skip


class Double:
    """The whole server without its sockets. Not safe for threads: one request after the other."""

    def __init__(self) -> None:
        self._indices = Indices()

    def answer(self, method: str, path: str, body: bytes = b"", parameters: Mapping[str, str] | None = None) -> tuple[
        int, Json
    ]:  # fmt: skip
        """Status and JSON. ``path`` is still percent-encoded."""
        parameters = parameters or {}
        parts = [unquote(part) for part in path.strip("/").split("/")]
        try:
            found, names = _route("GET" if method == "HEAD" and parts == [""] else method, parts)
            if unknown := sorted(parameters.keys() - PARAMETERS):
                raise unsupported(f"parameter '{unknown[0]}' of {method} {path}")
            answer = found(Asked(self._indices, names, body, parameters))
        except Refused as refused:
            return refused.status, refused.body()
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            strange = unsupported(f"{method} {path} of this shape ({type(error).__name__}: {error})")
            return strange.status, strange.body()
        only = parameters.get("filter_path")
        return 200, kept(answer, [part.split(".") for part in only.split(",")]) if only else answer


def _route(method: str, parts: Sequence[str]) -> tuple[Answer, list[str]]:
    for verb, pattern, found in ROUTES:
        wanted = pattern.split("/")
        if verb != method or len(wanted) != len(parts):
            continue
        if all(part == want or (want == "*" and part[:1] not in ("", "_")) or (want == "*" and part == "_all")
               for want, part in zip(wanted, parts, strict=True)):  # fmt: skip
            return found, [part for want, part in zip(wanted, parts, strict=True) if want == "*"]
    raise unsupported(f"{method} /{'/'.join(parts)}")


def kept(value: Any, paths: Sequence[Sequence[str]]) -> Any:
    """Of an answer what ``filter_path`` names (``items.*.status``); ``*`` is any name, lists are looked into."""
    if isinstance(value, list):
        return [some for each in value if (some := kept(each, paths))]
    if not isinstance(value, dict):
        return value
    found = {}
    for name, each in value.items():
        below = [path[1:] for path in paths if path and path[0] in ("*", name)]
        if below:
            found[name] = each if [] in below else kept(each, below)
    return {name: each for name, each in found.items() if each not in ({}, [])}
