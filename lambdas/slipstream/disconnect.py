"""Whether the caller is still there: asked of the host by whatever waits for long."""

from __future__ import annotations


class Disconnect:
    """Tells whether the caller has hung up, and until when its host lets us answer."""

    ends_s: float | None = None
    """Monotonic time at which the host ends the run, whatever is under way; None where it never does."""

    def fileno(self) -> int | None:
        """Descriptor to watch beside the upstream's, readable when ``gone`` is worth asking; None: cannot be told."""
        return None

    def gone(self) -> bool:
        """Whether the caller has really hung up (readable may also mean that it sent more)."""
        return False


NEVER = Disconnect()
