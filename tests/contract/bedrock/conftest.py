"""Servers, and the choice between the local one and Amazon Bedrock."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import boto3
import pytest

from local.bedrock.settings import Settings
from tests.contract.bedrock.running import QUICK, Running


@pytest.fixture(scope="module")
def shared_server() -> Iterator[Running]:
    with Running(Settings(**QUICK)) as server:
        yield server


@pytest.fixture
def server(shared_server: Running) -> Running:
    shared_server.control("reset", {})
    return shared_server


@dataclass(frozen=True)
class Service:
    """Where a contract is tested."""

    runtime: Any
    control: Any


@pytest.fixture(params=["local", pytest.param("real", marks=pytest.mark.real)])
def service(request: pytest.FixtureRequest) -> Iterator[Service]:
    if request.param == "real":
        runtime, control = boto3.client("bedrock-runtime"), boto3.client("bedrock")
        yield Service(runtime, control)
        runtime.close()
        control.close()
        return
    server: Running = request.getfixturevalue("server")
    yield Service(server.boto(), server.boto("bedrock"))
