from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.ingest import respond
from slipstream.errors import PermissionDenied, UpstreamUnavailable
from slipstream.fakes.embedder import HashingEmbedder
from slipstream.fakes.failures import MemoryDeadLetters, MemoryFailures
from slipstream.fakes.object_store import MemoryObjects
from slipstream.retrieval.document import Document
from slipstream.retrieval.object_events import ObjectEvents, StoredObject
from tests.unit.retrieval.loading import resolve
from tests.unit.retrieval.memory_index import SPEC, MemoryIndex

BUCKET = "documents"


def event(key: str, kind: str = "Object Created", **detail: Any) -> str:
    told = {"bucket": {"name": BUCKET}, "object": {"key": key, "sequencer": "0", **detail}}
    return json.dumps({"detail-type": kind, "source": "aws.s3", "detail": told})


class Desk:
    def __init__(self) -> None:
        self.index, self.objects = MemoryIndex(), MemoryObjects()
        self.embedder = HashingEmbedder()
        self.failures, self.dead_letters = MemoryFailures(), MemoryDeadLetters()
        self.index.create("docs", SPEC)
        self.now_s = 0.0
        self.lines: list[tuple[str, dict[str, Any]]] = []
        self.events = ObjectEvents(
            index=self.index,
            embedder=self.embedder,
            resolve=resolve,
            objects=self.objects,
            failures=self.failures,
            dead_letters=self.dead_letters,
            now_s=lambda: 1_700_000_000.0,
            clock=lambda: self.now_s,
            log=lambda message, **facts: self.lines.append((message, facts)),
            sleep=lambda seconds: None,
        )

    def put(self, key: str, raw: bytes | str) -> None:
        self.objects.stored[BUCKET, key] = raw.encode() if isinstance(raw, str) else raw

    def work(self, *bodies: str, until_s: float = 100.0) -> list[str]:
        records = [{"messageId": f"m{at}", "body": body} for at, body in enumerate(bodies)]
        failed = respond({"Records": records}, self.events, until_s)["batchItemFailures"]
        return [each["itemIdentifier"] for each in failed]


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_an_object_goes_into_the_index_that_its_key_names(desk: Desk) -> None:
    desk.put("docs/guide/a b.md", "Text of a.")

    assert desk.work(event("docs/guide/a b.md")) == []
    document = desk.index.documents()["guide/a b.md"]
    assert (document.origin, document.source) == ("s3://documents/docs/guide/a b.md",) * 2


def test_an_object_that_left_takes_all_its_documents_with_it(desk: Desk) -> None:
    desk.put("docs/f.jsonl", '{"id": "x", "text": "One."}\n{"id": "y", "text": "Two."}')
    desk.put("docs/b.md", "Text of b.")
    desk.work(event("docs/f.jsonl"), event("docs/b.md"))
    del desk.objects.stored[BUCKET, "docs/f.jsonl"]

    desk.work(event("docs/f.jsonl", "Object Deleted"))

    assert list(desk.index.documents()) == ["b.md"]


def test_a_record_that_left_its_object_leaves_the_index(desk: Desk) -> None:
    desk.put("docs/f.jsonl", '{"id": "x", "text": "One."}\n{"id": "y", "text": "Two."}')
    desk.work(event("docs/f.jsonl"))
    desk.put("docs/f.jsonl", '{"id": "x", "text": "One."}')

    desk.work(event("docs/f.jsonl"))

    assert list(desk.index.documents()) == ["x"]


USERS, PRODUCTS = "id,text\n1,Ada\n2,Grace\n", "id,text\n1,lamp\n2,chair\n3,desk\n"


def texts(desk: Desk) -> dict[str, str]:
    return {name: document.passages[0].text for name, document in desk.index.documents().items()}


def test_an_object_does_not_replace_the_records_of_another_one_and_is_buried_with_what_to_do(desk: Desk) -> None:
    desk.put("docs/users.csv", USERS)
    desk.put("docs/products.csv", PRODUCTS)

    assert desk.work(event("docs/users.csv"), event("docs/products.csv")) == []

    assert texts(desk) == {"1": "Ada", "2": "Grace", "3": "desk"}
    ((_, record),) = desk.dead_letters.buried
    assert (record.origin, record.code, record.documents) == ("s3://documents/docs/products.csv", "duplicate_id", 2)
    assert "'s3://documents/docs/users.csv'" in record.reason
    assert "other ids" in record.reason
    assert desk.failures.all("docs") == [record]


def test_an_object_that_leaves_takes_nothing_of_another_one_with_the_same_ids(desk: Desk) -> None:
    desk.put("docs/users.csv", USERS)
    desk.put("docs/products.csv", PRODUCTS)
    desk.work(event("docs/users.csv"), event("docs/products.csv"))
    del desk.objects.stored[BUCKET, "docs/products.csv"]

    desk.work(event("docs/products.csv", "Object Deleted"))

    assert texts(desk) == {"1": "Ada", "2": "Grace"}
    assert desk.failures.all("docs") == []


def test_an_object_changes_its_own_records(desk: Desk) -> None:
    desk.put("docs/users.csv", USERS)
    desk.work(event("docs/users.csv"))
    desk.put("docs/users.csv", USERS.replace("Grace", "Grace Hopper"))

    assert desk.work(event("docs/users.csv")) == []

    assert texts(desk) == {"1": "Ada", "2": "Grace Hopper"}
    assert desk.failures.all("docs") == []


def test_ids_that_were_given_up_can_be_replayed_into_the_index(desk: Desk) -> None:
    desk.put("docs/users.csv", USERS)
    desk.put("docs/products.csv", PRODUCTS)
    desk.work(event("docs/users.csv"), event("docs/products.csv"))
    del desk.objects.stored[BUCKET, "docs/users.csv"]
    desk.work(event("docs/users.csv", "Object Deleted"))

    desk.dead_letters.replay("docs")
    desk.work(*desk.dead_letters.replayed)

    assert texts(desk) == {"1": "lamp", "2": "chair", "3": "desk"}
    assert desk.failures.all("docs") == []


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_a_renamed_object_keeps_its_records_whichever_event_comes_first(desk: Desk, order: tuple[int, int]) -> None:
    desk.put("docs/users.csv", USERS)
    desk.work(event("docs/users.csv"))
    desk.objects.stored[BUCKET, "docs/people.csv"] = desk.objects.stored.pop((BUCKET, "docs/users.csv"))
    renamed = event("docs/people.csv"), event("docs/users.csv", "Object Deleted")

    for at in order:
        assert desk.work(renamed[at]) == []

    assert texts(desk) == {"1": "Ada", "2": "Grace"}
    assert {document.origin for document in desk.index.documents().values()} == {"s3://documents/docs/people.csv"}
    assert desk.failures.all("docs") == []


def test_an_id_that_another_object_takes_while_this_one_is_embedded_stays_the_other_s(desk: Desk) -> None:
    desk.put("docs/users.csv", USERS)
    desk.put("docs/products.csv", PRODUCTS)
    embed = desk.embedder.embed

    def meanwhile(*args: Any, **more: Any) -> Any:
        desk.embedder.embed = embed  # type: ignore[method-assign]
        desk.work(event("docs/users.csv"))
        return embed(*args, **more)

    desk.embedder.embed = meanwhile  # type: ignore[method-assign]
    desk.work(event("docs/products.csv"))

    assert texts(desk) == {"1": "Ada", "2": "Grace", "3": "desk"}
    assert [each.code for each in desk.failures.all("docs")] == ["duplicate_id"]


def test_events_that_come_twice_or_late_change_nothing(desk: Desk) -> None:
    desk.put("docs/a.md", "New text.")
    desk.work(event("docs/a.md", sequencer="2"))
    written = len(desk.index.writes)

    assert desk.work(event("docs/a.md", sequencer="2"), event("docs/a.md", sequencer="1")) == []
    assert desk.work(event("docs/a.md", "Object Deleted", sequencer="1")) == []
    assert desk.index.documents()["a.md"].passages[0].text == "New text."
    assert len(desk.index.writes) == written


def test_an_object_that_changes_while_it_is_loaded_ends_with_its_newest_version(desk: Desk) -> None:
    desk.put("docs/a.md", "Old text.")

    def change(_: Sequence[Document]) -> None:
        desk.put("docs/a.md", "New text.")

    desk.index.before_write = change
    desk.work(event("docs/a.md"))

    assert desk.index.documents()["a.md"].passages[0].text == "New text."


def test_an_object_that_leaves_while_it_is_loaded_is_not_left_behind(desk: Desk) -> None:
    desk.put("docs/a.md", "Text.")
    desk.index.before_write = lambda documents: desk.objects.stored.pop((BUCKET, "docs/a.md"), None) and None

    assert desk.work(event("docs/a.md")) == []
    assert desk.index.documents() == {}
    assert desk.failures.all("docs") == []


def test_a_poison_document_is_buried_with_its_reason_and_the_others_go_on(desk: Desk) -> None:
    desk.put("docs/bad.pdf", b"%PDF-1.7 cut")
    desk.put("docs/good.md", "Text.")

    assert desk.work(event("docs/bad.pdf"), event("docs/good.md")) == []

    assert list(desk.index.documents()) == ["good.md"]
    ((body, record),) = desk.dead_letters.buried
    assert json.loads(body)["detail"]["object"]["key"] == "docs/bad.pdf"
    assert (record.code, record.at_s, record.retryable) == ("truncated_document", 1_700_000_000, False)
    assert desk.failures.all("docs") == [record]


DAMAGED = gzip.compress(b"")[:10] + b"\xff" * 40


@pytest.mark.parametrize("key", ["docs/bad.md.gz", "docs/bad.jsonl.gz", "docs/bad"])
def test_a_damaged_gzip_is_buried_with_its_reason_and_its_neighbours_are_indexed(desk: Desk, key: str) -> None:
    desk.put("docs/a.md", "Text of a.")
    desk.put(key, DAMAGED)
    desk.put("docs/z.md", "Text of z.")

    assert desk.work(event("docs/a.md"), event(key), event("docs/z.md")) == []

    assert list(desk.index.documents()) == ["a.md", "z.md"]
    ((_, record),) = desk.dead_letters.buried
    assert (record.origin, record.code) == (f"s3://documents/{key}", "truncated_document")


def test_what_nobody_foresaw_comes_again_for_its_object_alone_and_is_told_by_its_kind(desk: Desk) -> None:
    for name in ("a", "b", "c"):
        desk.put(f"docs/{name}.md", f"Text of {name}, a secret sentence.")

    def broken(documents: Sequence[Document]) -> None:
        if documents[0].id == "b.md":
            raise KeyError(documents[0].passages[0].text)

    desk.index.before_write = broken
    assert desk.work(event("docs/a.md"), event("docs/b.md"), event("docs/c.md")) == ["m1"]

    assert list(desk.index.documents()) == ["a.md", "c.md"]
    (record,) = desk.failures.all("docs")
    assert (record.code, record.retryable, "KeyError" in record.reason) == ("internal_error", True, True)
    assert "secret" not in json.dumps([desk.lines, record.reason])


def test_an_outcome_that_cannot_be_kept_comes_again_for_its_object_alone(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(record: object) -> None:
        raise UpstreamUnavailable("the table cannot be reached")

    monkeypatch.setattr(desk.failures, "put", away)
    desk.put("docs/bad.pdf", b"%PDF-1.7 cut")
    desk.put("docs/good.md", "Text.")

    assert desk.work(event("docs/bad.pdf"), event("docs/good.md")) == ["m0"]

    assert list(desk.index.documents()) == ["good.md"]
    assert ("not noted", {"origin": "s3://documents/docs/bad.pdf", "kind": "UpstreamUnavailable"}) in desk.lines


def test_what_was_indexed_of_an_object_stays_when_its_new_version_is_poison(desk: Desk) -> None:
    desk.put("docs/a.md", "Text.")
    desk.work(event("docs/a.md"))
    desk.put("docs/a.md", b"\x89PNG\r\n\x1a\n....")

    desk.work(event("docs/a.md"))

    assert desk.index.documents()["a.md"].passages[0].text == "Text."


def test_a_mended_object_is_no_failure_any_more(desk: Desk) -> None:
    desk.put("docs/a.pdf", b"%PDF-1.7 cut")
    desk.work(event("docs/a.pdf"))
    desk.put("docs/a.pdf", "Plain text after all.")

    assert desk.dead_letters.replay("docs").messages == 1
    desk.work(*desk.dead_letters.replayed)

    assert desk.failures.all("docs") == []
    assert list(desk.index.documents()) == ["a.pdf"]


def test_what_may_go_well_later_is_tried_again_and_leaves_its_reason(desk: Desk) -> None:
    desk.put("docs/a.md", "Text of a.")
    desk.put("docs/b.md", "Text of b.")

    def denied(documents: Sequence[Document]) -> None:
        if documents[0].id == "b.md":
            raise UpstreamUnavailable("the engine cannot be reached", retryable=True, retry_after_s=0.001)

    desk.index.before_write = denied
    again = desk.work(event("docs/a.md"), event("docs/b.md"))

    assert again == ["m1"]
    (record,) = desk.failures.all("docs")
    assert (record.origin, record.retryable) == ("s3://documents/docs/b.md", True)
    assert desk.dead_letters.buried == []


def test_an_object_that_may_not_be_read_is_buried_with_what_to_allow(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def denied(bucket: str, key: str) -> StoredObject | None:
        raise PermissionDenied("allow s3:GetObject")

    monkeypatch.setattr(desk.objects, "look", denied)

    assert desk.work(event("docs/a.md")) == []
    assert desk.dead_letters.buried[0][1].reason == "allow s3:GetObject"


def test_an_object_for_an_index_that_is_not_there_is_buried_and_can_be_replayed(desk: Desk) -> None:
    desk.put("new/a.md", "Text.")
    desk.work(event("new/a.md"))
    assert desk.failures.all("new")[0].code == "index_not_found"

    desk.index.create("new", SPEC)
    desk.dead_letters.replay("new")
    desk.work(*desk.dead_letters.replayed)

    assert list(desk.index.documents("new")) == ["a.md"]
    assert desk.failures.all("new") == []


def test_a_removal_that_the_engine_has_no_time_for_is_tried_again(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.put("docs/a.md", "Text.")
    desk.work(event("docs/a.md"))
    del desk.objects.stored[BUCKET, "docs/a.md"]
    delete, busy = desk.index.delete, iter([True, True, False])

    def turned_away(*args: Any, **more: Any) -> None:
        if next(busy):
            raise UpstreamUnavailable("1 documents could not be deleted (queue is full); try again")
        delete(*args, **more)

    monkeypatch.setattr(desk.index, "delete", turned_away)

    assert desk.work(event("docs/a.md", "Object Deleted")) == []
    assert desk.index.documents() == {}
    assert desk.failures.all("docs") == []


def test_nothing_is_left_to_remove_where_the_index_is_gone(desk: Desk) -> None:
    assert desk.work(event("gone/a.md", "Object Deleted")) == []
    assert desk.failures.all("gone") == []


def test_an_object_over_the_limit_is_buried_unread(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(desk.objects, "look", lambda bucket, key: StoredObject("t", 60_000_000))
    monkeypatch.setattr(desk.objects, "read", lambda bucket, key: pytest.fail("was read"))

    desk.work(event("docs/a.md"))

    assert desk.failures.all("docs")[0].code == "document_too_large"


@pytest.mark.parametrize("key", ["at-the-top.md", "docs/", "docs/folder/"])
def test_what_lies_below_no_index_and_folders_own_marks_are_passed_over(desk: Desk, key: str) -> None:
    desk.put(key, "")

    assert desk.work(event(key)) == []
    assert desk.dead_letters.buried == []


@pytest.mark.parametrize("body", ["", "{}", "[]", '{"detail": {}}', "not json"])
def test_a_message_that_is_no_event_comes_again_until_the_queue_buries_it(desk: Desk, body: str) -> None:
    assert desk.work(body) == ["m0"]


def test_one_object_s_messages_are_one_piece_of_work_and_fail_together(desk: Desk) -> None:
    desk.put("docs/a.md", "Text.")

    def away(_: Sequence[Document]) -> None:
        raise UpstreamUnavailable("away", retry_after_s=0.001)

    desk.index.before_write = away
    assert desk.work(event("docs/a.md"), event("docs/a.md", "Object Deleted")) == ["m0", "m1"]
    assert len(desk.failures.all("docs")) == 1


def test_what_there_is_no_time_for_comes_again(desk: Desk) -> None:
    desk.put("docs/a.md", "Text.")
    desk.now_s = 100.0

    assert desk.work(event("docs/a.md"), until_s=100.0) == ["m0"]
    assert desk.failures.all("docs") == []


def test_the_log_tells_objects_and_reasons_and_no_text(desk: Desk) -> None:
    desk.put("docs/a.md", "A secret sentence.")
    desk.work(event("docs/a.md"))

    assert desk.lines[0][0] == "loaded"
    assert desk.lines[0][1]["origin"] == "s3://documents/docs/a.md"
    assert "secret" not in json.dumps(desk.lines)


STEPS = st.lists(
    st.tuples(st.sampled_from(["a.md", "b.md"]), st.sampled_from(["one", "two", None])), min_size=1, max_size=5
)


@given(STEPS, st.randoms(use_true_random=False))
def test_whatever_order_events_come_in_the_index_is_what_the_bucket_holds(
    steps: list[tuple[str, str | None]], random: Any
) -> None:
    desk = Desk()
    events: list[str] = []
    interrupt: list[Callable[[], None]] = []

    def happens(name: str, text: str | None) -> Callable[[], None]:
        def change() -> None:
            if text is None:
                desk.objects.stored.pop((BUCKET, f"docs/{name}"), None)
            else:
                desk.put(f"docs/{name}", f"Text {text}.")
            events.extend([event(f"docs/{name}", "Object Deleted" if text is None else "Object Created")] * 2)

        return change

    for name, text in steps:
        interrupt.append(happens(name, text))
    desk.index.before_write = lambda documents: interrupt.pop(0)() if interrupt else None
    while interrupt or events:
        if interrupt and (not events or random.random() < 0.5):
            interrupt.pop(0)()
        random.shuffle(events)
        desk.work(*[events.pop() for _ in range(min(len(events), 3))])

    held = {key.partition("/")[2]: raw.decode() for (_, key), raw in desk.objects.stored.items()}
    assert {i: d.passages[0].text for i, d in desk.index.documents().items()} == held
