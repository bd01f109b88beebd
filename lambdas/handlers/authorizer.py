"""The API's REQUEST authorizer: from the key in the headers to a policy and whose key it is."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cache
from time import time
from typing import Any

from slipstream.errors import Unauthenticated
from slipstream.gateway.http import Principal
from slipstream.keys.remember import Remembered
from slipstream.keys.verify import presented_key, verify


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Lambda's entry."""
    del context
    return authorize(event, _checker())


def authorize(event: dict[str, Any], check: Callable[[str], Principal]) -> dict[str, Any]:
    """The policy for the caller. Raises Exception("Unauthorized"), which API Gateway turns into its 401.

    Any other exception becomes its AUTHORIZER_FAILURE: the key could not be checked.
    """
    headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
    try:
        principal = check(presented_key(headers))
    except Unauthenticated:
        # API Gateway compares this text; the cause would be logged with a trace.
        raise Exception("Unauthorized") from None  # noqa: TRY002
    return policy(event["methodArn"], principal)


def policy(method_arn: str, principal: Principal) -> dict[str, Any]:
    """Allow the whole stage: API Gateway reuses the answer for every path. Scopes and models are the function's."""
    api, stage = method_arn.split("/")[:2]
    statement = {"Action": "execute-api:Invoke", "Effect": "Allow", "Resource": f"{api}/{stage}/*/*"}
    return {
        "principalId": principal.key_id,
        "policyDocument": {"Version": "2012-10-17", "Statement": [statement]},
        "context": {
            "key_id": principal.key_id,
            "tenant": principal.tenant,
            "scopes": " ".join(sorted(principal.scopes)),
            "models": " ".join(principal.models),
        },
    }


@cache
def _checker() -> Callable[[str], Principal]:
    from slipstream.runtime.key_parts import build_key_parts, read_key_settings

    settings = read_key_settings(os.environ)
    parts = build_key_parts(settings, os.environ)

    def check(key: str) -> Principal:
        return verify(key, store=parts.store, pepper=parts.pepper(), now_s=time())

    return Remembered(check, ttl_s=settings.remember_s, clock=time)
