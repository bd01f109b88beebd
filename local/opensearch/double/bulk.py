"""``_bulk``: documents written and deleted, each for itself."""

from __future__ import annotations

from time import perf_counter
from typing import Any

import msgspec

from local.opensearch.double.indices import Indices
from local.opensearch.double.refusals import Refused, illegal, unsupported

STATUS = {"created": 201, "updated": 200, "deleted": 200, "not_found": 404}


def bulk(indices: Indices, body: bytes, *, require_alias: bool) -> dict[str, Any]:
    """What became of each action. Raises Refused for a body that is none: nothing of it is done then."""
    began_s = perf_counter()
    actions = _actions(body)
    items = [{kind: _done(indices, kind, where, source, require_alias)} for kind, where, source in actions]
    failed = any("error" in result for item in items for result in item.values())
    return {"took": round((perf_counter() - began_s) * 1000), "errors": failed, "items": items}


def _actions(body: bytes) -> list[tuple[str, dict[str, Any], bytes]]:
    """Kind, index and id, and the source (empty for a delete)."""
    lines = iter([line for line in body.split(b"\n") if line.strip()])
    found = []
    for line in lines:
        try:
            ((kind, where),) = msgspec.json.decode(line, type=dict[str, dict[str, Any]]).items()
        except (msgspec.MsgspecError, ValueError):
            raise illegal(f"Malformed action/metadata line: {line[:100].decode(errors='replace')}") from None
        if kind not in ("index", "create", "delete") or not where.keys() >= {"_index", "_id"}:
            raise unsupported(f"bulk action '{kind}', or none without _index and _id")
        try:
            found.append((kind, where, b"" if kind == "delete" else next(lines)))
        except StopIteration:
            raise illegal("The bulk request must be terminated by a newline, each source on a line") from None
    return found


def _done(
    indices: Indices, kind: str, where: dict[str, Any], source: bytes, require_alias: bool
) -> dict[str, Any]:  # fmt: skip
    name, key = str(where["_index"]), str(where["_id"])
    told: dict[str, Any] = {"_index": name, "_id": key}
    try:
        # An engine makes an index that is missing by guesses; the double never does.
        index = indices.one(name)
        if require_alias and name not in index.aliases:
            reason = f"no such index [{name}] and [require_alias] request flag is [true] and [{name}] is not an alias"
            raise Refused(404, "index_not_found_exception", reason, index=name)
        told["_index"] = index.name
        if kind == "delete":
            result = "deleted" if index.remove(key) else "not_found"
        else:
            result = "updated" if key in index.documents else "created"
            stored = index.put(key, source, if_absent=kind == "create")
            told |= {"_seq_no": stored.sequence, "_primary_term": 1}
    except Refused as refused:
        return {**told, "status": refused.status, "error": refused.cause}
    return {**told, "result": result, "status": STATUS[result]}
