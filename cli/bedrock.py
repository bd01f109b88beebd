"""``slipstream bedrock``: the local Bedrock server."""

from __future__ import annotations

from local.bedrock.command import bedrock

__all__ = ["bedrock"]
