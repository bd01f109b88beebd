"""Faults on demand: by the header ``x-double-fault`` for one call, or by the control endpoint for the next N calls."""

from __future__ import annotations

import asyncio
import fnmatch
import time

import msgspec

from local.bedrock.errors import HTTP_STATUS, BedrockError

KINDS = ("throttle", "status", "slow", "stall", "exception", "cut", "drop", "garbage", "filter")
STATUS_KINDS = {
    400: "ValidationException",
    401: "UnrecognizedClientException",
    403: "AccessDeniedException",
    404: "ResourceNotFoundException",
    408: "ModelTimeoutException",
    424: "ModelErrorException",
    429: "ThrottlingException",
    500: "InternalServerException",
    503: "ServiceUnavailableException",
}
MESSAGES = {
    "ThrottlingException": "Too many requests, please wait before trying again.",
    "ModelTimeoutException": "The request took too long to process. Processing time exceeded the model timeout length.",
    "ModelErrorException": "The system encountered an unexpected error during processing. Try your request again.",
    "InternalServerException": "The system encountered an unexpected error during processing. Try your request again.",
    "ServiceUnavailableException": "The service is temporarily unable to process the request. Please wait and "
    "try again.",
    "ModelStreamErrorException": "The model encountered an error while streaming the response. Try your request again.",
}


class Fault(msgspec.Struct, frozen=True):
    """One kind of trouble.

    ``throttle``: 429. ``status``: HTTP ``status``. ``slow``: first token ``delay_ms`` later. ``stall``: nothing for
    ``delay_ms`` after ``after`` tokens, or until the faults are cleared. ``exception``: in-stream ``error`` after
    ``after`` tokens. ``cut``: connection closed after ``after`` tokens.
    ``drop``: connection closed before any byte. ``garbage``: bytes that are no message after ``after`` tokens.
    ``filter``: a content filter ends the answer after ``after`` tokens.
    """

    kind: str
    status: int = 503
    error: str = "modelStreamErrorException"
    after: int = 2
    delay_ms: float = 5_000
    retry_after_s: float | None = None
    message: str | None = None
    param: str | None = None
    """The field that a ``status`` of 400 complains of, on OpenAI's endpoints."""
    times: int = 1
    """How many calls it hits; 0 is all until the next reset."""
    model: str = "*"
    operation: str = "*"

    def refusal(self) -> BedrockError | None:
        """The error that answers the call in place of a model, if the fault is of that sort."""
        if self.kind not in ("throttle", "status"):
            return None
        status = 429 if self.kind == "throttle" else self.status
        kind = STATUS_KINDS.get(status, "InternalServerException")
        message = self.message or MESSAGES.get(kind, kind)
        return BedrockError(kind, message, status=status, retry_after_s=self.retry_after_s, param=self.param)

    def in_stream(self) -> BedrockError:
        """The error that an ``exception`` fault sends inside the stream."""
        kind = self.error[:1].upper() + self.error[1:]
        status = HTTP_STATUS.get(kind, 500)
        return BedrockError(kind, self.message or MESSAGES.get(kind, kind), status=status, param=self.param)


_SHORT = {
    "status": "status",
    "slow": "delay_ms",
    "stall": "delay_ms",
    "exception": "error",
    "throttle": "retry_after_s",
}


def parse_header(value: str) -> Fault:
    """Read ``kind[=value][;field=value]``: ``status=503``, ``slow=2000``, ``exception=throttlingException;after=3``.

    Raises ValueError with what would be right.
    """
    fields: dict[str, str] = {}
    head, *rest = [part.strip() for part in value.split(";") if part.strip()] or [""]
    kind, _, short = head.partition("=")
    fields["kind"] = kind.strip()
    if short:
        fields[_SHORT.get(fields["kind"], "after")] = short.strip()
    for part in rest:
        name, _, given = part.partition("=")
        fields[name.strip()] = given.strip()
    return checked(msgspec.convert(fields, Fault, strict=False))


def checked(fault: Fault) -> Fault:
    """Return the fault, or raise ValueError where its kind is unknown."""
    if fault.kind not in KINDS:
        raise ValueError(f"unknown fault {fault.kind!r}; one of: {', '.join(KINDS)}")
    return fault


class Faults:
    """What is to go wrong in the next calls."""

    def __init__(self) -> None:
        self._pending: list[tuple[Fault, int]] = []
        self._over = asyncio.Event()
        self._stalling = 0

    def add(self, fault: Fault) -> None:
        """Arm a fault."""
        self._pending.append((fault, fault.times))

    def clear(self) -> int:
        """Disarm all; streams that stall go on. Returns how many those are."""
        self._pending.clear()
        self._over.set()
        self._over = asyncio.Event()
        released, self._stalling = self._stalling, 0
        return released

    async def stall(self, fault: Fault) -> float:
        """Wait as long as the fault says, or until it is cleared; returns the seconds that went by."""
        began_s, over = time.monotonic(), self._over
        self._stalling += 1
        try:
            await asyncio.wait_for(over.wait(), fault.delay_ms / 1000)
        except TimeoutError:
            pass
        finally:
            if not over.is_set():
                self._stalling -= 1
        return time.monotonic() - began_s

    def pending(self) -> list[dict[str, object]]:
        """What is armed, and for how many calls more (0: until reset)."""
        return [{**msgspec.to_builtins(fault), "left": left} for fault, left in self._pending]

    def take(self, model_id: str, operation: str) -> Fault | None:
        """The fault that hits this call; counts it."""
        for index, (fault, left) in enumerate(self._pending):
            if fnmatch.fnmatchcase(model_id, fault.model) and fnmatch.fnmatchcase(operation, fault.operation):
                if left == 1:
                    del self._pending[index]
                elif left:
                    self._pending[index] = (fault, left - 1)
                return fault
        return None
