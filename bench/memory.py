"""What memory this process holds; for Linux."""

from __future__ import annotations

import gc
from pathlib import Path


def memory(kind: str) -> float:
    """GB that this process holds (VmRSS), or held at most since `forget_peak` (VmHWM)."""
    with open("/proc/self/status", encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith(kind)) / 2**20


def forget_peak() -> None:
    gc.collect()
    Path("/proc/self/clear_refs").write_text("5")
