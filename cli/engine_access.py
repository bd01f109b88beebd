"""The search engine that a command speaks to itself, without the gateway: measuring needs it bare."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from local import endpoint, places
from slipstream.errors import SlipstreamError
from slipstream.runtime.search_parts import SearchSettings, read_search_settings, search_settings

if TYPE_CHECKING:
    from opensearchpy import OpenSearch

    from slipstream.aws.document_index import OpenSearchDocuments
    from slipstream.retrieval.ports import PassageIndex

NOWHERE = (
    "no search engine to measure: give --engine-url, set SLIPSTREAM_SEARCH_ENDPOINT (for a domain, with AWS_REGION and "
    "credentials), or run `make up`"
)

WITHOUT = (
    "the local stack runs without a search engine: `make down`, then `make up` with SLIPSTREAM_SEARCH unset; or give "
    "--engine-url, or set SLIPSTREAM_SEARCH_ENDPOINT (for a domain, with AWS_REGION and credentials)"
)
"""As NOWHERE, where `make up` would only say that the stack runs already."""

NOT_THE_DOUBLE = (
    "this is the in-memory double of OpenSearch, which has no graphs, segments or times to measure: give the "
    "--engine-url of a real engine, or let `make up` start one (docs/local-stack.md says what it takes)"
)


@dataclass(frozen=True)
class Engine:
    """One engine by all its ways in. ``has_faiss``: a domain has that library, a local engine has not."""

    client: OpenSearch
    documents: OpenSearchDocuments
    passages: PassageIndex
    has_faiss: bool


@contextmanager
def connect(url: str | None) -> Iterator[Engine]:
    """The engine at ``url``, else the environment's, else the local stack's. Raises click.ClickException."""
    from slipstream.aws import document_index
    from slipstream.aws.credentials import CredentialSource
    from slipstream.aws.sigv4 import Signer
    from slipstream.aws.transport import Transport
    from slipstream.runtime.search_parts import passage_index

    settings = _settings(url)
    client = document_index.connect(settings.endpoint, region=settings.region, signed=settings.signed, timeout_s=600.0)
    transport, signer = Transport(), Signer(CredentialSource(os.environ), settings.region)
    documents = document_index.OpenSearchDocuments(client, faiss=settings.signed)
    try:
        yield Engine(client, documents, passage_index(settings, transport, signer), settings.signed)
    finally:
        transport.restore()
        client.close()


def require_real(engine: Engine) -> None:
    """Raises click.ClickException for the double, before anything is embedded for it; what an engine says."""
    from local.opensearch.double.refusals import BUILD_TYPE
    from slipstream.aws.index_inspection import Inspection

    if Inspection(engine.client).build_type() == BUILD_TYPE:
        raise click.ClickException(NOT_THE_DOUBLE)


def _settings(url: str | None) -> SearchSettings:
    try:
        if url:
            return search_settings(url, os.environ, given_as="--engine-url")
        found = read_search_settings(os.environ)
    except SlipstreamError as error:
        raise click.ClickException(error.message) from error
    if found is not None:
        return found
    try:
        local = endpoint.read(places.default().endpoint).opensearch_url
    except (FileNotFoundError, ValueError):
        raise click.ClickException(NOWHERE) from None
    if not local:
        raise click.ClickException(WITHOUT)
    return SearchSettings(local, signed=False, region="")
