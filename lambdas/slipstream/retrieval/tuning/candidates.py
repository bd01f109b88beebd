"""What an index could be made of instead: the specs that are worth measuring."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import product

import msgspec

from slipstream.retrieval.ports import QUANTIZATIONS, IndexSpec


class Space(msgspec.Struct, frozen=True):
    """The values to try. What an engine cannot do, or does not look at, makes no candidate of its own."""

    engines: tuple[str, ...] = ("lucene", "faiss")
    m: tuple[int, ...] = (8, 16, 32)
    ef_construction: tuple[int, ...] = (100, 200)
    ef_search: tuple[int, ...] = (50, 100, 200)
    quantizations: tuple[str, ...] = ("none", "fp16", "byte", "on_disk_4x", "on_disk_8x", "on_disk_16x", "on_disk_32x")
    shards: tuple[int, ...] = (1, 2)


def grid(base: IndexSpec, space: Space) -> list[IndexSpec]:
    """``base`` first, then what else there is to try, each once.

    Quantisation, m and ef_search are tried in all combinations: they trade with each other. ef_construction and shards
    are changed one at a time, in an unquantised graph with ``base``'s other values.
    """
    found = [base]
    for engine in space.engines:
        of_engine = msgspec.structs.replace(base, engine=engine, quantization="none")
        for quantization in space.quantizations:
            if quantization in QUANTIZATIONS[engine]:
                found += [
                    msgspec.structs.replace(of_engine, quantization=quantization, m=m, ef_search=ef_search)
                    for m, ef_search in product(space.m, space.ef_search)
                ]
        found += [msgspec.structs.replace(of_engine, ef_construction=value) for value in space.ef_construction]
        found += [msgspec.structs.replace(of_engine, shards=value) for value in space.shards]
    return list(_once(found, base))


def same_graph(spec: IndexSpec, base: IndexSpec) -> IndexSpec:
    """``spec`` with ``base``'s values where its engine looks at none: equal graphs have equal specs.

    Lucene has no ef_search, and its on_disk mode a graph of its own choice.
    """
    if spec.engine != "lucene":
        return spec
    spec = msgspec.structs.replace(spec, ef_search=base.ef_search)
    if spec.quantization.startswith("on_disk_"):
        spec = msgspec.structs.replace(spec, m=base.m, ef_construction=base.ef_construction)
    return spec


def label(spec: IndexSpec) -> str:
    """``faiss fp16, m 16, ef_construction 100, ef_search 100``; shards where there are several."""
    parts = [f"{spec.engine} {spec.quantization}"]
    if (spec.engine, spec.quantization) != ("lucene", "on_disk_4x"):
        parts += [f"m {spec.m}", f"ef_construction {spec.ef_construction}"]
    if spec.engine == "faiss":
        parts.append(f"ef_search {spec.ef_search}")
    if spec.shards > 1:
        parts.append(f"{spec.shards} shards")
    return ", ".join(parts)


def _once(specs: Iterable[IndexSpec], base: IndexSpec) -> Iterable[IndexSpec]:
    seen: set[str] = set()
    for spec in specs:
        plain = same_graph(spec, base)
        if (key := label(plain)) not in seen:
            seen.add(key)
            yield plain
