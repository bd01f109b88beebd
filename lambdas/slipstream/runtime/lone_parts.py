"""What index administration is made of in a process by itself, without the rest of a deployment."""

from __future__ import annotations

from collections.abc import Mapping

from slipstream.caching.marking import MarkingIndex
from slipstream.caching.store import AnswerStore
from slipstream.errors import InvalidRequest
from slipstream.fakes.failures import MemoryDeadLetters, MemoryFailures
from slipstream.gateway.routes import printable
from slipstream.models.aliases import DEFAULT_ALIASES
from slipstream.retrieval.api import Parts
from slipstream.retrieval.drafts import Source
from slipstream.retrieval.ports import IndexSpec
from slipstream.runtime.ingest_parts import counting, model_service, read_replicas
from slipstream.runtime.search_parts import document_index, require_search_settings
from slipstream.runtime.settings import Settings


def build_lone_parts(settings: Settings, environ: Mapping[str, str], answers: AnswerStore | None = None) -> Parts:
    """For a process by itself, with an engine and a model service but no bucket, queue or table: documents come in
    requests, and nothing can fail behind them. Changes end what rests on them among ``answers``. Nothing is called yet.
    Raises BadSetting where there is no engine.
    """
    search = require_search_settings(environ)
    models = model_service(settings.region, {**DEFAULT_ALIASES, **settings.aliases}, settings.endpoints, environ)

    def no_bucket(uri: str, after: str) -> Source:
        del after
        raise InvalidRequest(
            f"there is no documents bucket here to load {printable(uri, 80)} from: load a folder (`slipstream index "
            "load NAME DIR`), or call a deployed gateway",
            param="uri",
        )

    documents = document_index(search)
    if answers is not None:
        documents = MarkingIndex(documents, answers, record=counting(settings.metrics_namespace))
    return Parts(
        index=documents,
        embedder=models.embedder,
        resolve=models.resolve,
        objects=no_bucket,
        failures=MemoryFailures(),
        dead_letters=MemoryDeadLetters(),
        usual=IndexSpec(replicas=read_replicas(environ)),
    )
