from __future__ import annotations

from typing import Any, Literal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipstream.errors import InvalidRequest
from slipstream.retrieval.ports import IndexSpec
from slipstream.retrieval.tuning.candidates import QUANTIZATIONS, Space, grid, label
from slipstream.retrieval.tuning.choice import Measured, Targets, pareto, recommend
from slipstream.retrieval.tuning.footprint import GIB, Fleet, Node, Prices, disk_bytes, fleet, memory_bytes, prices

NOW = IndexSpec(dimensions=512, m=16)


def spec(**fields: Any) -> IndexSpec:
    return msgspec.structs.replace(NOW, **fields)


def row(
    recall: float, usd: float, *, p95_ms: float = 10.0, memory: float = 1e9,
    measured: Literal["engine", "in process"] = "engine", **fields: Any,
) -> Measured:  # fmt: skip
    return Measured(spec(**fields), recall, recall, p95_ms / 2, p95_ms, measured, memory, Fleet("r6g", 1, 10, usd))


def test_what_the_index_has_is_the_first_candidate_and_none_comes_twice() -> None:
    found = grid(NOW, Space())

    assert found[0] == NOW
    assert len({label(each) for each in found}) == len(found)


def test_an_engine_is_tried_with_what_it_can_do_alone() -> None:
    found = grid(NOW, Space())

    assert {(each.engine, each.quantization) for each in found} == {
        (engine, quantization) for engine, able in QUANTIZATIONS.items() for quantization in able
    }


def test_lucene_is_not_tried_with_several_ef_search_which_it_does_not_look_at() -> None:
    found = grid(NOW, Space(engines=("lucene",), m=(16,), ef_search=(50, 100, 400), quantizations=("none",),
                            ef_construction=(100,), shards=(1,)))  # fmt: skip

    assert found == [NOW]


def test_lucene_on_disk_is_tried_once_as_its_graph_is_its_own_choice() -> None:
    found = grid(NOW, Space(engines=("lucene",), quantizations=("on_disk_4x",), ef_construction=(), shards=()))

    assert found[1:] == [spec(quantization="on_disk_4x")]


def test_shards_and_ef_construction_are_tried_one_at_a_time() -> None:
    found = grid(NOW, Space(engines=("lucene",), m=(), ef_construction=(200, 400), shards=(2, 3)))

    assert [(each.ef_construction, each.shards) for each in found] == [(100, 1), (200, 1), (400, 1), (100, 2), (100, 3)]


@pytest.mark.parametrize(
    ("quantization", "vector_bytes"),
    [("none", 2048), ("fp16", 1024), ("byte", 512), ("on_disk_4x", 512), ("on_disk_8x", 256), ("on_disk_16x", 128),
     ("on_disk_32x", 64)],
)  # fmt: skip
def test_memory_is_the_published_formula(quantization: str, vector_bytes: int) -> None:
    assert memory_bytes(spec(quantization=quantization), 1000) == pytest.approx(1.1 * (vector_bytes + 8 * 16) * 1000)


def test_each_replica_takes_the_memory_once_more() -> None:
    assert memory_bytes(spec(replicas=2), 1000) == pytest.approx(3 * memory_bytes(NOW, 1000))


def test_bytes_are_a_quarter_of_the_vectors_on_disk_too() -> None:
    graph = 8 * 16

    assert disk_bytes(spec(quantization="byte"), 1000, 0) == pytest.approx(1.45 * 1000 * (512 + graph))
    assert disk_bytes(NOW, 1000, 0) == pytest.approx(1.45 * 1000 * (2048 + graph))


def test_on_disk_the_whole_vectors_are_kept_beside_the_bits() -> None:
    assert disk_bytes(spec(quantization="on_disk_32x"), 1000, 0) > disk_bytes(NOW, 1000, 0)


def test_the_smallest_index_costs_the_smallest_node_and_its_least_disk() -> None:
    found = fleet(NOW, 1000, 800)

    assert (found.node, found.count, found.disk_gib) == ("t3.small.search", 1, 10)
    assert found.monthly_usd == pytest.approx(0.036 * 730 + 10 * 0.122, abs=0.01)


def test_a_copy_never_shares_a_node_with_its_original() -> None:
    assert fleet(spec(replicas=2), 1000, 800).count == 3


def test_graphs_get_half_of_what_the_heap_leaves_and_the_heap_never_more_than_32_gib() -> None:
    assert Node("small", 16, 1).for_vectors == 4 * GIB
    assert Node("large", 128, 1).for_vectors == 48 * GIB


def test_what_fits_a_node_is_not_spread_over_two() -> None:
    table = Prices("r", "d", True, "s", 1, 0, (Node("small", 16, 1.0), Node("large", 128, 7.0)))
    each = memory_bytes(NOW, 1)

    assert fleet(NOW, int(4 * GIB / each), 0, table) == Fleet("small", 1, 10, 1.0)
    assert fleet(NOW, int(4 * GIB / each) + 2, 0, table).count == 2


def test_more_than_a_domain_can_hold_is_refused_with_the_way_out() -> None:
    with pytest.raises(InvalidRequest, match="use a quantization that takes less") as caught:
        fleet(NOW, 10**11, 800)

    assert caught.value.param == "quantization"


def test_prices_say_where_they_are_from_and_that_nobody_checked_them() -> None:
    table = prices()

    assert table.unverified
    assert table.noted
    assert table.source


def test_the_cheapest_that_reaches_the_recall_is_recommended_and_the_cheaper_one_named() -> None:
    rows = [row(0.99, 300), row(0.96, 100, quantization="byte"), row(0.90, 50, quantization="on_disk_4x")]

    found = recommend(rows, Targets(0.95), NOW)

    assert (found.row, found.meets) == (rows[1], True)
    assert "lucene byte" in found.why
    assert "Cheaper is lucene on_disk_4x, but recall 0.900 is below 0.95." in found.why
    assert "costs $200.00 more" in found.why


def test_a_limit_on_time_rules_out_what_is_slower() -> None:
    rows = [row(0.99, 300, p95_ms=8), row(0.97, 100, p95_ms=40, quantization="byte")]

    assert recommend(rows, Targets(0.95, p95_ms=20), NOW).row == rows[0]


def test_at_equal_cost_the_index_stays_as_it_is() -> None:
    rows = [row(0.99, 30, memory=2e6), row(0.98, 30, memory=1e6, quantization="byte")]

    found = recommend(rows, Targets(), NOW)

    assert found.row == rows[0]
    assert "nothing to change" in found.why
    assert "no smaller node is to be had" in found.why


def test_at_equal_cost_the_index_is_changed_where_it_misses_a_target() -> None:
    rows = [row(0.93, 30), row(0.98, 30, m=32)]

    found = recommend(rows, Targets(), NOW)

    assert found.row == rows[1]
    assert "misses a target (recall 0.930 is below 0.95)" in found.why


def test_where_nothing_reaches_the_targets_the_nearest_is_named_with_what_it_misses() -> None:
    rows = [row(0.80, 30), row(0.90, 90, m=32)]

    found = recommend(rows, Targets(0.95), NOW)

    assert (found.row, found.meets) == (rows[1], False)
    assert "recall 0.900 is below 0.95" in found.why


def test_what_was_measured_in_process_is_recommended_with_a_warning() -> None:
    rows = [row(0.99, 300), row(0.96, 100, engine="faiss", measured="in process")]

    assert "try it on the domain" in recommend(rows, Targets(), NOW).why


figures = st.tuples(*(st.sampled_from([1.0, 2.0, 3.0]) for _ in range(4)))


@given(st.lists(figures, min_size=1, max_size=12))
def test_the_front_holds_no_row_that_another_beats_and_beats_every_row_left_out(values: list[Any]) -> None:
    rows = [row(recall / 4, usd, p95_ms=p95, memory=memory, m=number + 2)
            for number, (recall, p95, memory, usd) in enumerate(values)]  # fmt: skip

    front = pareto(rows)

    def beats(a: Measured, b: Measured) -> bool:
        pairs = [(b.recall, a.recall), (a.p95_ms, b.p95_ms), (a.memory_bytes, b.memory_bytes),
                 (a.fleet.monthly_usd, b.fleet.monthly_usd)]  # fmt: skip
        return all(x <= y for x, y in pairs) and any(x < y for x, y in pairs)

    assert front
    assert not any(beats(a, b) for a in front for b in front)
    assert all(any(beats(a, b) for a in front) for b in rows if b not in front)
