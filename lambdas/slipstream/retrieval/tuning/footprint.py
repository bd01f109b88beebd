"""What vectors take in memory and on disk, and which nodes that costs."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from math import ceil

import msgspec

from slipstream.errors import InvalidRequest
from slipstream.retrieval.ports import IndexSpec

GIB = 2**30
MOST_NODES = 80
"""Data nodes that a domain may have without asking."""
BREAKER_SHARE = 0.5
"""``knn.memory.circuit_breaker.limit``: the graphs' share of the memory that the JVM leaves."""
MOST_HEAP_GIB = 32
DISK_FACTOR = 1.45
"""AWS's sizing guide: of the data, for merges, the operating system and free space."""
LEAST_DISK_GIB = 10
TEXT_COPIES = 3
"""A passage's text stands in its card, in the source and, inverted, in two fields: about three times its length."""


class Node(msgspec.Struct, frozen=True):
    """A data node's type."""

    type: str
    memory_gib: float
    usd_an_hour: float

    @property
    def for_vectors(self) -> float:
        """Bytes that graphs may take: half of what the heap (half of the memory, 32 GiB at most) leaves."""
        return (self.memory_gib - min(self.memory_gib / 2, MOST_HEAP_GIB)) * BREAKER_SHARE * GIB


class Prices(msgspec.Struct, frozen=True):
    """Types and prices with where they are from. ``unverified``: nobody has compared them with the price page."""

    region: str
    noted: str
    unverified: bool
    source: str
    hours_a_month: float
    usd_a_gib_month: float
    nodes: tuple[Node, ...]


class Fleet(msgspec.Struct, frozen=True):
    """Data nodes that hold an index, with their disks."""

    node: str
    count: int
    disk_gib: int
    monthly_usd: float


@cache
def prices() -> Prices:
    """Those that ship."""
    return msgspec.json.decode(files("slipstream.retrieval.tuning").joinpath("nodes.json").read_bytes(), type=Prices)


def memory_bytes(spec: IndexSpec, passages: int) -> float:
    """Of all graphs, replicas included: 1.1 × (bytes of a vector + 8 × m) a passage.

    OpenSearch's published estimate for HNSW: 4 bytes a dimension, 2 as fp16, 1 as byte, and 4 divided by the factor on
    disk (bits in memory, whole vectors on disk). Lucene's graphs live in the page cache, and want as much of it.
    """
    return 1.1 * (_vector_bytes(spec) + 8 * spec.m) * passages * (1 + spec.replicas)


def disk_bytes(spec: IndexSpec, passages: int, text_bytes: float) -> float:
    """The vectors as they came, what the graph holds of them beside that (faiss, or bits), and ``text_bytes`` of a
    passage, on average.
    """
    came = spec.dimensions * (1.0 if spec.quantization == "byte" else 4.0)
    twice = spec.engine == "faiss" or spec.quantization.startswith("on_disk_")
    each = came + (_vector_bytes(spec) if twice else 0.0) + 8 * spec.m + TEXT_COPIES * text_bytes
    return each * passages * (1 + spec.replicas) * DISK_FACTOR


def fleet(spec: IndexSpec, passages: int, text_bytes: float, table: Prices | None = None) -> Fleet:
    """The cheapest nodes of one type that hold it: one for each copy at least.

    Raises InvalidRequest where 80 of the largest do not.
    """
    table = table or prices()
    memory, disk = memory_bytes(spec, passages), disk_bytes(spec, passages, text_bytes)
    fleets = []
    for node in table.nodes:
        count = max(1 + spec.replicas, ceil(memory / node.for_vectors))
        if count <= MOST_NODES:
            disk_gib = max(LEAST_DISK_GIB * count, ceil(disk / GIB))
            usd = count * node.usd_an_hour * table.hours_a_month + disk_gib * table.usd_a_gib_month
            fleets.append(Fleet(node.type, count, disk_gib, round(usd, 2)))
    if not fleets:
        raise InvalidRequest(
            f"{memory / GIB:,.0f} GiB of graphs are more than {MOST_NODES} nodes of any known type hold; "
            "use a quantization that takes less",
            param="quantization",
        )
    return min(fleets, key=lambda each: (each.monthly_usd, each.count))


def _vector_bytes(spec: IndexSpec) -> float:
    if spec.quantization.startswith("on_disk_"):
        return 4.0 * spec.dimensions / int(spec.quantization.removeprefix("on_disk_").removesuffix("x"))
    return {"none": 4.0, "fp16": 2.0, "byte": 1.0}[spec.quantization] * spec.dimensions
