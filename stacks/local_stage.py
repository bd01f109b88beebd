"""What the local stage leaves out because the emulator (MiniStack 1.5.33) refuses or drops it. All of it is here."""

from __future__ import annotations

from stacks.settings import DeploySettings

LEFT_OUT: dict[str, str] = {}
"""Part → what the emulator does with it."""


def left_out(settings: DeploySettings, part: str) -> bool:
    """Whether this deployment goes without ``part``."""
    return settings.is_local and part in LEFT_OUT
