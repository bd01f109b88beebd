"""Whether the caller is still there: asked of the host by whatever waits for long."""

from __future__ import annotations


class Disconnect:
    """Tells whether the caller has hung up."""

    def fileno(self) -> int | None:
        """Descriptor to watch beside the upstream's, readable when ``gone`` is worth asking; None: cannot be told."""
        return None

    def gone(self) -> bool:
        """Whether the caller has really hung up (readable may also mean that it sent more)."""
        return False


NEVER = Disconnect()
