"""Reasoning on the Responses wire: how hard to think, the items that hold it, the sealed form that comes back."""

from __future__ import annotations

from base64 import b64decode, b64encode
from hashlib import blake2b
from typing import Any

from local.bedrock.errors import invalid
from local.bedrock.prompt import Thinks, ThoughtOut

_SEAL = b"local bedrock"
_DIGEST_BYTES = 16
INCLUDE = "reasoning.encrypted_content"


def wanted(reasoning: dict[str, Any] | None, include: list[str] | None) -> Thinks | None:
    """What the body's ``reasoning`` and ``include`` ask for; None where no effort is named."""
    effort = (reasoning or {}).get("effort")
    if effort is None:
        return None
    return Thinks(str(effort), show=(reasoning or {}).get("summary") is not None, seal=INCLUDE in (include or []))


def sealed(text: str) -> str:
    """The form in which a stateless caller hands reasoning back: opaque, and no other text passes for it."""
    raw = text.encode("utf-8", "surrogatepass")
    return b64encode(blake2b(raw, key=_SEAL, digest_size=_DIGEST_BYTES).digest() + raw).decode()


def opened(item: dict[str, Any], position: int) -> str:
    """The text of a reasoning item of the input. Raises what the endpoint says of one that it did not seal."""
    content = item.get("encrypted_content")
    try:
        raw = b64decode(content or "", validate=True)
    except ValueError:
        raw = b""
    text = raw[_DIGEST_BYTES:].decode("utf-8", "replace")
    if not raw or sealed(text) != content:
        raise invalid(
            "The encrypted content of a reasoning item could not be verified: nothing is stored here, so it must come "
            "back as it was given.",
            f"input[{position}].encrypted_content",
        )
    return text


def item(block: ThoughtOut, item_id: str, text: str, *, done: bool) -> dict[str, Any]:
    """A reasoning item, begun or done."""
    summary = [{"type": "summary_text", "text": text}] if done and block.show else []
    made: dict[str, Any] = {"id": item_id, "type": "reasoning", "summary": summary}
    return made | ({"encrypted_content": sealed(text)} if done and block.seal else {})
