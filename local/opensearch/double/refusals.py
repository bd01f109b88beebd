"""What the double says no to, in OpenSearch's shapes."""

from __future__ import annotations

from typing import Any

DOUBLE = "this is Slipstream's in-memory double of OpenSearch"
BUILD_TYPE = "in-memory double"
"""What it says it is where an engine says ``tar`` or ``docker``."""
UNSUPPORTED = "unsupported_by_the_double_exception"


class Refused(Exception):
    """An answer other than success. ``caused_by`` is the type and the reason of what lies below; without a ``kind`` the
    reason stands alone, as OpenSearch has it in a place or two.
    """

    def __init__(
        self, status: int, kind: str, reason: str, *, index: str = "", caused_by: tuple[str, str] | None = None
    ) -> None:
        super().__init__(reason)
        self.status = status
        self.cause: dict[str, Any] = {"type": kind, "reason": reason}
        if index:
            self.cause["index"] = index
        if caused_by:
            self.cause["caused_by"] = dict(zip(("type", "reason"), caused_by, strict=True))

    def body(self) -> dict[str, Any]:
        """The answer to a request, or to one search of several."""
        if not self.cause["type"]:
            return {"error": self.cause["reason"], "status": self.status}
        return {"error": {"root_cause": [self.cause], **self.cause}, "status": self.status}


def unsupported(what: str) -> Refused:
    """For what OpenSearch has and the double has not."""
    return Refused(400, UNSUPPORTED, f"{DOUBLE}: it has no {what}. Run a real engine for that (docs/local-stack.md)")


def no_index(name: str) -> Refused:
    """For a name that nothing stands behind."""
    return Refused(404, "index_not_found_exception", f"no such index [{name}]", index=name)


def illegal(reason: str) -> Refused:
    """For a request that OpenSearch itself would not take."""
    return Refused(400, "illegal_argument_exception", reason)
