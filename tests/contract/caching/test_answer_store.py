"""What every store of kept answers does: the double, and DynamoDB with S3."""

from __future__ import annotations

from collections.abc import Callable
from threading import Barrier, Thread
from typing import Any

import msgspec
import pytest

from slipstream.aws.answer_store import INLINE_BYTES, DynamoAnswerStore
from slipstream.aws.object_bodies import ITEM_BYTES
from slipstream.caching.entry import FORMAT, Body, checksum_of
from slipstream.caching.store import AnswerStore, DocumentVersion, Head, Lease, Mark, Place, Wanted, Watch
from slipstream.retrieval.bar import Bar
from slipstream.ulid import ulid
from tests.contract.caching.conftest import Services

NOW_S = 1_800_000_000.0
KEY = "3f" + "0" * 62
PLACE = Place("tenant:acme", KEY)
SMALL = b"s" * 10
BESIDE = b"m" * (INLINE_BYTES + 1)
LARGE = b"l" * (ITEM_BYTES + 1)


def body(packed: bytes = SMALL) -> Body:
    return Body(packed, checksum_of(packed))


def head(packed: bytes = SMALL, **more: Any) -> Head:
    fields = {
        "entry_id": "e1", "checksum": checksum_of(packed), "created_s": NOW_S - 10.25, "expires_s": NOW_S + 90.5,
        "asked_s": NOW_S - 12.0, "documents": (DocumentVersion("docs", "a.md", "v1"),),
    }  # fmt: skip
    return Head(**(fields | more))


def wanted(holder: str = "h1", **more: Any) -> Wanted:
    return Wanted(**({"now_s": NOW_S, "holder": holder, "lease_s": 10.0} | more))


def plain(found: Head | None) -> Head | None:
    """Without what only some stores say."""
    return None if found is None else msgspec.structs.replace(found, body=None, where="")


def test_a_place_where_nothing_stands_is_leased_to_who_looked_first(store: AnswerStore) -> None:
    first, second = store.claim(PLACE, wanted("h1")), store.claim(PLACE, wanted("h2"))
    assert (first.head, first.mine) == (None, True)
    assert (second.head, second.mine, second.lease) == (None, False, Lease("h1", NOW_S + 10))


def test_of_many_who_look_at_once_one_gets_the_lease(store: AnswerStore) -> None:
    barrier, mine = Barrier(12), []

    def look(number: int) -> None:
        barrier.wait(30)
        if store.claim(PLACE, wanted(f"h{number}")).mine:
            mine.append(number)

    threads = [Thread(target=look, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(mine) == 1


@pytest.mark.parametrize("packed", [SMALL, BESIDE, LARGE], ids=["inline", "beside", "object"])
def test_an_answer_comes_back_as_it_was_written(store: AnswerStore, packed: bytes) -> None:
    store.write(PLACE, head(packed), body(packed))
    seen = store.claim(PLACE, wanted())
    assert (plain(seen.head), seen.mine) == (head(packed), False)
    assert seen.head is not None
    assert (seen.head.body or store.body(PLACE, seen.head)) == body(packed)


def test_an_answer_that_does_not_live_as_long_as_is_wanted_may_be_made_anew(store: AnswerStore) -> None:
    store.write(PLACE, head(), body())
    assert not store.claim(PLACE, wanted(lives_s=90.0)).mine
    seen = store.claim(PLACE, wanted(lives_s=91.0))
    assert (plain(seen.head), seen.mine) == (head(), True)
    assert not store.claim(PLACE, wanted("h2")).mine


def test_an_answer_that_is_written_ends_the_lease(store: AnswerStore) -> None:
    store.claim(PLACE, wanted("h1"))
    store.write(PLACE, head(), body())
    seen = store.read(PLACE, with_body=False)
    assert (plain(seen.head), seen.lease) == (head(), None)


def test_a_body_comes_along_only_when_it_is_asked_for(store: AnswerStore) -> None:
    store.write(PLACE, head(), body())
    without, along = store.read(PLACE, with_body=False).head, store.read(PLACE, with_body=True).head
    assert without is not None
    assert along is not None
    assert (without.body, along.body) == (None, body())


@pytest.mark.parametrize(
    "unwanted",
    [{"expires_s": NOW_S}, {"created_s": NOW_S - 61}, {"created_s": NOW_S + 61}],
    ids=["over", "too old", "from a wrong clock"],
)  # fmt: skip
def test_an_answer_that_is_not_wanted_is_leased_anew_and_stays_until_another_takes_its_place(
    store: AnswerStore, unwanted: dict[str, float]
) -> None:
    store.write(PLACE, head(**unwanted), body())
    seen = store.claim(PLACE, wanted(oldest_s=NOW_S - 60))
    assert seen.mine
    assert plain(store.read(PLACE, with_body=False).head) == head(**unwanted)
    store.write(PLACE, head(entry_id="e2"), body())
    assert plain(store.claim(PLACE, wanted("h2")).head) == head(entry_id="e2")


def test_a_lease_that_has_run_out_is_given_to_the_next(store: AnswerStore) -> None:
    store.claim(PLACE, wanted("h1"))
    assert not store.claim(PLACE, wanted("h2", now_s=NOW_S + 9.9)).mine
    assert store.claim(PLACE, wanted("h2", now_s=NOW_S + 10)).mine


def test_a_lease_from_a_clock_that_is_far_ahead_is_not_respected(store: AnswerStore) -> None:
    store.claim(PLACE, wanted("h1", now_s=NOW_S + 86_400))
    assert store.claim(PLACE, wanted("h2")).mine


def test_a_lease_is_given_back_by_its_holder_alone(store: AnswerStore) -> None:
    store.claim(PLACE, wanted("h1"))
    store.release(PLACE, "h2")
    assert not store.claim(PLACE, wanted("h2")).mine
    store.release(PLACE, "h1")
    assert store.claim(PLACE, wanted("h2")).mine
    store.release(Place("tenant:acme", "0" * 64), "h1")


def test_an_answer_is_dropped_by_its_own_id_alone(store: AnswerStore) -> None:
    store.write(PLACE, head(), body())
    store.drop(PLACE, "e0")
    assert store.read(PLACE, with_body=False).head is not None
    store.drop(PLACE, "e1")
    assert store.read(PLACE, with_body=False).head is None


def test_what_a_newer_version_wrote_is_neither_leased_nor_overwritten(store: AnswerStore) -> None:
    newer = head(format=FORMAT + 1, expires_s=NOW_S - 1)
    store.write(PLACE, newer, body())
    seen = store.claim(PLACE, wanted())
    assert seen.head is not None
    assert (seen.mine, seen.head.format) == (False, FORMAT + 1)
    store.write(PLACE, head(entry_id="e2"), body())
    kept = store.read(PLACE, with_body=False).head
    assert kept is not None
    assert kept.entry_id == "e1"


def test_answers_of_one_key_belong_to_whose_they_are(store: AnswerStore) -> None:
    store.write(PLACE, head(), body())
    assert store.claim(Place("tenant:beta", KEY), wanted()).head is None


def test_marks_of_documents_are_found_together(store: AnswerStore) -> None:
    assert store.marks([("docs", "a.md"), ("docs", "")]) == {}
    store.mark("docs", {"a.md": Mark("v2"), "": Mark(None, NOW_S)}, until_s=NOW_S + 100)
    found = store.marks([("docs", "a.md"), ("docs", "b.md"), ("docs", ""), ("more", "a.md")])
    assert found == {("docs", "a.md"): Mark("v2", 0.0), ("docs", ""): Mark(None, NOW_S)}


def test_a_mark_without_a_version_leaves_the_one_that_stands_there(store: AnswerStore) -> None:
    store.mark("docs", {"a.md": Mark("v2")}, until_s=NOW_S + 100)
    store.mark("docs", {"a.md": Mark(None, NOW_S)}, until_s=NOW_S + 100)
    assert store.marks([("docs", "a.md")]) == {("docs", "a.md"): Mark("v2", NOW_S)}


def test_many_documents_are_marked_at_once(store: AnswerStore) -> None:
    marks = {f"{number}.md": Mark(f"v{number}") for number in range(60)}
    store.mark("docs", marks, until_s=NOW_S + 100)
    found = store.marks([("docs", name) for name in marks])
    assert {document: mark for (_, document), mark in found.items()} == marks


def test_of_two_marks_without_a_version_the_later_time_stays(store: AnswerStore) -> None:
    for after_s in (NOW_S, NOW_S + 60, NOW_S + 30):
        store.mark("docs", {"": Mark(None, after_s)}, until_s=NOW_S + 100)
    assert store.marks([("docs", "")]) == {("docs", ""): Mark(None, NOW_S + 60)}


def test_what_was_ended_stays_ended_when_the_document_is_written_again(store: AnswerStore) -> None:
    for mark in (Mark("v1"), Mark(None, NOW_S + 5), Mark("v2"), Mark("v1")):
        store.mark("docs", {"a.md": mark}, until_s=NOW_S + 100)
    assert store.marks([("docs", "a.md")]) == {("docs", "a.md"): Mark("v1", NOW_S + 5)}


def test_a_store_says_whether_it_kept_an_answer(store: AnswerStore) -> None:
    assert store.write(PLACE, head(format=FORMAT + 1), body())
    assert not store.write(PLACE, head(), body())


def watch(kept_s: float = NOW_S, generation: str = "docs-000001") -> Watch:
    return Watch(
        place=PLACE, entry_id=ulid(int(kept_s * 1000), bytes(9) + b"x"), generation=generation, kept_s=kept_s,
        expires_s=kept_s + 90.5, bar=Bar(b"\x7f\x81\x00", ("lambda", "retri"), 0.5),
    )  # fmt: skip


def test_kept_answers_of_a_generation_are_told_to_who_brings_it_documents_the_newest_of_many(
    store: AnswerStore,
) -> None:
    told = [watch(NOW_S + number) for number in range(5)]
    for one in (told[3], told[0], told[4], told[1], told[2], watch(generation="docs-000002")):
        store.watch(one)
    assert list(store.watches("docs-000001", since_s=0.0, limit=9)) == told
    assert list(store.watches("docs-000001", since_s=NOW_S + 1.9995, limit=9)) == told[2:]
    assert list(store.watches("docs-000001", since_s=0.0, limit=2)) == told[3:]
    assert list(store.watches("docs-000003", since_s=0.0, limit=2)) == []


def test_what_is_not_to_be_watched_any_more_is_not_told(store: AnswerStore) -> None:
    told = [watch(), watch(NOW_S + 1)]
    for one in told:
        store.watch(one)
    for _ in range(2):
        store.unwatch(told[0])
    assert list(store.watches("docs-000001", since_s=0.0, limit=9)) == told[1:]


def test_a_purge_takes_what_begins_so_and_nothing_of_others(store: AnswerStore) -> None:
    places = [Place("tenant:acme", f"{start}{'0' * 60}") for start in ("3f00", "3f10", "a000")]
    for place, packed in zip(places, (SMALL, BESIDE, LARGE), strict=True):
        store.write(place, head(packed), body(packed))
    other = Place("tenant:beta", places[0].key)
    store.write(other, head(), body())
    assert store.purge("tenant:acme", "3f0") == 1
    assert [store.read(place, with_body=False).head is None for place in places] == [True, False, False]
    assert store.purge("tenant:acme") == 2
    assert store.purge("tenant:acme") == 0
    assert store.read(other, with_body=False).head is not None


def test_a_large_body_lies_in_the_bucket_and_goes_with_a_purge(
    dynamo: DynamoAnswerStore, boto: Callable[[str], Any]
) -> None:
    dynamo.write(PLACE, head(LARGE), body(LARGE))
    s3 = boto("s3")
    (found,) = s3.list_objects_v2(Bucket="bodies")["Contents"]
    assert (found["Size"], found["Key"].startswith("answers/")) == (len(LARGE), True)
    dynamo.purge("tenant:acme")
    assert "Contents" not in s3.list_objects_v2(Bucket="bodies")


def test_a_large_body_without_a_bucket_is_not_kept_and_that_is_said(services: Services) -> None:
    store = DynamoAnswerStore(services.table)
    assert not store.write(PLACE, head(LARGE), body(LARGE))
    assert store.read(PLACE, with_body=False).head is None


def test_a_large_body_that_is_gone_from_the_bucket_is_none(
    dynamo: DynamoAnswerStore, boto: Callable[[str], Any]
) -> None:
    dynamo.write(PLACE, head(LARGE), body(LARGE))
    s3 = boto("s3")
    s3.delete_object(Bucket="bodies", Key=s3.list_objects_v2(Bucket="bodies")["Contents"][0]["Key"])
    seen = dynamo.claim(PLACE, wanted())
    assert seen.head is not None
    assert dynamo.body(PLACE, seen.head) is None


def test_every_item_is_left_to_the_tables_time_to_live(dynamo: DynamoAnswerStore, boto: Callable[[str], Any]) -> None:
    dynamo.claim(Place("tenant:acme", "0" * 64), wanted())
    dynamo.write(PLACE, head(BESIDE), body(BESIDE))
    dynamo.mark("docs", {"a.md": Mark("v2")}, until_s=NOW_S + 100)
    items = boto("dynamodb").scan(TableName="answers")["Items"]
    assert len(items) == 4
    assert all(NOW_S < int(item["ttl_s"]["N"]) < NOW_S + 86_400 for item in items)
