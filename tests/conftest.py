"""Options and rules for the whole suite."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings

# A loaded machine is no defect: no time limits, neither on an example nor on drawing one.
settings.register_profile("suite", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("suite")


def pytest_addoption(parser: pytest.Parser) -> None:
    """``--real`` also runs the contract tests against Amazon Bedrock."""
    parser.addoption("--real", action="store_true", help="run contract tests against Amazon Bedrock (costs money)")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skip what needs credentials unless it was asked for."""
    if config.getoption("--real"):
        return
    for item in items:
        if item.get_closest_marker("real"):
            item.add_marker(pytest.mark.skip(reason="runs against Amazon Bedrock, only with --real"))
