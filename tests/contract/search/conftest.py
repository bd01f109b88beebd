from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import opensearchpy
import pytest

from slipstream.aws.credentials import CredentialSource
from slipstream.aws.document_index import OpenSearchDocuments, connect
from slipstream.aws.places import Authorizes
from slipstream.aws.search_index import OpenSearchPassages
from slipstream.aws.sigv4 import Signer, Unsigned
from slipstream.aws.transport import Transport
from slipstream.errors import IndexNotFound
from slipstream.fakes.passage_index import MemoryIndex
from tests.contract.search.engines import Engine


@pytest.fixture
def index() -> str:
    return f"contract-{uuid.uuid4().hex}"


@pytest.fixture(params=["memory", "double", "opensearch", pytest.param("domain", marks=pytest.mark.real)])
def engine(request: pytest.FixtureRequest, index: str) -> Iterator[Engine]:
    """The double in this process and as a server behind the adapters, the engine of this machine, and (``--real``) the
    domain that SLIPSTREAM_SEARCH_ENDPOINT names.
    """
    if request.param == "memory":
        yield in_memory(index)
    elif request.param == "double":
        yield request.getfixturevalue("served")
    elif request.param == "opensearch":
        yield request.getfixturevalue("local")
    else:
        url, region = os.environ["SLIPSTREAM_SEARCH_ENDPOINT"], os.environ["AWS_REGION"]
        signer = Signer(CredentialSource(os.environ), region)
        with over(connect(url, region=region, signed=True), url, signer, index) as domain:
            yield domain


@pytest.fixture(params=["double", "opensearch"])
def rest(request: pytest.FixtureRequest) -> Engine:
    """Whatever is behind OpenSearch's REST API on this machine: the double as a server, the engine."""
    found: Engine = request.getfixturevalue("served" if request.param == "double" else "local")
    return found


@pytest.fixture
def local(opensearch_url: str, index: str) -> Iterator[Engine]:
    """The engine of this machine."""
    with over(connect(opensearch_url), opensearch_url, Unsigned(), index) as engine:
        yield engine


@pytest.fixture
def served(double_url: str, index: str) -> Iterator[Engine]:
    """The double as a server."""
    with over(connect(double_url), double_url, Unsigned(), index) as engine:
        yield engine


def in_memory(index: str) -> Engine:
    """The double."""
    memory = MemoryIndex()

    def block_writes(on: bool) -> None:
        memory.read_only = {index} if on else set()

    return Engine(memory, memory, index, block_writes)


@contextmanager
def over(client: opensearchpy.OpenSearch, url: str, auth: Authorizes, index: str) -> Iterator[Engine]:
    """Both adapters over one engine; the index is removed afterwards."""
    transport = Transport()
    documents = OpenSearchDocuments(client, faiss=not isinstance(auth, Unsigned))

    def block_writes(on: bool) -> None:
        client.indices.put_settings(index=f"{index}-*", body={"index.blocks.write": on})

    try:
        yield Engine(OpenSearchPassages(url, transport=transport, auth=auth), documents, index, block_writes, url)
    finally:
        with suppress(IndexNotFound):
            documents.drop(index)
        transport.restore()
        client.close()
