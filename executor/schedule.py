"""Which steps are to be computed, which may start, and how long values are kept. No threads, no events, no calls."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum

from executor.cache import Entry
from executor.calls import Items
from executor.graph import Link
from executor.plan import Plan, Step


class State(Enum):
    WAITING = 0  # demanded, for its sources or its turn
    DONE = 1
    FAILED = 2  # or skipped because what it needs failed


@dataclass(frozen=True)
class Ports:
    """What a schedule asks for and tells."""

    stored: Callable[[Step], Entry | None]  # the result of a step, if it is there already
    start: Callable[[Step], None]  # its sources are there
    settled: Callable[[str], None]  # it is done or failed, for those who await it


class Schedule:
    """The state of a run. A step is computed at most once, and only because a target or a running node asks for it."""

    def __init__(self, plan: Plan, ports: Ports):
        self.ports = ports
        self.steps: dict[str, Step] = dict(plan.steps)
        self.state: dict[str, State] = {}
        self.skipped: list[str] = []
        self._uses: dict[Link, int] = dict(plan.uses)  # inputs that may still ask for an output
        self._values: dict[Link, Items] = {}
        self._missing: dict[str, int] = {}  # sources that a waiting step waits for
        self._dependents: dict[str, list[str]] = {}
        self._owner: dict[str, str] = {}  # key -> the step that computes it
        self._twins: dict[str, list[str]] = {}  # of the same key as another, which computes it for all

    def add(self, plan: Plan) -> None:
        """The steps of a graph that a node returned, or of a round of a loop."""
        self.steps |= plan.steps
        for link, count in plan.uses.items():
            self._uses[link] = self._uses.get(link, 0) + count

    def supply(self, step: Step, items: Items) -> None:
        """A step with one output whose result is given, if somebody will ask for it."""
        if self._uses.get(Link(step.id, 0)):
            self.steps[step.id] = step
            self.state[step.id] = State.DONE
            self._values[Link(step.id, 0)] = items

    def value(self, link: Link) -> Items:
        return self._values[link]

    def has(self, link: Link) -> bool:
        return link in self._values

    def linked(self, step: Step) -> dict[str, Items]:
        """The values of the inputs that a step cannot start without."""
        inputs = step.spec.inputs
        return {name: self._values[link] for name, link in step.links.items() if not inputs[name].lazy}

    def known(self, step: Step) -> dict[str, Items]:
        """The values of those inputs that are there."""
        return {name: self._values[link] for name, link in step.links.items() if link in self._values}

    # --- demand ---

    def demand(self, ids: Iterable[str]) -> tuple[list[tuple[Step, Entry]], list[str]]:
        """Bring in steps and, of those whose result is not stored, their sources.

        Returns the stored results that were found, and the steps that need not run any more thanks to them.
        """
        stack, new = list(ids), list[Step]()
        hits, dead = list[tuple[Step, Entry]](), list[str]()
        while stack:
            step = self.steps[stack.pop()]
            if step.id in self.state:
                continue
            found = self.ports.stored(step)
            if found is not None:
                self.state[step.id] = State.DONE
                self._deliver(step, found)
                hits.append((step, found))
                dead += self._release(step)
            elif not self._is_twin(step):
                self.state[step.id] = State.WAITING
                new.append(step)
                stack.extend(step.sources)
        for step in new:
            self.enlist(step, step.sources)
        return hits, sorted((*dead, *(step.id for step, _ in hits)), key=lambda id: self.steps[id].place)

    def _is_twin(self, step: Step) -> bool:
        """Whether a waiting step has the same key, so that this one gets its result."""
        if step.key is None:
            return False
        owner = self._owner.get(step.key, step.id)
        if self.state.get(owner) is not State.WAITING:
            self._owner[step.key] = step.id
            return False
        self.state[step.id] = State.WAITING
        self._twins.setdefault(owner, []).append(step.id)
        self._release(step)
        return True

    def enlist(self, step: Step, sources: Iterable[str]) -> None:
        """Let a step wait for its sources, or start it if they are all there."""
        states = [(source, self.state[source]) for source in sources]
        if any(state is State.FAILED for _, state in states):
            self.skip([step.id])
            return
        waiting = [source for source, state in states if state is State.WAITING]
        self._missing[step.id] = len(waiting)
        for source in waiting:
            self._dependents.setdefault(source, []).append(step.id)
        if not waiting:
            self.ports.start(step)

    # --- results ---

    def complete(self, step: Step, found: Entry) -> list[str]:
        """A step has its result. Returns the others that have it too."""
        twins = self._twins.pop(step.id, [])
        for id in (step.id, *twins):
            self.state[id] = State.DONE
            self._deliver(self.steps[id], found)
            for dependent in self._dependents.pop(id, ()):
                self._missing[dependent] -= 1
                if not self._missing[dependent] and self.state[dependent] is State.WAITING:
                    self.ports.start(self.steps[dependent])
            self.ports.settled(id)
        self._release(step)
        return twins

    def fail(self, id: str) -> None:
        """A step will have no result, nor will what depends on it."""
        self._lose(id)

    def skip(self, ids: Iterable[str]) -> None:
        """These steps and what depends on them cannot run."""
        for id in ids:
            self._lose(id, skipped=True)

    def spoil(self, id: str, culprit: str) -> None:
        """The result of a step was changed by another one and is good for nobody else."""
        self.state[id] = State.FAILED
        users = {s.id for s in self.steps.values() if id in s.sources and s.id != culprit}
        self.skip(u for u in users if self.state.get(u) is State.WAITING)

    def _lose(self, id: str, skipped: bool = False) -> None:
        stack = [(id, skipped)]
        while stack:
            id, skipped = stack.pop()
            if self.state.get(id) in (State.FAILED, State.DONE):
                continue
            self.state[id] = State.FAILED
            if skipped:
                self.skipped.append(id)
            stack += [(d, True) for d in (*self._twins.pop(id, ()), *self._dependents.pop(id, ()))]
            self._release(self.steps[id])
            self.ports.settled(id)

    # --- values: kept while an input may ask for them ---

    def _deliver(self, step: Step, found: Entry) -> None:
        for slot, items in enumerate(found.outputs):
            link = Link(step.id, slot)
            if self._uses.get(link):
                self._values[link] = items

    def _release(self, step: Step) -> list[str]:
        dead = self.let_go(step.links.values())
        for effect in step.body.effects if step.body else ():
            dead += [effect, *self.let_go(self.steps[effect].links.values())]
        return dead

    def let_go(self, links: Iterable[Link]) -> list[str]:
        """Each of these outputs has one use less. Returns the steps that nobody will ask for now."""
        dead: list[str] = []
        stack = [links]
        while stack:
            for link in stack.pop():
                self._uses[link] -= 1
                if self._uses[link]:
                    continue
                self._values.pop(link, None)
                source = self.steps[link.node]
                if source.id not in self.state and not any(self._uses.get(output) for output in outputs_of(source)):
                    dead.append(source.id)
                    stack.append(source.links.values())
        return dead

    def results(self, targets: Iterable[str]) -> Mapping[str, tuple[Items, ...]]:
        """The outputs of those targets that are done."""
        done = [id for id in targets if self.state.get(id) is State.DONE]
        return {id: tuple(self._values[output] for output in outputs_of(self.steps[id])) for id in done}


def outputs_of(step: Step) -> list[Link]:
    return [Link(step.id, slot) for slot in range(len(step.spec.outputs))]
