"""The whole app: its stacks, and the rules that their templates have to pass."""

from __future__ import annotations

from aws_cdk import App, Environment, Tags, Validations
from cdk_nag import AwsSolutionsChecks

from stacks.data import DataStack
from stacks.gateway import GatewayStack
from stacks.precompute import PrecomputeStack
from stacks.search import SearchStack
from stacks.settings import DeploySettings


def compose(app: App, settings: DeploySettings) -> tuple[DataStack, GatewayStack]:
    """Put the stacks into ``app``; synthesizing it then fails on a finding that nobody has acknowledged."""
    # No account: synthesizing asks nobody anything, and one assembly fits every account.
    env = Environment(region=settings.region) if settings.region else None
    prefix = f"Slipstream-{settings.stage}"
    data = DataStack(app, f"{prefix}-Data", settings=settings, env=env)
    search = None
    if settings.search != "none":
        search = SearchStack(app, f"{prefix}-Search", settings=settings, data=data, env=env)
    if data.answers and (settings.precomputes or settings.finds_other_wordings):
        name = f"{prefix}-Precompute"
        PrecomputeStack(app, name, settings=settings, data=data, answers=data.answers, search=search, env=env)
    gateway = GatewayStack(app, f"{prefix}-Gateway", settings=settings, data=data, search=search, env=env)
    Tags.of(app).add("slipstream:stage", settings.stage)
    Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    return data, gateway
