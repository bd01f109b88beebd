"""Options and rules for the whole suite."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# A loaded machine is no defect: no time limits, neither on an example nor on drawing one.
settings.register_profile("suite", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("suite")


def pytest_addoption(parser: pytest.Parser) -> None:
    """``--real`` also runs the contract tests against Amazon Bedrock."""
    parser.addoption("--real", action="store_true", help="run contract tests against Amazon Bedrock (costs money)")


SHARED = ("e2e", "infra")
"""Folders of tests that share something dear (a whole local stack, synthesized templates): one worker has them all."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skip what needs credentials unless it was asked for; keep together what shares fixtures (pytest-xdist)."""
    for item in items:
        path = item.path.relative_to(Path(__file__).parent)
        item.add_marker(pytest.mark.xdist_group(path.parts[0] if path.parts[0] in SHARED else path.as_posix()))
        if item.get_closest_marker("real") and not config.getoption("--real"):
            item.add_marker(pytest.mark.skip(reason="runs against Amazon Bedrock, only with --real"))
