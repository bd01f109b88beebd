"""Operations of the service ``bedrock``: models and inference profiles."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote

import msgspec
from aiohttp import web

from local.bedrock.calls import Calls, json_object
from local.bedrock.catalogue import Model
from local.bedrock.errors import BedrockError, invalid
from local.bedrock.targets import ApplicationProfile, Targets

_SINCE = datetime(2026, 1, 1, tzinfo=UTC).isoformat().replace("+00:00", "Z")
_NAME = re.compile(r"([0-9a-zA-Z:.][ _-]?)+")


class ControlPlane:
    """Handlers, one an operation."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self._targets: Targets = calls.engine.targets

    def routes(self) -> list[web.RouteDef]:
        """Paths of the service model."""
        return [
            web.get("/foundation-models", self.list_models),
            web.get("/foundation-models/{id:.+}", self.get_model),
            web.get("/inference-profiles", self.list_profiles),
            web.post("/inference-profiles", self.create_profile),
            web.get("/inference-profiles/{id:.+}", self.get_profile),
            web.delete("/inference-profiles/{id:.+}", self.delete_profile),
        ]

    async def list_models(self, request: web.Request) -> web.Response:
        """ListFoundationModels."""
        await self._calls.begin(request, "ListFoundationModels", "", b"")
        query = request.query
        found = [self._model(model) for model in self._targets.catalogue.models if _matches(model, query)]
        return _ok({"modelSummaries": found})

    async def get_model(self, request: web.Request) -> web.Response:
        """GetFoundationModel."""
        identifier = _identifier(request)
        await self._calls.begin(request, "GetFoundationModel", identifier, b"")
        target = self._targets.resolve(identifier)
        if target.via != "on_demand":
            raise invalid("The provided model identifier is invalid.")
        return _ok({"modelDetails": self._model(target.model)})

    async def list_profiles(self, request: web.Request) -> web.Response:
        """ListInferenceProfiles, with pages."""
        await self._calls.begin(request, "ListInferenceProfiles", "", b"")
        kind = request.query.get("type", request.query.get("typeEquals", "SYSTEM_DEFINED"))
        if kind == "APPLICATION":
            found = [self._application(profile) for profile in self._targets.applications.values()]
        else:
            models = self._targets.catalogue.models
            found = [self._system(f"{prefix}.{model.id}", model) for model in models for prefix in model.profiles]
        start, size = int(request.query.get("nextToken", "0")), int(request.query.get("maxResults", "1000"))
        body: dict[str, Any] = {"inferenceProfileSummaries": found[start : start + size]}
        if start + size < len(found):
            body["nextToken"] = str(start + size)
        return _ok(body)

    async def get_profile(self, request: web.Request) -> web.Response:
        """GetInferenceProfile, by id or ARN."""
        identifier = _identifier(request)
        await self._calls.begin(request, "GetInferenceProfile", identifier, b"")
        name = identifier.rpartition("/")[2]
        if name in self._targets.applications:
            return _ok(self._application(self._targets.applications[name]))
        try:
            target = self._targets.resolve(name)
        except BedrockError:
            target = None
        if target is None or target.via != "profile":
            raise BedrockError("ResourceNotFoundException", f"The inference profile {identifier} does not exist.")
        return _ok(self._system(name, target.model))

    async def create_profile(self, request: web.Request) -> web.Response:
        """CreateInferenceProfile."""
        raw = await request.read()
        await self._calls.begin(request, "CreateInferenceProfile", "", raw)
        body = json_object(raw)
        name, source = body.get("inferenceProfileName"), body.get("modelSource", {}).get("copyFrom")
        if not isinstance(name, str) or not _NAME.fullmatch(name) or not isinstance(source, str):
            raise invalid("inferenceProfileName and modelSource.copyFrom are required.")
        profile = self._targets.create(name, source, body.get("description"))
        return _ok({"inferenceProfileArn": profile.arn, "status": "ACTIVE"}, status=201)

    async def delete_profile(self, request: web.Request) -> web.Response:
        """DeleteInferenceProfile."""
        identifier = _identifier(request)
        await self._calls.begin(request, "DeleteInferenceProfile", identifier, b"")
        if self._targets.applications.pop(identifier.rpartition("/")[2], None) is None:
            raise BedrockError("ResourceNotFoundException", f"The inference profile {identifier} does not exist.")
        return _ok({})

    def _model(self, model: Model) -> dict[str, Any]:
        return {
            "modelArn": f"arn:aws:bedrock:{self._targets.region}::foundation-model/{model.id}",
            "modelId": model.id,
            "modelName": model.name,
            "providerName": model.provider,
            "inputModalities": model.inputs,
            "outputModalities": model.outputs,
            "responseStreamingSupported": "TEXT" in model.outputs,
            "customizationsSupported": [],
            "inferenceTypesSupported": ["ON_DEMAND"] if model.on_demand else ["INFERENCE_PROFILE"],
            "modelLifecycle": {"status": "ACTIVE"},
        }

    def _system(self, identifier: str, model: Model) -> dict[str, Any]:
        region, account = self._targets.region, self._targets.account
        prefix = identifier.partition(".")[0]
        return {
            "inferenceProfileName": f"{prefix.upper()} {model.provider} {model.name}",
            "description": f"Routes requests to {model.provider} {model.name} in {prefix}.",
            "createdAt": _SINCE,
            "updatedAt": _SINCE,
            "inferenceProfileArn": f"arn:aws:bedrock:{region}:{account}:inference-profile/{identifier}",
            "models": [{"modelArn": arn} for arn in self._targets.model_arns(identifier)],
            "inferenceProfileId": identifier,
            "status": "ACTIVE",
            "type": "SYSTEM_DEFINED",
        }

    def _application(self, profile: ApplicationProfile) -> dict[str, Any]:
        created = datetime.fromtimestamp(profile.created_s, UTC).isoformat().replace("+00:00", "Z")
        described = {"description": profile.description} if profile.description else {}
        return described | {
            "inferenceProfileName": profile.name,
            "createdAt": created,
            "updatedAt": created,
            "inferenceProfileArn": profile.arn,
            "models": [{"modelArn": arn} for arn in self._targets.model_arns(profile.model_id)],
            "inferenceProfileId": profile.id,
            "status": "ACTIVE",
            "type": "APPLICATION",
        }


def _identifier(request: web.Request) -> str:
    return unquote(request.raw_path.partition("?")[0].split("/", 2)[2])


def _matches(model: Model, query: Any) -> bool:
    return (
        query.get("byProvider", model.provider).lower() == model.provider.lower()
        and query.get("byOutputModality", model.outputs[0]) in model.outputs
        and (query.get("byInferenceType", "ON_DEMAND") == "ON_DEMAND")
        and "byCustomizationType" not in query
    )


def _ok(body: dict[str, Any], status: int = 200) -> web.Response:
    return web.Response(body=msgspec.json.encode(body), status=status, content_type="application/json")
