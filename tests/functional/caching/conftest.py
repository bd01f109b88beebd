"""Gateways in processes of their own, over the local model service and over DynamoDB and S3 as moto has them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from bench.overhead import gateway_environ
from bench.processes import running
from tests.contract.caching.moto_server import BUCKET, TABLE, create, moto_server, remove
from tests.functional.faults.conftest import DOUBLE, SERVE, Double, Host

PATIENT = {"SLIPSTREAM_CACHE_LIMIT_MS": "10000", "SLIPSTREAM_CACHE_LEASE_S": "30"}
"""A busy machine is no fault."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("caching")


@pytest.fixture(scope="module")
def moto_url() -> Iterator[str]:
    with moto_server() as url:
        yield url


@pytest.fixture(scope="module")
def double_port(folder: Path) -> Iterator[int]:
    with running(DOUBLE, environ={}, folder=folder, name="double") as process:
        yield process.port


@pytest.fixture
def double(double_port: int) -> Iterator[Double]:
    control = Double(double_port)
    control.control("reset", {})
    yield control
    control.control("reset", {})


@pytest.fixture
def table(moto_url: str) -> Iterator[str]:
    """An empty table and bucket; the services' URL."""
    create(moto_url)
    yield moto_url
    remove(moto_url)


def environ_of(double_port: int, aws_url: str, **more: str) -> dict[str, str]:
    """A gateway's environment whose answers are kept at ``aws_url``."""
    return gateway_environ(double_port) | PATIENT | {
        "SLIPSTREAM_CACHE": "on",
        "SLIPSTREAM_CACHE_TABLE": TABLE,
        "SLIPSTREAM_CACHE_BUCKET": BUCKET,
        "AWS_ENDPOINT_URL_DYNAMODB": aws_url,
        "AWS_ENDPOINT_URL_S3": aws_url,
    } | more  # fmt: skip


@pytest.fixture(scope="module")
def hosts(double_port: int, moto_url: str, folder: Path) -> Iterator[list[Host]]:
    """Two environments of one deployment."""
    environ = environ_of(double_port, moto_url)
    with ExitStack() as parts:
        yield [
            Host(parts.enter_context(running(SERVE, environ=environ, folder=folder, name=f"host{n}"))) for n in (1, 2)
        ]
