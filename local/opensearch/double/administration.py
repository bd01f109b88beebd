"""Making, naming, describing and removing indexes; and what is kept beside them."""

from __future__ import annotations

from typing import Any

from local.opensearch.double.indices import Indices
from local.opensearch.double.refusals import BUILD_TYPE, DOUBLE, Refused, illegal, unsupported
from local.opensearch.double.searching import SHARDS

DONE = {"acknowledged": True}
VERSION = "2.19.1"
"""Of the engine that the double answers like."""
Json = dict[str, Any]


def info() -> Json:
    """Who answers."""
    version = {"distribution": "opensearch", "number": VERSION, "build_type": BUILD_TYPE}
    return {"name": "double", "cluster_name": "slipstream-local", "version": version, "tagline": DOUBLE}


def health() -> Json:
    """There is nothing to wait for."""
    return {"cluster_name": "slipstream-local", "status": "green", "timed_out": False, "number_of_nodes": 1}


def create(indices: Indices, name: str, body: Json) -> Json:
    """Make an index of its body's settings, mappings and aliases."""
    if strange := sorted(body.keys() - {"settings", "mappings", "aliases"}):
        raise unsupported(f"'{strange[0]}' of a new index")
    indices.create(name, body.get("mappings", {}), flat(body.get("settings", {})), body.get("aliases", {}))
    return {**DONE, "shards_acknowledged": True, "index": name}


def delete(indices: Indices, expression: str) -> Json:
    """Remove indexes."""
    indices.delete(expression)
    return DONE


def exists(indices: Indices, expression: str) -> Json:
    """Raises Refused where nothing is there."""
    indices.find(expression)
    return {}


def aliases(indices: Indices, expression: str) -> Json:
    """All aliases of the indexes."""
    return {each.name: {"aliases": {alias: {} for alias in sorted(each.aliases)}} for each in indices.find(expression)}


def alias(indices: Indices, name: str) -> Json:
    """The indexes behind one alias. Raises Refused."""
    found = [each for each in indices.find("*") if name in each.aliases]
    if not found:
        raise Refused(404, "", f"alias [{name}] missing")
    return {each.name: {"aliases": {name: {}}} for each in found}


def move_aliases(indices: Indices, body: Json) -> Json:
    """Several changes of aliases at once."""
    indices.move_aliases(body.get("actions", []))
    return DONE


def mapping(indices: Indices, expression: str) -> Json:
    """What the indexes were made with."""
    return {each.name: {"mappings": each.mappings} for each in indices.find(expression)}


def put_mapping(indices: Indices, expression: str, body: Json) -> Json:
    """Say something else in ``_meta``; fields stay as they were made."""
    if body.keys() != {"_meta"}:
        raise unsupported("change of a mapping beside its _meta")
    for each in indices.find(expression):
        each.mappings = {**each.mappings, **body}
    return DONE


def put_settings(indices: Indices, expression: str, body: Json) -> Json:
    """Open or close indexes for writes; nothing else can be changed."""
    changed = flat(body)
    if strange := sorted(name for name in changed if not name.startswith("index.blocks.")):
        raise unsupported(f"change of the setting {strange[0]}")
    for each in indices.find(expression):
        each.settings |= changed
    return DONE


def refresh(indices: Indices, expression: str) -> Json:
    """Nothing to do: what is written is seen at once."""
    indices.find(expression)
    return {"_shards": SHARDS}


def count(indices: Indices, expression: str) -> Json:
    """How many documents the indexes hold."""
    return {"count": sum(len(each.documents) for each in indices.find(expression)), "_shards": SHARDS}


def keep(kept: Json, name: str, body: Json) -> Json:
    """Put a template or a pipeline in place."""
    kept[name] = body
    return DONE


def forget(kept: Json, name: str) -> Json:
    """Raises Refused where it is not there."""
    if kept.pop(name, None) is None:
        raise Refused(404, "resource_not_found_exception", f"[{name}] missing")
    return DONE


def template(indices: Indices, name: str) -> Json:
    """One template."""
    if name not in indices.templates:
        raise Refused(404, "resource_not_found_exception", f"index template matching [{name}] not found")
    return {"index_templates": [{"name": name, "index_template": indices.templates[name]}]}


def pipeline(indices: Indices, name: str) -> Json:
    """One search pipeline."""
    if name not in indices.pipelines:
        raise Refused(404, "resource_not_found_exception", f"search pipeline [{name}] missing")
    return {name: indices.pipelines[name]}


def flat(settings: Json, above: str = "") -> dict[str, str]:
    """``{"index": {"knn": True}}`` → ``{"index.knn": "true"}``, all below ``index``."""
    if not isinstance(settings, dict):
        raise illegal("settings have to be an object")
    found: dict[str, str] = {}
    for name, value in settings.items():
        path = f"{above}.{name}" if above else name if name.split(".")[0] == "index" else f"index.{name}"
        if isinstance(value, dict):
            found |= flat(value, path)
        else:
            found[path] = str(value).lower() if isinstance(value, bool) else str(value)
    return found
