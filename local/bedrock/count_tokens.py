"""CountTokens: what the same prompt would count as input."""

from __future__ import annotations

import binascii
from base64 import b64decode
from typing import Any

from local.bedrock.calls import json_object
from local.bedrock.errors import invalid
from local.bedrock.targets import Targets
from local.bedrock.wires.anthropic import Anthropic
from local.bedrock.wires.converse import Converse
from local.bedrock.wires.wire import decoded


def count_tokens(targets: Targets, model_id: str, body: dict[str, Any]) -> int:
    """Tokens of the Converse or InvokeModel request inside ``body``; refuses what the service refuses."""
    target = targets.resolve(model_id)
    if target.via != "on_demand" or "count_tokens" not in target.model.apis:
        raise invalid("The provided model doesn't support counting tokens.")
    given = body.get("input")
    if not isinstance(given, dict) or len(given) != 1:
        raise invalid("input must have exactly one of the members converse, invokeModel.")
    if isinstance(given.get("converse"), dict):
        return decoded(Converse(), model_id, given["converse"]).input_tokens()
    encoded = (given.get("invokeModel") or {}).get("body")
    if not isinstance(encoded, str):
        raise invalid("input.invokeModel.body must be a request body in base64.")
    try:
        raw = b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        raise invalid("input.invokeModel.body is not base64.") from None
    return decoded(Anthropic(), model_id, json_object(raw)).input_tokens()
