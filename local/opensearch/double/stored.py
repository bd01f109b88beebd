"""One concrete index: what it was made of, its documents as they were sent, and the double that searches them."""

from __future__ import annotations

from typing import Any

import msgspec

from local.opensearch.double.refusals import Refused, unsupported
from slipstream.aws import index_mapping
from slipstream.errors import IndexNotFound, InvalidRequest
from slipstream.fakes.generation import MemoryGeneration
from slipstream.retrieval.ports import IndexSpec


class Fields(msgspec.Struct):
    """What is filtered and sorted by, and shown of a document without its source."""

    card: str
    id: str
    version: str
    level: str = ""
    source: str = ""
    origin: str = ""
    language: str = ""
    popularity: float = 0.0
    updated_at_s: float | None = None
    labels: list[str] = []
    numbers: dict[str, float] = {}


class Stored(msgspec.Struct, frozen=True):
    """A document. ``source``: its JSON; ``sequence``: the number of the write that put it there."""

    key: str
    fields: Fields
    source: bytes
    sequence: int


class StoredIndex:
    """Not safe for threads. ``mappings`` and ``settings`` (flat, as text) are what it was made with and told since."""

    def __init__(self, name: str, mappings: dict[str, Any], settings: dict[str, str], aliases: set[str]) -> None:
        self.name, self.mappings, self.settings, self.aliases = name, mappings, settings, aliases
        self.documents: dict[str, Stored] = {}
        """By ``_id``, in the order of their first writes."""
        self._spec = spec_of(name, mappings)
        self.generation = None if self._spec is None else MemoryGeneration(self._spec)
        self._writes = 0

    def put(self, key: str, source: bytes, *, if_absent: bool) -> Stored:
        """Write one. Raises Refused as the engine does for what does not fit the mapping, or is there already."""
        self._writable()
        if self.generation is None or self._spec is None:
            raise unsupported(f"documents in an index without this project's mapping, as [{self.name}] is")
        fields = self._read(source)
        if key != index_mapping.engine_id(fields.id):
            raise unsupported(f"documents under another _id than their own: [{fields.id}] came as [{key}]")
        there = self.documents.get(key)
        if if_absent and there is not None:
            reason = f"[{key}]: version conflict, document already exists (current version [{there.sequence + 1}])"
            raise Refused(409, "version_conflict_engine_exception", reason, index=self.name)
        try:
            self.generation.put(index_mapping.from_source(msgspec.json.decode(source), self._spec))
        except (InvalidRequest, msgspec.MsgspecError) as error:
            raise unreadable(str(error)) from None
        stored = self.documents[key] = Stored(key, fields, source, self._next())
        return stored

    def remove(self, key: str) -> bool:
        """Whether there was one. Raises Refused where the index takes no writes."""
        self._writable()
        found = self.documents.pop(key, None)
        if found is None or self.generation is None:
            return False
        self.generation.remove(found.fields.id)
        self._next()
        return True

    def _read(self, source: bytes) -> Fields:
        known = self.mappings.get("properties", {})
        try:
            unknown = msgspec.json.decode(source, type=dict[str, msgspec.Raw]).keys() - known.keys()
            fields = msgspec.json.decode(source, type=Fields)
        except msgspec.MsgspecError as error:
            raise unreadable(str(error)) from None
        if unknown:
            reason = f"mapping set to strict, dynamic introduction of [{min(unknown)}] within [_doc] is not allowed"
            raise Refused(400, "strict_dynamic_mapping_exception", reason)
        return fields

    def _writable(self) -> None:
        blocks = {"index.blocks.write": "8/index write", "index.blocks.read_only": "5/index read-only",
                  "index.blocks.read_only_allow_delete": "12/index read-only / allow delete"}  # fmt: skip
        for setting, what in blocks.items():
            if self.settings.get(setting) == "true":
                reason = f"index [{self.name}] blocked by: [FORBIDDEN/{what} (api)];"
                raise Refused(403, "cluster_block_exception", reason, index=self.name)

    def _next(self) -> int:
        self._writes += 1
        return self._writes - 1


def unreadable(reason: str) -> Refused:
    """For a document that the mapping does not fit."""
    return Refused(400, "mapper_parsing_exception", "failed to parse", caused_by=("illegal_argument_exception", reason))


def spec_of(name: str, mappings: dict[str, Any]) -> IndexSpec | None:
    """What the mapping's ``_meta`` says, None for an index that was not made by this project's adapters.

    Raises Refused for a spec that the double cannot be made of.
    """
    try:
        spec = index_mapping.generation(name, mappings, live=False, documents=None).spec
    except IndexNotFound:
        return None
    if spec.engine != "lucene":
        raise unsupported(f"vectors of the engine {spec.engine}")
    return spec
