"""How a document lies in the engine: names, settings and mapping of a generation, and a document there and back.

One engine document a document, its passages nested in it (docs/adr/0006). Search reads stored cards, never the source:
with its vectors the source is many times as long as what a hit needs.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from slipstream.aws import index_analysis as analysis
from slipstream.aws import search_cards
from slipstream.aws.search_errors import not_found
from slipstream.aws.search_query import LEVEL, label, number_field, shorten, to_bytes
from slipstream.errors import InvalidRequest
from slipstream.retrieval.document import Document, Passage
from slipstream.retrieval.ports import QUANTIZATIONS, Generation, IndexSpec, Kept

SCHEMA = 2
"""Raised with every change of the mapping below; an index of another schema has to be re-indexed."""
LANGUAGES = frozenset({
    "arabic", "armenian", "basque", "bengali", "brazilian", "bulgarian", "catalan", "cjk", "czech", "danish", "dutch",
    "english", "estonian", "finnish", "french", "galician", "german", "greek", "hindi", "hungarian", "indonesian",
    "irish", "italian", "latvian", "lithuanian", "norwegian", "persian", "portuguese", "romanian", "russian", "sorani",
    "spanish", "standard", "swedish", "thai", "turkish",
})  # fmt: skip
MAX_DIMENSIONS = 16_000
NOTHING_KEPT = Kept()
_CARD = {"type": "keyword", "index": False, "doc_values": False, "store": True}
_GENERATION = re.compile(r"(?P<index>.+)-[0-9]{6}")


def generation_name(index: str, number: int) -> str:
    """``docs``, 2 → ``docs-000002``."""
    return f"{index}-{number:06}"


def number_of(generation: str) -> int:
    """``docs-000002`` → 2."""
    return int(generation.rpartition("-")[2])


def writing_alias(generation: str) -> str:
    """What documents are written to."""
    return f"{generation}-writing"


def belongs(generation: str, index: str) -> bool:
    """Whether ``generation`` is a name that this project gives to a generation of ``index``."""
    found = _GENERATION.fullmatch(generation)
    return found is not None and found["index"] == index


def check_spec(spec: IndexSpec, *, faiss: bool) -> None:
    """Raises InvalidRequest for what the engine cannot do; ``faiss``: whether it has that library."""
    if spec.engine not in QUANTIZATIONS:
        raise InvalidRequest(f"engine must be lucene or faiss, not '{spec.engine}'", param="engine")
    if spec.engine == "faiss" and not faiss:
        raise InvalidRequest(
            "this engine has no faiss library (a faiss field would halt it): use engine lucene here, faiss on a domain",
            param="engine", code="engine_without_faiss",
        )  # fmt: skip
    allowed = QUANTIZATIONS[spec.engine]
    if spec.quantization not in allowed:
        raise InvalidRequest(
            f"quantization of {spec.engine} must be one of {', '.join(allowed)}, not '{spec.quantization}'",
            param="quantization",
        )
    if spec.language not in LANGUAGES:
        raise InvalidRequest(
            f"language must be one of {', '.join(sorted(LANGUAGES))}, not '{spec.language}'", param="language"
        )
    if spec.schema != SCHEMA:
        raise InvalidRequest(f"this version writes schema {SCHEMA}, not {spec.schema}", param="schema")
    ranges = {
        "dimensions": (1, MAX_DIMENSIONS), "m": (2, 100), "ef_construction": (2, 10_000), "ef_search": (1, 10_000),
        "shards": (1, 1024), "replicas": (0, 20),
    }  # fmt: skip
    for name, (least, most) in ranges.items():
        if not least <= getattr(spec, name) <= most:
            raise InvalidRequest(f"{name} must be {least} to {most}, not {getattr(spec, name)}", param=name)


def legacy_bm25(version: str) -> str:
    """What the engine of this version calls BM25 with the factor k1 + 1: scores mean the same on all of them."""
    return "LegacyBM25" if int(version.partition(".")[0]) >= 3 else "BM25"


def body(spec: IndexSpec, *, legacy_bm25: str, kept: Kept = NOTHING_KEPT) -> dict[str, Any]:
    """Settings and mapping of a new generation.

    ``legacy_bm25``: see there; scores, and what is fitted to them, depend on it.
    """
    text = {"type": "text", "analyzer": analysis.name(spec.language), "similarity": "passages"}
    passage = {
        "card": _CARD,
        "context": text,
        "title": {**text, "copy_to": ["passages.context"]},
        "heading": {**text, "copy_to": ["passages.context", "exact"]},
        "text": {"type": "text", "index": False, "copy_to": ["passages.context"]},
        "vector": _vector(spec),
    }
    properties = {
        "card": _CARD,
        "id": {"type": "keyword", "store": True},
        "version": {"type": "keyword", "store": True},
        "level": {"type": "keyword"},
        "source": {"type": "keyword"},
        "origin": {"type": "keyword"},
        "language": {"type": "keyword"},
        # Nested, too, so that what a document scores by itself can be told of any hit.
        "whole": {"type": "nested", "properties": {"text": {**text, "copy_to": ["exact"]}}},
        # Word for word: no stems, no stop words.
        "exact": {"type": "text", "analyzer": analysis.name("standard"), "norms": False},
        "updated_at_s": {"type": "double"},
        "popularity": {"type": "double"},
        "labels": {"type": "keyword"},
        "numbers": {"type": "object", "dynamic": True},
        "passages": {"type": "nested", "properties": passage},
    }
    similarity = {"type": legacy_bm25, "k1": 1.2, "b": 0.75}
    settings: dict[str, Any] = {
        "number_of_shards": spec.shards,
        "number_of_replicas": spec.replicas,
        "knn": True,
        # The source is kept without its vectors and read as if it had them: fetching 20 documents is 10 times as fast.
        # Lucene's bytes cannot be read back like that (2.19).
        "knn.derived_source.enabled": (spec.engine, spec.quantization) != ("lucene", "byte"),
        "similarity": {"passages": similarity},
        "analysis": analysis.settings(),
        "mapping.nested_objects.limit": 100_000,
    }
    if spec.engine == "faiss":
        settings["knn.algo_param.ef_search"] = spec.ef_search
    return {
        "settings": {"index": settings},
        "mappings": {
            "dynamic": "strict",
            "date_detection": False,
            "dynamic_templates": [{"numbers": {"path_match": "numbers.*", "mapping": {"type": "double"}}}],
            "_meta": meta(spec, kept),
            "properties": properties,
        },
    }


def meta(spec: IndexSpec, kept: Kept) -> dict[str, Any]:
    """What the index says of itself. What it keeps is text, so that the engine leaves it as it is."""
    told = {name: value for name, value in msgspec.structs.asdict(kept).items() if value not in (None, {}, ())}
    found: dict[str, Any] = {"spec": msgspec.to_builtins(spec)}
    return found | {name: msgspec.json.encode(value).decode() for name, value in told.items()}


def generation(name: str, mappings: dict[str, Any], *, live: bool, documents: int | None) -> Generation:
    """What a mapping's ``_meta`` tells. Raises IndexNotFound for an index that is none of ours."""
    found = mappings.get("_meta", {})
    try:
        spec = msgspec.convert(found["spec"], IndexSpec)
        kept = {name: msgspec.json.decode(found[name]) for name in Kept.__struct_fields__ if name in found}
        return Generation(name, spec, documents, live, msgspec.convert(kept, Kept))
    except (KeyError, msgspec.MsgspecError):
        raise not_found(name) from None


def _vector(spec: IndexSpec) -> dict[str, Any]:
    field: dict[str, Any] = {"type": "knn_vector", "dimension": spec.dimensions}
    if spec.quantization.startswith("on_disk_"):
        field |= {"mode": "on_disk", "compression_level": spec.quantization.removeprefix("on_disk_")}
        if spec.engine == "lucene":
            return {**field, "space_type": "cosinesimil"}
    parameters: dict[str, Any] = {"m": spec.m, "ef_construction": spec.ef_construction}
    if spec.quantization == "byte":
        field["data_type"] = "byte"
    if spec.quantization == "fp16":
        parameters["encoder"] = {"name": "sq", "parameters": {"type": "fp16"}}
    method = {"name": "hnsw", "engine": spec.engine, "space_type": "cosinesimil", "parameters": parameters}
    return {**field, "method": method}


def to_source(document: Document, spec: IndexSpec) -> dict[str, Any]:
    """The engine's form of a document."""
    attributes = document.attributes
    numbers = {
        number_field(name).partition(".")[2]: value
        for name, value in attributes.items()
        if isinstance(value, (int, float)) and not isinstance(value, bool)
    }
    source: dict[str, Any] = {
        "card": search_cards.of_document(document),
        "id": document.id,
        "version": document.version,
        "level": LEVEL,
        "source": document.source,
        "origin": document.origin,
        "language": document.language,
        "popularity": document.popularity,
        "labels": [label(name, value) for name, value in attributes.items()],
        "numbers": numbers,
        "whole": {"text": [document.title, *[passage.text for passage in document.passages]]},
        "passages": [_passage(document.title, passage, spec) for passage in document.passages],
    }
    if document.updated_at_s is not None:
        source["updated_at_s"] = document.updated_at_s
    return source


def _passage(title: str, passage: Passage, spec: IndexSpec) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "card": search_cards.of_passage(passage),
        "text": passage.text,
        # Never without a value: an engine of version 2.19 finds a document's vectors again only where each of its
        # passages has every field that the others have.
        "heading": passage.heading or ("",),
        "title": title,
    }
    if passage.vector:
        if spec.quantization == "byte":
            fields["vector"] = to_bytes(passage.vector)
        else:
            fields["vector"] = [round(component, 7) for component in passage.vector]  # a float32 holds no more
    return fields


class _StoredPassage(msgspec.Struct):
    card: str
    vector: tuple[float, ...] = ()


class _Stored(msgspec.Struct):
    card: str
    origin: str = ""
    passages: list[_StoredPassage] = []


def from_source(source: Any, spec: IndexSpec) -> Document:
    """The document of a source that ``to_source`` made."""
    stored = msgspec.convert(source, _Stored)
    card = search_cards.read_document(stored.card)
    return Document(
        card.id,
        card.title,
        card.version,
        tuple([_from_stored(each, 1 / 127 if spec.quantization == "byte" else 1.0) for each in stored.passages]),
        source=card.source,
        origin=stored.origin,
        language=card.language,
        updated_at_s=card.updated_at_s,
        popularity=card.popularity,
        attributes=card.attributes,
    )


def _from_stored(stored: _StoredPassage, scale: float) -> Passage:
    card = search_cards.read_passage(stored.card)
    vector = tuple([component * scale for component in stored.vector])
    return Passage(card.ordinal, card.text, card.start, card.end, card.heading, vector)


def engine_id(document_id: str) -> str:
    """The engine's ``_id``; it takes 512 bytes."""
    return shorten(document_id)
