"""Which resource of a REST API a path belongs to: literal segments before parameters, greedy ones last."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from urllib.parse import unquote

STREAM_SUFFIX = "/response-streaming-invocations"


@dataclass(frozen=True, slots=True)
class Method:
    """One method of a resource, and where it leads. ``streams``: its integration asks for streamed answers."""

    resource_id: str
    resource: str
    integration_uri: str
    authorizer_id: str | None = None

    @property
    def streams(self) -> bool:
        """The emulator drops ResponseTransferMode, the integration's URI says it all the same."""
        return self.integration_uri.endswith(STREAM_SUFFIX)

    @property
    def function_ref(self) -> str:
        """ARN of the function (with its alias) behind the integration."""
        return function_ref(self.integration_uri)


def function_ref(uri: str) -> str:
    """The function's ARN inside ``arn:aws:apigateway:…/functions/<arn>/invocations``."""
    return uri.partition("/functions/")[2].rpartition("/")[0]


@dataclass(slots=True)
class _Node:
    literals: dict[str, _Node] = field(default_factory=dict)
    parameter: tuple[str, _Node] | None = None
    greedy: tuple[str, _Node] | None = None
    methods: dict[str, Method] = field(default_factory=dict)


class Routes:
    """A tree of resources; ``match`` finds the method for a request."""

    def __init__(self, methods: Iterable[tuple[str, Method]]) -> None:
        self._root = _Node()
        for verb, method in methods:
            node = self._root
            for segment in _segments(method.resource):
                node = _child(node, segment)
            node.methods[verb] = method

    def match(self, verb: str, path: str) -> tuple[Method, dict[str, str]] | None:
        """The method and its path parameters (decoded), or None. ``path`` is percent-encoded, without stage."""
        found = _find(self._root, _segments(path), {})
        if found is None:
            return None
        node, parameters = found
        method = node.methods.get(verb) or node.methods.get("ANY")
        return None if method is None else (method, parameters)


def _segments(path: str) -> list[str]:
    return [segment for segment in path.split("/") if segment]


def _child(node: _Node, segment: str) -> _Node:
    if segment.startswith("{") and segment.endswith("+}"):
        node.greedy = node.greedy or (segment[1:-2], _Node())
        return node.greedy[1]
    if segment.startswith("{") and segment.endswith("}"):
        node.parameter = node.parameter or (segment[1:-1], _Node())
        return node.parameter[1]
    return node.literals.setdefault(segment, _Node())


def _find(node: _Node, segments: list[str], parameters: dict[str, str]) -> tuple[_Node, dict[str, str]] | None:
    if not segments:
        return (node, parameters) if node.methods else None
    first, rest = segments[0], segments[1:]
    literal = node.literals.get(first)
    if literal is not None and (found := _find(literal, rest, parameters)) is not None:
        return found
    if node.parameter is not None:
        name, child = node.parameter
        if (found := _find(child, rest, {**parameters, name: unquote(first)})) is not None:
            return found
    if node.greedy is not None:
        name, child = node.greedy
        return child, {**parameters, name: unquote("/".join(segments))}
    return None
