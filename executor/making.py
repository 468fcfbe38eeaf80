"""How a file was made: what stands beside the graph in a saved picture, so that others can make the same."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from executor import devices
from executor.files import FileProblem, Files
from executor.hashes import Hashes
from executor.node import Folder, NodeSpec
from executor.plan import Plan, Step


@dataclass(frozen=True)
class ModelFile:
    """A file of a models folder, by the name that a graph gives it."""

    folder: str
    name: str
    path: Path


class Making:
    """What is told of one run.

    The models are hashed in a thread while the nodes compute, and only where a node saves something with its graph.
    """

    def __init__(self, plan: Plan, files: Files, hashes: Hashes, stop: Callable[[], bool]):
        self._plan, self._files, self._hashes, self._stop = plan, files, hashes, stop
        self._reading = threading.Thread(target=self._read, daemon=True)
        self._begun = False
        self._beginning = threading.Lock()

    def begin(self) -> None:
        """To be called when a node starts; all calls but the first do nothing."""
        with self._beginning:  # nodes start in several threads
            if not self._begun and any(map(self.waits, self._plan.steps.values())):
                self._reading.start()
            self._begun = True

    def waits(self, step: Step) -> bool:
        """Whether the step saves something with its graph, and so has to wait for the hashes."""
        return "EXTRA_PNGINFO" in step.spec.hidden.values()

    def of(self, step: Step) -> dict[str, Any]:
        """What a file that this step saves carries; waits for the hashes."""
        self.begin()
        self._reading.join()
        here = devices.stats()
        return {
            "device": here["devices"][0]["name"],
            "settings": self._plan.salt,
            "torch": here["torch"],
            "models": list(self._told(self._of_run(step))),
            "keys": {name: key for name, link in step.links.items() if (key := self._key(link.node))},
        }

    @cached_property
    def _models(self) -> list[ModelFile]:
        return self._distinct(self._plan.steps.values())

    def _of_run(self, step: Step) -> list[ModelFile]:
        """The models that a step may have got something from: in a sweep those of its run."""
        sweep, steps = self._plan.sweep, self._plan.steps
        if sweep is None or step.run is None:
            return self._models
        ids = (sweep.id(id, step.run) for id in sweep.original)
        return self._distinct(steps[id] for id in ids if id in steps)

    def _distinct(self, steps: Iterable[Step]) -> list[ModelFile]:
        return list({(m.folder, m.name): m for step in steps for m in self._named(step)}.values())

    def _named(self, step: Step) -> Iterator[ModelFile]:
        for _, folder, name in model_names(step.spec, step.literals):
            with suppress(FileProblem):  # the node says so
                yield ModelFile(folder, name, self._files.model(folder, name))

    def _read(self) -> None:
        for model in self._models:
            with suppress(OSError):
                self._hashes.of(model.path, self._stop)

    def _told(self, models: Iterable[ModelFile]) -> Iterator[dict[str, Any]]:
        for model in models:
            with suppress(OSError):
                if sha256 := self._hashes.known(model.path):
                    size = model.path.stat().st_size
                    yield {"folder": model.folder, "name": model.name, "size": size, "sha256": sha256}

    def _key(self, id: str) -> str | None:
        return self._plan.steps[id].key if id in self._plan.steps else None


def model_names(spec: NodeSpec, inputs: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Input, folder and name of each model that a node names itself."""
    for i in spec.inputs.values():
        name = inputs.get(i.name)
        if isinstance(i.choices, Folder) and isinstance(name, str):
            yield i.name, i.choices.name, name
