"""What every wire offers: decoding, whole answers, streamed answers."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, Protocol, TypeVar

import msgspec

from local.bedrock.catalogue import Api
from local.bedrock.errors import BedrockError, invalid
from local.bedrock.prompt import Answer, Asked, Outcome, TextOut, ToolOut
from local.bedrock.run import Run

T = TypeVar("T")


class Encoder(Protocol):
    """Encodes one streamed answer; each method returns the bytes to send, possibly none."""

    def open(self) -> bytes:
        """Before the first block."""
        ...

    def start(self, index: int, block: TextOut | ToolOut) -> bytes:
        """A block begins."""
        ...

    def delta(self, index: int, block: TextOut | ToolOut, piece: str) -> bytes:
        """A token of the block."""
        ...

    def stop(self, index: int, block: TextOut | ToolOut, text: str) -> bytes:
        """A block ends; ``text`` is all of it."""
        ...

    def close(self, outcome: Outcome) -> bytes:
        """After the last block: reason, usage."""
        ...

    def error(self, error: BedrockError) -> bytes:
        """An error in mid-stream; nothing follows."""
        ...


class Wire(Protocol):
    """One API's JSON."""

    api: Api
    stream_content_type: str

    def decode(self, model_id: str, body: dict[str, Any]) -> Asked:
        """Read a request body. Raises BedrockError."""
        ...

    def complete(self, run: Run, answer: Answer, outcome: Outcome) -> dict[str, Any]:
        """The body of an answer that is not streamed."""
        ...

    def encoder(self, run: Run) -> Encoder:
        """An encoder for one streamed answer."""
        ...

    def headers(self, run: Run) -> dict[str, str]:
        """Response headers besides the content type."""
        ...


def frames(encoder: Encoder, answer: Answer) -> Generator[bytes, None, bytes]:
    """Yield the bytes of one token after the other; returns what is left to send before ``close``."""
    pending = encoder.open()
    for index, block in enumerate(answer.blocks):
        pending += encoder.start(index, block)
        for piece in block.pieces:
            yield pending + encoder.delta(index, block, piece)
            pending = b""
        pending += encoder.stop(index, block, "".join(block.pieces))
    return pending


def decoded(wire: Wire, model_id: str, body: dict[str, Any]) -> Asked:
    """Decode with ``wire``; a field of the wrong JSON type anywhere is a ValidationException, as from Bedrock."""
    try:
        return wire.decode(model_id, body)
    except (TypeError, AttributeError, KeyError, ValueError) as error:
        problem = f"Malformed input request: a field has the wrong type ({type(error).__name__})"
        raise invalid(f"{problem}, please reformat your input and try again.") from None


def converted(raw: Any, kind: type[T]) -> T:
    """Convert a decoded body, or raise Bedrock's SerializationException with the field's path."""
    try:
        return msgspec.convert(raw, kind)
    except msgspec.ValidationError as error:
        raise BedrockError("SerializationException", str(error)) from None
