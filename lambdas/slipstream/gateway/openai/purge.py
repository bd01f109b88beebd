"""``POST /v1/cache/purge``: an operator ends kept answers, by whose they are, by key, or by what they rest on."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import msgspec

from slipstream.caching.filling.asked import AskedStore
from slipstream.caching.key import namespaced
from slipstream.caching.store import LONGEST_S, AnswerStore, Mark
from slipstream.errors import InvalidRequest, SlipstreamError
from slipstream.gateway.http import Principal
from slipstream.gateway.openai import rejection
from slipstream.gateway.openai.body import Strict
from slipstream.retrieval import index_name

if TYPE_CHECKING:
    from slipstream.caching.knowledge import Knowledge

CLOCKS_S = 5.0
"""What environments' clocks may differ by: so much of the future is ended, too."""
_KEY = re.compile(r"[0-9a-f]{1,64}")


class NoCache(SlipstreamError):
    """Something of the cache was asked, and there is none."""

    http_status, code = 501, "no_cache"
    bedrock_type, openai_type = "ValidationException", "invalid_request_error"

    def __init__(self) -> None:
        super().__init__(
            "this gateway keeps no answers, whatever 'cache' in a request says: deploy it with cache=on; on a laptop, "
            "start it with SLIPSTREAM_CACHE=on"
        )


class PurgeBody(Strict):
    """The request: one of ``tenant``, ``namespace`` (those two with a key's ``prefix``, or all) and ``document``."""

    tenant: str | None = None
    namespace: str | None = None
    prefix: str = ""
    document: str | None = None
    """``INDEX/ID``; ``INDEX/`` is every document of an index."""
    learnt: bool = False
    """Also what was learnt of the namespace's questions, and the questions that it was learnt from."""


_decoder = msgspec.json.Decoder(PurgeBody)


def purge(
    store: AnswerStore | None,
    body: bytes,
    principal: Principal,
    *,
    clock: Callable[[], float] = time.time,
    known_of: Callable[[], Knowledge] | None = None,
    asked_store: AskedStore | None = None,
) -> dict[str, Any]:
    """What was ended; ``known_of`` gives what is known beside answers, which goes with them; with all of a namespace's
    answers, what ``asked_store`` has of its questions goes, too.

    Raises PermissionDenied, InvalidRequest with ``param``, NoCache, and what the stores raise.
    """
    principal.require("admin")
    asked = rejection.decode(_decoder, body)
    if store is None:
        raise NoCache
    if sum(one is not None for one in (asked.tenant, asked.namespace, asked.document)) != 1:
        raise InvalidRequest("give one of 'tenant', 'namespace' and 'document'", param="tenant")
    if asked.learnt and (asked.document is not None or asked.prefix or known_of is None):
        raise InvalidRequest("'learnt' goes with all answers of a 'tenant' or 'namespace'", param="learnt")
    if asked.document is not None:
        index, slash, document = asked.document.partition("/")
        if not slash or not index_name.fits(index):
            raise InvalidRequest("'document' must be INDEX/ID, or INDEX/ for all of an index", param="document")
        now_s = clock()
        store.mark(index, {document: Mark(None, now_s + CLOCKS_S)}, until_s=now_s + LONGEST_S)
        return {"object": "purge", "index": index, "document": document or None}
    if asked.prefix and not _KEY.fullmatch(asked.prefix):
        raise InvalidRequest("'prefix' must be the beginning of a key: small hexadecimal digits", param="prefix")
    shared = asked.namespace
    namespace = namespaced(asked.tenant or "", shared)
    told: dict[str, Any] = {"object": "purge", "namespace": namespace, "answers": store.purge(namespace, asked.prefix)}
    if known_of is not None:
        known_of().questions.purge(namespace, asked.prefix)
        if asked.learnt:
            told["labels"] = known_of().labels.forget(namespace)
    if asked_store is not None and not asked.prefix:
        told["logged_questions"] = asked_store.forget(namespace)
    return told
