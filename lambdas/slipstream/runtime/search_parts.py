"""Where the search engine is, and its two ports: on the request path, and for ingestion and administration."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import msgspec

from slipstream.runtime.bad_setting import BadSetting

if TYPE_CHECKING:
    from slipstream.aws.places import Authorizes
    from slipstream.aws.transport import Transport
    from slipstream.retrieval.ports import DocumentIndex, PassageIndex

ENGINE_TIMEOUT_S = 60.0
"""For which ingestion and administration wait for one answer of the engine, where a caller does not wait for them."""


class SearchSettings(msgspec.Struct, frozen=True):
    """``signed``: a domain of AWS, called with the role's signature; otherwise an engine that asks for none."""

    endpoint: str
    signed: bool
    region: str


def read_search_settings(environ: Mapping[str, str]) -> SearchSettings | None:
    """The domain of ``SLIPSTREAM_SEARCH_ENDPOINT``, or what ``OPENSEARCH_URL`` puts in its place, as the SDK's endpoint
    variables do for services; None: there is none.

    ``SLIPSTREAM_SEARCH_AUTH`` is ``sigv4`` or ``none``; without it, an https endpoint is signed and an http one is not.
    Raises BadSetting.
    """
    for variable in ("OPENSEARCH_URL", "SLIPSTREAM_SEARCH_ENDPOINT"):
        if endpoint := environ.get(variable, "").rstrip("/"):
            return search_settings(endpoint, environ, given_as=variable)
    return None


def search_settings(endpoint: str, environ: Mapping[str, str], *, given_as: str) -> SearchSettings:
    """The engine at ``endpoint``, whatever engine the environment names; how it is called is the environment's.

    ``given_as`` is the variable or option that ``endpoint`` came by, for the message. Raises BadSetting.
    """
    endpoint = endpoint.rstrip("/")
    scheme = endpoint.partition("://")[0]
    if scheme not in ("http", "https"):
        raise BadSetting(
            f"{given_as} must be a URL such as https://search-docs.eu-west-1.es.amazonaws.com, not {endpoint!r}"
        )
    auth = environ.get("SLIPSTREAM_SEARCH_AUTH") or ("sigv4" if scheme == "https" else "none")
    if auth not in ("sigv4", "none"):
        raise BadSetting(f"SLIPSTREAM_SEARCH_AUTH must be sigv4 or none, not {auth!r}")
    region = environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION") or ""
    if auth == "sigv4" and not region:
        raise BadSetting("AWS_REGION is not set: it has to be the search domain's region")
    return SearchSettings(endpoint, auth == "sigv4", region)


def require_search_settings(environ: Mapping[str, str]) -> SearchSettings:
    """``read_search_settings`` where there is nothing to do without an engine. Raises BadSetting."""
    found = read_search_settings(environ)
    if found is None:
        raise BadSetting("SLIPSTREAM_SEARCH_ENDPOINT is not set: it has to be the engine's base URL, https://host")
    return found


def passage_index(settings: SearchSettings, transport: Transport, signer: Authorizes) -> PassageIndex:
    """Search for the request path, over the function's own connections. Nothing is called yet."""
    from slipstream.aws.search_index import OpenSearchPassages
    from slipstream.aws.sigv4 import Unsigned

    auth = signer if settings.signed else Unsigned()
    return OpenSearchPassages(settings.endpoint, transport=transport, auth=auth)


def document_index(settings: SearchSettings, *, timeout_s: float = ENGINE_TIMEOUT_S) -> DocumentIndex:
    """Ingestion and administration, with the engine's own client (half a second to import). Nothing is called yet.

    A call that the engine leaves unanswered for ``timeout_s`` raises UpstreamTimeout.
    """
    from slipstream.aws.document_index import OpenSearchDocuments, connect

    client = connect(settings.endpoint, region=settings.region, signed=settings.signed, timeout_s=timeout_s)
    return OpenSearchDocuments(client, faiss=settings.signed)
