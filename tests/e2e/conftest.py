"""One local stack for all end-to-end tests: the launcher itself, on free ports, in a folder of its own."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.endpoint import Endpoint
from local.places import REGION, ROOT, Places
from local.session import session
from tests.e2e.arrivals import Arrivals, HeldModel


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let the limit of a test's time begin once its fixtures are there.

    Whichever test is first would else pay for the whole stack's start: a minute, and more beside other work.
    """
    here = Path(__file__).parent
    for item in items:
        if item.path.is_relative_to(here):
            item.add_marker(pytest.mark.timeout(120, func_only=True))


@pytest.fixture(scope="session")
def local_places(tmp_path_factory: pytest.TempPathFactory) -> Places:
    """Where the tests' stack keeps its things: beside a stack that the developer may have running."""
    return Places(ROOT / "build" / "e2e")


@pytest.fixture(scope="session")
def local_stack(local_places: Places) -> Iterator[Endpoint]:
    """The endpoint of a whole stack: emulator, deployment, Bedrock server, edge."""
    lines: list[str] = []
    with session(local_places, lines.append) as found:
        yield found


@pytest.fixture
def aws_environment(local_stack: Endpoint, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Endpoint:
    """The environment of boto3 users: what `make up` tells them to set, and nothing of this machine's own AWS."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_REGION", REGION)
    monkeypatch.setenv("AWS_CA_BUNDLE", local_stack.ca_bundle)
    monkeypatch.setenv("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", local_stack.https_base_url)
    monkeypatch.setenv("AWS_BEARER_TOKEN_BEDROCK", local_stack.api_key)
    return local_stack


@pytest.fixture
def arrivals(local_stack: Endpoint, local_places: Places) -> Iterator[Arrivals]:
    """The local Bedrock server stops in the middle of its next streamed answer, until its first pieces have come."""
    settings = json.loads((local_places.folder / "edge.json").read_text())
    model = HeldModel(settings["variables"]["AWS_ENDPOINT_URL_BEDROCK_RUNTIME"] + "/__double/faults")
    model.go_on()  # nothing of an earlier test's
    model.hold()
    yield Arrivals(model)
    model.go_on()
