"""Faiss specs measured inside this process, for an engine that has no faiss: the same graphs, the same quantisers.

What differs from the engine: one graph instead of one a segment, and neighbours are counted in passages, where the
engine counts documents, so that recall comes out a little lower here.
"""

from __future__ import annotations

from collections.abc import Callable
from math import ceil
from time import perf_counter
from typing import TYPE_CHECKING, Any

import faiss
import numpy

from cli.tuning_engine import Searches
from slipstream.aws.search_query import NEIGHBOURS
from slipstream.retrieval.ports import IndexSpec

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cli.tuning_data import Truth

    Floats = NDArray[numpy.float32]
    Ask = Callable[[Floats], NDArray[numpy.int64]]

LEAST_FIRST_PASS = 100
"""Candidates that a search on disk rescores at least."""


class FaissGraph:
    """The graph of ``spec`` over the passages; ef_search may differ from search to search."""

    def __init__(self, spec: IndexSpec, truth: Truth) -> None:
        self._truth = truth
        self._rows: dict[str, list[int]] = {}
        for row, owner in enumerate(truth.owners):
            self._rows.setdefault(owner, []).append(row)
        bits = bits_of(spec)
        if bits:
            self._index, self._ask = _on_disk(spec, bits, truth.vectors)
        else:
            self._index, self._ask = _in_memory(spec, truth.vectors)

    def searches(self, ef_search: int) -> Searches:
        """Every question twice, one at a time on one thread; the second time counts."""
        self._index.hnsw.efSearch = ef_search
        threads = faiss.omp_get_max_threads()
        faiss.omp_set_num_threads(1)
        try:
            self._all()
            found = self._all()
        finally:
            faiss.omp_set_num_threads(threads)
        return Searches(self._truth.recalls([rows for rows, _ in found]), [ms for _, ms in found])

    def _all(self) -> list[tuple[list[int], float]]:
        out = []
        for question in self._truth.questions:
            began = perf_counter()
            rows = self._ask(question[None, :])
            took_ms = (perf_counter() - began) * 1000
            out.append((self._whole_documents(rows[rows >= 0], question), took_ms))
        return out

    def _whole_documents(self, rows: NDArray[numpy.int64], question: Floats) -> list[int]:
        """All passages of the documents that were found, best first: as ``expand_nested_docs`` does."""
        found = [row for owner in dict.fromkeys(self._truth.owners[row] for row in rows) for row in self._rows[owner]]
        cosines = self._truth.vectors[found] @ question
        return [found[place] for place in numpy.argsort(-cosines, kind="stable")]


def bits_of(spec: IndexSpec) -> int:
    """Bits a dimension on disk: 4, 2, 1 for 8x, 16x, 32x; 0: not on disk."""
    found = spec.quantization
    return 32 // int(found.removeprefix("on_disk_").removesuffix("x")) if found.startswith("on_disk_") else 0


def first_pass(neighbours: int, dimensions: int) -> int:
    """Candidates that are rescored with whole vectors, by the plugin's defaults: 3 times as many as are asked for
    below 768 dimensions, twice below 1000, no more than that above; 100 at least.
    """
    factor = 3.0 if dimensions < 768 else 2.0 if dimensions < 1000 else 1.0
    return max(LEAST_FIRST_PASS, ceil(neighbours * factor))


def _in_memory(spec: IndexSpec, vectors: Floats) -> tuple[Any, Ask]:
    dimensions, metric = vectors.shape[1], faiss.METRIC_INNER_PRODUCT
    scale = 127.0 if spec.quantization == "byte" else 1.0
    kinds: dict[str, Any] = {"fp16": faiss.ScalarQuantizer.QT_fp16, "byte": faiss.ScalarQuantizer.QT_8bit_direct_signed}
    index: Any = (
        faiss.IndexHNSWFlat(dimensions, spec.m, metric)
        if spec.quantization == "none"
        else faiss.IndexHNSWSQ(dimensions, kinds[spec.quantization], spec.m, metric)
    )
    index.hnsw.efConstruction = spec.ef_construction
    scaled = vectors if scale == 1.0 else numpy.clip(numpy.rint(vectors * scale), -128, 127).astype(numpy.float32)
    index.train(scaled)
    index.add(scaled)

    def ask(question: Floats) -> NDArray[numpy.int64]:
        asked = question if scale == 1.0 else numpy.clip(numpy.rint(question * scale), -128, 127).astype(numpy.float32)
        return numpy.asarray(index.search(asked, NEIGHBOURS)[1][0], numpy.int64)

    return index, ask


def _on_disk(spec: IndexSpec, bits: int, vectors: Floats) -> tuple[Any, Ask]:
    """Bits in the graph, by Hamming distance; the first of them again by whole vectors."""
    middle, spread = vectors.mean(axis=0), vectors.std(axis=0)
    steps = [-1 + 2 * (number + 1) / (bits + 1) for number in range(bits)]
    borders = [middle + step * spread for step in steps]

    def coded(rows: Floats) -> NDArray[numpy.uint8]:
        return numpy.packbits(numpy.concatenate([rows > border for border in borders], axis=1), axis=1)

    codes = coded(vectors)
    index = faiss.IndexBinaryHNSW(codes.shape[1] * 8, spec.m)
    index.hnsw.efConstruction = spec.ef_construction
    index.add(codes)
    many = min(first_pass(NEIGHBOURS, spec.dimensions), len(vectors))

    def ask(question: Floats) -> NDArray[numpy.int64]:
        rows = numpy.asarray(index.search(coded(question), many)[1][0], numpy.int64)
        rows = rows[rows >= 0]
        order = numpy.argsort(-(vectors[rows] @ question[0]), kind="stable")
        return rows[order][:NEIGHBOURS]

    return index, ask
