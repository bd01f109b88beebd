"""``slipstream eval retrieval`` and ``index fit`` on a small real set."""

from __future__ import annotations

import gzip
import hashlib
import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from cli.evaluation_set import cached, load
from cli.fitting import learnt
from cli.main import main
from local.vectors import VectorCache
from slipstream.errors import InvalidRequest
from slipstream.fakes.passage_index import MemoryIndex
from slipstream.retrieval.judged import read_set
from slipstream.retrieval.parameters import parameters_from, shipped

EXCERPTS = Path(__file__).parents[2] / "data" / "retrieval" / "excerpts"


@pytest.fixture
def few(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The first 12 pages of the excerpts, and the questions as they are; vectors kept nowhere else."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = tmp_path / "few"
    shutil.copytree(EXCERPTS, folder)
    lines = (EXCERPTS / "corpus.jsonl").read_text("utf-8").splitlines()[:12]
    (folder / "corpus.jsonl").write_text("\n".join(lines), "utf-8")
    return folder


def test_eval_prints_one_object_with_the_promised_keys(few: Path) -> None:
    ran = CliRunner().invoke(main, ["eval", "retrieval", "--data", str(few), "--engine", "memory", "--json"])

    assert ran.exit_code == 0, ran.stderr
    found = json.loads(ran.stdout)
    assert set(found) == {"data", "queries", "results", "latency_ms"}
    assert set(found["results"]) == {"bm25", "dense", "fused", "reranked", "reranked_cv"}
    for values in found["results"].values():
        assert set(values) == {"ndcg@10", "recall@20", "mrr@10", "vs_best_leg"}
        assert set(values["vs_best_leg"]) == {"difference", "low_95", "high_95"}
    assert all(set(stage) == {"p50", "p95"} for stage in found["latency_ms"].values())


def test_eval_shows_an_ablation_and_draws_a_figure(few: Path, tmp_path: Path) -> None:
    figure = tmp_path / "figure.svg"
    ran = CliRunner().invoke(
        main, ["eval", "retrieval", "--data", str(few), "--engine", "memory", "--ablation", "--figure", str(figure)]
    )

    assert ran.exit_code == 0, ran.stderr
    for row in ("reranked_cv", "rrf", "min_max", "cv_from_neutral", "- text: title", "- question: frame"):
        assert row in ran.stdout
    assert figure.read_text().startswith("<?xml")


def test_eval_says_what_is_wrong_with_a_set(few: Path) -> None:
    (few / "qrels.tsv").unlink()
    ran = CliRunner().invoke(main, ["eval", "retrieval", "--data", str(few), "--engine", "memory"])

    assert ran.exit_code == 1
    assert "neither qrels.tsv nor qrels.tsv.gz" in ran.stderr


def test_eval_says_what_an_engine_can_be(few: Path) -> None:
    ran = CliRunner().invoke(main, ["eval", "retrieval", "--data", str(few), "--engine", "solr"])

    assert ran.exit_code == 1
    assert "auto, memory or a URL" in ran.stderr


def test_fitting_writes_parameters_that_can_be_used_and_say_where_they_come_from(few: Path) -> None:
    vectors, engine, judged = VectorCache(), MemoryIndex(), read_set(few)
    load(judged, "docs", engine, vectors, lambda *_: None)

    told = learnt("docs", engine, few / "queries.jsonl", few / "qrels.tsv", cached(vectors), lambda *_: None)
    parameters = parameters_from(told.parameters)
    assert parameters.rerank != shipped().rerank
    assert parameters.provenance.fitted_on == ("docs",)
    assert parameters.provenance.judged_queries == told.found["queries"] == 40


def test_fitting_needs_a_judged_question(few: Path) -> None:
    (few / "qrels.tsv").write_text("query-id\tcorpus-id\tscore\nother\ta\t1\n")

    with pytest.raises(InvalidRequest, match="judges none of the questions"):
        learnt("docs", MemoryIndex(), few / "queries.jsonl", few / "qrels.tsv", lambda *_: (), lambda *_: None)


# -- weights that are to travel


@pytest.fixture
def two(few: Path, tmp_path: Path) -> tuple[Path, Path]:
    """The set, and one with half of its questions, packed."""
    other = tmp_path / "other"
    shutil.copytree(few, other)
    lines = (few / "queries.jsonl").read_text("utf-8").splitlines(keepends=True)
    (other / "queries.jsonl").unlink()
    (other / "queries.jsonl.gz").write_bytes(gzip.compress("".join(lines[::2]).encode()))
    return few, other


def test_weights_of_several_sets_say_what_they_have_seen_so_that_others_can_check_it(
    two: tuple[Path, Path], tmp_path: Path
) -> None:
    out = tmp_path / "ranking.json"
    ran = CliRunner().invoke(
        main, ["eval", "fit", *map(str, two), "--out", str(out), "--engine", "memory", "--most", "15", "--json"]
    )

    assert ran.exit_code == 0, ran.stderr
    parameters = parameters_from(out.read_bytes())
    source = parameters.provenance
    assert source.fitted_on == ("few", "other")
    assert [(one.documents, one.judged_queries, one.used) for one in source.sets] == [(12, 40, 15), (12, 20, 15)]
    unpacked = gzip.decompress((two[1] / "queries.jsonl.gz").read_bytes())
    assert source.sets[1].blake2b_128["queries.jsonl"] == hashlib.blake2b(unpacked, digest_size=16).hexdigest()
    assert source.sets[0].blake2b_128["corpus.jsonl"] == source.sets[1].blake2b_128["corpus.jsonl"]
    assert (source.start, source.judged_queries) == ("neutral", 30)
    held_out = {name: round(values["held_out"], 4) for name, values in json.loads(ran.stdout)["sets"].items()}
    assert source.ndcg_at_10 == held_out
    assert parameters.rerank["title"] != 0


def test_the_same_sets_make_the_same_weights(two: tuple[Path, Path], tmp_path: Path) -> None:
    made = []
    for name in ("one.json", "two.json"):
        ran = CliRunner().invoke(
            main, ["eval", "fit", str(two[0]), "--out", str(tmp_path / name), "--engine", "memory"]
        )
        assert ran.exit_code == 0, ran.stderr
        made.append(parameters_from((tmp_path / name).read_bytes()))

    assert (made[0].fusion, made[0].rerank) == (made[1].fusion, made[1].rerank)


def test_two_sets_of_one_name_are_refused(few: Path, tmp_path: Path) -> None:
    ran = CliRunner().invoke(
        main, ["eval", "fit", str(few), str(few), "--out", str(tmp_path / "w"), "--engine", "memory"]
    )

    assert ran.exit_code == 1
    assert "one name" in ran.stderr


def test_eval_takes_an_owners_synonyms_and_tells_a_rule_that_is_none(few: Path, tmp_path: Path) -> None:
    rules = tmp_path / "rules.txt"
    asked = ["eval", "retrieval", "--data", str(few), "--engine", "memory", "--synonyms", str(rules), "--json"]

    def lexical() -> float:
        ran = CliRunner().invoke(main, asked)
        assert ran.exit_code == 0, ran.stderr
        return float(json.loads(ran.stdout)["results"]["bm25"]["ndcg@10"])

    rules.write_text("nobody => asks this\n")
    without = lexical()
    titles = [json.loads(line)["title"] for line in (few / "corpus.jsonl").read_text("utf-8").splitlines()[:5]]
    rules.write_text(f"what, how, is, can, does => {', '.join(title.replace(',', ' ') for title in titles)}\n")
    assert lexical() != without  # every question is searched for with the titles of five pages

    rules.write_text("alone\n")
    ran = CliRunner().invoke(main, asked)
    assert ran.exit_code == 1
    assert "line 1: 'alone' says no other word" in ran.stderr


def test_eval_says_which_answers_arriving_documents_end_and_which_they_had_to(few: Path) -> None:
    ran = CliRunner().invoke(main, ["eval", "arrivals", "--data", str(few), "--json"])

    assert ran.exit_code == 0, ran.stderr
    found = json.loads(ran.stdout)
    assert found["answers"] == 5 * found["queries"]
    assert 0 < found["affected"] < found["answers"]
    assert found["ended_of_affected"] > 0.8
    assert 0 <= found["needless_per_new_document"] <= found["ended_of_others"] <= 1
