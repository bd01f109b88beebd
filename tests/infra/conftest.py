import json
import os
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest

os.environ.setdefault("JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION", "1")

from aws_cdk import App

from stacks.settings import DeploySettings
from stacks.slipstream import compose
from tests.infra.template import Template

SUBNETS = {"vpc_id": "vpc-0a1b2c3d4e5f67890", "vpc_subnet_ids": "subnet-0a1b2c3d4e5f67890,subnet-0b1b2c3d4e5f67890"}
VARIANTS: dict[str, dict[str, Any]] = {
    "prod": {},
    "local": {"stage": "local"},
    "fronted": {
        "region": "eu-west-1",
        "waf": "true",
        "custom_domain": "llm.example.com",
        "certificate_arn": "arn:aws:acm:eu-west-1:111122223333:certificate/0a1b2c3d-1111-2222-3333-444455556666",
        "hosted_zone_id": "Z0123456789ABCDEFGHIJ",
        "hosted_zone_name": "example.com",
        "cors_origins": "https://a.example,https://b.example",
    },
    "private": {**SUBNETS, "vpc_availability_zones": "eu-west-1a,eu-west-1b", "encryption": "customer"},
    "warm": {"provisioned_concurrency": "3", "streaming_host": "web_adapter", "architecture": "x86_64"},
    "snapshot": {"snap_start": "true", "accept_x_api_key": "true", "authorizer_cache_ttl_s": "60"},
    "searching": {"search": "dev"},
    "searching locally": {"stage": "local", "search": "dev"},
    "searching in private": {
        **SUBNETS,
        "vpc_subnet_ids": f"{SUBNETS['vpc_subnet_ids']},subnet-0c1b2c3d4e5f67890,subnet-0d1b2c3d4e5f67890",
        "vpc_availability_zones": "eu-west-1a,eu-west-1b,eu-west-1b,eu-west-1c",
        "region": "eu-west-1",
        "search": "prod",
        "search_fine_grained": "true",
        "search_slow_log_s": "0.5",
        "encryption": "customer",
        "alarm_email": "oncall@example.com",
    },
    "bare": {
        "cache": "off",
        "access_log": "false",
        "cloudwatch_role": "false",
        "mantle_project": "",
        "cors_origins": "*",
    },
}
TEMPLATE_ONLY: Mapping[str, Any] = {"aws:cdk:bundling-stacks": []}
"""The bundles have tests of their own."""


def synthesize(context: Mapping[str, Any], folder: Path) -> Path:
    """Synthesize as app.py does, findings included."""
    app = App(analytics_reporting=False, outdir=str(folder), context=dict(TEMPLATE_ONLY))
    compose(app, DeploySettings.from_context(context))
    app.synth()
    return folder


@pytest.fixture(scope="session")
def assembly(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Folder of a variant's templates, made once."""

    @cache
    def made(variant: str) -> Path:
        return synthesize(VARIANTS[variant], tmp_path_factory.mktemp(variant))

    return made


@pytest.fixture(scope="session")
def template(assembly: Callable[[str], Path]) -> Callable[..., Template]:
    """A variant's template: of the gateway, or of ``stack``."""

    @cache
    def read(variant: str = "prod", stack: str = "Gateway") -> Template:
        (path,) = assembly(variant).glob(f"*-{stack}.template.json")
        return Template(json.loads(path.read_text()))

    return read
