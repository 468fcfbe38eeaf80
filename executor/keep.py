"""Which results of a run are kept, and where."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from typing import Any

from executor.cache import Cache, Entry, entry
from executor.calls import Items, shown_files
from executor.files import FileProblem, Files, contained
from executor.plan import Step
from executor.store import NotStorable
from executor.values import survey

WORTH_DISK = 0.5  # seconds to have a value again, from which on it is written to disk


class Keeper:
    """The cache as one run uses it. Files are written by a thread of its own."""

    def __init__(self, cache: Cache, files: Files, force: bool, warn: Callable[[str], None]):
        self.cache, self.files, self.force, self.warn = cache, files, force, warn
        self._restore: dict[str, float] = {}  # seconds to have a step's result again in another process
        self._writer: ThreadPoolExecutor | None = None
        self._writes: list[Future[None]] = []
        self._refused = False

    def find(self, step: Step) -> Entry | None:
        """The stored result of a step. What an output showed counts only while its files exist."""
        if step.key is None or self.force or (step.body and step.body.effects):  # else a loop would show nothing
            return None
        found = self.cache.get(step.key, on_disk=not step.spec.output_node)
        if found is None or (found.ui is not None and not self._still_there(found)):
            return None
        self._restore[step.id] = found.restore
        return found

    def _still_there(self, found: Entry) -> bool:
        try:
            places = [(self.files.root(root), folder, name) for root, folder, name in shown_files(found.ui or {})]
            return all(
                contained(root, f"{folder}/{name}" if folder else name).is_file() for root, folder, name in places
            )
        except FileProblem:
            return False

    def keep(
        self,
        step: Step,
        outputs: tuple[Items, ...],
        ui: Mapping[str, Any] | None,
        seconds: float,
        linked: Mapping[str, Items],
    ) -> Entry:
        """Store a result in memory, and on disk if it took long or only a model could make it again."""
        restore = seconds + sum(self._restore.get(source, 0.0) for source in step.sources)
        found = entry(outputs, ui, seconds, restore)
        on_disk = self._belongs_on_disk(step, found, linked)
        self._restore[step.id] = 0.0 if on_disk else restore
        if step.key is not None:
            self.cache.put(step.key, replace(found, restore=0.0) if on_disk else found)
            if on_disk:
                self._writer = self._writer or ThreadPoolExecutor(1, "cache")
                self._writes.append(self._writer.submit(self._write, step.key, found))
        return found

    def _belongs_on_disk(self, step: Step, found: Entry, linked: Mapping[str, Items]) -> bool:
        if self.cache.disk is None or self._refused or step.key is None or step.spec.output_node:
            return False
        if found.ui is not None or found.survey.opaque:
            return False
        return found.restore >= WORTH_DISK or any(survey(items).opaque for items in linked.values())

    def _write(self, key: str, found: Entry) -> None:
        if self._refused:
            return
        try:
            self.cache.write(key, found)
        except NotStorable:
            return
        except OSError as error:
            self._refused = True
            self.warn(f"results are not kept on disk in this run: {error}")

    def close(self) -> None:
        """Wait until all is written."""
        for write in self._writes:
            write.result()
        if self._writer:
            self._writer.shutdown()
