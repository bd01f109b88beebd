"""Which implementation stands behind each port of the chat function."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from slipstream.aws.bedrock import BedrockModels
from slipstream.aws.credentials import CredentialSource
from slipstream.aws.places import Authorizes, Places
from slipstream.aws.profiles import BedrockProfiles
from slipstream.aws.sigv4 import Bearer, Signer
from slipstream.aws.transport import Transport
from slipstream.errors import SlipstreamError
from slipstream.gateway.app import create_app
from slipstream.gateway.exchange import Gateway
from slipstream.gateway.http import App
from slipstream.gateway.pipeline import Pipeline
from slipstream.gateway.ports import MetricsSink
from slipstream.gateway.whole import Pace
from slipstream.models.aliases import DEFAULT_ALIASES
from slipstream.models.catalogue import load
from slipstream.models.joined_embedding import JoinedEmbedder
from slipstream.models.ports import ParameterRuleStore
from slipstream.models.prompt_plan import PromptPlanner
from slipstream.models.resolve import Resolver
from slipstream.runtime.search_parts import SearchSettings, passage_index
from slipstream.runtime.settings import Settings
from slipstream.telemetry.metrics import EmfSink

if TYPE_CHECKING:
    from slipstream.caching.filling.recorder import Recorder
    from slipstream.caching.semantic.comparison import Judge
    from slipstream.gateway.grounding import Finds
    from slipstream.models.embedding import Embedder
    from slipstream.retrieval.rerank import Reranker
    from slipstream.retrieval.retrieve import Rewriter
    from slipstream.runtime.cache_parts import AnswerParts
    from slipstream.runtime.cache_stores import CacheStores

VERSION = "0.1.0"
STATE_TIMEOUT_S = 1.0
"""What a table that does not answer may cost, after the last byte: the next request to this environment may wait for
that. A healthy one takes some 10 ms, and 100 with a new connection."""


class Built(NamedTuple):
    """``restore`` runs after a SnapStart restore: sockets and credentials of the snapshot are another environment's."""

    app: App
    restore: Callable[[], None]


class Parts(NamedTuple):
    """What answers requests, before it is an application; ``restore`` as in Built."""

    gateway: Gateway
    stores: CacheStores | None
    """None: nothing is kept."""
    restore: Callable[[], None]


def build(settings: Settings, environ: Mapping[str, str]) -> Built:
    """Put the chat function together. No I/O; ``environ`` gives credentials."""
    parts = assemble(settings, environ)
    return Built(create_app(parts.gateway), parts.restore)


def assemble(
    settings: Settings,
    environ: Mapping[str, str],
    stores: CacheStores | None = None,
    *,
    clock: Callable[[], float] = time.time,
) -> Parts:
    """The chat function's parts, over ``stores`` where another one's are to be shared. No I/O.

    ``clock`` gives the Unix time (s) of what is kept and logged.
    """
    transport = Transport(
        connect_timeout_s=settings.connect_timeout_s,
        read_timeout_s=settings.read_timeout_s,
        ca_bundle=environ.get("AWS_CA_BUNDLE"),
    )
    credentials = CredentialSource(environ)
    signer = Signer(credentials, settings.region)
    token = environ.get("AWS_BEARER_TOKEN_BEDROCK")
    auth: Authorizes = Bearer(token) if token else signer
    places = Places(settings.region, settings.endpoints)
    bedrock = BedrockModels(
        region=settings.region,
        auth=auth,
        transport=transport,
        endpoints=settings.endpoints,
        heartbeat_s=settings.heartbeat_s,
    )
    metrics = EmfSink(settings.metrics_namespace, sys.stdout)
    catalogue = load()
    aliases = {**DEFAULT_ALIASES, **settings.aliases}
    resolver = Resolver(
        catalogue,
        aliases,
        _rule_store(settings, transport, signer, places, metrics),
        BedrockProfiles(transport=transport, auth=auth, places=places),
        region=settings.region,
        prices=settings.prices,
    )
    services = _Services(transport, signer, places)
    embedder = JoinedEmbedder(bedrock)
    finds = _finder(settings, settings.search, services, bedrock, embedder, resolver) if settings.search else None
    stores = stores or _stores(settings, services)
    answers = _answers(settings, stores, bedrock, embedder, resolver, clock) if stores else None
    pipeline = Pipeline(
        resolver=resolver,
        planner=PromptPlanner(),
        models=bedrock,
        metrics=metrics,
        region=settings.region,
        finds=finds,
        cache=answers.cache if answers else None,
        tally=stores.tally if stores and answers and not answers.cache.policy.precomputes else None,
        recorder=_recorder(settings, stores, clock),
    )
    gateway = Gateway(
        pipeline=pipeline,
        resolver=resolver,
        catalogue=catalogue,
        embedder=bedrock,
        passthrough=bedrock,
        metrics=metrics,
        version=VERSION,
        aliases=aliases,
        cors_origins=settings.cors_origins,
        pace=Pace(silence_s=settings.whole_silence_s, heartbeat_s=settings.heartbeat_s),
        finds=finds,
        kept=answers.cache.store if answers else None,
        knowledge=answers.knowledge if answers else None,
        asked=stores.asked() if stores and settings.query_log else None,
    )

    def restore() -> None:
        transport.restore()
        credentials.restore()

    return Parts(gateway, stores, restore)


class _Services(NamedTuple):
    """How services other than models are called: always signed, a Bedrock key opens none of them."""

    transport: Transport
    signer: Signer
    places: Places


def _stores(settings: Settings, services: _Services) -> CacheStores | None:
    if settings.cache is None:
        return None
    from slipstream.runtime.cache_stores import cache_stores

    transport, signer, places = services
    return cache_stores(settings.cache, transport=transport, auth=signer, places=places)


def _answers(
    settings: Settings,
    stores: CacheStores,
    bedrock: BedrockModels,
    embedder: Embedder,
    resolver: Resolver,
    clock: Callable[[], float],
) -> AnswerParts | None:
    if settings.cache is None:
        return None
    from slipstream.runtime.cache_parts import answer_parts

    def judge(model: str) -> Judge:
        from slipstream.caching.semantic.judge import ModelJudge

        return ModelJudge(bedrock, resolver.resolve, model=model)

    return answer_parts(
        settings.cache, stores, embedder=embedder, target=resolver.target, judge=judge, clock=clock
    )  # fmt: skip


def _recorder(settings: Settings, stores: CacheStores | None, clock: Callable[[], float]) -> Recorder | None:
    if settings.query_log is None or stores is None:
        return None
    from slipstream.caching.filling.recorder import Recorder

    return Recorder(stores.asked(), share=settings.query_log.share, days=settings.query_log.days, clock=clock)


def _finder(
    settings: Settings,
    search: SearchSettings,
    services: _Services,
    bedrock: BedrockModels,
    embedder: Embedder,
    resolver: Resolver,
) -> Callable[[], Finds]:
    """The retriever, made with the first question to an index: plain chat starts without it."""

    @cache
    def build() -> Finds:
        from slipstream.retrieval.retrieve import Retriever

        index = passage_index(search, services.transport, services.signer)
        reranker = _reranker(settings.rerank_model, services) if settings.rerank_model else None
        rewriter = _rewriter(settings, bedrock, resolver) if settings.rewrite_model else None
        return Retriever(
            index=index, embedder=embedder, target=resolver.target, reranker=reranker, rewriter=rewriter,
            leg_timeout_ms=settings.leg_timeout_ms,
        )  # fmt: skip

    return build


def _rewriter(settings: Settings, bedrock: BedrockModels, resolver: Resolver) -> Rewriter:
    from slipstream.retrieval.question.rewrite import ModelRewriter

    return ModelRewriter(bedrock, resolver.resolve, model=settings.rewrite_model, limit_ms=settings.rewrite_limit_ms)


def _reranker(model_arn: str, services: _Services) -> Reranker:
    from slipstream.aws.rerank import BedrockReranker

    transport, signer, places = services
    return BedrockReranker(model_arn, transport=transport, auth=signer, places=places)


def _rule_store(
    settings: Settings, transport: Transport, signer: Signer, places: Places, metrics: MetricsSink
) -> ParameterRuleStore | None:
    """Learnt rules in the state table; without one each environment learns for itself."""
    if not settings.state_table:
        return None
    from slipstream.aws.dynamodb import Table, dynamodb
    from slipstream.aws.parameter_rules import TableParameterRules

    def failed(operation: str, error: SlipstreamError) -> None:
        metrics.record({"state_table_errors": 1.0}, {"operation": operation}, {"outcome": error.code})

    table = Table(
        settings.state_table, dynamodb(transport=transport, auth=signer, places=places, timeout_s=STATE_TIMEOUT_S)
    )
    return TableParameterRules(table, failed=failed)
