"""Index routes beside the chat function's, for a host that is the whole gateway in one process.

Behind API Gateway they are a function of their own; here they share its process, and are built when first called.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from slipstream.gateway import manners
from slipstream.gateway.http import App, HttpRequest, HttpResponse
from slipstream.runtime.settings import Settings

if TYPE_CHECKING:
    from slipstream.caching.store import AnswerStore

ROOT = "/v1/indexes"


def with_indexes(app: App, settings: Settings, environ: Mapping[str, str], answers: AnswerStore | None = None) -> App:
    """``app``, and in front of it /v1/indexes and what lies below; a change of a document ends its answers among
    ``answers``, which ``app`` keeps.
    """

    @cache
    def api() -> Any:
        from slipstream.retrieval.api import IndexesApi
        from slipstream.runtime.lone_parts import build_lone_parts

        return IndexesApi(build_lone_parts(settings, environ, answers))

    def routed(request: HttpRequest) -> HttpResponse:
        if request.path != ROOT and not request.path.startswith(ROOT + "/"):
            return app(request)
        from slipstream.runtime.buffered import outcome

        request.request_id = manners.request_id(request.headers, request.request_id)
        status, headers, body = outcome(
            request, api(), tuple(settings.cors_origins), lambda *_, **__: None, name="indexes", facts=lambda _: {}
        )
        return HttpResponse(status, headers, [body.encode()])

    return routed
