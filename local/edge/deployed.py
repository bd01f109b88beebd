"""Reads what was deployed from the emulator: routes, authorizers, gateway responses, functions and their code."""

from __future__ import annotations

import io
import shutil
import urllib.request
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from local.edge.authorizer import AuthorizerSettings
from local.edge.config import EdgeConfig
from local.edge.responses import GatewayResponses
from local.edge.routes import Method, Routes, function_ref
from local.lambda_host import HostConfig


@dataclass(frozen=True, slots=True)
class DeployedApi:
    """One stage of one REST API."""

    routes: Routes
    streamed_functions: frozenset[str]
    authorizers: Mapping[str, AuthorizerSettings]
    responses: GatewayResponses
    binary_media_types: tuple[str, ...]


def client(config: EdgeConfig, service: str) -> Any:
    """A boto3 client for the emulator; credentials and endpoint come from the configuration alone."""
    return boto3.client(
        service,
        region_name=config.region,
        endpoint_url=config.emulator_url,
        aws_access_key_id=config.variables.get("AWS_ACCESS_KEY_ID", "test"),
        aws_secret_access_key=config.variables.get("AWS_SECRET_ACCESS_KEY", "test"),
        config=Config(retries={"total_max_attempts": 2}, max_pool_connections=16),
    )


def read_api(gateway: Any, api_id: str) -> DeployedApi:
    """Read the API through ``gateway``, a boto3 client of API Gateway."""
    methods = list(_methods(gateway, api_id))
    return DeployedApi(
        routes=Routes(methods),
        streamed_functions=frozenset(method.function_ref for _, method in methods if method.streams),
        authorizers={item["id"]: _authorizer(item) for item in gateway.get_authorizers(restApiId=api_id)["items"]},
        responses=GatewayResponses(gateway.get_gateway_responses(restApiId=api_id)["items"]),
        binary_media_types=tuple(gateway.get_rest_api(restApiId=api_id).get("binaryMediaTypes") or ()),
    )


def _methods(gateway: Any, api_id: str) -> Iterator[tuple[str, Method]]:
    for page in gateway.get_paginator("get_resources").paginate(restApiId=api_id, limit=500):
        for resource in page["items"]:
            for verb in resource.get("resourceMethods") or ():
                where = {"restApiId": api_id, "resourceId": resource["id"], "httpMethod": verb}
                method = gateway.get_method(**where)
                integration = method.get("methodIntegration") or gateway.get_integration(**where)
                custom = method.get("authorizationType") == "CUSTOM"
                yield (
                    verb,
                    Method(
                        resource_id=resource["id"],
                        resource=resource["path"],
                        integration_uri=integration.get("uri", ""),
                        authorizer_id=method.get("authorizerId") if custom else None,
                    ),
                )


def _authorizer(item: Mapping[str, Any]) -> AuthorizerSettings:
    ttl = item.get("authorizerResultTtlInSeconds")
    sources = (source.strip() for source in item.get("identitySource", "").split(","))
    return AuthorizerSettings(
        id=item["id"],
        function_ref=function_ref(item["authorizerUri"]),
        identity_sources=tuple(source for source in sources if source),
        ttl_s=300 if ttl is None else int(ttl),
    )


def host_config(lambdas: Any, ref: str, config: EdgeConfig) -> HostConfig:
    """How to host the function ``ref``: its deployed settings, its code downloaded and unpacked."""
    described = lambdas.get_function(FunctionName=ref)
    function = described["Configuration"]
    name = function["FunctionName"]
    root = Path(config.work_dir) / name
    unpack(_download(described["Code"]["Location"]), root)
    return HostConfig(
        task_root=root,
        handler=function["Handler"],
        environment={**config.variables, **(function.get("Environment") or {}).get("Variables", {})},
        function_name=name,
        region=config.region,
        memory_mb=function.get("MemorySize", 128),
        timeout_s=float(function.get("Timeout", 3)),
        max_environments=config.max_environments,
        prestarted=config.prestarted,
    )


def _download(location: str) -> bytes:
    with urllib.request.urlopen(location, timeout=30) as reply:  # noqa: S310 - the emulator's own address
        data: bytes = reply.read()
    return data


def unpack(archive: bytes, root: Path) -> None:
    """Unpack a function's zip with the files' modes (the exec wrapper has to stay executable)."""
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir(parents=True)
    with zipfile.ZipFile(io.BytesIO(archive)) as packed:
        for item in packed.infolist():
            path = Path(packed.extract(item, root))
            if mode := item.external_attr >> 16 & 0o777:
                path.chmod(mode)
