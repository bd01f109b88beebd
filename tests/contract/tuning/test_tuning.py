"""Tuning and profiling over the engine of this machine."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import numpy
import pytest
from click.testing import CliRunner, Result

from cli.engine_access import Engine, connect
from cli.main import main
from cli.tuning_apply import change
from cli.tuning_data import Truth, read_corpus
from cli.tuning_engine import in_engine
from slipstream.aws.index_inspection import Inspection
from slipstream.errors import IndexNotFound
from slipstream.retrieval.document import Document, Passage
from slipstream.retrieval.ports import IndexSpec
from slipstream.retrieval.tuning.choice import Measured, Recommendation
from slipstream.retrieval.tuning.footprint import Fleet

DIMENSIONS = 16
WORDS = ["bucket", "queue", "table", "function", "stream", "alarm", "policy"]


def documents(count: int) -> list[Document]:
    random = numpy.random.default_rng(3)
    rows = random.normal(size=(count, 2, DIMENSIONS))
    rows /= numpy.linalg.norm(rows, axis=2, keepdims=True)
    return [
        Document(
            f"d{number}", WORDS[number % 7], f"v{number}",
            tuple(Passage(at, f"{WORDS[(number + at) % 7]} number {number}", 0, 10, (), tuple(row.tolist()))
                  for at, row in enumerate(pair)),
            attributes={"kind": WORDS[number % 7]},
        )
        for number, pair in enumerate(rows)
    ]  # fmt: skip


@pytest.fixture
def engine(opensearch_url: str) -> Iterator[Engine]:
    with connect(opensearch_url) as found:
        yield found


@pytest.fixture
def index(engine: Engine) -> Iterator[str]:
    """An index with 80 documents of two passages."""
    name = f"tuning-{uuid.uuid4().hex}"
    engine.documents.create(name, IndexSpec(dimensions=DIMENSIONS, m=8))
    try:
        assert engine.documents.write(name, documents(80)) == []
        engine.documents.refresh(name)
        yield name
    finally:
        with suppress(IndexNotFound):
            engine.documents.drop(name)


@pytest.fixture
def questions(tmp_path: Path) -> Path:
    path = tmp_path / "questions.jsonl"
    vectors = [passage.vector for document in documents(12) for passage in document.passages[:1]]
    lines = [{"text": f"{WORDS[n % 7]} number {n}", "vector": vector} for n, vector in enumerate(vectors)]
    path.write_text("\n".join(json.dumps(line) for line in lines))
    return path


def run(url: str, *arguments: str) -> Result:
    return CliRunner().invoke(main, [*arguments, "--engine-url", url])


SMALL = ["--m", "8", "--quantization", "none", "--quantization", "byte", "--quantization", "on_disk_32x",
         "--ef-search", "100", "--ef-construction", "100", "--shards", "1"]  # fmt: skip


def tuned(url: str, index: str, *arguments: str) -> dict[str, Any]:
    result = run(url, "index", "tune", index, *SMALL, *arguments, "--json")
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def test_lucene_is_measured_in_the_engine_and_faiss_in_process_and_both_say_so(
    opensearch_url: str, index: str, questions: Path, tmp_path: Path
) -> None:
    figure = tmp_path / "tune.svg"

    found = tuned(opensearch_url, index, "--queries", str(questions), "--figure", str(figure))

    rows = {row["label"].partition(",")[0]: row for row in found["candidates"]}
    assert {name: (row["recall_from"], row["latency_from"]) for name, row in rows.items()} == {
        "lucene none": ("engine", "engine"), "lucene byte": ("engine", "engine"),
        "faiss none": ("in process", "estimate"),
        "faiss byte": ("in process", "estimate"), "faiss on_disk_32x": ("in process", "estimate"),
    }  # fmt: skip
    assert rows["lucene none"]["recall@10"] > 0.98
    assert rows["faiss none"]["recall@10"] > 0.98
    assert rows["faiss on_disk_32x"]["memory_bytes"] < rows["faiss none"]["memory_bytes"]
    assert figure.read_text().startswith("<?xml")


def test_a_candidate_of_floats_is_not_asked_with_bytes_because_one_before_it_was(engine: Engine, index: str) -> None:
    corpus = read_corpus(engine.documents, index, 160, lambda *told: None)
    questions = [passage.vector for document in corpus.documents[:20] for passage in document.passages]
    truth, spec = Truth(corpus, questions), IndexSpec(dimensions=DIMENSIONS)

    def recall(quantization: str) -> float:
        candidate = msgspec.structs.replace(spec, quantization=quantization)
        found = in_engine(engine, index, candidate, corpus, questions, truth, lambda *told: None)
        return sum(found.recalls) / len(found.recalls)

    before = recall("none")
    recall("byte")

    assert recall("none") == before


def test_nothing_is_left_of_the_scratch_index(opensearch_url: str, engine: Engine, index: str) -> None:
    tuned(opensearch_url, index, "--engine", "lucene")

    assert [name for name in engine.documents.names() if name.startswith(index)] == [index]
    assert engine.documents.generations(index)[0].documents == 80


def test_what_the_index_is_is_kept_where_it_does_and_cost_does_not_fall(opensearch_url: str, index: str) -> None:
    found = tuned(opensearch_url, index, "--engine", "lucene", "--apply")

    assert found["recommendation_here"]["spec"]["quantization"] == "none"
    assert found["applied"]["changed"] is False


def test_what_is_recommended_becomes_a_generation_with_all_documents_in_place_of_the_old_one(
    engine: Engine, index: str
) -> None:
    (before,) = engine.documents.generations(index)
    spec = msgspec.structs.replace(before.spec, m=32, quantization="on_disk_4x")
    row = Measured(spec, 1.0, 1.0, 1.0, 1.0, "engine", 1.0, Fleet("t3.small.search", 1, 10, 1.0))

    done = change(engine.documents, index, before.spec, Recommendation(row, meets=True, why=""), lambda *told: None)

    (after,) = engine.documents.generations(index)
    assert done["changed"] is True
    assert (after.spec, after.live) == (spec, True)
    assert after.name > before.name
    assert engine.documents.versions(index) == {document.id: document.version for document in documents(80)}


def test_an_unknown_index_is_refused_with_the_way_to_make_it(opensearch_url: str) -> None:
    result = run(opensearch_url, "index", "tune", f"none-{uuid.uuid4().hex}")

    assert result.exit_code == 1
    assert "slipstream index create" in result.output


def profiled(url: str, index: str, questions: Path, *arguments: str) -> dict[str, Any]:
    result = run(url, "search", "profile", index, "--queries", str(questions), "--json", *arguments)
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def test_a_profile_has_every_stage_each_leg_and_the_inside_of_the_slowest_queries(
    opensearch_url: str, index: str, questions: Path, tmp_path: Path
) -> None:
    figure = tmp_path / "profile.svg"

    found = profiled(opensearch_url, index, questions, "--figure", str(figure))

    stages = found["stages_ms"]
    assert list(stages) == ["prepare", "embedding", "network", "engine", "fusion", "rerank"]
    assert sum(stage["share"] for stage in stages.values()) == pytest.approx(1.0, abs=0.01)
    assert stages["embedding"]["p95"] == 0.0
    assert all(stages[name]["p50"] > 0 for name in ("prepare", "network", "engine", "fusion"))
    assert set(found["legs_ms"]) == {"lexical", "dense"}
    assert len(found["slowest"]) == 5
    assert set(found["slowest"][0]["inside_ms"]["dense"]) == {"rewrite", "match", "collect", "other"}
    assert found["activity"]["searches"] > 0
    assert figure.read_text().startswith("<?xml")


def test_the_state_is_the_engine_s(opensearch_url: str, engine: Engine, index: str) -> None:
    engine.documents.merge(index)
    engine.documents.refresh(index)

    state = Inspection(engine.client).state(index)

    assert (state.documents, state.segments) == (80, 1)
    assert state.passages >= 80 * (1 + 2)
    assert state.spec.m == 8
    assert state.derived_source
    assert state.refresh_interval_s == 1.0
    assert state.cores >= 1


def advice(found: dict[str, Any]) -> dict[str, str]:
    return {row["setting"]: row["change"] for row in found["advice"]}


def test_many_small_segments_are_noticed_and_merging_them_ends_the_advice(
    opensearch_url: str, engine: Engine, index: str, questions: Path
) -> None:
    setting = "_forcemerge?max_num_segments=1"
    lazy = {"index.merge.policy.segments_per_tier": 50, "index.merge.policy.floor_segment": "1kb"}
    engine.client.indices.put_settings(index=f"{index}-*", body=lazy)
    for document in documents(96)[80:]:
        engine.documents.write(index, [document])
        engine.documents.refresh(index)

    many = profiled(opensearch_url, index, questions)
    engine.documents.merge(index)
    engine.documents.refresh(index)
    one = profiled(opensearch_url, index, questions)

    assert setting in advice(many)
    assert setting not in advice(one)


def test_more_shards_than_so_few_passages_are_worth_are_noticed(
    opensearch_url: str, engine: Engine, index: str, questions: Path
) -> None:
    engine.documents.drop(index)
    engine.documents.create(index, IndexSpec(dimensions=DIMENSIONS, shards=3))
    engine.documents.write(index, documents(60))
    engine.documents.refresh(index)

    assert advice(profiled(opensearch_url, index, questions))["shards"] == (
        f"1, by slipstream index reindex {index} --shards 1"
    )


def test_filters_are_applied_and_compared_with_the_same_search_without_them(
    opensearch_url: str, index: str, tmp_path: Path
) -> None:
    path = tmp_path / "filtered.jsonl"
    vector = documents(1)[0].passages[0].vector
    line = {"text": "bucket", "vector": vector, "filters": [{"field": "kind", "any_of": ["bucket"]}]}
    path.write_text(json.dumps(line))

    found = profiled(opensearch_url, index, path)

    assert found["queries"] == 1
    assert found["legs_ms"]["dense"]["p50"] >= 0


def test_writing_during_the_queries_is_counted(engine: Engine, index: str) -> None:
    inspection = Inspection(engine.client)
    before = inspection.counters(index)

    engine.documents.write(index, documents(5))
    engine.documents.refresh(index)
    activity = before.until(inspection.counters(index))

    assert activity.indexed >= 5
    assert activity.refreshes >= 1
    assert activity.rejected == 0
