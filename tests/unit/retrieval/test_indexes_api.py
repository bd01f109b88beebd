from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable, Iterator
from threading import Lock
from typing import Any

import msgspec
import pytest

from slipstream.disconnect import NEVER, Disconnect
from slipstream.errors import (
    BodyTooLarge,
    IndexExists,
    IndexNotFound,
    InvalidRequest,
    MethodNotAllowed,
    ModelNotFound,
    NotFound,
    PermissionDenied,
    SlipstreamError,
    UpstreamUnavailable,
)
from slipstream.fakes.embedder import HashingEmbedder
from slipstream.fakes.failures import MemoryDeadLetters, MemoryFailures
from slipstream.gateway.http import HttpRequest, Principal
from slipstream.models.embedding import EmbeddingCall, Embeddings
from slipstream.retrieval.api import MAX_BODY_BYTES, IndexesApi, Parts
from slipstream.retrieval.drafts import Item
from slipstream.retrieval.failures import FailureRecord
from slipstream.retrieval.parameters import Provenance, shipped
from slipstream.retrieval.ports import IndexSpec
from slipstream.telemetry.waterfall import Waterfall
from tests.unit.retrieval.loading import items, resolve
from tests.unit.retrieval.memory_index import MemoryIndex
from tests.unit.retrieval.parsing import files


class Bucket:
    """Objects by key, as the routes see a bucket."""

    def __init__(self, objects: dict[str, str], after: str) -> None:
        self._objects = objects
        self._after = after

    def items(self) -> Iterator[Item]:
        return iter(items({key: text for key, text in sorted(self._objects.items()) if key > self._after}))


class Slow(HashingEmbedder):
    """An embedder that takes its time, on a clock of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.now_s = 0.0
        self.seconds_a_text = 0.0
        self._lock = Lock()

    def embed(self, call: EmbeddingCall, waterfall: Waterfall, disconnect: Disconnect = NEVER) -> Embeddings:
        with self._lock:
            self.now_s += self.seconds_a_text * len(call.texts)
        return super().embed(call, waterfall, disconnect)


class Desk:
    def __init__(self, usual: IndexSpec = IndexSpec()) -> None:  # noqa: B008 - frozen
        self.index = MemoryIndex()
        self.failures, self.dead_letters = MemoryFailures(), MemoryDeadLetters()
        self.objects: dict[str, str] = {}
        self.embedder = Slow()
        self.api = IndexesApi(
            Parts(
                index=self.index,
                embedder=self.embedder,
                resolve=resolve,
                objects=lambda uri, after: Bucket(self.objects, after),
                failures=self.failures,
                dead_letters=self.dead_letters,
                usual=usual,
            ),
            clock=lambda: self.embedder.now_s,
        )

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        scopes: tuple[str, ...] = ("admin",),
        content_type: str = "application/json",
        **query: str,
    ) -> tuple[int, dict[str, Any]]:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode() if body is not None else b""
        return self.api(
            HttpRequest(
                method, f"/v1/indexes{path}", {"content-type": content_type}, raw, query=query,
                principal=Principal("k", scopes=frozenset(scopes)), received_s=self.embedder.now_s,
            )
        )  # fmt: skip


@pytest.fixture
def desk() -> Desk:
    made = Desk()
    made.ask("PUT", "/docs", {"dimensions": 256})
    return made


def refused(kind: type[SlipstreamError], ask: Callable[[], Any]) -> SlipstreamError:
    with pytest.raises(kind) as caught:
        ask()
    return caught.value


# -- indexes


def test_what_its_maker_leaves_open_an_index_has_from_the_deployment() -> None:
    desk = Desk(usual=IndexSpec(replicas=1))
    assert desk.ask("PUT", "/docs", {"dimensions": 256})[1]["spec"]["replicas"] == 1
    assert desk.ask("PUT", "/other", {"dimensions": 256, "replicas": 0})[1]["spec"]["replicas"] == 0


def test_an_index_is_made_shown_listed_and_dropped(desk: Desk) -> None:
    status, made = desk.ask("PUT", "/guides", {"m": 32})

    assert (status, made["name"], made["spec"]["m"], made["spec"]["dimensions"]) == (201, "guides", 32, 512)
    assert desk.ask("GET", "/guides") == (200, made)
    assert [index["name"] for index in desk.ask("GET", "")[1]["data"]] == ["docs", "guides"]
    assert desk.ask("DELETE", "/guides")[1]["deleted"] is True
    refused(IndexNotFound, lambda: desk.ask("GET", "/guides"))


def test_making_the_same_index_again_changes_nothing(desk: Desk) -> None:
    assert desk.ask("PUT", "/docs", {"dimensions": 256})[0] == 200


def test_another_spec_for_an_index_that_exists_is_a_conflict_that_names_reindex(desk: Desk) -> None:
    error = refused(IndexExists, lambda: desk.ask("PUT", "/docs", {"dimensions": 1024}))

    assert "reindex docs" in error.message


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"dimensions": 300}, "dimensions"),
        ({"dimensions": "many"}, "dimensions"),
        ({"dimension": 256}, "dimension"),
        ({"embedding_model": 7}, "embedding_model"),
        ([], None),
        (b"{", "body"),
    ],
)
def test_a_bad_spec_is_refused_by_the_name_of_its_field(desk: Desk, body: Any, param: str | None) -> None:
    assert refused(InvalidRequest, lambda: desk.ask("PUT", "/new", body)).param == param
    assert desk.index.names() == ["docs"]


def test_a_model_that_makes_no_embeddings_is_refused(desk: Desk) -> None:
    refused(ModelNotFound, lambda: desk.ask("PUT", "/new", {"embedding_model": "nobody.knows"}))


@pytest.mark.parametrize("name", ["Docs", "_a", "-a", "a" * 101, "a%20b", "a.b"])
def test_a_name_that_engines_refuse_is_refused_with_what_is_allowed(desk: Desk, name: str) -> None:
    error = refused(InvalidRequest, lambda: desk.ask("PUT", f"/{name}", {}))

    assert error.param == "name"
    assert "a-z, 0-9" in error.message


# -- documents


def test_documents_are_indexed_and_told_one_by_one(desk: Desk) -> None:
    body = {"documents": [
        {"id": "a", "title": "A", "text": "Text of a.", "attributes": {"year": 2024}, "updated_at": "2024-05-01"},
        {"id": "b/c.pdf", "content": b64encode(files.pdf([["Text of b."]])).decode(), "source": "https://b.example"},
        {"id": "bad.pdf", "content": b64encode(b"%PDF-1.7 cut").decode()},
    ]}  # fmt: skip

    status, report = desk.ask("POST", "/docs/documents", body, scopes=("ingest",))

    assert (status, report["added"], [failure["code"] for failure in report["failed"]]) == (
        200,
        2,
        ["truncated_document"],
    )
    a, b = desk.index.documents()["a"], desk.index.documents()["b/c.pdf"]
    assert (a.attributes, a.updated_at_s) == ({"year": 2024.0}, 1_714_521_600)
    assert (b.passages[0].text, b.source) == ("Text of b.", "https://b.example")


def test_the_same_documents_again_are_unchanged(desk: Desk) -> None:
    body = {"documents": [{"id": "a", "title": "A", "text": "Text of a."}]}
    desk.ask("POST", "/docs/documents", body)

    assert desk.ask("POST", "/docs/documents", body)[1]["unchanged"] == 1


def test_a_file_s_bytes_are_a_body_too(desk: Desk) -> None:
    status, report = desk.ask(
        "POST", "/docs/documents", files.pdf([["Text."]]), content_type="application/pdf", id="h.pdf"
    )

    assert (status, report["added"]) == (200, 1)
    assert desk.index.documents()["h.pdf"].passages[0].text == "Text."


def test_a_file_that_cannot_be_read_is_an_error_of_its_own(desk: Desk) -> None:
    ask = lambda: desk.ask("POST", "/docs/documents", b"%PDF-1.7", content_type="application/pdf", id="h.pdf")  # noqa: E731

    error = refused(SlipstreamError, ask)

    assert (error.http_status, error.code) == (422, "truncated_document")
    assert (error.openai_type, error.retryable) == ("invalid_request_error", False)


def test_a_file_without_a_name_is_told_how_to_give_one(desk: Desk) -> None:
    error = refused(InvalidRequest, lambda: desk.ask("POST", "/docs/documents", b"x", content_type="text/plain"))

    assert "?id=" in error.message


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"documents": [{"text": "x"}]}, "documents[0].id"),
        ({"documents": [{"id": "a", "text": "x", "content": "eA=="}]}, "documents[0].content"),
        ({"documents": [{"id": "a", "content": "no base64!"}]}, "documents[0].content"),
        ({"documents": [{"id": "a", "text": "x", "tilte": "y"}]}, "documents[0].tilte"),
        ({"documents": [{"id": "a", "text": 5}]}, "documents[0].text"),
        ({"documents": []}, "documents"),
        ({}, "documents"),
        ({"documents": [{"id": "a", "text": "x"}] * 1001}, "documents"),
    ],
)
def test_a_bad_body_is_refused_by_the_name_of_its_field(desk: Desk, body: Any, param: str) -> None:
    assert refused(InvalidRequest, lambda: desk.ask("POST", "/docs/documents", body)).param == param


@pytest.mark.parametrize("empty", [{}, {"text": ""}, {"content": ""}, {"text": "", "title": "Of nothing"}])
def test_an_empty_document_is_its_own_failure_and_the_others_go_on(desk: Desk, empty: Any) -> None:
    documents = [{"id": "a", "text": "One."}, {"id": "b", **empty}, {"id": "c", "text": "Three."}]

    _, told = desk.ask("POST", "/docs/documents", {"documents": documents})

    assert told["added"] == 2
    assert [(row["id"], row["code"]) for row in told["failed"]] == [("b", "empty_document")]
    assert "'b' is empty" in told["failed"][0]["reason"]


def test_a_body_over_the_limit_is_told_both_sizes(desk: Desk) -> None:
    error = refused(BodyTooLarge, lambda: desk.ask("POST", "/docs/documents", b" " * (MAX_BODY_BYTES + 1)))

    assert f"{MAX_BODY_BYTES + 1:,}" in error.message
    assert f"{MAX_BODY_BYTES:,}" in error.message


def test_documents_for_an_index_that_is_not_there_are_refused(desk: Desk) -> None:
    refused(IndexNotFound, lambda: desk.ask("POST", "/none/documents", {"documents": [{"id": "a", "text": "x"}]}))


def test_an_engine_that_is_away_is_told_as_worth_another_try(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(_: object) -> None:
        raise UpstreamUnavailable("the engine cannot be reached")

    monkeypatch.setattr("slipstream.retrieval.writing.FIRST_WAIT_S", 0.0)
    desk.index.before_write = away

    body = {"documents": [{"id": "a", "text": "x"}]}
    error = refused(UpstreamUnavailable, lambda: desk.ask("POST", "/docs/documents", body))

    assert error.retryable
    assert "send the same again" in error.message


def test_versions_come_page_by_page(desk: Desk) -> None:
    desk.ask("POST", "/docs/documents", {"documents": [{"id": f"{n}", "text": "x"} for n in range(5)]})

    first = desk.ask("GET", "/docs/documents", limit="3")[1]
    rest = desk.ask("GET", "/docs/documents", limit="3", after=first["data"][-1]["id"])[1]

    assert [row["id"] for row in first["data"] + rest["data"]] == ["0", "1", "2", "3", "4"]
    assert (first["has_more"], rest["has_more"]) == (True, False)
    assert first["data"][0]["version"] == desk.index.documents()["0"].version


def test_a_page_of_versions_looks_at_no_more_than_itself(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.ask("POST", "/docs/documents", {"documents": [{"id": f"{n:02d}", "text": "x"} for n in range(20)]})
    desk.ask("POST", "/docs/reindex", {"dimensions": 512}, begin_only="1")
    looked_at: list[int] = []
    versions = desk.index.versions

    def counting(*args: Any, **more: Any) -> Any:
        found = versions(*args, **more)
        looked_at.append(max(len(found), len(args[1]) if len(args) > 1 and args[1] is not None else 0))
        return found

    monkeypatch.setattr(desk.index, "versions", counting)
    page = desk.ask("GET", "/docs/documents", limit="3", after="04")[1]

    assert [row["id"] for row in page["data"]] == ["05", "06", "07"]
    assert page["has_more"]
    assert {row["version"] for row in page["data"]} == {""}  # the generation that is being filled lacks them
    assert looked_at == [4, 4]


@pytest.mark.parametrize("path", ["/docs/documents/guide/a b.md", "/docs/documents/guide%2Fa%20b.md"])
def test_a_document_is_deleted_by_its_id_encoded_or_not(desk: Desk, path: str) -> None:
    desk.ask("POST", "/docs/documents", {"documents": [{"id": "guide/a b.md", "text": "x"}]})

    assert desk.ask("DELETE", path)[1]["deleted"] == ["guide/a b.md"]
    assert desk.index.documents() == {}


def test_many_documents_are_deleted_at_once_and_unknown_ones_do_not_matter(desk: Desk) -> None:
    desk.ask("POST", "/docs/documents", {"documents": [{"id": f"{n}", "text": "x"} for n in range(5)]})

    assert desk.ask("POST", "/docs/documents/delete", {"ids": ["1", "2", "x"]})[1]["deleted"] == ["1", "2"]
    assert sorted(desk.index.documents()) == ["0", "3", "4"]


def test_a_name_that_something_else_has_taken_is_told_as_taken(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def taken(index: str, spec: IndexSpec) -> None:
        raise IndexExists(f"there is an index '{index}' already: choose another name or drop it first")

    monkeypatch.setattr(desk.index, "create", taken)

    assert "choose another name" in refused(IndexExists, lambda: desk.ask("PUT", "/others", {})).message


# -- loads and re-indexes that take longer than a call


def test_a_load_of_a_bucket_goes_on_from_call_to_call_and_does_nothing_twice(desk: Desk) -> None:
    desk.objects = {f"{n:03d}.md": f"Text {n}." for n in range(100)}
    desk.embedder.seconds_a_text = 0.5
    answers = [desk.ask("POST", "/docs/load", {"uri": "s3://b/docs/"})[1]]
    while not answers[-1]["finished"]:
        answers.append(desk.ask("POST", "/docs/load", {"uri": "s3://b/docs/", "after": answers[-1]["after"]})[1])

    assert len(answers) > 1
    assert sorted(desk.index.documents()) == sorted(desk.objects)
    assert [failure for answer in answers for failure in answer["failed"]] == []
    assert sum(answer["added"] for answer in answers) == 100


def test_a_reindex_is_begun_and_finished_over_http(desk: Desk) -> None:
    desk.ask("POST", "/docs/documents", {"documents": [{"id": "a", "text": "x"}]})

    begun = desk.ask("POST", "/docs/reindex", {"dimensions": 512}, begin_only="1")[1]
    assert (begun["generation"], begun["finished"]) == ("docs-000002", False)
    done = desk.ask("POST", "/docs/reindex", resume="1")[1]

    assert (done["generation"], done["finished"]) == ("docs-000002", True)
    assert desk.ask("GET", "/docs")[1]["spec"]["dimensions"] == 512
    assert desk.ask("POST", "/docs/reindex", resume="1")[1]["finished"]


def test_a_reindex_brings_an_index_of_an_older_mapping_to_todays(desk: Desk) -> None:
    desk.index.create("old", IndexSpec(schema=1))

    desk.ask("POST", "/old/reindex", {})

    assert desk.ask("GET", "/old")[1]["spec"]["schema"] == IndexSpec().schema


# -- failures


def test_failures_are_listed_with_their_reasons_and_replayed(desk: Desk) -> None:
    record = FailureRecord("docs", "s3://b/docs/x.pdf", "encrypted_document", "is encrypted", False, 1_700_000_000)
    desk.failures.put(record)
    desk.dead_letters.bury("{}", record)

    (row,) = desk.ask("GET", "/docs/failures")[1]["data"]

    assert (row["origin"], row["reason"]) == ("s3://b/docs/x.pdf", "is encrypted")
    assert desk.ask("POST", "/docs/replay")[1]["messages"] == 1
    assert desk.dead_letters.replayed == ["{}"]


def test_a_replay_keeps_to_its_time(desk: Desk) -> None:
    for name in ("x", "y"):
        desk.dead_letters.bury("{}", FailureRecord("docs", f"s3://b/docs/{name}", "no_text", "is empty", False, 1))
    asked = desk.embedder.now_s
    desk.embedder.now_s += 100.0

    late = HttpRequest(
        "POST", "/v1/indexes/docs/replay", {}, b"", principal=Principal("k", scopes=frozenset({"admin"})),
        received_s=asked,
    )  # fmt: skip

    assert desk.api(late)[1] == {"object": "replay", "messages": 0, "finished": False}
    assert desk.ask("POST", "/docs/replay")[1] == {"object": "replay", "messages": 2, "finished": True}


# -- who may what


ADMIN_ONLY = [
    ("PUT", "/new"), ("DELETE", "/docs"), ("POST", "/docs/reindex"), ("POST", "/docs/load"), ("GET", "/docs/failures"),
    ("POST", "/docs/replay"),
]  # fmt: skip
INGEST = [
    ("GET", ""), ("GET", "/docs"), ("GET", "/docs/documents"), ("POST", "/docs/documents"),
    ("DELETE", "/docs/documents/a"),
]  # fmt: skip


@pytest.mark.parametrize(("method", "path"), ADMIN_ONLY)
@pytest.mark.parametrize("scopes", [("ingest",), ("invoke",), ()])
def test_what_changes_an_index_needs_admin(desk: Desk, method: str, path: str, scopes: tuple[str, ...]) -> None:
    assert "'admin'" in refused(PermissionDenied, lambda: desk.ask(method, path, {}, scopes=scopes)).message


@pytest.mark.parametrize(("method", "path"), INGEST)
def test_what_fills_an_index_needs_ingest(desk: Desk, method: str, path: str) -> None:
    assert "'ingest'" in refused(PermissionDenied, lambda: desk.ask(method, path, scopes=("invoke",))).message


@pytest.mark.parametrize(
    ("method", "path"), [("PATCH", "/docs"), ("POST", ""), ("GET", "/docs/load"), ("PUT", "/docs/documents")]
)
def test_another_method_is_refused_with_those_that_go(desk: Desk, method: str, path: str) -> None:
    assert "use" in refused(MethodNotAllowed, lambda: desk.ask(method, path)).message


def test_a_route_that_does_not_exist_is_told_with_those_that_do(desk: Desk) -> None:
    assert "documents/{id}" in refused(NotFound, lambda: desk.ask("GET", "/docs/docments")).message


# -- what an index keeps


def test_an_owners_synonyms_are_set_shown_and_taken_out(desk: Desk) -> None:
    desk.ask("POST", "/docs/documents", {"documents": [{"id": "a", "text": "The Key Management Service (KMS)."}]})
    put = desk.ask("PUT", "/docs/synonyms", {"rules": ["# ours", "delete, remove", "", "k8s => Kubernetes"]})

    assert put == desk.ask("GET", "/docs/synonyms", scopes=("ingest",))
    assert put[1]["rules"] == ["delete, remove", "k8s => Kubernetes"]
    assert put[1]["acronyms"] == {"KMS": "Key Management Service"}
    assert desk.ask("GET", "/docs")[1].items() >= {"synonyms": 2, "acronyms": 1}.items()

    taken = desk.ask("DELETE", "/docs/synonyms")[1]
    assert (taken["rules"], taken["acronyms"]) == ([], {"KMS": "Key Management Service"})


def test_rules_that_are_wrong_leave_the_former_ones(desk: Desk) -> None:
    desk.ask("PUT", "/docs/synonyms", {"rules": ["a, b"]})

    error = refused(InvalidRequest, lambda: desk.ask("PUT", "/docs/synonyms", {"rules": ["a, c", "alone"]}))

    assert (error.param, error.message.partition(":")[0]) == ("rules", "line 2")
    assert desk.ask("GET", "/docs/synonyms")[1]["rules"] == ["a, b"]
    refused(InvalidRequest, lambda: desk.ask("PUT", "/docs/synonyms", {"rules": "a, b"}))
    refused(IndexNotFound, lambda: desk.ask("PUT", "/none/synonyms", {"rules": ["a, b"]}))
    refused(PermissionDenied, lambda: desk.ask("PUT", "/docs/synonyms", {"rules": []}, scopes=("ingest",)))


def test_fitted_weights_take_the_place_of_those_that_ship_and_go_again(desk: Desk) -> None:
    assert desk.ask("GET", "/docs/ranking", scopes=("ingest",))[1]["fitted"] is False
    fitted = msgspec.structs.replace(
        shipped(), skip_margin=1.0, provenance=Provenance(("docs",), 50, "2026-01-01", "ab", {"docs": 0.9})
    )

    put = desk.ask("PUT", "/docs/ranking", json.loads(msgspec.json.encode(fitted)))[1]

    assert (put["fitted"], put["parameters"]["skip_margin"]) == (True, 1.0)
    assert put["parameters"]["provenance"]["fitted_on"] == ("docs",)
    assert desk.index.generations("docs")[0].kept.ranking == msgspec.to_builtins(fitted)
    assert desk.ask("GET", "/docs")[1]["fitted"] is True
    assert desk.ask("DELETE", "/docs/ranking")[1]["parameters"] == msgspec.to_builtins(shipped())


@pytest.mark.parametrize(
    ("body", "param"),
    [({"fusion": {"luck": 1.0}, "rerank": {}}, "ranking.fusion"), ({"fusion": {}}, "ranking"), (b"{", "ranking")],
)
def test_weights_that_cannot_be_used_are_refused_and_change_nothing(desk: Desk, body: Any, param: str) -> None:
    assert refused(InvalidRequest, lambda: desk.ask("PUT", "/docs/ranking", body)).param == param
    assert desk.ask("GET", "/docs/ranking")[1]["fitted"] is False


# -- whose an id is


def test_a_file_does_not_replace_the_records_of_another_one(desk: Desk) -> None:
    desk.ask("POST", "/docs/documents", b"id,text\n1,Ada\n", content_type="text/csv", id="users.csv")

    told = desk.ask("POST", "/docs/documents", b"id,text\n1,lamp\n2,desk\n", content_type="text/csv", id="goods.csv")[1]

    assert (told["added"], told["changed"]) == (1, 0)
    assert [(row["id"], row["code"], row["retryable"]) for row in told["failed"]] == [("1", "duplicate_id", False)]
    assert "'users.csv'" in told["failed"][0]["reason"]
    assert desk.index.documents()["1"].passages[0].text == "Ada"


def test_a_document_that_is_named_by_its_id_takes_the_place_of_whatever_has_it(desk: Desk) -> None:
    desk.ask("POST", "/docs/documents", b"id,text\n1,Ada\n", content_type="text/csv", id="users.csv")

    for sent in ({"id": "1", "text": "Grace"}, {"id": "1", "content": b64encode(b"Joan").decode()}):
        assert desk.ask("POST", "/docs/documents", {"documents": [sent]})[1]["changed"] == 1
    assert desk.ask("POST", "/docs/documents", b"Mary", content_type="text/plain", id="1")[1]["changed"] == 1

    assert desk.index.documents()["1"].passages[0].text == "Mary"


def test_a_document_that_names_its_origin_keeps_to_it(desk: Desk) -> None:
    def send(text: str, origin: str) -> dict[str, Any]:
        return desk.ask("POST", "/docs/documents", {"documents": [{"id": "1", "text": text, "origin": origin}]})[1]

    assert send("Ada", "users")["added"] == 1
    assert send("lamp", "goods")["failed"][0]["code"] == "duplicate_id"
    assert send("Grace", "users")["changed"] == 1
