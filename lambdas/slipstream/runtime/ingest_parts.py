"""What ingestion and index administration are made of, built from their environment."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from slipstream.aws.answer_store import DynamoAnswerStore
from slipstream.aws.bedrock import BedrockModels
from slipstream.aws.clients import client
from slipstream.aws.credentials import CredentialSource
from slipstream.aws.dead_letters import SqsDeadLetters
from slipstream.aws.dynamodb import Table, dynamodb
from slipstream.aws.failure_table import TableFailures
from slipstream.aws.objects import S3Objects, S3Source
from slipstream.aws.places import Authorizes, Places
from slipstream.aws.profiles import BedrockProfiles
from slipstream.aws.sigv4 import Bearer, Signer
from slipstream.aws.transport import Transport
from slipstream.caching.marking import MarkingIndex
from slipstream.caching.watching import Record
from slipstream.models.aliases import DEFAULT_ALIASES
from slipstream.models.embedding import Embedder
from slipstream.models.resolve import Resolver
from slipstream.models.targets import Target
from slipstream.retrieval.api import Parts
from slipstream.retrieval.failures import DeadLetters, FailureStore
from slipstream.retrieval.object_events import ObjectEvents
from slipstream.retrieval.ports import DocumentIndex, IndexSpec
from slipstream.runtime.bad_setting import BadSetting
from slipstream.runtime.search_parts import (
    ENGINE_TIMEOUT_S,
    SearchSettings,
    document_index,
    require_search_settings,
)
from slipstream.runtime.settings import read_settings
from slipstream.telemetry.metrics import EmfSink

ROUTES_ENGINE_TIMEOUT_S = 24.0
"""For which the routes wait for one answer of the engine: their function ends after 29 s, and is to say why before."""


class IngestSettings(NamedTuple):
    """What a deployment gives both functions."""

    region: str
    search: SearchSettings
    state_table: str
    documents_bucket: str
    queue_url: str
    dead_letter_queue_url: str
    aliases: Mapping[str, str]
    endpoints: Mapping[str, str]
    cors_origins: tuple[str, ...] = ()
    answers_table: str = ""
    """Where answers are kept that a change of a document has to end; empty: none are."""
    replicas: int = 0
    """Of an index whose maker names no number."""
    metrics_namespace: str = ""


class _Common(NamedTuple):
    documents: DocumentIndex
    embedder: Embedder
    resolve: Callable[[str], Target]
    failures: FailureStore
    dead_letters: DeadLetters


def read_ingest_settings(environ: Mapping[str, str]) -> IngestSettings:
    """Read the environment. Raises BadSetting that names the variable and what would be right."""
    general = read_settings(environ)
    return IngestSettings(
        region=general.region,
        search=require_search_settings(environ),
        state_table=_required(environ, "SLIPSTREAM_STATE_TABLE", "the name of the state table"),
        documents_bucket=_required(environ, "SLIPSTREAM_DOCUMENTS_BUCKET", "the name of the documents bucket"),
        queue_url=_required(environ, "SLIPSTREAM_INGEST_QUEUE_URL", "the URL of the queue of object events"),
        dead_letter_queue_url=_required(environ, "SLIPSTREAM_DEAD_LETTER_QUEUE_URL", "the URL of its dead letters"),
        aliases={**DEFAULT_ALIASES, **general.aliases},
        endpoints=general.endpoints,
        cors_origins=tuple(general.cors_origins),
        answers_table=general.cache.table if general.cache else "",
        replicas=read_replicas(environ),
        metrics_namespace=general.metrics_namespace,
    )


def build_api_parts(settings: IngestSettings, environ: Mapping[str, str]) -> Parts:
    """What the routes work with; nothing is called yet. ``environ`` holds the credentials."""
    common = _common(settings, environ, engine_timeout_s=ROUTES_ENGINE_TIMEOUT_S)
    s3 = client("s3", settings.region)
    return Parts(
        index=common.documents,
        embedder=common.embedder,
        resolve=common.resolve,
        objects=lambda uri, after: S3Source(s3, uri, after, bucket=settings.documents_bucket),
        failures=common.failures,
        dead_letters=common.dead_letters,
        usual=IndexSpec(replicas=settings.replicas),
    )


def build_object_events(settings: IngestSettings, environ: Mapping[str, str]) -> ObjectEvents:
    """What works through the queue; nothing is called yet."""
    common = _common(settings, environ)
    return ObjectEvents(
        index=common.documents,
        embedder=common.embedder,
        resolve=common.resolve,
        objects=S3Objects(client("s3", settings.region)),
        failures=common.failures,
        dead_letters=common.dead_letters,
        now_s=time.time,
        clock=time.perf_counter,
        log=_log,
    )


class ModelService(NamedTuple):
    """How models are called, and what else is called the same way."""

    transport: Transport
    signer: Signer
    places: Places
    embedder: Embedder
    resolve: Callable[[str], Target]


def model_service(
    region: str, aliases: Mapping[str, str], endpoints: Mapping[str, str], environ: Mapping[str, str]
) -> ModelService:
    """What embeds documents and knows models by their names; nothing is called yet."""
    transport = Transport(ca_bundle=environ.get("AWS_CA_BUNDLE"))
    signer = Signer(CredentialSource(environ), region)
    token = environ.get("AWS_BEARER_TOKEN_BEDROCK")
    auth: Authorizes = Bearer(token) if token else signer
    places = Places(region, endpoints)
    bedrock = BedrockModels(region=region, auth=auth, transport=transport, endpoints=endpoints)
    profiles = BedrockProfiles(transport=transport, auth=auth, places=places)
    resolve = Resolver(aliases=aliases, profiles=profiles, region=region).target
    return ModelService(transport, signer, places, bedrock, resolve)


def _common(
    settings: IngestSettings, environ: Mapping[str, str], *, engine_timeout_s: float = ENGINE_TIMEOUT_S
) -> _Common:
    models = model_service(settings.region, settings.aliases, settings.endpoints, environ)
    table = Table(settings.state_table, dynamodb(transport=models.transport, auth=models.signer, places=models.places))
    documents = document_index(settings.search, timeout_s=engine_timeout_s)
    if settings.answers_table:
        service = dynamodb(transport=models.transport, auth=models.signer, places=models.places)
        answers = DynamoAnswerStore(Table(settings.answers_table, service))
        documents = MarkingIndex(documents, answers, record=counting(settings.metrics_namespace))
    return _Common(
        documents=documents,
        embedder=models.embedder,
        resolve=models.resolve,
        failures=TableFailures(table),
        dead_letters=SqsDeadLetters(
            client("sqs", settings.region), queue_url=settings.queue_url, dead_url=settings.dead_letter_queue_url
        ),
    )


def counting(namespace: str) -> Record:
    """Counts of what happens to kept answers, as metrics of ``namespace``."""
    sink = EmfSink(namespace, sys.stdout)
    return lambda counts, index: sink.record(counts, {"operation": "arrival"}, {"index": index})


def _log(message: str, **facts: Any) -> None:
    """One line of JSON a fact: objects and reasons, never a document's text."""
    sys.stdout.write(json.dumps({"level": "INFO", "service": "ingest", "message": message, **facts}) + "\n")


def read_replicas(environ: Mapping[str, str]) -> int:
    """Of ``SLIPSTREAM_INDEX_REPLICAS``. Raises BadSetting."""
    text = environ.get("SLIPSTREAM_INDEX_REPLICAS") or "0"
    if not text.isdecimal():
        raise BadSetting(f"SLIPSTREAM_INDEX_REPLICAS must be a number of copies beside the first, not {text!r}")
    return int(text)


def _required(environ: Mapping[str, str], name: str, what: str) -> str:
    value = environ.get(name, "")
    if not value:
        raise BadSetting(f"{name} is not set: it has to be {what}")
    return value
