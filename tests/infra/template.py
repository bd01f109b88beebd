"""Questions to a template, in terms of what it does: no generated name appears in a test."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

STREAMING = "response-streaming-invocations"


class Template:
    def __init__(self, body: dict[str, Any]) -> None:
        self.body = body

    def all(self, kind: str) -> dict[str, dict[str, Any]]:
        """Properties of every resource of a type, by logical id."""
        return {
            name: resource.get("Properties", {})
            for name, resource in self.body["Resources"].items()
            if resource["Type"] == kind
        }

    def one(self, kind: str) -> dict[str, Any]:
        (properties,) = self.all(kind).values()
        return properties

    def kinds(self) -> set[str]:
        return {resource["Type"] for resource in self.body["Resources"].values()}

    def function(self, handler: str) -> dict[str, Any]:
        (found,) = (f for f in self.all("AWS::Lambda::Function").values() if f["Handler"] == handler)
        return found

    def routes(self) -> dict[tuple[str, str], dict[str, Any]]:
        """(verb, path) → method."""
        resources = self.all("AWS::ApiGateway::Resource")

        def path(reference: Any) -> str:
            name = reference.get("Ref")
            if name is None:
                return ""
            return f"{path(resources[name]['ParentId'])}/{resources[name]['PathPart']}"

        methods = self.all("AWS::ApiGateway::Method").values()
        return {(method["HttpMethod"], path(method["ResourceId"])): method for method in methods}

    def statements(self) -> Iterator[dict[str, Any]]:
        """Every statement of every role's policies."""
        for kind in ("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy"):
            for policy in self.all(kind).values():
                yield from policy["PolicyDocument"]["Statement"]


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def text(value: Any) -> str:
    """A value with its intrinsic functions, as one text to search in."""
    return json.dumps(value)
