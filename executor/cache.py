"""The cache: results by content key, in memory within a budget of bytes, and on disk where they are worth it."""

from __future__ import annotations

import os
import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from heapq import heappop, heappush
from pathlib import Path
from typing import Any

from executor.store import Disk
from executor.values import Snapshot, Survey, snapshot, survey


@dataclass(frozen=True, slots=True)
class Entry:
    """What one step gave: for each output its items, and what it shows."""

    outputs: tuple[list[Any], ...]
    ui: Mapping[str, Any] | None
    seconds: float  # that it took
    restore: float = 0.0  # seconds to have it again in another process
    survey: Survey = field(default_factory=lambda: Survey({}, 0, False))
    version: tuple[Snapshot, ...] = ()


def entry(outputs: tuple[list[Any], ...], ui: Mapping[str, Any] | None, seconds: float, restore: float = 0.0) -> Entry:
    return Entry(outputs, ui, seconds, restore, survey(outputs), _version(outputs))


def _version(outputs: tuple[list[Any], ...]) -> tuple[Snapshot, ...]:
    return tuple(snapshot(items) for items in outputs)


class Pool:
    """Results within a budget of bytes. What took long for its size stays longer, and less so the longer it is unused:
    GreedyDual-Size (Cao and Irani 1997), least recently used being the case of equal worth."""

    def __init__(self, budget: int):
        self.budget = budget
        self.used = 0
        self._entries: dict[str, Entry] = {}
        self._worth: dict[str, tuple[float, int]] = {}  # and the time of last use
        self._heap: list[tuple[tuple[float, int], str]] = []  # each key once, maybe with an old worth, or gone
        self._queued: set[str] = set()  # the keys in the heap
        self._time = 0
        self._holders: Counter[int] = Counter()  # storage -> entries that hold it
        self._floor = 0.0

    def get(self, key: str) -> Entry | None:
        found = self._entries.get(key)
        if found is not None:
            if any(found.version) and _version(found.outputs) != found.version:  # somebody changed it in place
                self.discard(key)
                return None
            self._touch(key, found)
        return found

    def put(self, key: str, found: Entry) -> None:
        self.discard(key)
        if found.survey.nbytes > self.budget:
            return
        self._entries[key] = found
        self.used += found.survey.plain_bytes
        for storage, size in found.survey.storages.items():
            self.used += 0 if self._holders[storage] else size
            self._holders[storage] += 1
        self._touch(key, found)
        if key not in self._queued:
            self._queued.add(key)
            heappush(self._heap, (self._worth[key], key))
        while self.used > self.budget:
            self._evict()

    def discard(self, key: str) -> None:
        found = self._entries.pop(key, None)
        if found is None:
            return
        del self._worth[key]
        self.used -= found.survey.plain_bytes
        for storage, size in found.survey.storages.items():
            self._holders[storage] -= 1
            if not self._holders[storage]:
                del self._holders[storage]
                self.used -= size

    def clear(self) -> None:
        for key in list(self._entries):
            self.discard(key)
        self._heap.clear()
        self._queued.clear()

    def _touch(self, key: str, found: Entry) -> None:
        self._time += 1
        self._worth[key] = (self._floor + max(found.seconds, 1e-6) / max(found.survey.nbytes, 1), self._time)

    def _evict(self) -> None:
        worth, key = heappop(self._heap)
        now = self._worth.get(key)
        if now is not None and now != worth:
            heappush(self._heap, (now, key))
            return
        self._queued.discard(key)
        if now is not None:
            self._floor = worth[0]
            self.discard(key)


class Cache:
    """Two pools of memory, one for values and one for models and the like, over an optional disk tier.

    memory, models: budgets in bytes; by default a quarter and a half of the memory of this machine (or container).
    """

    def __init__(self, memory: int | None = None, models: int | None = None, disk: Disk | None = None):
        total = machine_memory()
        self.values = Pool(total // 4 if memory is None else memory)
        self.models = Pool(total // 2 if models is None else models)
        self.disk = disk
        self._lock = threading.Lock()

    def get(self, key: str, *, on_disk: bool = True) -> Entry | None:
        """The result of that name, if it is here and nobody changed it."""
        with self._lock:
            found = self.values.get(key) or self.models.get(key)
        if found is None and on_disk and self.disk is not None:
            stored = self.disk.read(key)
            if stored is not None:
                found = entry(stored.outputs, None, stored.seconds)
                self.put(key, found)
        return found

    def put(self, key: str, found: Entry) -> None:
        """Keep a result in memory."""
        with self._lock:
            (self.models if found.survey.opaque else self.values).put(key, found)

    def write(self, key: str, found: Entry) -> None:
        """Keep a result on disk. Raises OSError if the disk refuses it."""
        if self.disk is not None:
            self.disk.write(key, found.outputs, found.seconds)

    def discard(self, key: str) -> None:
        with self._lock:
            self.values.discard(key)
            self.models.discard(key)

    def free(self, *, models: bool = True, values: bool = True) -> None:
        """Drop what memory holds; the disk tier stays."""
        with self._lock:
            for pool in (*((self.models,) if models else ()), *((self.values,) if values else ())):
                pool.clear()


def machine_memory() -> int:
    """Bytes of memory that this process may use: the machine's, or its container's if that is less."""
    limits = [Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes")]
    found = [int(text) for p in limits if p.is_file() and (text := p.read_text().strip()).isdigit()]
    try:
        found.append(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    except (AttributeError, ValueError, OSError):  # Windows
        found.append(8 << 30)
    return min(found)
