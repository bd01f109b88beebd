"""The documents bucket, with boto3: objects to be loaded one by one, or listed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from slipstream.errors import (
    InvalidRequest,
    PermissionDenied,
    SlipstreamError,
    Throttled,
    UnreadableDocument,
    UpstreamUnavailable,
)
from slipstream.retrieval.drafts import Item
from slipstream.retrieval.object_events import Place, StoredObject

_GONE = {"404", "NoSuchKey", "NotFound"}
_DENIED = {"403", "AccessDenied"}
_THROTTLED = {"SlowDown", "503", "ThrottlingException", "RequestLimitExceeded"}


class S3Objects:
    """An ObjectStore over ``client`` (boto3's of S3)."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def look(self, bucket: str, key: str) -> StoredObject | None:
        """See ObjectStore."""
        try:
            with told(f"s3://{bucket}/{key}"):
                found = self._client.head_object(Bucket=bucket, Key=key)
        except UnreadableDocument:
            return None
        return StoredObject(
            tag=found.get("VersionId") or found["ETag"],
            size_bytes=found["ContentLength"],
            content_type=found.get("ContentType", ""),
            updated_at_s=found["LastModified"].timestamp(),
        )

    def read(self, bucket: str, key: str) -> bytes:
        """See ObjectStore."""
        with told(f"s3://{bucket}/{key}"):
            raw: bytes = self._client.get_object(Bucket=bucket, Key=key)["Body"].read()
        return raw


class S3Source:
    """What lies below ``uri``, behind the id ``after``, as a Source. Only ``bucket`` may be read.

    Ids and origins are those that the events give: the index is the key's first part.
    """

    def __init__(self, client: Any, uri: str, after: str, *, bucket: str) -> None:
        self._client = client
        self._objects = S3Objects(client)
        scheme, _, rest = uri.partition("://")
        name, _, self._prefix = rest.partition("/")
        if scheme != "s3" or name != bucket:
            raise InvalidRequest(
                f"'{uri[:200]}' is not in this deployment's documents bucket: give s3://{bucket}/INDEX/, or copy the "
                "documents there",
                param="uri",
            )
        self._bucket = bucket
        self._after = after

    def items(self) -> Iterator[Item]:
        """See Source."""
        pages = self._client.get_paginator("list_objects_v2")
        folder = self._prefix.partition("/")[0]
        start = f"{folder}/{self._after}" if self._after else ""
        with told(f"s3://{self._bucket}/{self._prefix}"):
            for page in pages.paginate(Bucket=self._bucket, Prefix=self._prefix, StartAfter=start):
                for found in page.get("Contents", ()):
                    place = Place(self._bucket, found["Key"])
                    if place.document_id:
                        yield self._item(place, found["LastModified"].timestamp())

    def _item(self, place: Place, updated_at_s: float) -> Item:
        return Item(
            id=place.document_id,
            origin=place.uri,
            read=lambda: self._objects.read(place.bucket, place.key),
            source=place.uri,
            updated_at_s=updated_at_s,
        )


@contextmanager
def told(what: str) -> Iterator[None]:
    """Turn what boto3 raises into errors of our own."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except ClientError as error:
        raise _meaning(what, str(error.response.get("Error", {}).get("Code", ""))) from error
    except BotoCoreError as error:
        raise UpstreamUnavailable(f"{what} cannot be reached ({type(error).__name__}); try again") from error


def _meaning(what: str, code: str) -> SlipstreamError:
    kinds: tuple[tuple[set[str], Callable[[], SlipstreamError]], ...] = (
        (_GONE, lambda: UnreadableDocument(f"{what} is not there (any more)", code="unreachable_document")),
        (_DENIED, lambda: PermissionDenied(f"{what} may not be read: allow the function's role s3:GetObject, "
                                           "s3:ListBucket, and kms:Decrypt where a key of yours is used")),
        (_THROTTLED, lambda: Throttled(f"{what}: the service asks for fewer requests; try again")),
    )  # fmt: skip
    for codes, made in kinds:
        if code in codes:
            return made()
    return UpstreamUnavailable(f"{what} cannot be used ({code}); try again")
