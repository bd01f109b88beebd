from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from slipstream.aws.credentials import CredentialSource
from slipstream.aws.dead_letters import SqsDeadLetters
from slipstream.aws.dynamodb import Table, dynamodb
from slipstream.aws.failure_table import TableFailures
from slipstream.aws.objects import S3Objects, S3Source
from slipstream.aws.places import Places
from slipstream.aws.sigv4 import Signer
from slipstream.aws.transport import Transport
from slipstream.errors import InvalidRequest, UnreadableDocument, UpstreamUnavailable
from slipstream.fakes.failures import MemoryFailures
from slipstream.retrieval.failures import FailureRecord, FailureStore, Replayed
from slipstream.retrieval.object_events import ObjectEvents
from slipstream.runtime.bad_setting import BadSetting
from slipstream.runtime.ingest_parts import build_api_parts, build_object_events, read_ingest_settings
from tests.unit.retrieval.test_object_events import event

RECORD = FailureRecord("docs", "s3://documents/docs/x.pdf", "encrypted_document", "is encrypted", False, 1_700_000_000)


# -- failure records


@pytest.fixture(params=["memory", "dynamodb"])
def failures(request: pytest.FixtureRequest, environ: dict[str, str]) -> Iterator[FailureStore]:
    if request.param == "memory":
        yield MemoryFailures()
        return
    transport = Transport()
    auth = Signer(CredentialSource(environ), environ["AWS_REGION"])
    places = Places(environ["AWS_REGION"], {"dynamodb": environ["AWS_ENDPOINT_URL"]})
    yield TableFailures(Table("state", dynamodb(transport=transport, auth=auth, places=places)))
    transport.restore()


def test_a_failure_is_kept_as_it_was_told_and_a_later_one_replaces_it(failures: FailureStore) -> None:
    failures.put(RECORD)
    later = FailureRecord("docs", RECORD.origin, "no_text", "holds no text", True, 1_700_000_009, 3)
    failures.put(later)

    assert failures.all("docs") == [later]
    assert failures.all("other") == []


def test_failures_come_by_origin_and_are_forgotten_one_by_one(failures: FailureStore) -> None:
    others = [FailureRecord("docs", f"s3://documents/docs/{name}", "c", "r", False, 1) for name in "ba"]
    for record in others:
        failures.put(record)

    assert [record.origin[-1] for record in failures.all("docs")] == ["a", "b"]
    failures.remove("docs", others[0].origin)
    failures.remove("docs", "s3://documents/docs/unknown")
    assert failures.all("docs") == [others[1]]


# -- the bucket


def test_an_object_is_looked_at_and_read(environ: dict[str, str]) -> None:
    s3 = boto3.client("s3")
    s3.put_object(Bucket="documents", Key="docs/a b.md", Body=b"Text.", ContentType="text/markdown")
    objects = S3Objects(s3)

    found = objects.look("documents", "docs/a b.md")

    assert found is not None
    assert (found.size_bytes, found.content_type) == (5, "text/markdown")
    assert objects.read("documents", "docs/a b.md") == b"Text."


def test_an_object_s_tag_changes_with_its_bytes(environ: dict[str, str]) -> None:
    s3 = boto3.client("s3")
    tags = []
    for body in (b"one", b"two", b"one"):
        s3.put_object(Bucket="documents", Key="docs/a.md", Body=body)
        found = S3Objects(s3).look("documents", "docs/a.md")
        tags.append(found.tag if found else "")

    assert tags[0] != tags[1]
    assert tags[0] == tags[2]


def test_an_object_that_is_gone_is_nothing_to_look_at_and_cannot_be_read(environ: dict[str, str]) -> None:
    objects = S3Objects(boto3.client("s3"))

    assert objects.look("documents", "docs/none.md") is None
    with pytest.raises(UnreadableDocument, match="is not there"):
        objects.read("documents", "docs/none.md")


def test_what_lies_below_an_address_comes_in_the_order_of_its_keys_from_anywhere(environ: dict[str, str]) -> None:
    s3 = boto3.client("s3")
    for key in ("docs/b.md", "docs/a/x.md", "docs/a/", "other/c.md", "docs/a/y.md"):
        s3.put_object(Bucket="documents", Key=key, Body=key.encode())

    items = list(S3Source(s3, "s3://documents/docs/", "", bucket="documents").items())
    rest = list(S3Source(s3, "s3://documents/docs/", "a/x.md", bucket="documents").items())

    assert [item.id for item in items] == ["a/x.md", "a/y.md", "b.md"]
    assert [item.id for item in rest] == ["a/y.md", "b.md"]
    assert (items[0].origin, items[0].read()) == ("s3://documents/docs/a/x.md", b"docs/a/x.md")


@pytest.mark.parametrize("uri", ["s3://elsewhere/docs/", "https://documents/docs/", "documents/docs"])
def test_only_the_documents_bucket_may_be_loaded(environ: dict[str, str], uri: str) -> None:
    with pytest.raises(InvalidRequest, match="s3://documents/INDEX/"):
        S3Source(boto3.client("s3"), uri, "", bucket="documents")


# -- dead letters


def test_a_dead_letter_carries_its_reason_and_comes_back_alone(environ: dict[str, str]) -> None:
    sqs = boto3.client("sqs")
    queue, dead = environ["SLIPSTREAM_INGEST_QUEUE_URL"], environ["SLIPSTREAM_DEAD_LETTER_QUEUE_URL"]
    letters = SqsDeadLetters(sqs, queue_url=queue, dead_url=dead)
    for key in ("docs/x.pdf", "docs/y.pdf", "other/z.pdf"):
        letters.bury(event(key), RECORD)
    sqs.send_message(QueueUrl=dead, MessageBody="what the queue itself buried")

    (seen,) = sqs.receive_message(QueueUrl=dead, MessageAttributeNames=["All"], VisibilityTimeout=0)["Messages"][:1]
    assert seen["MessageAttributes"]["reason"]["StringValue"] == "is encrypted"
    assert letters.replay("docs") == Replayed(2, finished=True)

    back = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10)["Messages"]
    assert sorted(json.loads(m["Body"])["detail"]["object"]["key"] for m in back) == ["docs/x.pdf", "docs/y.pdf"]
    left = sqs.receive_message(QueueUrl=dead, MaxNumberOfMessages=10)["Messages"]
    assert len(left) == 2


class FailsAtOnce:
    """SQS with a worker behind the queue that buries again whatever comes back, before anyone looks twice."""

    def __init__(self, sqs: Any, queue: str, dead: str) -> None:
        self._sqs, self._queue, self._dead = sqs, queue, dead
        self.came_back = 0

    def send_message(self, *, QueueUrl: str, MessageBody: str, **more: Any) -> Any:  # noqa: N803 - boto3's names
        if QueueUrl == self._queue:
            self.came_back += 1
            assert self.came_back < 10, "the same message comes back for ever"
            QueueUrl = self._dead  # noqa: N806
        return self._sqs.send_message(QueueUrl=QueueUrl, MessageBody=MessageBody, **more)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sqs, name)


def test_what_fails_again_at_once_is_replayed_once(environ: dict[str, str]) -> None:
    queue, dead = environ["SLIPSTREAM_INGEST_QUEUE_URL"], environ["SLIPSTREAM_DEAD_LETTER_QUEUE_URL"]
    sqs = FailsAtOnce(boto3.client("sqs"), queue, dead)
    letters = SqsDeadLetters(sqs, queue_url=queue, dead_url=dead)
    letters.bury(event("docs/x.pdf"), RECORD)

    assert letters.replay("docs") == Replayed(1, finished=True)
    assert sqs.came_back == 1


def test_a_replay_that_is_out_of_time_says_so_and_the_next_goes_on(environ: dict[str, str]) -> None:
    queue, dead = environ["SLIPSTREAM_INGEST_QUEUE_URL"], environ["SLIPSTREAM_DEAD_LETTER_QUEUE_URL"]
    letters = SqsDeadLetters(boto3.client("sqs"), queue_url=queue, dead_url=dead)
    for number in range(25):
        letters.bury(event(f"docs/{number}.pdf"), RECORD)
    looks = iter([False, True])

    # It takes ten and ten, and by then has no time left to send one back.
    assert letters.replay("docs", lambda: next(looks, True)) == Replayed(0, finished=False)
    assert letters.replay("docs") == Replayed(5, finished=True)


def test_a_replay_takes_no_more_than_it_can_send_back_and_the_next_goes_on_behind_other_indexes(
    environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("slipstream.aws.dead_letters.MOST_TAKEN", 10)
    queue, dead = environ["SLIPSTREAM_INGEST_QUEUE_URL"], environ["SLIPSTREAM_DEAD_LETTER_QUEUE_URL"]
    letters = SqsDeadLetters(boto3.client("sqs"), queue_url=queue, dead_url=dead)
    for number in range(12):
        letters.bury(event(f"other/{number}.pdf"), RECORD)
    for number in range(7):
        letters.bury(event(f"docs/{number}.pdf"), RECORD)

    done = [letters.replay("docs")]
    while not done[-1].finished:
        done.append(letters.replay("docs"))

    assert len(done) > 1
    assert sum(each.messages for each in done) == 7


def test_a_queue_that_is_not_there_is_told_as_unavailable(environ: dict[str, str]) -> None:
    letters = SqsDeadLetters(boto3.client("sqs"), queue_url="x", dead_url="https://sqs.us-east-1.amazonaws.com/1/none")

    with pytest.raises(UpstreamUnavailable):
        letters.replay("docs")


# -- wiring


def test_both_functions_are_built_from_their_environment_without_a_call(environ: dict[str, str]) -> None:
    settings = read_ingest_settings(environ)

    assert isinstance(build_object_events(settings, environ), ObjectEvents)
    with pytest.raises(InvalidRequest, match="s3://documents/INDEX/"):
        build_api_parts(settings, environ).objects("s3://elsewhere/", "")


@pytest.mark.parametrize(
    "name",
    ["SLIPSTREAM_SEARCH_ENDPOINT", "SLIPSTREAM_STATE_TABLE", "SLIPSTREAM_DOCUMENTS_BUCKET",
     "SLIPSTREAM_INGEST_QUEUE_URL", "SLIPSTREAM_DEAD_LETTER_QUEUE_URL"],
)  # fmt: skip
def test_a_setting_that_is_missing_is_named(environ: dict[str, str], name: str) -> None:
    with pytest.raises(BadSetting, match=name):
        read_ingest_settings({key: value for key, value in environ.items() if key != name})


def test_a_number_of_replicas_that_is_none_is_named(environ: dict[str, str]) -> None:
    with pytest.raises(BadSetting, match="SLIPSTREAM_INDEX_REPLICAS must be a number of copies"):
        read_ingest_settings({**environ, "SLIPSTREAM_INDEX_REPLICAS": "one"})
