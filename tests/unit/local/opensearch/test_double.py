"""The double as a server, without its sockets: what it answers in OpenSearch's shapes, and what it says no to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.opensearch.double import legs
from local.opensearch.double.refusals import UNSUPPORTED
from local.opensearch.double.routes import Double, kept
from local.opensearch.double.stored import Fields
from slipstream.aws import index_mapping, search_query
from slipstream.chat.retrieval_options import Boosts, Filter
from slipstream.fakes.generation import fits
from slipstream.retrieval.document import Document, Passage
from slipstream.retrieval.ports import IndexSpec
from slipstream.retrieval.search import EngineQuery

SPEC = IndexSpec(dimensions=2)
INDEX, ALIAS = "docs-000001", "docs"
DOCUMENT = Document("a", "Title", "v1", (Passage(0, "needle", 0, 6, (), (1.0, 0.0)),), attributes={"year": 2020.0})
EAST = (1.0, 0.0)


def source(document: Document = DOCUMENT, **more: Any) -> dict[str, Any]:
    return {**index_mapping.to_source(document, SPEC), **more}


class Client:
    """Asks with JSON; a list is sent as lines."""

    def __init__(self) -> None:
        self.double = Double()

    def __call__(self, method: str, path: str, body: Any = None, **parameters: str) -> tuple[int, Any]:
        lines = body if isinstance(body, list) else [] if body is None else [body]
        data = b"".join(msgspec.json.encode(line) + b"\n" for line in lines)
        status, answer = self.double.answer(method, path, data, parameters)
        return status, msgspec.json.decode(msgspec.json.encode(answer))

    def write(self, action: str, document: dict[str, Any], index: str = ALIAS, **parameters: str) -> Any:
        """What became of one written document."""
        where = {action: {"_index": index, "_id": document["id"]}}
        _, answer = self("POST", "/_bulk", [where, document], **parameters)
        return answer["items"][0][action]


@pytest.fixture
def ask() -> Client:
    """A double with one index, its alias, and no document."""
    client = Client()
    made = index_mapping.body(SPEC, legacy_bm25="BM25") | {"aliases": {ALIAS: {}}}
    assert client("PUT", f"/{INDEX}", made)[0] == 200
    return client


def reason(answer: Mapping[str, Any]) -> tuple[str, str]:
    return answer["error"]["type"], answer["error"]["reason"]


# -- writing


def test_a_write_tells_whether_the_document_was_there_and_counts_on(ask: Client) -> None:
    told = [ask.write("index", source()), ask.write("index", source())]

    assert [(each["status"], each["result"], each["_seq_no"], each["_index"]) for each in told] == [
        (201, "created", 0, INDEX),
        (200, "updated", 1, INDEX),
    ]


def test_a_document_that_is_there_is_not_created_again(ask: Client) -> None:
    ask.write("create", source())

    again = ask.write("create", source(msgspec.structs.replace(DOCUMENT, version="v2")))

    assert (again["status"], again["error"]["type"]) == (409, "version_conflict_engine_exception")
    _, found = ask("POST", f"/{ALIAS}/_search", {"query": {"terms": {"id": ["a"]}}})
    assert found["hits"]["hits"][0]["_source"]["version"] == "v1"


@pytest.mark.parametrize(
    ("changed", "kind", "says"),
    [
        ({"other": 1}, "strict_dynamic_mapping_exception", "dynamic introduction of [other]"),
        ({"popularity": "high"}, "mapper_parsing_exception", "failed to parse"),
        ({"card": "none"}, "mapper_parsing_exception", "failed to parse"),
    ],
)
def test_a_document_that_the_mapping_does_not_fit_is_refused(
    ask: Client, changed: dict[str, Any], kind: str, says: str
) -> None:
    told = ask.write("index", source(**changed))

    assert (told["status"], told["error"]["type"]) == (400, kind)
    assert says in told["error"]["reason"]
    assert ask("POST", f"/{ALIAS}/_count")[1]["count"] == 0


def test_no_index_is_made_by_guesses(ask: Client) -> None:
    told = ask.write("index", source(), "missing")

    assert (told["status"], told["error"]["type"]) == (404, "index_not_found_exception")
    assert ask("HEAD", "/missing")[0] == 404


def test_where_an_alias_is_required_an_index_is_none(ask: Client) -> None:
    assert ask.write("index", source(), INDEX, require_alias="true")["status"] == 404
    assert ask.write("index", source(), ALIAS, require_alias="true")["status"] == 201


def test_a_blocked_index_takes_no_writes_until_it_is_opened(ask: Client) -> None:
    ask("PUT", f"/{ALIAS}/_settings", {"index.blocks.write": True})
    told = ask.write("index", source())
    ask("PUT", f"/{ALIAS}/_settings", {"index": {"blocks": {"write": False}}})

    assert (told["status"], told["error"]["type"]) == (403, "cluster_block_exception")
    assert ask.write("index", source())["status"] == 201


def test_a_bulk_request_that_is_cut_off_does_nothing(ask: Client) -> None:
    lines: list[Any] = [{"index": {"_index": ALIAS, "_id": "a"}}, source(), {"index": {"_index": ALIAS, "_id": "b"}}]

    assert ask("POST", "/_bulk", lines)[0] == 400
    assert ask("POST", f"/{ALIAS}/_count")[1]["count"] == 0


# -- names


def test_an_index_is_made_once_and_not_under_the_name_of_an_alias(ask: Client) -> None:
    assert reason(ask("PUT", f"/{INDEX}", {})[1])[0] == "resource_already_exists_exception"
    assert reason(ask("PUT", f"/{ALIAS}", {})[1])[0] == "invalid_index_name_exception"
    assert reason(ask("PUT", "/UPPER", {})[1])[0] == "invalid_index_name_exception"


def test_an_alias_is_not_deleted_as_if_it_were_its_index(ask: Client) -> None:
    assert ask("DELETE", f"/{ALIAS}")[0] == 400
    assert ask("DELETE", f"/{INDEX}")[0] == 200
    assert ask("HEAD", f"/{ALIAS}")[0] == 404


def test_aliases_move_together_or_not_at_all(ask: Client) -> None:
    ask("PUT", "/docs-000002", {})
    move = [
        {"add": {"index": "docs-000002", "alias": ALIAS}},
        {"remove": {"index": INDEX, "alias": "unknown"}},
    ]

    assert ask("POST", "/_aliases", {"actions": move})[0] == 404
    assert list(ask("GET", f"/_alias/{ALIAS}")[1]) == [INDEX]
    move[1] = {"remove": {"index": INDEX, "alias": ALIAS}}
    assert ask("POST", "/_aliases", {"actions": move})[0] == 200
    assert list(ask("GET", f"/_alias/{ALIAS}")[1]) == ["docs-000002"]


def test_a_name_with_a_wildcard_may_lead_nowhere_and_a_plain_one_may_not(ask: Client) -> None:
    assert ask("GET", "/none-*/_mapping") == (200, {})
    assert list(ask("GET", "/doc*,docs/_alias")[1]) == [INDEX]
    status, answer = ask("GET", "/none/_mapping")
    assert (status, reason(answer)) == (404, ("index_not_found_exception", "no such index [none]"))


# -- searching


def test_each_search_of_several_fails_alone(ask: Client) -> None:
    ask.write("index", source())
    _, body = search_query.lines(ALIAS, EngineQuery("needle"))
    good = [msgspec.json.decode(line) for line in body.splitlines()]

    _, answer = ask("POST", "/_msearch", [*good, {"index": "missing"}, good[1]])

    assert [each["status"] for each in answer["responses"]] == [200, 404]
    assert answer["responses"][0]["hits"]["hits"][0]["_id"] == "a"


def test_versions_come_in_the_order_of_their_ids_page_by_page(ask: Client) -> None:
    for name in "cab":
        ask.write("index", source(msgspec.structs.replace(DOCUMENT, id=name)))
    page = {"size": 2, "query": {"match_all": {}}, "sort": [{"id": "asc"}], "_source": False, "stored_fields": ["id"]}

    _, first = ask("POST", f"/{ALIAS}/_search", page)
    last = first["hits"]["hits"][-1]["sort"]
    _, second = ask("POST", f"/{ALIAS}/_search", page | {"search_after": last})

    ids = [hit["fields"]["id"][0] for found in (first, second) for hit in found["hits"]["hits"]]
    assert ids == ["a", "b", "c"]


def test_a_vector_of_another_length_is_told_as_the_engine_tells_it(ask: Client) -> None:
    ask.write("index", source())
    _, body = search_query.lines(ALIAS, EngineQuery("needle", (1.0, 0.0, 0.0)))

    _, answer = ask("POST", "/_msearch", [msgspec.json.decode(line) for line in body.splitlines()])

    assert [each["status"] for each in answer["responses"]] == [400, 400]
    assert [each["error"]["reason"].removeprefix("failed to create query: ") for each in answer["responses"]] == [
        "Object's length=3 does not match the expected length=2.",
        "Query vector has invalid dimension: 3. Dimension should be: 2",
    ]


TEXT = st.text("ab c:é-1", max_size=12)
SCALARS = st.one_of(st.booleans(), st.floats(-5, 5), st.integers(-5, 5), TEXT, st.just("x" * 600))
NAMES = st.sampled_from(["year", "a.b", "größe", "", "_"]) | TEXT
BOUNDS = st.none() | st.floats(-5, 5)
FILTERS = st.builds(
    Filter,
    NAMES | st.sampled_from(["id", "language", "source", "updated_at_s", "popularity"]),
    st.lists(SCALARS, max_size=3).map(tuple),
    at_least=BOUNDS,
    at_most=BOUNDS,
    exclude=st.booleans(),
).filter(lambda each: bool(each.any_of) or each.at_least is not None or each.at_most is not None)


@given(
    st.lists(FILTERS, min_size=1, max_size=4),
    st.dictionaries(NAMES, SCALARS, max_size=4),
    st.none() | st.floats(-5, 5),
)
def test_filters_mean_in_the_query_language_what_they_mean_in_memory(
    filters: list[Filter], attributes: dict[str, Any], updated_at_s: float | None
) -> None:
    document = Document("a", "T", "v", (), language="de", updated_at_s=updated_at_s, attributes=attributes)
    stored = msgspec.convert(source(document), Fields)
    query = EngineQuery("x", EAST, filters=tuple(filters))

    for leg in read(query):
        assert leg.test is not None
        assert leg.test(stored) == all(fits(document, each) for each in filters)


@given(
    st.text("ab ", min_size=1, max_size=9).filter(str.strip),
    st.lists(st.text("cd", min_size=1, max_size=5), max_size=2),
    st.lists(st.text("ef", min_size=1, max_size=5), max_size=2),
    st.builds(Boosts, *[st.sampled_from([0.0, 0.5, 1.0, 3.0])] * 4),
)
def test_a_leg_is_read_back_as_it_was_asked(
    text: str, phrases: list[str], expansions: list[str], boosts: Boosts
) -> None:
    asked = EngineQuery(text, EAST, tuple(phrases), tuple(expansions), boosts=boosts)

    lexical, dense = read(asked)

    assert (lexical.dense, dense.dense) == (False, True)
    assert lexical.query.phrases == asked.phrases
    assert lexical.told >= {"other"}
    if boosts != Boosts(0.0, 0.0, 0.0, 0.0):
        for leg in (lexical, dense):
            assert (leg.query.text, leg.query.vector, leg.query.boosts) == (text, EAST, boosts)
            assert " ".join(leg.query.expansions) == " ".join(expansions)


def read(query: EngineQuery) -> list[legs.Leg]:
    """The legs of a query, there and back."""
    _, body = search_query.lines(ALIAS, query)
    return [legs.read(msgspec.json.decode(line)["query"], query.size) for line in body.splitlines()[1::2]]


# -- what there is not


@pytest.mark.parametrize(
    ("method", "path", "body", "lacks"),
    [
        ("GET", "/_cat/indices", None, "GET /_cat/indices"),
        ("POST", f"/{INDEX}/_forcemerge", None, f"POST /{INDEX}/_forcemerge"),
        ("GET", f"/{INDEX}/_stats", None, "_stats"),
        ("POST", f"/{INDEX}/_search", {"query": {"hybrid": {}}}, 'query {"hybrid":{}}'),
        ("POST", f"/{INDEX}/_search", {"aggs": {}}, "'aggs' in a search"),
        ("POST", f"/{INDEX}/_search", {"query": {"bool": {"must": []}}}, "query"),
        ("POST", f"/{INDEX}/_search", {"query": {"term": {"whole.text": "x"}}}, "whole.text"),
        ("POST", f"/{INDEX}/_search", {"query": "x"}, "search of this shape"),
        ("POST", f"/{INDEX}/_search", {"sort": ["_score"]}, "sort by"),
        ("PUT", f"/{INDEX}/_settings", {"index.refresh_interval": "1s"}, "index.refresh_interval"),
        ("POST", f"/{INDEX}/_mapping", {"properties": {}}, "change of a mapping"),
        ("PUT", "/other", {"mappings": 3}, "of this shape"),
        ("POST", "/_aliases", {"actions": 3}, "of this shape"),
        ("PUT", "/other", {"mappings": {"_meta": {"spec": {"engine": "faiss"}}}}, "engine faiss"),
    ],
)
def test_what_the_double_lacks_it_names_itself(ask: Client, method: str, path: str, body: Any, lacks: str) -> None:
    ask.write("index", source())

    status, answer = ask(method, path, body)

    assert (status, answer["error"]["type"]) == (400, UNSUPPORTED)
    assert answer["error"]["reason"].startswith("this is Slipstream's in-memory double of OpenSearch: it has no ")
    assert lacks in answer["error"]["reason"]


def test_a_parameter_that_would_be_passed_over_is_refused(ask: Client) -> None:
    assert ask("POST", "/_msearch", [], search_type="dfs_query_then_fetch")[0] == 400


def test_an_index_without_the_projects_mapping_takes_no_documents(ask: Client) -> None:
    ask("PUT", "/other", {})

    told = ask.write("index", source(), "other")

    assert (told["status"], told["error"]["type"]) == (400, UNSUPPORTED)


@pytest.mark.parametrize("body", [b"x", b"[]", b'{"query"'])
def test_a_body_that_is_no_json_is_refused(ask: Client, body: bytes) -> None:
    for path in (f"/{INDEX}/_search", "/_msearch", "/_bulk", "/_aliases"):
        assert ask.double.answer("POST", path, body)[0] == 400


@pytest.mark.parametrize("path", ["/_index_template/x", "/_search/pipeline/x"])
def test_templates_and_pipelines_are_kept_and_can_be_removed(ask: Client, path: str) -> None:
    assert ask("PUT", path, {"version": 2})[0] == 200
    assert "2" in str(ask("GET", path)[1])
    assert [ask("DELETE", path)[0], ask("DELETE", path)[0], ask("GET", path)[0]] == [200, 404, 404]


def test_an_answer_is_cut_down_to_what_is_asked_of_it() -> None:
    answer = {
        "took": 1,
        "items": [{"index": {"status": 201, "_id": "a"}}, {"index": {"status": 400, "error": {"t": 1}}}],
    }

    found = kept(answer, [["items", "*", "status"], ["items", "*", "error"]])

    assert found == {"items": [{"index": {"status": 201}}, {"index": {"status": 400, "error": {"t": 1}}}]}
