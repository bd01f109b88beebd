"""Which model an id means: foundation-model id or ARN, geographic profile, application inference profile."""

from __future__ import annotations

import secrets
import time
from typing import Literal

import msgspec

from local.bedrock.catalogue import Api, Catalogue, Model
from local.bedrock.errors import BedrockError, invalid

Via = Literal["on_demand", "profile", "application"]
GEOGRAPHIES = {
    "us": ("us-east-1", "us-east-2", "us-west-2"),
    "eu": ("eu-central-1", "eu-west-1", "eu-west-3"),
    "au": ("ap-southeast-2", "ap-southeast-4"),
    "jp": ("ap-northeast-1", "ap-northeast-3"),
    "global": ("",),
}
"""Regions that a geographic profile routes to; global profiles name a model without a region."""


class Target(msgspec.Struct, frozen=True):
    """A model and the way in which it was named."""

    model: Model
    via: Via
    asked: str


class ApplicationProfile(msgspec.Struct, frozen=True):
    """An application inference profile; ``model_id`` is a model or a geographic profile of one."""

    id: str
    name: str
    arn: str
    model_id: str
    description: str | None
    created_s: float


class Targets:
    """Resolves ids and keeps the application inference profiles."""

    def __init__(self, catalogue: Catalogue, *, region: str, account: str, profiles: dict[str, str]) -> None:
        self.catalogue = catalogue
        self.region = region
        self.account = account
        self.applications: dict[str, ApplicationProfile] = {}
        for profile_id, model_id in profiles.items():
            self._add(profile_id, profile_id, model_id, None)

    def resolve(self, identifier: str) -> Target:
        """Find the model behind ``identifier``; raises Bedrock's ValidationException where there is none."""
        name = identifier
        if identifier.startswith("arn:"):
            kind, _, name = identifier.split(":", 5)[-1].partition("/")
            if kind == "application-inference-profile":
                application = self.applications.get(name)
                if application is None:
                    raise BedrockError("ResourceNotFoundException", f"Could not find inference profile {identifier}")
                return Target(self.resolve(application.model_id).model, "application", identifier)
        elif identifier in self.applications:
            return Target(self.resolve(self.applications[identifier].model_id).model, "application", identifier)
        if model := self.catalogue.by_id.get(name):
            return Target(model, "on_demand", identifier)
        prefix, _, rest = name.partition(".")
        model = self.catalogue.by_id.get(rest)
        if model is not None and prefix in model.profiles:
            return Target(model, "profile", identifier)
        raise invalid("The provided model identifier is invalid.")

    def for_inference(self, identifier: str, api: Api) -> Target:
        """Resolve, and refuse what this model does not offer under that name or API."""
        target = self.resolve(identifier)
        if target.via == "on_demand" and not target.model.on_demand:
            raise invalid(
                f"Invocation of model ID {identifier} with on-demand throughput isn’t supported. Retry your "
                "request with the ID or ARN of an inference profile that contains this model."
            )
        if api not in target.model.apis:
            if api == "converse":
                raise invalid(
                    "This action doesn't support the model that you provided. Try again with a supported text or "
                    "chat model."
                )
            raise invalid(f"The model {identifier} does not support this operation.")
        return target

    def create(self, name: str, source_arn: str, description: str | None) -> ApplicationProfile:
        """Create an application inference profile that copies a model or a geographic profile."""
        if any(profile.name == name for profile in self.applications.values()):
            raise BedrockError("ConflictException", f"An inference profile with the name {name} already exists.")
        source = self.resolve(source_arn)
        if source.via == "application":
            raise invalid("copyFrom must be a foundation model or a system-defined inference profile.")
        return self._add(secrets.token_hex(6), name, source_arn.rpartition("/")[2], description)

    def _add(self, profile_id: str, name: str, model_id: str, description: str | None) -> ApplicationProfile:
        arn = f"arn:aws:bedrock:{self.region}:{self.account}:application-inference-profile/{profile_id}"
        profile = ApplicationProfile(profile_id, name, arn, model_id, description, time.time())
        self.applications[profile_id] = profile
        return profile

    def model_arns(self, identifier: str) -> list[str]:
        """ARNs of the foundation models that a profile routes to."""
        prefix, _, rest = identifier.partition(".")
        if rest in self.catalogue.by_id and prefix in GEOGRAPHIES:
            model_id = self.catalogue.by_id[rest].id
            regions = GEOGRAPHIES[prefix] if prefix != "global" else (self.region, "")
            return [f"arn:aws:bedrock:{region}::foundation-model/{model_id}" for region in regions]
        return [f"arn:aws:bedrock:{self.region}::foundation-model/{self.catalogue.by_id[identifier].id}"]
