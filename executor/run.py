"""Runs a plan. Its only effects are to store a result and to emit an event."""

from __future__ import annotations

import asyncio
import contextlib
import time
import traceback
from collections import deque
from collections.abc import Coroutine, Generator, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from enum import Enum
from heapq import heappop, heappush
from queue import SimpleQueue
from typing import Any, cast

from executor import calls, events
from executor.cache import Cache, Entry, entry
from executor.calls import Called, Items
from executor.cancel import Cancel, Reporter
from executor.check import InvalidGraph, check, outputs
from executor.files import FileProblem, Files, contained
from executor.graph import Link, read
from executor.node import Cancelled, Expand, Lazy
from executor.plan import Plan, Step, Within, make_plan
from executor.store import NotStorable
from executor.values import Snapshot, snapshot, summary

WORTH_DISK = 0.5  # seconds to have a value again, from which on it is written to disk


@dataclass(frozen=True)
class Outcome:
    """How a run ended. `values` has the outputs of each target that finished, each output a list of items."""

    values: Mapping[str, tuple[Items, ...]]
    shown: Mapping[str, Mapping[str, Any]]  # node -> ui
    failed: tuple[events.NodeFailed, ...]
    skipped: tuple[str, ...]
    cancelled: bool = False

    @property
    def ok(self) -> bool:
        return not (self.failed or self.cancelled)


async def run(
    plan: Plan,
    *,
    files: Files,
    cache: Cache | None = None,
    emit: events.Emit = lambda event: None,
    cancel: Cancel | None = None,
    extra_pnginfo: Mapping[str, Any] | None = None,
    force: bool = False,
) -> Outcome:
    """Compute the targets of a plan. A node that fails is an event and fails only what depends on it.

    emit: called with every event, on this loop.
    cancel: ends the run within a step of whatever runs; so does cancelling this coroutine.
    extra_pnginfo: what nodes that save pictures write into them, such as the editor's workflow.
    force: compute everything anew, and store it.
    """
    job = _Run(plan, files, cache or Cache(memory=0, models=0), emit, cancel or Cancel(), extra_pnginfo or {}, force)
    work = asyncio.ensure_future(asyncio.to_thread(job.work))
    try:
        outcome = await asyncio.shield(work)
    except asyncio.CancelledError:
        job.cancel.set()
        while not work.done():
            await asyncio.wait([work])
        raise
    finally:
        job.flush()
    if job.emit_error:
        raise job.emit_error
    return outcome


def execute(plan: Plan, **options: Any) -> Outcome:
    """`run`, for programs without an event loop. On Ctrl-C the run ends in order, then KeyboardInterrupt is raised."""
    return asyncio.run(run(plan, **options))


class InputFailed(Exception):
    """Raised where a node awaits an input that could not be computed."""


class ChangedInput(RuntimeError):
    """A node changed a value that it was only lent."""


class _NoItems(Exception):
    """A node awaited an empty list: it is not called for it."""


class State(Enum):
    WAITING = 0  # demanded, for its sources or its turn
    DONE = 1
    FAILED = 2  # or skipped because what it needs failed


_Part = tuple[tuple[Any, ...], tuple[Link | None, ...]]  # the outputs of one call: values, or links to inner steps


@dataclass
class _Expansion:
    """A node whose calls returned graphs: what it will put together when they are computed."""

    parts: list[_Part]
    ui: Mapping[str, Any] | None
    started: float
    inner: tuple[str, ...]  # the steps of those graphs that were asked for


@dataclass
class _Told:
    """A message to the thread that schedules."""

    step: Step | None = None  # whose coroutine has ended
    result: Any = None
    error: BaseException | None = None
    demand: str = ""  # a step that a coroutine awaits
    reply: asyncio.Future[None] | None = None


@dataclass
class _Run:
    """One run. One worker thread schedules and computes; coroutines run on the loop and talk to it by `inbox`.

    All fields but `outbox` and `tasks` belong to the worker thread.
    """

    plan: Plan
    files: Files
    cache: Cache
    emit: events.Emit
    cancel: Cancel
    extra: Mapping[str, Any]
    force: bool
    loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.get_running_loop)
    inbox: SimpleQueue[_Told] = field(default_factory=lambda: SimpleQueue[_Told]())
    outbox: deque[events.Event] = field(default_factory=lambda: deque[events.Event]())
    tasks: set[asyncio.Task[None]] = field(default_factory=lambda: set[asyncio.Task[None]]())
    emit_error: Exception | None = None
    _flushing: bool = False

    def __post_init__(self) -> None:
        self.steps: dict[str, Step] = dict(self.plan.steps)
        self.uses: dict[Link, int] = dict(self.plan.uses)  # inputs that may still ask for an output
        self.values: dict[Link, Items] = {}
        self.restore: dict[str, float] = {}  # seconds to have a step's outputs again in another process
        self.opaque: set[str] = set()  # steps that gave more than can be stored on disk
        self.state: dict[str, State] = {}
        self.missing: dict[str, int] = {}  # sources that a waiting step waits for
        self.dependents: dict[str, list[str]] = {}
        self.twins: dict[str, list[str]] = {}  # steps of the same key, computed once
        self.owner: dict[str, str] = {}
        self.ready: list[tuple[tuple[int, ...], str]] = []
        self.awaiting: dict[str, list[asyncio.Future[None]]] = {}
        self.expansions: dict[str, _Expansion] = {}
        self.parent: dict[str, str] = {}
        self.waits = 0  # coroutines under way
        self.current: str | None = None
        self.failures: list[events.NodeFailed] = []
        self.skipped: list[str] = []
        self.shown: dict[str, Mapping[str, Any]] = {}
        self.writer: ThreadPoolExecutor | None = None
        self.writes: list[Future[None]] = []
        self.disk_refused = False

    # --- events: appended by the worker, emitted in batches on the loop ---

    def post(self, event: events.Event) -> None:
        self.outbox.append(event)
        if not self._flushing:
            self._flushing = True
            self.loop.call_soon_threadsafe(self.flush)

    def flush(self) -> None:
        self._flushing = False
        while self.outbox:
            event = self.outbox.popleft()
            if self.emit_error:
                continue
            try:
                self.emit(event)
            except Exception as error:
                self.emit_error = error
                self.cancel.set()

    # --- the worker thread ---

    def work(self) -> Outcome:
        started = time.perf_counter()
        forget = self.cancel.on_set(lambda: self.inbox.put(_Told()))
        cancelled = False
        self.post(events.Started(self.plan.targets, len(self.steps)))
        try:
            self._demand(self.plan.targets)
            self.cancel.check()
            while self._advance():
                self.cancel.check()
        except Cancelled:
            cancelled = True
            self.cancel.set()
            self._end_coroutines()
            self.post(events.Cancelled(self.current))
        finally:
            forget()
            self._end_writes()
        failed, skipped = tuple(f.node for f in self.failures), tuple(self.skipped)
        if not cancelled:
            self.post(events.Finished(failed, skipped, time.perf_counter() - started))
        done = [id for id in self.plan.targets if self.state.get(id) is State.DONE]
        values = {id: tuple(self.values[Link(id, n)] for n in range(len(self.steps[id].spec.outputs))) for id in done}
        return Outcome(values, self.shown, tuple(self.failures), skipped, cancelled)

    def _advance(self) -> bool:
        """One move: a message, or else a step whose turn it is, or else wait for a message. False when all is done."""
        if not self.inbox.empty() or (self.waits and not self.ready):
            self._hear(self.inbox.get())
        elif self.ready:
            step = self.steps[heappop(self.ready)[1]]
            if self.state[step.id] is State.WAITING:
                self._compute(step)
        else:
            return False
        return True

    def _hear(self, told: _Told) -> None:
        if told.step is not None:
            self.waits -= 1
            if isinstance(told.error, Cancelled):
                raise told.error
            with self._failing(told.step):
                if told.error is not None:
                    raise told.error
                self._finish(told.step, *told.result)
        elif told.reply is not None:
            self.awaiting.setdefault(told.demand, []).append(told.reply)
            self._demand([told.demand])
            if self.state[told.demand] is not State.WAITING:
                self._reply(told.demand)

    def _end_coroutines(self) -> None:
        self.loop.call_soon_threadsafe(lambda: [task.cancel() for task in self.tasks])
        while self.waits:
            self.waits -= self.inbox.get().step is not None

    # --- what has to be computed ---

    def _demand(self, ids: Iterable[str]) -> None:
        """Bring in steps and, of those whose result is not stored, their sources."""
        stack, new, stored = list(ids), list[Step](), list[str]()
        while stack:
            step = self.steps[stack.pop()]
            if step.id in self.state:
                continue
            found = None if self.force else self._stored(step)
            if found is not None:
                self.state[step.id] = State.DONE
                self._deliver(step, found)
                stored.append(step.id)
                stored += self._release(step)
                if found.ui is not None:
                    self._show(step, found, 0.0, cached=True)
            elif (owner := self.owner.get(step.key or "")) and self.state[owner] is State.WAITING:
                self._twin(step, owner)
            else:
                self.state[step.id] = State.WAITING
                if step.key is not None:
                    self.owner[step.key] = step.id
                new.append(step)
                stack.extend(step.sources)
        if stored:
            self.post(events.CachedSet(tuple(sorted(stored, key=lambda id: self.steps[id].place))))
        for step in new:
            self._enlist(step, step.sources)

    def _stored(self, step: Step) -> Entry | None:
        if step.key is None:
            return None
        found = self.cache.get(step.key, on_disk=not step.spec.output_node)
        return found if found is None or found.ui is None or self._still_there(found.ui) else None

    def _still_there(self, ui: Mapping[str, Any]) -> bool:
        """Whether the files that a stored result shows still exist."""
        try:
            for root, folder, name in calls.shown_files(ui):
                if not contained(self.files.root(root), f"{folder}/{name}" if folder else name).is_file():
                    return False
        except FileProblem:
            return False
        return True

    def _twin(self, step: Step, owner: str) -> None:
        """A step that has the key of another one of this run gets the other's result."""
        self.state[step.id] = State.WAITING
        self.twins.setdefault(owner, []).append(step.id)
        self._release(step)

    def _enlist(self, step: Step, sources: Iterable[str]) -> None:
        """Let a step wait for its sources, or for its turn if they are all there."""
        states = [(source, self.state[source]) for source in sources]
        if any(state is State.FAILED for _, state in states):
            self._skip([step.id])
            return
        waiting = [source for source, state in states if state is State.WAITING]
        self.missing[step.id] = len(waiting)
        for source in waiting:
            self.dependents.setdefault(source, []).append(step.id)
        if not waiting:
            self._start(step)

    def _start(self, step: Step) -> None:
        if step.spec.is_async and step.id not in self.expansions:
            self._announce(step)
            self.waits += 1
            linked = self._linked(step)
            self.loop.call_soon_threadsafe(self._spawn, step, linked)
        else:
            heappush(self.ready, (step.place, step.id))

    # --- computing one step ---

    def _linked(self, step: Step) -> dict[str, Items]:
        inputs = step.spec.inputs
        return {name: self.values[link] for name, link in step.links.items() if not inputs[name].lazy}

    def _announce(self, step: Step) -> None:
        self.post(events.NodeStarted(step.id, step.spec.name, self.parent.get(step.id)))

    def _compute(self, step: Step) -> None:
        if step.id in self.expansions:
            self._collect(step)
            return
        self.current = step.id
        self._announce(step)
        with self._failing(step):
            linked = self._linked(step)
            lent = {name: snapshot(items) for name, items in linked.items()}
            given = self._given(step)
            started = time.perf_counter()
            turns = range(calls.count(step.spec, linked))
            returned = [
                step.spec.function(**calls.arguments(step.spec, step.literals, linked, turn), **given) for turn in turns
            ]
            self._finish(step, returned, started, linked, lent)
        self.current = None

    @contextlib.contextmanager
    def _failing(self, step: Step) -> Generator[None, None, None]:
        """Whatever is raised for a step is its failure, but for the end of the run."""
        try:
            yield
        except Cancelled:
            raise
        except BaseException as error:
            self._fail(step, error)

    def _given(self, step: Step) -> dict[str, Any]:
        """The inputs that are no sockets."""
        spec = step.spec
        if not spec.given and not spec.hidden:
            return {}
        engine = {"files": self.files, "progress": Reporter(self._report_of(step.id), self.cancel)}
        hidden = {"PROMPT": self.plan.prompt, "DYNPROMPT": self.plan.prompt, "EXTRA_PNGINFO": self.extra}
        hidden["UNIQUE_ID"] = cast("Any", step.id)
        return {p: engine[k] for p, k in spec.given.items()} | {p: hidden.get(k) for p, k in spec.hidden.items()}

    def _report_of(self, id: str) -> Any:
        def report(value: int, total: int, preview: Any) -> None:
            self.post(events.Progressed(id, value, total, preview))

        return report

    def _finish(
        self, step: Step, returned: list[Any], started: float, linked: dict[str, Items], lent: dict[str, Snapshot]
    ) -> None:
        """Take what the calls of a step returned."""
        self._unchanged(step, linked, lent)
        called = [calls.outputs(step.spec, r) for r in returned]
        ui = calls.shown(returned)
        if any(isinstance(c, Expand) for c in called):
            self._expand(step, called, ui, started)
        else:
            self._complete(step, calls.gather(step.spec, cast("list[Called]", called)), ui, started)

    def _unchanged(self, step: Step, linked: dict[str, Items], lent: dict[str, Snapshot]) -> None:
        """Raise ChangedInput if the step changed a value that others share; such a value is used no more."""
        changed = [name for name, items in linked.items() if snapshot(items) != lent[name]]
        for name in changed:
            source = self.steps[step.links[name].node]
            if source.key is not None:
                self.cache.discard(source.key)
            self.state[source.id] = State.FAILED
            self._skip([d for d in self.dependents.get(source.id, ()) if d != step.id])
        if changed:
            raise ChangedInput(
                f"{step.spec.name} {step.id} changed its input {', '.join(changed)} in place; "
                "values are shared, so a node has to change a copy"
            )

    def _complete(self, step: Step, values: tuple[Items, ...], ui: Mapping[str, Any] | None, started: float) -> None:
        seconds = time.perf_counter() - started
        restore = seconds + sum(self.restore.get(source, 0.0) for source in step.sources)
        found = entry(values, ui, seconds, restore)
        if step.key is not None:
            found = self._keep(step, step.key, found)
        self.state[step.id] = State.DONE
        self._show(step, found, seconds)
        for id in (step.id, *self.twins.pop(step.id, ())):
            self.state[id] = State.DONE
            self._deliver(self.steps[id], found)
            if id != step.id:
                self.post(events.CachedSet((id,)))
            self._wake(id)
        self._release(step)

    def _wake(self, id: str) -> None:
        for dependent in self.dependents.pop(id, ()):
            self.missing[dependent] -= 1
            if not self.missing[dependent] and self.state[dependent] is State.WAITING:
                self._start(self.steps[dependent])
        self._reply(id)

    def _show(self, step: Step, found: Entry, seconds: float, cached: bool = False) -> None:
        if found.ui is not None:
            self.shown[step.id] = found.ui
        self.post(events.NodeFinished(step.id, found.ui, seconds, found.survey.nbytes, cached))

    # --- values: kept while an input may ask for them ---

    def _deliver(self, step: Step, found: Entry) -> None:
        self.restore[step.id] = found.restore
        if found.survey.opaque:
            self.opaque.add(step.id)
        for slot, items in enumerate(found.outputs):
            link = Link(step.id, slot)
            if self.uses.get(link):
                self.values[link] = items

    def _release(self, step: Step) -> list[str]:
        """The inputs of a step are needed no more. Returns the steps that nobody will ask for now."""
        return self._let_go(step.links.values())

    def _let_go(self, links: Iterable[Link]) -> list[str]:
        """Each of these outputs has one use less. Returns the steps that nobody will ask for now."""
        dead: list[str] = []
        stack = [links]
        while stack:
            for link in stack.pop():
                self.uses[link] -= 1
                if self.uses[link]:
                    continue
                self.values.pop(link, None)
                source = self.steps[link.node]
                if source.id not in self.state and not any(
                    self.uses.get(Link(source.id, n)) for n in range(len(source.spec.outputs))
                ):
                    dead.append(source.id)
                    stack.append(source.links.values())
        return dead

    def _keep(self, step: Step, key: str, found: Entry) -> Entry:
        """Store a result in memory, and on disk if it took long or only a model could make it again."""
        disk = self.cache.disk is not None and not self.disk_refused and not step.spec.output_node
        worth = found.restore >= WORTH_DISK or any(link.node in self.opaque for link in step.links.values())
        if disk and worth and found.ui is None and not found.survey.opaque:
            found = Entry(found.outputs, None, found.seconds, 0.0, found.survey, found.version)
            self.writer = self.writer or ThreadPoolExecutor(1, "cache")
            self.writes.append(self.writer.submit(self._write, key, found))
        self.cache.put(key, found)
        return found

    def _write(self, key: str, found: Entry) -> None:
        if self.disk_refused:
            return
        try:
            self.cache.write(key, found)
        except NotStorable:
            return
        except OSError as error:
            self.disk_refused = True
            self.post(events.Warned(f"results are not kept on disk in this run: {error}"))

    def _end_writes(self) -> None:
        for write in self.writes:
            write.result()
        if self.writer:
            self.writer.shutdown()

    # --- failures ---

    def _fail(self, step: Step, error: BaseException) -> None:
        if isinstance(error, InputFailed) or self.state[step.id] is State.FAILED:
            self._skip([step.id])
            return
        linked = {n: self.values[link] for n, link in step.links.items() if link in self.values}
        inputs = {n: summary(v) for n, v in step.literals.items()}
        inputs |= {n: summary(v[0] if len(v) == 1 else v) for n, v in linked.items()}
        lines = tuple(traceback.format_exception(type(error), error, error.__traceback__))
        failure = events.NodeFailed(step.id, step.spec.name, type(error).__name__, str(error), lines, inputs)
        self.failures.append(failure)
        self.post(failure)
        self._give_up(step.id)

    def _give_up(self, id: str) -> None:
        """A step will have no result, nor will what depends on it."""
        self.state[id] = State.FAILED
        after = [*self.twins.pop(id, ()), *self.dependents.pop(id, ())]
        self._release(self.steps[id])
        self._reply(id)
        self._skip(after)

    def _skip(self, ids: Iterable[str]) -> None:
        stack = list(ids)
        while stack:
            id = stack.pop()
            if self.state.get(id) in (State.FAILED, State.DONE):
                continue
            self.state[id] = State.FAILED
            self.skipped.append(id)
            stack += [*self.twins.pop(id, ()), *self.dependents.pop(id, ())]
            self._release(self.steps[id])
            self._reply(id)

    # --- coroutines ---

    def _spawn(self, step: Step, linked: dict[str, Items]) -> None:
        task = self.loop.create_task(self._drive(step, linked))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def _drive(self, step: Step, linked: dict[str, Items]) -> None:
        told = _Told(step)
        started = time.perf_counter()
        lent = {name: snapshot(items) for name, items in linked.items()}
        try:
            told.result = (await self._call_each(step, linked), started, linked, lent)
        except Cancelled as error:
            told.error = error
            self.cancel.set()
        except BaseException as error:
            told.error = error
        self.inbox.put(told)

    async def _call_each(self, step: Step, linked: dict[str, Items]) -> list[Any]:
        """Call a coroutine function as often as its lists ask, those counted that it awaits."""
        given = self._given(step)
        sizes = [calls.count(step.spec, linked)]
        returned: list[Any] = []
        try:
            while len(returned) < max(sizes) and sizes[0]:
                turn = len(returned)
                arguments = calls.arguments(step.spec, step.literals, linked, turn)
                arguments |= {n: self._lazy(step, n, turn, sizes) for n, i in step.spec.inputs.items() if i.lazy}
                returned.append(await cast("Coroutine[Any, Any, Any]", step.spec.function(**arguments, **given)))
        except _NoItems:
            return []
        return returned

    def _lazy(self, step: Step, name: str, turn: int, sizes: list[int]) -> Lazy[Any] | None:
        async def fetch() -> Any:
            link = step.links.get(name)
            if link is None:
                return step.literals[name]
            items = await self._await(link, name)
            if step.spec.inputs[name].is_list:
                return list(items)
            if not items:
                raise _NoItems
            sizes.append(len(items))
            return calls.pick(items, turn)

        if name not in step.links and step.literals[name] is None:
            return None
        return Lazy(fetch)

    async def _await(self, link: Link, name: str) -> Items:
        reply: asyncio.Future[None] = self.loop.create_future()
        self.inbox.put(_Told(demand=link.node, reply=reply))
        await reply
        if link not in self.values:
            raise InputFailed(f"the input {name} could not be computed")
        return self.values[link]

    def _reply(self, id: str) -> None:
        for reply in self.awaiting.pop(id, ()):
            self.loop.call_soon_threadsafe(lambda reply=reply: reply.done() or reply.set_result(None))

    # --- nodes that return a graph ---

    def _expand(self, step: Step, called: list[Any], ui: Mapping[str, Any] | None, started: float) -> None:
        """Put the graphs that a step returned into the run; the step goes on when they are computed."""
        parts: list[_Part] = []
        inner: list[str] = []
        for turn, part in enumerate(called):
            if isinstance(part, Expand):
                prefix = f"{step.id}." if len(called) == 1 else f"{step.id}.{turn}."
                values = tuple(cast("Expand[Any]", part).result)
                links = tuple(_inner(value, cast("Expand[Any]", part), prefix) for value in values)
                inner += self._insert(step, cast("Expand[Any]", part), prefix, turn, links)
            else:
                values, links = part, (None,) * len(part)
            parts.append((values, links))
        self.expansions[step.id] = _Expansion(parts, ui, started, tuple(inner))
        self._demand(inner)
        self._enlist(step, dict.fromkeys(inner))

    def _insert(
        self, step: Step, expand: Expand[Any], prefix: str, turn: int, links: Iterable[Link | None]
    ) -> tuple[str, ...]:
        """The steps of a returned graph under their own ids; returns those that are to be computed."""
        graph = read(_renamed(expand.graph, prefix), trusted=True)
        specs = self.plan.specs
        wrong = [p for p in check(graph, specs, self.files, trusted=True) if p.severity == "error"]
        wanted = [link.node for link in links if link]
        if wrong:
            raise InvalidGraph(wrong)
        opaque = f"{step.key}/{turn}" if step.key else ""
        within = Within((*step.place, turn), opaque)
        targets = [*wanted, *outputs(graph, specs)]
        plan = make_plan(graph, specs, targets, self.files, salt=self.plan.salt, within=within)
        for id, inner in plan.steps.items():
            self.steps[id] = inner
            self.parent[id] = step.id
        self.uses |= plan.uses
        return plan.targets

    def _collect(self, step: Step) -> None:
        """The outputs of a step whose graphs are computed."""
        expansion = self.expansions.pop(step.id)
        gathered: tuple[Items, ...] = tuple([] for _ in step.spec.outputs)
        for values, links in expansion.parts:
            for output, items, value, link in zip(step.spec.outputs, gathered, values, links, strict=True):
                items += self.values[link] if link else value if output.is_list else [value]
        self._complete(step, gathered, expansion.ui, expansion.started)
        self._let_go(Link(id, n) for id in expansion.inner for n in range(len(self.steps[id].spec.outputs)))


def _inner(value: Any, expand: Expand[Any], prefix: str) -> Link | None:
    """The link that a result of a returned graph is, if it is one."""
    if not isinstance(value, list | tuple):
        return None
    pair = tuple(cast("list[Any]", value))
    if len(pair) == 2 and isinstance(pair[0], str) and type(pair[1]) is int and pair[0] in expand.graph:
        return Link(prefix + pair[0], pair[1])
    return None


def _renamed(graph: Mapping[str, Mapping[str, Any]], prefix: str) -> dict[str, Any]:
    """The graph with its ids, and the links to them, behind a prefix."""

    def value(v: Any) -> Any:
        link = list(cast("list[Any]", v)) if isinstance(v, list | tuple) else []
        is_link = len(link) == 2 and isinstance(link[0], str) and link[0] in graph and type(link[1]) is int
        return [prefix + link[0], link[1]] if is_link else cast("Any", v)

    return {
        prefix + id: {**node, "inputs": {n: value(v) for n, v in node.get("inputs", {}).items()}}
        for id, node in graph.items()
    }
