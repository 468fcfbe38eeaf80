"""What this process computes with, as the standard's `/system_stats` tells it. It never imports torch by itself."""

from __future__ import annotations

import ctypes
import os
import sys
from typing import Any, cast

import psutil


def stats() -> dict[str, Any]:
    """Versions, devices and memory (bytes) of this process."""
    torch = _torch()
    return {
        "python": sys.version,
        "torch": str(torch.__version__) if torch else "",
        "devices": [_device(torch)],
        "rss": psutil.Process().memory_info().rss,
    }


def release() -> None:
    """Give the memory of accelerators that holds nothing back to the system."""
    torch = _torch()
    if torch and torch.cuda.is_available() and torch.cuda.is_initialized():
        torch.cuda.empty_cache()


def keep_freed_memory() -> bool:
    """Let the C library keep what is freed, up to a gigabyte, for what is asked for next; False where it cannot.

    By itself glibc gives large blocks back to the system each time, which fills them with zeros before they come again:
    as much work as some of what is computed in them. For a process that computes until it ends.
    """
    threshold, trim = -3, -1  # M_MMAP_THRESHOLD and M_TRIM_THRESHOLD of malloc.h
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return False
    return bool(mallopt(threshold, 2**30) and mallopt(trim, 2**30))


def _torch() -> Any:
    """The module, if something has imported it and it is there by now."""
    torch = cast("Any", sys.modules.get("torch"))
    return None if torch is None or getattr(torch.__spec__, "_initializing", False) else torch


def _device(torch: Any) -> dict[str, Any]:
    wanted = os.environ.get("MEZZOTINT_DEVICE", "auto")
    if torch and wanted.partition(":")[0] in ("auto", "cuda") and torch.cuda.is_available():
        return _cuda(torch, int(wanted.partition(":")[2] or torch.cuda.current_device()))
    memory = psutil.virtual_memory()
    name = "mps" if torch and wanted in ("auto", "mps") and torch.backends.mps.is_available() else "cpu"
    return _described(name, name, None, memory.total, memory.available, memory.total, memory.available)


def _cuda(torch: Any, index: int) -> dict[str, Any]:
    free, total = torch.cuda.mem_get_info(index)
    reserved, active = torch.cuda.memory_reserved(index), torch.cuda.memory_allocated(index)
    name = f"cuda:{index} {torch.cuda.get_device_name(index)}"
    return _described(name, "cuda", index, total, free + reserved - active, reserved, reserved - active)


def _described(
    name: str, type_: str, index: int | None, total: int, free: int, torch_total: int, torch_free: int
) -> dict[str, Any]:
    return {
        "name": name,
        "type": type_,
        "index": index,
        "vram_total": total,
        "vram_free": free,
        "torch_vram_total": torch_total,
        "torch_vram_free": torch_free,
    }
