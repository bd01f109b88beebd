"""What the product relies on in an engine, asked of the engine itself and recomputed here where there is a formula."""

from __future__ import annotations

import math
import random
from typing import Any

import pytest

from tests.contract.search_engine.conftest import MAPPING, Engine, unit_vector

Documents = list[dict[str, Any]]
LEG = 20
QUERY = unit_vector(random.Random(11))
FILTER = {"bool": {"filter": [{"term": {"kind": "a"}}, {"range": {"year": {"gte": 2010}}}]}}


def dense(k: int = LEG, **knn: Any) -> dict[str, Any]:
    clause = {"passages.vector": {"vector": QUERY, "k": k, "expand_nested_docs": True, **knn}}
    inner = {"size": 2, "_source": ["passages.ordinal"]}
    nested = {"path": "passages", "score_mode": "max", "query": {"knn": clause}, "inner_hits": inner}
    return {"size": k, "_source": False, "query": {"nested": nested}}


def lexical(text: str) -> dict[str, Any]:
    inner = {"size": 2, "_source": ["passages.ordinal"]}
    match = {"match": {"passages.text": text}}
    nested = {"path": "passages", "score_mode": "max", "query": match, "inner_hits": inner}
    return {"size": LEG, "_source": False, "query": {"nested": nested}}


def passages(answer: dict[str, Any]) -> list[tuple[float, int, int]]:
    """Score, document, ordinal of every inner hit, best first."""
    found = [
        (inner["_score"], int(hit["_id"]), inner["_source"]["ordinal"])
        for hit in answer["hits"]["hits"]
        for inner in hit["inner_hits"]["passages"]["hits"]["hits"]
    ]
    return sorted(found, reverse=True)


def nearest(documents: Documents, *, filtered: bool) -> list[tuple[int, int]]:
    """The leg by exact search: best passages, at most two of a document."""
    scored = sorted(
        (
            (sum(a * b for a, b in zip(QUERY, passage["vector"], strict=True)), number, passage["ordinal"])
            for number, document in enumerate(documents)
            if not filtered or (document["kind"] == "a" and document["year"] >= 2010)
            for passage in document["passages"]
        ),
        reverse=True,
    )
    leg: list[tuple[int, int]] = []
    for _, number, ordinal in scored:
        if sum(each == number for each, _ in leg) < 2:
            leg.append((number, ordinal))
    return leg[:LEG]


@pytest.mark.parametrize("filtered", [False, True], ids=["all", "filtered"])
def test_the_dense_leg_is_that_of_exact_search_with_two_passages_of_a_document(
    engine: Engine, index: str, documents: Documents, filtered: bool
) -> None:
    query = dense(filter=FILTER) if filtered else dense()

    found = passages(engine.ok("GET", f"/{index}/_search", query))

    assert [(number, ordinal) for _, number, ordinal in found][:LEG] == nearest(documents, filtered=filtered)


def test_a_knn_score_is_half_of_one_plus_the_cosine(engine: Engine, index: str, documents: Documents) -> None:
    score, number, ordinal = passages(engine.ok("GET", f"/{index}/_search", dense()))[0]

    cosine = sum(a * b for a, b in zip(QUERY, documents[number]["passages"][ordinal]["vector"], strict=True))
    assert 2 * score - 1 == pytest.approx(cosine, abs=1e-5)


def test_a_filter_that_nothing_fits_finds_nothing(engine: Engine, index: str) -> None:
    answer = engine.ok("GET", f"/{index}/_search", dense(filter={"term": {"kind": "none"}}))

    assert answer["hits"]["hits"] == []


def test_passage_text_is_copied_into_the_documents_body_and_scored_by_bm25(
    engine: Engine, index: str, documents: Documents
) -> None:
    texts = [[word for each in document["passages"] for word in each["text"].split()] for document in documents]
    having = sum("storm" in text for text in texts)
    idf = math.log(1 + (len(texts) - having + 0.5) / (having + 0.5))
    average = sum(map(len, texts)) / len(texts)

    answer = engine.ok("GET", f"/{index}/_search", {"size": 100, "query": {"match": {"body": "storm"}}})

    assert answer["hits"]["total"]["value"] == having
    for hit in answer["hits"]["hits"]:
        text = texts[int(hit["_id"])]
        count = text.count("storm")  # lengths below 40 are kept exactly
        expected = 2.2 * idf * count / (count + 1.2 * (0.25 + 0.75 * len(text) / average))
        assert hit["_score"] == pytest.approx(expected, rel=1e-4) or len(text) >= 40


def test_a_phrase_does_not_reach_over_the_border_of_two_passages(engine: Engine, new_name: str) -> None:
    engine.ok("PUT", f"/{new_name}", MAPPING)
    two = {"passages": [{"ordinal": 0, "text": "red lamp"}, {"ordinal": 1, "text": "green river"}]}
    engine.ok("PUT", f"/{new_name}/_doc/1?refresh=true", two)

    def count(phrase: str) -> int:
        found = engine.ok("GET", f"/{new_name}/_search", {"query": {"match_phrase": {"body": phrase}}})
        return int(found["hits"]["total"]["value"])

    assert count("red lamp") == 1
    assert count("lamp green") == 0


def test_rescoring_keeps_the_candidates_and_adds_the_documents_own_score(engine: Engine, index: str) -> None:
    document = {"multi_match": {"query": "storm river", "type": "most_fields", "fields": ["title", "body"]}}
    weights = {"query_weight": 1, "rescore_query_weight": 1, "score_mode": "total"}
    rescore = {"window_size": LEG, "query": {"rescore_query": document, **weights}}

    plain = engine.ok("GET", f"/{index}/_search", lexical("storm river"))
    rescored = engine.ok("GET", f"/{index}/_search", lexical("storm river") | {"rescore": rescore})
    alone = engine.ok("GET", f"/{index}/_search", {"size": 100, "query": document})

    assert sorted(passages(rescored)) == sorted(passages(plain))
    own = {hit["_id"]: hit["_score"] for hit in alone["hits"]["hits"]}
    for hit in rescored["hits"]["hits"]:
        best = hit["inner_hits"]["passages"]["hits"]["hits"][0]["_score"]
        assert hit["_score"] - best == pytest.approx(own.get(hit["_id"], 0.0), abs=1e-5)


def test_named_queries_tell_their_scores_in_a_search_but_not_in_a_multi_search(engine: Engine, index: str) -> None:
    query = {"size": 1, "query": {"match": {"body": {"query": "storm", "_name": "document"}}}}

    scored = engine.ok("GET", f"/{index}/_search?include_named_queries_score=true", query)["hits"]["hits"][0]
    status, refused = engine.call("POST", "/_msearch?include_named_queries_score=true", [{"index": index}, query])

    assert scored["matched_queries"] == {"document": scored["_score"]}
    assert (status, "unrecognized parameter" in refused["error"]["reason"]) == (400, True)


def test_one_round_trip_answers_both_legs_and_each_may_fail_alone(engine: Engine, index: str) -> None:
    legs = [{"index": index}, lexical("storm"), {"index": index}, dense(), {"index": f"{index}-none"}, dense()]

    answers = engine.ok("POST", "/_msearch", legs)["responses"]

    assert passages(answers[0]) == passages(engine.ok("GET", f"/{index}/_search", lexical("storm")))
    assert passages(answers[1]) == passages(engine.ok("GET", f"/{index}/_search", dense()))
    assert answers[2]["error"]["type"] == "index_not_found_exception"


def test_a_replaced_document_has_the_new_passages_alone(engine: Engine, new_name: str) -> None:
    engine.ok("PUT", f"/{new_name}", MAPPING)
    for text in ("old storm", "new river"):
        engine.ok("PUT", f"/{new_name}/_doc/1?refresh=true", {"passages": [{"ordinal": 0, "text": text}]})

    def count(word: str) -> int:
        return int(engine.ok("GET", f"/{new_name}/_search", lexical(word))["hits"]["total"]["value"])

    assert (count("old"), count("new")) == (0, 1)


def test_an_alias_is_moved_and_the_old_index_removed_in_one_step(engine: Engine, new_name: str) -> None:
    old, new, alias = f"{new_name}-1", f"{new_name}-2", f"{new_name}-live"
    for name in (old, new):
        engine.ok("PUT", f"/{name}", MAPPING)
    engine.ok("POST", "/_aliases", {"actions": [{"add": {"index": old, "alias": alias}}]})

    actions = [{"remove_index": {"index": old}}, {"add": {"index": new, "alias": alias}}]
    engine.ok("POST", "/_aliases", {"actions": actions})

    assert list(engine.ok("GET", f"/_alias/{alias}")) == [new]
    assert engine.call("GET", f"/{old}")[0] == 404


@pytest.mark.parametrize(
    ("vector", "reason"), [([1.0, 2.0], "dimension mismatch"), ([0.0] * 8, "zero vector is not supported")]
)
def test_a_vector_that_cannot_be_compared_is_refused(
    engine: Engine, index: str, vector: list[float], reason: str
) -> None:
    document = {"passages": [{"ordinal": 0, "text": "x", "vector": vector}]}

    status, answer = engine.call("PUT", f"/{index}/_doc/refused", document)

    assert status == 400
    assert reason in answer["error"]["caused_by"]["reason"]
