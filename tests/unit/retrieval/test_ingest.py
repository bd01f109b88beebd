from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipstream.aws import bulk_write
from slipstream.disconnect import NEVER, Disconnect
from slipstream.errors import (
    IndexNotFound,
    InvalidRequest,
    PermissionDenied,
    SlipstreamError,
    Throttled,
    UpstreamUnavailable,
)
from slipstream.fakes.embedder import HashingEmbedder
from slipstream.models.embedding import EmbeddingCall, Embeddings
from slipstream.retrieval.document import Document, embedding_text
from slipstream.retrieval.drafts import drafts
from slipstream.retrieval.folder import Folder
from slipstream.retrieval.ingest import EVERYTHING, Pace
from slipstream.retrieval.ports import Failed, IndexSpec
from slipstream.retrieval.reindex import begin, step
from slipstream.retrieval.writing import ATTEMPTS, LAST_WRITES_S, Writing
from slipstream.telemetry.waterfall import Waterfall
from tests.unit.retrieval.loading import Desk, resolve
from tests.unit.retrieval.memory_index import SPEC

SECTION = "## {0}\n\n" + "The {0} is described here in a sentence of its own, with words. " * 20 + "\n\n"
LONG = "".join(SECTION.format(word) for word in ("bucket", "object", "region", "policy"))


@pytest.fixture
def desk() -> Desk:
    return Desk()


class Killed(BaseException):
    """What a process that is killed looks like from inside."""


# -- versions


def test_new_documents_are_indexed_with_unit_vectors_of_their_passages(desk: Desk) -> None:
    report = desk.load({"a.md": "# A\n\nText of a.", "guide/b.md": LONG})

    assert (report.added, report.failed, report.stopped) == (2, [], None)
    a, b = desk.index.documents()["a.md"], desk.index.documents()["guide/b.md"]
    assert (a.title, a.origin, len(b.passages)) == ("A", "a.md", report.passages - 1)
    assert {passage.heading for passage in b.passages} >= {("object",), ("region",), ("policy",)}
    for passage in b.passages:
        assert sum(value * value for value in passage.vector) == pytest.approx(1.0)


def test_unchanged_documents_cost_neither_embedding_nor_a_write(desk: Desk) -> None:
    texts = {"a.md": "Text of a.", "b.jsonl": '{"id": "x", "text": "One."}\n{"id": "y", "text": "Two."}'}
    desk.load(texts)
    asked, written = len(desk.embedder.calls), len(desk.index.writes)

    report = desk.load(texts)

    assert (report.unchanged, report.added, report.changed) == (3, 0, 0)
    assert (len(desk.embedder.calls), len(desk.index.writes)) == (asked, written)


def test_unchanged_documents_are_not_even_parsed(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.load({"a.md": "Text of a."})
    monkeypatch.setattr("slipstream.retrieval.drafts.parse", lambda *_, **__: pytest.fail("was parsed"))

    assert desk.load({"a.md": "Text of a."}).unchanged == 1


def test_a_changed_document_keeps_the_vectors_of_passages_that_did_not_change(desk: Desk) -> None:
    desk.load({"a.md": LONG})
    before = {passage.text: passage.vector for passage in desk.index.documents()["a.md"].passages}
    asked = len(desk.embedded)

    report = desk.load({"a.md": LONG.replace("The policy", "The rule")})

    assert (report.changed, report.added) == (1, 0)
    after = desk.index.documents()["a.md"].passages
    fresh = desk.embedded[asked:]
    assert 0 < len(fresh) == report.embedded < len(after)
    assert all("The rule" in text for text in fresh)
    assert all(before[p.text] == p.vector for p in after if p.text in before)


def test_a_changed_title_embeds_every_passage_anew_since_it_stands_in_each(desk: Desk) -> None:
    desk.load({"a.md": f"---\ntitle: One\n---\n{LONG}"})

    report = desk.load({"a.md": f"---\ntitle: Two\n---\n{LONG}"})

    assert report.embedded == report.passages


def test_changed_attributes_write_the_document_and_embed_nothing(desk: Desk) -> None:
    record = {"id": "x", "title": "T", "text": "Some text.", "year": 2023}
    desk.load({"a.jsonl": json.dumps(record)})

    report = desk.load({"a.jsonl": json.dumps({**record, "year": 2024})})

    assert (report.changed, report.embedded) == (1, 0)
    assert desk.index.documents()["x"].attributes == {"year": 2024.0}


# -- removal


def test_what_left_the_source_leaves_the_index_when_asked_to(desk: Desk) -> None:
    desk.load({"a.md": "Text of a.", "b.md": "Text of b."})

    assert desk.load({"a.md": "Text of a."}).deleted == 0
    report = desk.load({"a.md": "Text of a."}, remove_missing=EVERYTHING)

    assert report.deleted == 1
    assert list(desk.index.documents()) == ["a.md"]


def test_a_record_that_left_its_file_leaves_alone(desk: Desk) -> None:
    desk.load({"f.csv": "id,text\n1,one\n2,two\n", "other.md": "Text."})

    desk.load({"f.csv": "id,text\n2,two\n"}, remove_missing="f.csv")

    assert sorted(desk.index.documents()) == ["2", "other.md"]


def test_what_cannot_be_read_this_time_stays_as_it_was(desk: Desk) -> None:
    desk.load({"f.jsonl": '{"id": "x", "text": "One."}\n{"id": "y", "text": "Two."}', "g.md": "Text."})

    report = desk.load(
        {"f.jsonl": '{"id": "x", "text": "One."}\n{"id": "y", "te', "g.md": b""}, remove_missing=EVERYTHING
    )

    assert report.deleted == 0
    assert sorted(failure.code for failure in report.failed) == ["empty_document", "truncated_document"]
    assert sorted(desk.index.documents()) == ["g.md", "x", "y"]


def test_rows_without_an_id_keep_theirs_when_others_are_put_before_them(desk: Desk) -> None:
    desk.load({"f.csv": "text\none\ntwo\n"})

    report = desk.load({"f.csv": "text\nzero\none\ntwo\n"}, remove_missing="f.csv")

    assert (report.added, report.unchanged, report.deleted) == (1, 2, 0)


# -- faults


def test_a_bad_document_is_reported_and_the_others_go_on(desk: Desk) -> None:
    report = desk.load({"a.md": "Text of a.", "bad.pdf": b"%PDF-1.7 cut", "c.md": "Text of c."})

    assert report.added == 2
    (failure,) = report.failed
    assert (failure.id, failure.code, failure.retryable) == ("bad.pdf", "truncated_document", False)


def test_an_id_that_comes_twice_in_a_load_is_told_and_the_first_counts(desk: Desk) -> None:
    report = desk.load({"a.jsonl": '{"id": "x", "text": "One."}', "b.jsonl": '{"id": "x", "text": "Two."}'})

    assert [failure.code for failure in report.failed] == ["duplicate_id"]
    assert desk.index.documents()["x"].passages[0].text == "One."


def test_a_file_that_vanishes_or_is_forbidden_is_told(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("Text.")
    (tmp_path / "gone.md").symlink_to(tmp_path / "nowhere")

    report = desk.ingest(drafts(Folder(tmp_path).items()))

    assert report.added == 1
    assert [(failure.id, failure.code) for failure in report.failed] == [("gone.md", "unreachable_document")]


def test_a_document_that_the_engine_refuses_for_good_is_told_once(desk: Desk) -> None:
    desk.index.refuses = lambda d: Failed(d.id, "mapping conflict", False) if d.id == "b.md" else None

    report = desk.load({"a.md": "Text of a.", "b.md": "Text of b."})

    assert report.added == 1
    assert [(f.id, f.code, f.reason) for f in report.failed] == [("b.md", "refused", "mapping conflict")]
    assert [ids for _, ids in desk.index.writes] == [["a.md", "b.md"]]


def test_a_document_that_is_too_large_for_the_engine_is_refused_before_anything_of_it_is_embedded(desk: Desk) -> None:
    desk.index.unfits = lambda document, target: bulk_write.too_large(document, target.spec, target.name)
    book = "".join(SECTION.format(f"chapter {number}") for number in range(2_000))

    for _ in range(2):
        report = desk.load({"book.md": book, "b.md": "Text of b."})

    assert [(why.id, why.code, why.retryable) for why in report.failed] == [("book.md", "document_too_large", False)]
    assert "split it, or use an index of fewer dimensions" in report.failed[0].reason
    assert desk.embedded == ["b\nText of b."]


def test_what_the_engine_refuses_for_a_while_is_written_again_alone(desk: Desk) -> None:
    times = iter([True, True, False])
    desk.index.refuses = lambda d: Failed(d.id, "queue full", True) if d.id == "b.md" and next(times) else None

    report = desk.load({"a.md": "Text of a.", "b.md": "Text of b."})

    assert (report.added, report.failed) == (2, [])
    assert [ids for _, ids in desk.index.writes] == [["a.md", "b.md"], ["b.md"], ["b.md"]]
    assert len(desk.slept) == 2


def test_an_engine_that_is_away_for_a_moment_is_waited_for(desk: Desk) -> None:
    outages = iter([True, True, False])

    def away(_: Sequence[Document]) -> None:
        if next(outages):
            raise UpstreamUnavailable("the engine restarts", retry_after_s=3.0)

    desk.index.before_write = away

    assert desk.load({"a.md": "Text of a."}).added == 1
    assert desk.slept == [3.0, 3.0]


def test_an_engine_that_stays_away_stops_the_load_with_its_reason(desk: Desk) -> None:
    def away(_: Sequence[Document]) -> None:
        raise UpstreamUnavailable("the engine cannot be reached")

    desk.index.before_write = away

    report = desk.load({"a.md": "Text of a."})

    assert report.stopped is not None
    assert (report.stopped.code, report.stopped.retryable) == ("upstream_unavailable", True)
    assert report.added == 0


def test_an_index_that_is_missing_is_told_at_once(desk: Desk) -> None:
    desk.index.drop("docs")

    with pytest.raises(IndexNotFound):
        desk.load({"a.md": "Text of a."})


class Moody(HashingEmbedder):
    """An embedder that raises what it is told to, in turn, before it does its work."""

    def __init__(self, *errors: SlipstreamError | None) -> None:
        super().__init__()
        self.errors = list(errors)

    def embed(self, call: EmbeddingCall, waterfall: Waterfall, disconnect: Disconnect = NEVER) -> Embeddings:
        error = self.errors.pop(0) if self.errors else None
        if error is not None:
            raise error
        return super().embed(call, waterfall, disconnect)


def test_a_throttle_is_waited_out_as_long_as_the_service_asked(desk: Desk) -> None:
    now = [0.0]
    desk.slept = Sleeps(now)

    report = desk.ingest(
        drafts_of({"a.md": "Text of a."}), embedder=Moody(Throttled("slow down", retry_after_s=7.0)),
        clock=lambda: now[0], pace=Pace(side_by_side=1),
    )  # fmt: skip

    assert report.added == 1
    assert desk.slept == [7.0]


def test_a_throttle_without_a_time_is_waited_out_longer_each_time(desk: Desk) -> None:
    now = [0.0]
    desk.slept = Sleeps(now)

    desk.ingest(
        drafts_of({"a.md": "Text of a."}), embedder=Moody(*[Throttled("slow down")] * 4),
        clock=lambda: now[0], pace=Pace(side_by_side=1),
    )  # fmt: skip

    assert all(at <= wait <= 2 * at for at, wait in zip([0.25, 0.5, 1.0, 2.0], desk.slept, strict=True))


def test_a_key_that_may_not_embed_stops_the_load_instead_of_failing_each_document(desk: Desk) -> None:
    denied: Any = [PermissionDenied("no access to the model")] * 100

    report = desk.ingest(drafts_of({f"{n}.md": f"Text {n}." for n in range(50)}), embedder=Moody(*denied))

    assert report.stopped is not None
    assert report.stopped.code == "permission_denied"
    assert report.failed == []


def test_a_text_that_the_model_refuses_fails_its_document_alone(desk: Desk) -> None:
    report = desk.ingest(
        drafts_of({"a.md": "Text of a.", "b.md": "Text of b."}),
        embedder=Moody(InvalidRequest("too many tokens")),
        pace=Pace(side_by_side=1),
    )

    assert [(failure.id, failure.reason) for failure in report.failed] == [("a.md", "too many tokens")]
    assert list(desk.index.documents()) == ["b.md"]


@pytest.mark.parametrize(
    ("spec", "code"),
    [(IndexSpec(dimensions=300), "invalid_request"), (IndexSpec(embedding_model="nobody.knows-it"), "model_not_found")],
)
def test_a_spec_that_no_model_can_meet_stops_the_load(desk: Desk, spec: IndexSpec, code: str) -> None:
    desk.index.drop("docs")
    desk.index.create("docs", spec)

    report = desk.load({"a.md": "Text of a."})

    assert report.stopped is not None
    assert report.stopped.code == code


def test_what_is_not_embedded_in_time_is_told_as_worth_sending_again(desk: Desk) -> None:
    now = iter([0.0, 0.0, 0.0, *[100.0] * 1000])

    report = desk.load({"a.md": "Text of a.", "b.md": "Text of b."}, deadline_s=50.0, clock=lambda: next(now))

    assert {failure.code for failure in report.failed} == {"not_reached"}
    assert all(failure.retryable for failure in report.failed)
    assert report.stopped is None


def test_a_load_that_is_throttled_to_its_end_keeps_its_deadline(desk: Desk) -> None:
    now = [0.0]
    desk.slept = Sleeps(now)
    throttled: Any = [Throttled("slow down")] * 1000

    report = desk.ingest(
        drafts_of({"a.md": "Text of a.", "b.md": "Text of b."}), embedder=Moody(*throttled),
        clock=lambda: now[0], deadline_s=2.0, pace=Pace(side_by_side=1),
    )  # fmt: skip

    assert now[0] <= 2.0
    assert {failure.code for failure in report.failed} == {"not_reached"}
    assert (len(report.failed), report.stopped) == (2, None)


def test_an_embedding_call_knows_when_it_has_to_end(desk: Desk) -> None:
    ends: list[float | None] = []

    class Asked(HashingEmbedder):
        def embed(self, call: EmbeddingCall, waterfall: Waterfall, disconnect: Disconnect = NEVER) -> Embeddings:
            ends.append(disconnect.ends_s)
            return super().embed(call, waterfall, disconnect)

    desk.ingest(drafts_of({"a.md": "Text of a."}), embedder=Asked(), clock=lambda: 0.0, deadline_s=2.0)

    assert ends == [2.0]


@pytest.mark.parametrize("whole", [True, False])
def test_what_the_engine_has_no_time_for_until_the_deadline_is_worth_sending_again(desk: Desk, whole: bool) -> None:
    now = [0.0]
    desk.slept = Sleeps(now)
    asked: list[int] = []

    def busy(documents: Sequence[Document]) -> None:
        asked.append(len(documents))
        now[0] = max(now[0], 2.0)  # embedding took all the time that there was
        if whole:
            raise Throttled("the engine has too much to do")

    desk.index.before_write = busy
    desk.index.refuses = lambda document: Failed(document.id, "queue full", True)
    report = desk.ingest(drafts_of({"a.md": "Text of a."}), clock=lambda: now[0], deadline_s=2.0)

    assert len(asked) > 1
    assert 2.0 < now[0] < 2.0 + LAST_WRITES_S
    (told,) = [report.stopped] if report.stopped else report.failed
    assert (told.code, told.retryable) == ("rate_limit_exceeded" if whole else "not_reached", True)


def test_all_that_goes_wrong_with_one_write_shares_its_attempts(desk: Desk) -> None:
    asked: list[int] = []

    def busy(documents: Sequence[Document]) -> None:
        asked.append(len(documents))
        if len(asked) % 2:
            raise UpstreamUnavailable("the engine restarts")

    desk.index.before_write = busy
    desk.index.refuses = lambda document: Failed(document.id, "queue full", True)
    writing = Writing(desk.index, "docs", sleep=desk.slept.append)

    (failed,) = writing.write([Document("a", "A", "1", ())], "docs-000001")

    assert failed.retryable
    assert (len(asked), len(desk.slept)) == (ATTEMPTS, ATTEMPTS - 1)


# -- side by side, batches, memory


def test_passages_are_embedded_side_by_side_across_documents(desk: Desk) -> None:
    together = Barrier(4, timeout=30)

    class Waits(HashingEmbedder):
        def embed(self, call: EmbeddingCall, waterfall: Waterfall, disconnect: Disconnect = NEVER) -> Embeddings:
            together.wait()  # passes only when four calls are there at once
            return super().embed(call, waterfall, disconnect)

    texts = {f"{n}.md": f"Text {n}." for n in range(8)}

    assert desk.ingest(drafts_of(texts), embedder=Waits(), pace=Pace(side_by_side=4)).added == 8


def test_a_model_that_takes_batches_gets_full_ones_from_many_documents(desk: Desk) -> None:
    desk.index.drop("docs")
    desk.index.create("docs", IndexSpec(embedding_model="cohere.embed-v4:0", dimensions=256))

    desk.load({f"{n}.md": f"Text {n}." for n in range(200)})

    assert sorted((len(call.texts) for call in desk.embedder.calls), reverse=True) == [96, 96, 8]


def test_no_more_passages_than_the_pace_says_are_under_way(desk: Desk) -> None:
    started: list[int] = []
    desk.index.before_write = lambda documents: started.append(len(desk.embedded) - _written(desk))
    pace = Pace(side_by_side=2, passages=5, batch_passages=3)

    desk.load({f"{n}.md": f"Text {n}." for n in range(60)}, pace=pace)

    assert len(started) >= 20
    assert max(started) <= pace.passages + pace.batch_passages + 1


def _written(desk: Desk) -> int:
    return sum(len(ids) for _, ids in desk.index.writes)


# -- killed and resumed


TEXTS = {f"{n:02d}.md": f"# Page {n}\n\nText of page {n}." for n in range(40)}


@pytest.mark.parametrize("survived", [0, 1, 3])
def test_a_load_that_was_killed_goes_on_without_doing_anything_twice(desk: Desk, survived: int) -> None:
    pace = Pace(side_by_side=2, passages=4, batch_passages=5)
    left = [survived]

    def kill(_: Sequence[Document]) -> None:
        if not left[0]:
            raise Killed
        left[0] -= 1

    desk.index.before_write = kill
    with pytest.raises(Killed):
        desk.load(TEXTS, pace=pace)
    desk.index.before_write = lambda documents: None
    done = set(desk.index.documents())
    before = len(desk.embedded)
    assert len(done) == survived * 5

    report = desk.load(TEXTS, pace=pace)

    assert (report.unchanged, report.added) == (len(done), 40 - len(done))
    assert {text.rpartition(" ")[2] for text in desk.embedded[before:]} == {
        f"{n}." for n in range(40) if f"{n:02d}.md" not in done
    }
    assert sorted(desk.index.documents()) == sorted(TEXTS)


# -- a re-index beside a load


NEXT = IndexSpec(dimensions=512)


def test_documents_go_into_every_generation_with_vectors_of_its_own_size(desk: Desk) -> None:
    beside = desk.index.begin_generation("docs", NEXT).name

    report = desk.load({"a.md": "Text of a."})

    assert report.added == 1
    assert len(desk.index.documents()["a.md"].passages[0].vector) == SPEC.dimensions
    assert len(desk.index.stored("docs", beside)["a.md"].passages[0].vector) == NEXT.dimensions


def test_generations_of_one_model_and_size_share_their_vectors(desk: Desk) -> None:
    desk.load({"a.md": "Text of a."})
    beside = desk.index.begin_generation("docs", SPEC).name
    asked = len(desk.embedded)

    report = desk.load({"a.md": "Text of a."})

    assert report.changed == 1
    assert len(desk.embedded) == asked
    assert desk.index.stored("docs", beside)["a.md"] == desk.index.documents()["a.md"]


def test_a_generation_that_begins_during_a_load_lacks_nothing_of_it(desk: Desk) -> None:
    begun: list[str] = []

    def begin(_: Sequence[Document]) -> None:
        if not begun:
            begun.append(desk.index.begin_generation("docs", NEXT).name)

    desk.index.before_write = begin
    desk.load(TEXTS, pace=Pace(side_by_side=2, passages=4, batch_passages=5, window=7))

    assert sorted(desk.index.stored("docs", begun[0])) == sorted(TEXTS)
    assert sorted(desk.index.documents()) == sorted(TEXTS)


def test_a_swap_during_a_load_loses_nothing(desk: Desk) -> None:
    calls = [0]

    def swap(_: Sequence[Document]) -> None:
        calls[0] += 1
        if calls[0] == 2:
            begin(desk.index, "docs", NEXT)
            assert step(desk.index, "docs", desk.embedder, resolve).finished

    desk.index.before_write = swap
    report = desk.load(TEXTS, pace=Pace(side_by_side=2, passages=4, batch_passages=5, window=7))

    assert report.stopped is None
    assert report.added == 40
    assert sorted(desk.index.documents()) == sorted(TEXTS)


# -- properties


CONTENT = st.dictionaries(
    st.sampled_from([f"{n}.md" for n in range(5)]),
    st.lists(st.sampled_from(["bucket", "object", "region", "policy", "queue"]), min_size=1, max_size=4),
    max_size=5,
)


@given(st.lists(CONTENT, min_size=1, max_size=4))
def test_after_any_series_of_loads_the_index_is_what_the_last_one_alone_would_have_made(
    series: list[dict[str, list[str]]],
) -> None:
    def texts(content: dict[str, list[str]]) -> dict[str, str]:
        return {name: "".join(SECTION.format(word) for word in words) for name, words in content.items()}

    desk, fresh = Desk(), Desk()
    for content in series:
        desk.load(texts(content), remove_missing=EVERYTHING)
    fresh.load(texts(series[-1]))

    assert desk.index.documents() == fresh.index.documents()
    for document in desk.index.documents().values():
        made = HashingEmbedder().embed
        for passage in document.passages:
            text = embedding_text(document, passage)
            call = EmbeddingCall(
                target_id="m", model_id="m", body="titan", max_texts=1, texts=[text], dimensions=SPEC.dimensions
            )
            assert passage.vector == pytest.approx(made(call, Waterfall(0.0)).vectors[0])


class Sleeps(list[float]):
    """Sleeps by moving the clock."""

    def __init__(self, now: list[float]) -> None:
        super().__init__()
        self._now = now

    def append(self, seconds: float) -> None:
        super().append(seconds)
        self._now[0] += seconds


def drafts_of(texts: dict[str, str]) -> Any:
    from tests.unit.retrieval.loading import items

    return drafts(items(texts))


# -- what an index learns of its words


def learnt(desk: Desk) -> dict[str, str]:
    (generation,) = desk.index.generations("docs")
    return {short: meaning.long for short, meaning in generation.kept.learnt.items()}


def test_a_load_adds_the_acronyms_that_its_documents_explain(desk: Desk) -> None:
    desk.load({"a.md": "# A\n\nUse the AWS Key Management Service (AWS KMS)."})
    desk.load({"b.md": "# Network Address Translation (NAT)\n\nText of b."})

    assert learnt(desk) == {"KMS": "Key Management Service", "NAT": "Network Address Translation"}


def test_what_a_document_had_explained_stays_known_when_it_leaves(desk: Desk) -> None:
    desk.load({"a.md": "# A\n\nUse the AWS Key Management Service (AWS KMS)."})
    desk.load({"b.md": "Text of b."}, remove_missing=EVERYTHING)

    assert list(desk.index.documents()) == ["b.md"]
    assert learnt(desk) == {"KMS": "Key Management Service"}


def test_a_document_is_not_written_before_what_it_explains_is_kept(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(index: str, acronyms: object) -> None:
        raise UpstreamUnavailable("the engine is gone")

    monkeypatch.setattr(desk.index, "learn", broken)
    report = desk.load({"a.md": "Use the AWS Key Management Service (AWS KMS)."})

    assert report.stopped is not None
    assert desk.index.documents() == {}
