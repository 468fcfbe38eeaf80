"""A file that one process at a time holds, for as long as it lives."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path


def hold(path: Path, waiting: Callable[[str], None]) -> int:
    """Take the file, waiting for the process that has it; the descriptor, which must stay open.

    waiting: told once, with what that process wrote of itself, if there is one.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    if not _take(descriptor, wait=False):
        waiting(os.pread(descriptor, 100, 0).decode("ascii", "replace") if hasattr(os, "pread") else "")
        while not _take(descriptor, wait=True):
            time.sleep(0.1)
    os.ftruncate(descriptor, 0)
    os.write(descriptor, str(os.getpid()).encode())
    return descriptor


if sys.platform == "win32":
    import msvcrt

    def _take(descriptor: int, wait: bool) -> bool:
        os.lseek(descriptor, 1 << 20, os.SEEK_SET)  # beyond the text, which others may read
        try:
            msvcrt.locking(descriptor, msvcrt.LK_LOCK if wait else msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        os.lseek(descriptor, 0, os.SEEK_SET)
        return True

else:
    import fcntl

    def _take(descriptor: int, wait: bool) -> bool:
        try:  # of this kind, since the processes that a node forks must not hold it when this one is dead
            fcntl.lockf(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except (BlockingIOError, PermissionError):
            return False
        return True
