"""Calls the deployed Lambda authorizer and keeps its answer as API Gateway does: by identity sources, for its TTL."""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from time import monotonic
from typing import Any

from local.edge.responses import GatewayError

Invoke = Callable[[str, dict[str, Any]], tuple[Any, str | None]]
"""Runs a function by its ARN: (answer, error message or None). Blocks, so it is called in a thread."""


@dataclass(frozen=True, slots=True)
class AuthorizerSettings:
    """A REQUEST authorizer of the API; ``ttl_s`` 0: every request calls it."""

    id: str
    function_ref: str
    identity_sources: tuple[str, ...]
    ttl_s: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """An authorizer's answer: ``statements`` as (effect, pattern of method ARNs), ``context`` as strings."""

    statements: tuple[tuple[str, re.Pattern[str]], ...]
    context: dict[str, str]

    def check(self, method_arn: str) -> None:
        """Raise GatewayError unless the policy allows ``method_arn``; an explicit Deny always wins."""
        effects = {effect for effect, pattern in self.statements if pattern.fullmatch(method_arn)}
        if "Deny" in effects:
            words = "User is not authorized to access this resource with an explicit deny in an identity-based policy"
            raise GatewayError("ACCESS_DENIED", words)
        if "Allow" not in effects:
            raise GatewayError("ACCESS_DENIED", "User is not authorized to access this resource")


class Authorizer:
    """One authorizer with its cache. ``clock`` is in seconds."""

    def __init__(self, settings: AuthorizerSettings, invoke: Invoke, clock: Callable[[], float] = monotonic) -> None:
        self._settings, self._invoke, self._clock = settings, invoke, clock
        self._cache: dict[tuple[str, ...], tuple[float, asyncio.Future[Verdict]]] = {}

    def flush(self) -> None:
        """Forget all verdicts (API Gateway's FlushStageAuthorizersCache)."""
        self._cache.clear()

    async def authorize(self, event: dict[str, Any], method_arn: str) -> dict[str, str]:
        """Context for the integration. Raises GatewayError (UNAUTHORIZED, ACCESS_DENIED, AUTHORIZER_…)."""
        verdict = await self._verdict(event, method_arn)
        verdict.check(method_arn)
        return verdict.context

    async def _verdict(self, event: dict[str, Any], method_arn: str) -> Verdict:
        key = identity(self._settings.identity_sources, event)
        if self._settings.ttl_s <= 0:
            return await self._ask(event, method_arn)
        if key is None:
            raise GatewayError("UNAUTHORIZED", "Unauthorized")
        expires, pending = self._cache.get(key, (0.0, None))
        if pending is None or expires <= self._clock():
            pending = asyncio.ensure_future(self._ask(event, method_arn))
            self._cache[key] = (self._clock() + self._settings.ttl_s, pending)
            pending.add_done_callback(lambda done: self._keep_no_failure(key, done))
        return await asyncio.shield(pending)

    def _keep_no_failure(self, key: tuple[str, ...], done: asyncio.Future[Verdict]) -> None:
        failed = done.cancelled() or done.exception() is not None
        if failed and self._cache.get(key, (0.0, None))[1] is done:
            del self._cache[key]

    async def _ask(self, event: dict[str, Any], method_arn: str) -> Verdict:
        """The verdict. Raises GatewayError, whatever went wrong: it is no fault of the caller's."""
        try:
            return await self._call(event, method_arn)
        except GatewayError:
            raise
        except Exception as error:
            print(f"{self._settings.function_ref}: {type(error).__name__}: {error}", file=sys.stderr, flush=True)
            raise GatewayError("AUTHORIZER_FAILURE", "Internal server error") from error

    async def _call(self, event: dict[str, Any], method_arn: str) -> Verdict:
        question = {key: value for key, value in event.items() if key not in {"body", "isBase64Encoded"}}
        question |= {"type": "REQUEST", "methodArn": method_arn}
        answer, error = await asyncio.to_thread(self._invoke, self._settings.function_ref, question)
        if error is not None:
            if error.strip().lower() == "unauthorized":
                raise GatewayError("UNAUTHORIZED", "Unauthorized")
            raise GatewayError("AUTHORIZER_FAILURE", "Internal server error")
        return verdict_of(answer)


def identity(sources: tuple[str, ...], event: Mapping[str, Any]) -> tuple[str, ...] | None:
    """Values of the identity sources; None where one is missing or empty."""
    values = []
    for source in sources:
        kind, _, name = source.removeprefix("method.request.").partition(".")
        if kind == "header":
            found = [v for k, v in (event.get("headers") or {}).items() if k.lower() == name.lower()]
        else:
            found = [(event.get("queryStringParameters") or {}).get(name, "")]
        if not found or not found[0]:
            return None
        values.append(str(found[0]))
    return tuple(values)


def verdict_of(answer: Any) -> Verdict:
    """Check and compile an authorizer's answer. Raises GatewayError where it is none."""
    policy = answer.get("policyDocument") if isinstance(answer, dict) else None
    if not isinstance(policy, dict):
        raise GatewayError("AUTHORIZER_CONFIGURATION_ERROR", "Internal server error")
    statements: list[tuple[str, re.Pattern[str]]] = []
    given = policy.get("Statement") or []
    for statement in given if isinstance(given, list) else [given]:
        resources = statement.get("Resource") or []
        named = [resources] if isinstance(resources, str) else resources
        statements += [(str(statement.get("Effect")), _pattern(resource)) for resource in named]
    context = {}
    for name, value in (answer.get("context") or {}).items():
        if isinstance(value, bool):
            context[name] = "true" if value else "false"
        elif isinstance(value, str | int | float):
            context[name] = str(value)
    if answer.get("principalId"):
        context["principalId"] = str(answer["principalId"])
    return Verdict(tuple(statements), context)


def _pattern(resource: str) -> re.Pattern[str]:
    translated = re.escape(resource).replace(r"\*", ".*").replace(r"\?", ".")
    return re.compile(translated, re.DOTALL)
