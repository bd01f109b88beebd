"""Options and rules for the whole suite."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from _pytest.terminal import TerminalReporter
from hypothesis import HealthCheck, settings

from local.opensearch.choice import NONE, double_engine
from local.opensearch.probe import wait_until_healthy
from local.opensearch.shared import shared
from local.parts import free_port
from local.places import ROOT

# A loaded machine is no defect: no time limits, neither on an example nor on drawing one.
settings.register_profile("suite", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("suite")


def pytest_addoption(parser: pytest.Parser) -> None:
    """``--real`` also runs the contract tests against Amazon Bedrock."""
    parser.addoption("--real", action="store_true", help="run contract tests against Amazon Bedrock (costs money)")


ENGINE_START_S = 600
"""What a test may take that is the first to need the search engine, on a machine that is busy with the others."""
ENGINES = {"opensearch_url", "search_url", "opensearch"}
"""What a test asks for that may have to wait for it: fixtures, and the parameter of those that choose an engine."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skip what needs credentials unless it was asked for; give time to what may have to wait for the engine."""
    for item in items:
        if ENGINES & {*getattr(item, "fixturenames", ()), *_parameters(item)}:
            item.add_marker(pytest.mark.timeout(ENGINE_START_S))
        if item.get_closest_marker("real") and not config.getoption("--real"):
            item.add_marker(pytest.mark.skip(reason="runs against Amazon Bedrock, only with --real"))


def _parameters(item: pytest.Item) -> list[str]:
    """The values that a test is parametrized with, as far as they are names."""
    callspec = getattr(item, "callspec", None)
    return [] if callspec is None else [value for value in callspec.params.values() if isinstance(value, str)]


@pytest.fixture(scope="session")
def opensearch_url() -> Iterator[str]:
    """A running OpenSearch: OPENSEARCH_URL's, else one that all workers share for the length of the session.

    Others use it at the same time: name indexes so that nobody else has them, and remove them.
    """
    with shared(ROOT / "build" / "test-opensearch") as found:
        if not found.url:
            pytest.skip(found.why)
        yield found.url


@pytest.fixture(scope="session")
def search_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """As ``opensearch_url``; where none can be had, the in-memory double: for what is not about the engine itself."""
    with shared(ROOT / "build" / "test-opensearch") as found:
        yield found.url or request.getfixturevalue("double_url")


@pytest.fixture(scope="session")
def double_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The in-memory double as a server, in a process of its own as the local stack has it."""
    url, part = double_engine(free_port(), os.environ, tmp_path_factory.mktemp("double") / "double.log")
    part.start()
    try:
        wait_until_healthy(part, url, lambda _: None)
        yield url
    finally:
        part.stop()


def pytest_terminal_summary(terminalreporter: TerminalReporter) -> None:
    """Say aloud where tests of the search engine were left out, and why."""
    skipped = [str(report.longrepr[2]) for report in terminalreporter.stats.get("skipped", [])]
    reasons = [reason.removeprefix("Skipped: ") for reason in skipped]
    for reason in sorted({reason for reason in reasons if reason.startswith(NONE)}):
        terminalreporter.section("search engine")
        terminalreporter.line(f"{sum(each == reason for each in reasons)} tests skipped: {reason}")
