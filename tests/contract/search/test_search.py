from __future__ import annotations

from contextlib import closing

import msgspec
import pytest

from slipstream.aws.document_index import OpenSearchDocuments, connect
from slipstream.chat.retrieval_options import Boosts, Filter
from slipstream.disconnect import NEVER
from slipstream.errors import IndexNotFound, InvalidRequest
from slipstream.retrieval.parameters import Provenance, parameters_from, shipped
from slipstream.retrieval.ports import Kept
from slipstream.retrieval.question.acronyms import Meaning
from slipstream.telemetry.waterfall import Waterfall
from tests.contract.search.engines import BETWEEN, EAST, NORTH, SPEC, UP, Engine, document, names, places

GLACIER = document(
    "glacier.md",
    "Objects in Glacier are archived for years.",
    "A retrieval takes hours, or minutes for more money.",
    title="Storage classes",
    headings=[("Archive",), ("Archive", "Waiting")],
    vectors=[EAST, BETWEEN],
    source="s3://guides/glacier.md",
    updated_at_s=1_700_000_000.0,
    popularity=3.5,
    attributes={"product": "s3", "year": 2020.0, "draft": False},
)
BUCKETS = document(
    "buckets.md",
    "A bucket holds objects under keys.",
    title="Buckets",
    vectors=[NORTH],
    attributes={"product": "s3", "year": 2023.0, "draft": True},
)
TABLES = document(
    "tables.md",
    "A table holds items; the API is dynamodb:PutItem, error code ERR-4711.",
    title="Tables",
    language="de",
    updated_at_s=1_600_000_000.0,
    attributes={"product": "dynamodb", "year": "unknown"},
)
ALL = (GLACIER, BUCKETS, TABLES)


def test_both_legs_answer_at_once(engine: Engine) -> None:
    engine.load(*ALL)

    legs = engine.search("archived objects", vector=NORTH)

    assert places(legs.lexical) == [("glacier.md", 0), ("buckets.md", 0)]
    assert places(legs.dense) == [("buckets.md", 0), ("glacier.md", 1)]
    assert legs.missing == ()
    assert legs.generation == f"{engine.index}-000001"
    assert set(legs.engine_ms) == {"lexical", "dense"}


def test_a_hit_knows_its_passage_and_its_document(engine: Engine) -> None:
    engine.load(*ALL)

    hit = engine.search("retrieval").lexical[0]

    passage = GLACIER.passages[1]
    assert (hit.document_id, hit.version, hit.ordinal) == ("glacier.md", "v1", 1)
    assert (hit.title, hit.heading, hit.text) == ("Storage classes", ("Archive", "Waiting"), passage.text)
    assert (hit.start, hit.end) == (passage.start, passage.end)
    assert (hit.source, hit.language) == (GLACIER.source, "en")
    assert (hit.updated_at_s, hit.popularity) == (1_700_000_000.0, 3.5)
    assert hit.attributes == GLACIER.attributes
    assert hit.passages == len(GLACIER.passages)


def test_the_scores_are_lucenes_bm25_worked_out_by_hand(engine: Engine) -> None:
    engine.load(document("a", "apple pear", title="fruit"), document("b", "plum plum pear cherry"))

    hit = engine.search("apple").lexical[0]

    # idf ln(1 + 1.5/1.5); two texts, with titles, of 3 and 4 terms; tf 1/(1 + 1.2 (0.25 + 0.75 · 3/3.5)) times 2.2
    assert hit.score == pytest.approx(0.693147 * 2.2 / (1 + 1.2 * (0.25 + 0.75 * 3 / 3.5)), rel=1e-4)
    assert hit.document_score == pytest.approx(0.693147 * 2.2 / (1 + 1.2 * (0.25 + 0.75 * 3 / 3.5)), rel=1e-4)


def test_a_dense_score_is_the_cosine(engine: Engine) -> None:
    engine.load(*ALL)

    scores = [hit.score for hit in engine.search(vector=(0.0, 2.0, 0.0, 0.0)).dense]

    assert scores == pytest.approx([1.0, 0.8], abs=1e-5)


def test_each_legs_hits_know_what_the_other_leg_makes_of_their_document(engine: Engine) -> None:
    near = document(
        "near", "a plum tree", "an apple and a pear", "apple", vectors=[EAST, NORTH, BETWEEN], title="fruit"
    )
    engine.load(near, document("far", "an apple", vectors=[UP]), document("mute", "apple cider"))

    legs = engine.search("apple", vector=EAST)

    lexical = {(hit.document_id, hit.ordinal): hit for hit in legs.lexical}
    dense = {(hit.document_id, hit.ordinal): hit for hit in legs.dense}
    assert lexical["near", 2].other_score == pytest.approx(1.0, abs=1e-4)
    assert lexical["far", 0].other_score == pytest.approx(0.0, abs=1e-4)
    assert dense["near", 0].other_score == pytest.approx(lexical["near", 2].score, rel=1e-4)
    assert dense["far", 0].document_score == pytest.approx(lexical["far", 0].document_score, rel=1e-4)


def test_what_the_other_leg_makes_of_a_document_is_unknown_where_it_is_not_asked(engine: Engine) -> None:
    engine.load(*ALL)

    assert {hit.other_score for hit in engine.search("objects").lexical} == {None}
    assert {hit.other_score for hit in engine.search(vector=EAST).dense} == {None}


def test_words_of_the_title_find_a_document_that_does_not_repeat_them(engine: Engine) -> None:
    engine.load(*ALL)

    assert names(engine.search("storage classes").lexical) == ["glacier.md"]


def test_a_leg_that_is_not_asked_is_not_missing(engine: Engine) -> None:
    engine.load(*ALL)

    assert engine.search("objects").dense == ()
    assert engine.search(vector=EAST).lexical == ()
    assert engine.search().missing == ()


def test_a_legs_places_go_to_as_many_documents_and_to_no_more_than_asked(engine: Engine) -> None:
    many = [document(f"d{n}", *["needle"] * 5, vectors=[EAST, NORTH, EAST, NORTH, EAST]) for n in range(25)]
    engine.load(*many)

    legs = engine.search("needle", vector=EAST)

    for hits in (legs.lexical, legs.dense):
        assert len(hits) == 20
        assert len({hit.document_id for hit in hits}) == 20
    assert len(engine.search("needle", vector=EAST, size=3).dense) == 3


def test_boosts_weigh_the_fields(engine: Engine) -> None:
    engine.load(document("text", "zebra", "else", title="x"), document("title", "y", title="zebra"))

    assert names(engine.search("zebra", boosts=Boosts(title=5.0)).lexical)[0] == "title"
    assert names(engine.search("zebra", boosts=Boosts(text=0.0, title=1.0)).lexical) == ["title"]
    assert {hit.document_score for hit in engine.search("zebra", boosts=Boosts(document=0.0)).lexical} == {0.0}


@pytest.mark.parametrize(
    ("wanted", "fitting"),
    [
        (Filter("product", ("s3",)), {"glacier.md", "buckets.md"}),
        (Filter("product", ("s3", "dynamodb")), {"glacier.md", "buckets.md", "tables.md"}),
        (Filter("product", ("s3",), exclude=True), {"tables.md"}),
        (Filter("year", (2020.0,)), {"glacier.md"}),
        (Filter("year", (2020,)), {"glacier.md"}),
        (Filter("year", ("unknown",)), {"tables.md"}),
        (Filter("year", at_least=2021.0), {"buckets.md"}),
        (Filter("year", at_most=2020.0), {"glacier.md"}),
        (Filter("year", at_least=2019.0, at_most=2022.0, exclude=True), {"buckets.md", "tables.md"}),
        (Filter("draft", (True,)), {"buckets.md"}),
        (Filter("id", ("glacier.md", "none")), {"glacier.md"}),
        (Filter("id", ("glacier.md",), exclude=True), {"buckets.md", "tables.md"}),
        (Filter("language", ("de",)), {"tables.md"}),
        (Filter("source", ("s3://guides/glacier.md",)), {"glacier.md"}),
        (Filter("updated_at_s", at_least=1_650_000_000.0), {"glacier.md"}),
        (Filter("popularity", at_least=1.0), {"glacier.md"}),
        (Filter("no such attribute", ("x",)), set()),
        (Filter("no such attribute", at_most=1.0), set()),
    ],
)
def test_a_filter_holds_for_both_legs(engine: Engine, wanted: Filter, fitting: set[str]) -> None:
    passages = document("", "thing", vectors=[UP]).passages
    with_vectors = [msgspec.structs.replace(each, passages=passages) for each in ALL]
    engine.load(*with_vectors)

    legs = engine.search("thing", vector=UP, filters=(wanted,))

    assert set(names(legs.lexical)) == fitting
    assert set(names(legs.dense)) == fitting


def test_a_filter_is_applied_before_the_nearest_are_chosen(engine: Engine) -> None:
    near = [document(f"near{n}", "x", vectors=[EAST]) for n in range(40)]
    engine.load(*near, document("far", "x", vectors=[NORTH], attributes={"wanted": True}))

    legs = engine.search(vector=EAST, filters=(Filter("wanted", (True,)),))

    assert names(legs.dense) == ["far"]


def test_several_filters_hold_together(engine: Engine) -> None:
    engine.load(*ALL)

    both = (Filter("product", ("s3",)), Filter("draft", (True,)))

    assert names(engine.search("objects", vector=EAST, filters=both).dense) == ["buckets.md"]


def test_attributes_with_odd_names_can_be_filtered_on(engine: Engine) -> None:
    engine.load(document("a", "x", attributes={"a.b": 1.0, "a": "s", "": 2.0, "größe": 3.0}), document("b", "x"))

    for wanted in (Filter("a.b", at_least=1.0), Filter("a", ("s",)), Filter("", at_least=2.0), Filter("größe", (3.0,))):
        assert names(engine.search("x", filters=(wanted,)).lexical) == ["a"]


def test_a_filter_that_says_nothing_is_refused(engine: Engine) -> None:
    engine.load(*ALL)

    with pytest.raises(InvalidRequest, match="says nothing"):
        engine.search("x", filters=(Filter("product"),))


@pytest.mark.parametrize(
    ("phrase", "found"),
    [
        ("A bucket holds objects", ["buckets.md"]),
        ("holds a bucket", []),
        ("a bucket hold", []),
        ("dynamodb:PutItem", ["tables.md"]),
        ("ERR-4711", ["tables.md"]),
        ("Storage classes", ["glacier.md"]),
        ("archive", ["glacier.md"]),
        ("takes hours, or minutes", ["glacier.md"]),
        ("for years. A retrieval", []),
    ],
)
def test_a_phrase_stands_word_for_word_in_the_document(engine: Engine, phrase: str, found: list[str]) -> None:
    engine.load(*ALL)

    everything = "objects retrieval table bucket items storage archive"

    assert names(engine.search(everything, phrases=(phrase,)).lexical) == found


def test_expansions_are_looked_for_too_but_weigh_less(engine: Engine) -> None:
    engine.load(document("short", "ec2 machines here"), document("long", "elastic machines here"))

    legs = engine.search("ec2", expansions=("elastic",))

    assert names(legs.lexical) == ["short", "long"]
    assert legs.lexical[1].score == pytest.approx(0.4 * legs.lexical[0].score, rel=1e-4)
    assert names(engine.search("", expansions=("elastic",)).lexical) == ["long"]


def test_a_missing_index_is_named_with_what_makes_it(engine: Engine) -> None:
    with pytest.raises(IndexNotFound, match=rf"'{engine.index}'.*slipstream index create"):
        engine.search("x", vector=EAST)


def test_a_vector_of_another_length_is_refused(engine: Engine) -> None:
    engine.load(*ALL)

    with pytest.raises(InvalidRequest, match="dimension"):
        engine.search("objects", vector=(1.0, 0.0))


def test_a_passage_without_a_vector_is_found_by_its_words(engine: Engine) -> None:
    engine.load(*ALL)

    legs = engine.search("table items", vector=EAST)

    assert names(legs.lexical) == ["tables.md"]
    assert "tables.md" not in names(legs.dense)


def test_what_stands_behind_a_name_can_be_asked(engine: Engine) -> None:
    engine.load(*ALL)
    engine.documents.set_ranking(engine.index, {"weights": [0.5, {"a.b": 1}]})

    found = engine.passages.describe(engine.index, Waterfall(), NEVER)

    assert (found.name, found.spec, found.live) == (f"{engine.index}-000001", SPEC, True)
    assert found.kept.ranking == {"weights": [0.5, {"a.b": 1}]}


def test_what_an_index_keeps_is_told_with_it_and_kept_apart(engine: Engine) -> None:
    fitted = msgspec.structs.replace(shipped(), provenance=Provenance(("docs",), 50, ndcg_at_10={"docs": 0.9}))
    engine.load(*ALL)
    engine.documents.learn(engine.index, {"KMS": Meaning("Key Management Service", 2)})
    engine.documents.set_synonyms(engine.index, ["delete, remove", "k8s => Kubernetes"])
    engine.documents.set_ranking(engine.index, msgspec.to_builtins(fitted))
    engine.documents.learn(engine.index, {"KMS": Meaning("Keep My Secrets", 1), "NAT": Meaning("a b", 1)})

    kept = engine.passages.describe(engine.index, Waterfall(), NEVER).kept

    assert kept.learnt == {"KMS": Meaning("Key Management Service", 2), "NAT": Meaning("a b", 1)}
    assert kept.synonyms == ("delete, remove", "k8s => Kubernetes")
    assert parameters_from(kept.ranking) == fitted

    engine.documents.set_synonyms(engine.index, [])
    engine.documents.set_ranking(engine.index, None)

    assert engine.passages.describe(engine.index, Waterfall(), NEVER).kept == Kept(learnt=kept.learnt)


def test_what_an_owner_sets_outlives_a_load_that_writes_back_what_it_had_read(
    local: Engine, opensearch_url: str
) -> None:
    local.load(*ALL)
    with closing(connect(opensearch_url)) as client:
        before = client.indices.get_mapping(index=local.index)[f"{local.index}-000001"]["mappings"]["_meta"]
        put_back: list[float] = []

        def other_writer(pause_s: float) -> None:
            if not put_back:
                client.indices.put_mapping(index=local.index, body={"_meta": before})
            put_back.append(pause_s)

        OpenSearchDocuments(client, sleep=other_writer).set_synonyms(local.index, ["delete, remove"])

    assert len(put_back) == 2
    assert local.passages.describe(local.index, Waterfall(), NEVER).kept.synonyms == ("delete, remove",)
