"""A share of one CPU for a process tree, as Lambda gives by memory size; where this machine lets us."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from time import sleep

ROOT = Path("/sys/fs/cgroup")
PERIOD_US = 20_000
"""Shorter than the kernel's default (100 ms), so that a small share is many short turns and not a few long stalls."""


@contextmanager
def cpu_limit(share: float) -> Iterator[tuple[str, ...] | None]:
    """Yield the launch prefix that puts a command under ``share`` of a CPU (0.29), or None where that cannot be had."""
    group = _create(share)
    if group is None:
        yield None
        return
    try:
        yield ("/bin/sh", "-c", f'echo $$ > {group}/cgroup.procs; exec "$@"', "sh")
    finally:
        for _ in range(50):  # the group's last processes may still be going
            with suppress(OSError):
                group.rmdir()
                break
            sleep(0.02)


def _create(share: float) -> Path | None:
    """Control group of version 1 or 2 with its quota set; None without the right to make one."""
    quota_us = int(PERIOD_US * share)
    for parent, files in (
        (ROOT / "cpu", {"cpu.cfs_period_us": str(PERIOD_US), "cpu.cfs_quota_us": str(quota_us)}),
        (ROOT, {"cpu.max": f"{quota_us} {PERIOD_US}"}),
    ):
        group = parent / f"slipstream-bench-{os.getpid()}"
        try:
            group.mkdir()
            for name, value in files.items():
                (group / name).write_text(value)
        except OSError:
            with suppress(OSError):
                group.rmdir()
            continue
        return group
    return None
