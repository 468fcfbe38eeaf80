"""The work of one run: a thread that schedules and computes, and coroutines that overlap it on the loop."""

from __future__ import annotations

import asyncio
import time
import traceback
from collections import deque
from collections.abc import Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass
from heapq import heappop, heappush
from queue import SimpleQueue
from typing import Any, cast

from executor import calls, events, expand
from executor.cache import Cache, Entry
from executor.calls import Called, Items
from executor.cancel import Cancel
from executor.files import Files
from executor.given import Given
from executor.graph import Link, uncollected
from executor.keep import Keeper
from executor.ledger import Ledger
from executor.node import Cancelled, Expand, Lazy
from executor.outcome import ChangedInput, InputFailed, Outcome
from executor.plan import Plan, Step
from executor.previews import Preview
from executor.schedule import Ports, Schedule, State, outputs_of
from executor.values import Snapshot, snapshot, summary

FLUSH = 0.01  # seconds within which events are handed over together
At = Callable[[str, str], None]


class _NoItems(Exception):
    """A node awaited an empty list: it is not called for it."""


@dataclass(frozen=True, slots=True)
class _Call:
    """What a step was lent, to see afterwards that it is as it was, and when it started."""

    linked: Mapping[str, Items]
    lent: Mapping[str, Snapshot]
    started: float


def _call(linked: Mapping[str, Items]) -> _Call:
    return _Call(linked, {name: snapshot(items) for name, items in linked.items()}, time.perf_counter())


@dataclass(frozen=True)
class _Expansion:
    """A node whose calls returned graphs: what it will put together when their steps `inner` are done."""

    parts: list[expand.Part]
    inner: list[str]
    ui: Mapping[str, Any] | None
    call: _Call


@dataclass(frozen=True, slots=True)
class _Ended:
    """A coroutine's message: it returned, or raised."""

    step: Step
    call: _Call
    returned: list[Any]
    error: BaseException | None = None


@dataclass(frozen=True)
class _Asked:
    """A coroutine's message: it awaits a step."""

    id: str
    reply: asyncio.Future[None]


class Work:
    """One run. All state belongs to the worker thread; `inbox` and `outbox` are how the loop and it speak."""

    def __init__(
        self,
        plan: Plan,
        files: Files,
        cache: Cache,
        emit: events.Emit,
        cancel: Cancel,
        extra: Mapping[str, Any],
        force: bool,
        preview: Preview | None,
        at: At,
        ledger: Ledger | None,
    ):
        self.plan, self.files, self.emit, self.cancel, self.at = plan, files, emit, cancel, at
        self.loop = asyncio.get_running_loop()
        self.emit_error: Exception | None = None
        self._keeper = Keeper(cache, files, force, lambda message: self._post(events.Warned(message)))
        self._given = Given(plan, files, extra, preview, ledger, self._post, cancel)
        self._schedule = Schedule(plan, Ports(self._keeper.find, self._start, self._settled))
        self._inbox: SimpleQueue[_Ended | _Asked | None] = SimpleQueue()  # None only wakes the worker
        self._outbox: deque[events.Event] = deque()
        self._flushing = False
        self._tasks: set[asyncio.Task[None]] = set()
        self._ready: list[tuple[tuple[int, ...], str]] = []
        self._coroutines = 0  # under way
        self._awaiting: dict[str, list[asyncio.Future[None]]] = {}
        self._expansions: dict[str, _Expansion] = {}
        self._parent: dict[str, str] = {}
        self._current: str | None = None
        self._failed: list[events.NodeFailed] = []
        self._shown: dict[str, Mapping[str, Any]] = {}

    # --- events: appended by the worker, emitted in batches on the loop ---

    def _post(self, event: events.Event) -> None:
        self._outbox.append(event)
        if not self._flushing:
            self._flushing = True
            self.loop.call_soon_threadsafe(self.loop.call_later, FLUSH, self.flush)

    def flush(self) -> None:
        """Emit what has happened; on the loop."""
        self._flushing = False
        while self._outbox:
            event = self._outbox.popleft()
            if self.emit_error:
                continue
            try:
                self.emit(event)
            except Exception as error:  # raised by `run` when the work has ended
                self.emit_error = error
                self.cancel.set()

    # --- the worker thread ---

    def work(self) -> Outcome:
        """Compute the targets; in a thread of its own."""
        started = time.perf_counter()
        forget = self.cancel.on_set(lambda: self._inbox.put(None))
        cancelled = False
        self._post(events.Started(self.plan.targets, len(self.plan.steps)))
        try:
            self._demand(self.plan.targets)
            self.cancel.check()
            while self._advance():
                self.cancel.check()
        except Cancelled:
            cancelled = True
            self._end_coroutines()
            self._post(events.Cancelled(self._current))
        finally:
            forget()
            self._keeper.close()
        skipped = tuple(self._schedule.skipped)
        if not cancelled:
            failed = tuple(f.node for f in self._failed)
            self._post(events.Finished(failed, skipped, time.perf_counter() - started))
        values = self._schedule.results(self.plan.targets)
        return Outcome(values, self._shown, tuple(self._failed), skipped, cancelled)

    def _advance(self) -> bool:
        """One move: a message, or else a step whose turn it is, or else wait for a message. False when all is done."""
        if not self._inbox.empty() or (self._coroutines and not self._ready):
            self._hear(self._inbox.get())
        elif self._ready:
            step = self._schedule.steps[heappop(self._ready)[1]]
            if self._schedule.state[step.id] is State.WAITING:
                self._compute(step)
        else:
            return False
        return True

    def _hear(self, message: _Ended | _Asked | None) -> None:
        if isinstance(message, _Ended):
            self._coroutines -= 1
            self._take(message)
        elif message is not None:
            self._awaiting.setdefault(message.id, []).append(message.reply)
            self._demand([message.id])
            if self._schedule.state[message.id] is not State.WAITING:
                self._settled(message.id)

    def _end_coroutines(self) -> None:
        self.loop.call_soon_threadsafe(lambda: [task.cancel() for task in self._tasks])
        while self._coroutines:
            self._coroutines -= isinstance(self._inbox.get(), _Ended)

    def _demand(self, ids: Iterable[str]) -> None:
        with uncollected():
            hits, settled = self._schedule.demand(ids)
        if settled:
            self._post(events.CachedSet(tuple(settled)))
        for step, found in hits:
            if found.ui is not None:
                self._finished(step, found, 0.0, cached=True)

    def _start(self, step: Step) -> None:
        """The sources of a step are there."""
        if not step.spec.is_async or step.id in self._expansions:
            heappush(self._ready, (step.place, step.id))
            return
        self._announce(step)
        self._coroutines += 1
        self.loop.call_soon_threadsafe(self._spawn, step, self._schedule.linked(step))

    def _announce(self, step: Step) -> None:
        self.at(step.id, step.spec.name)
        self._post(events.NodeStarted(step.id, step.spec.name, self._parent.get(step.id)))

    # --- computing one step ---

    def _compute(self, step: Step) -> None:
        if step.id in self._expansions:
            self._collect(step, self._expansions.pop(step.id))
            return
        self._current = step.id
        self._announce(step)
        call = _call(self._schedule.linked(step))
        returned: list[Any] = []
        error: BaseException | None = None
        try:
            given = self._given(step)
            for turn in range(calls.count(step.spec, call.linked)):
                arguments = calls.arguments(step.spec, step.literals, call.linked, turn)
                returned.append(step.spec.function(**arguments, **given))
        except BaseException as raised:
            error = raised
        self._take(_Ended(step, call, returned, error))
        self._current = None

    def _take(self, ended: _Ended) -> None:
        """Take what the calls of a step returned or raised."""
        try:
            if ended.error is not None:
                raise ended.error
            self._unchanged(ended.step, ended.call)
            called = [calls.outputs(ended.step.spec, r) for r in ended.returned]
            ui = calls.shown(ended.returned)
            if any(isinstance(c, Expand) for c in called):
                self._expand(ended.step, called, ui, ended.call)
            else:
                self._complete(ended.step, calls.gather(ended.step.spec, cast("list[Called]", called)), ui, ended.call)
        except Cancelled:
            self.cancel.set()
            raise
        except InputFailed:
            self._schedule.skip([ended.step.id])
        except BaseException as error:  # whatever a node raises is its failure and nothing more
            self._fail(ended.step, error, ended.call)

    def _unchanged(self, step: Step, call: _Call) -> None:
        """Raise ChangedInput if the step changed a value that others share; such a value is used no more."""
        changed = [name for name, items in call.linked.items() if snapshot(items) != call.lent[name]]
        for name in changed:
            source = self._schedule.steps[step.links[name].node]
            if source.key is not None:
                self._keeper.cache.discard(source.key)
            self._schedule.spoil(source.id, step.id)
        if changed:
            raise ChangedInput(
                f"{step.spec.name} {step.id} changed its input {', '.join(changed)} in place; "
                "values are shared, so a node has to change a copy"
            )

    def _complete(self, step: Step, values: tuple[Items, ...], ui: Mapping[str, Any] | None, call: _Call) -> None:
        found = self._keeper.keep(step, values, ui, time.perf_counter() - call.started, call.linked)
        self._finished(step, found, found.seconds)
        twins = self._schedule.complete(step, found)
        if twins:
            self._post(events.CachedSet(tuple(twins)))

    def _finished(self, step: Step, found: Entry, seconds: float, cached: bool = False) -> None:
        if found.ui is not None:
            self._shown[step.id] = found.ui
        self._post(events.NodeFinished(step.id, found.ui, seconds, found.survey.nbytes, cached))

    def _fail(self, step: Step, error: BaseException, call: _Call) -> None:
        if self._schedule.state[step.id] is State.FAILED:  # its input was spoilt meanwhile
            return
        inputs = {name: summary(value) for name, value in step.literals.items()}
        inputs |= {name: summary(items[0] if len(items) == 1 else items) for name, items in call.linked.items()}
        lines = tuple(traceback.format_exception(type(error), error, error.__traceback__))
        failure = events.NodeFailed(step.id, step.spec.name, type(error).__name__, str(error), lines, inputs)
        self._failed.append(failure)
        self._post(failure)
        self._schedule.fail(step.id)

    # --- coroutines: on the loop ---

    def _spawn(self, step: Step, linked: Mapping[str, Items]) -> None:
        task = self.loop.create_task(self._drive(step, linked))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _drive(self, step: Step, linked: Mapping[str, Items]) -> None:
        call = _call(linked)
        try:
            self._inbox.put(_Ended(step, call, await self._call_each(step, linked)))
        except BaseException as error:
            self._inbox.put(_Ended(step, call, [], error))

    async def _call_each(self, step: Step, linked: Mapping[str, Items]) -> list[Any]:
        """Call a coroutine function as often as its lists ask, those counted that it awaits."""
        self.cancel.check()
        given = self._given(step)
        sizes = [calls.count(step.spec, linked)]
        lazy = [name for name, i in step.spec.inputs.items() if i.lazy]
        returned: list[Any] = []
        while len(returned) < max(sizes) and sizes[0]:
            turn = len(returned)
            arguments = calls.arguments(step.spec, step.literals, linked, turn)
            arguments |= {name: self._lazy(step, name, turn, sizes) for name in lazy}
            try:
                returned.append(await cast("Coroutine[Any, Any, Any]", step.spec.function(**arguments, **given)))
            except _NoItems:
                return []
        return returned

    def _lazy(self, step: Step, name: str, turn: int, sizes: list[int]) -> Lazy[Any] | None:
        link = step.links.get(name)

        async def given() -> Any:
            return step.literals[name]

        async def fetch() -> Any:
            items = await self._await(cast("Link", link), name)
            if step.spec.inputs[name].is_list:
                return list(items)
            if not items:
                raise _NoItems
            sizes.append(len(items))
            return calls.pick(items, turn)

        if link is None:
            return None if step.literals[name] is None else Lazy(given)
        return Lazy(fetch)

    async def _await(self, link: Link, name: str) -> Items:
        reply: asyncio.Future[None] = self.loop.create_future()
        self._inbox.put(_Asked(link.node, reply))
        await reply
        if not self._schedule.has(link):
            raise InputFailed(f"the input {name} could not be computed")
        return self._schedule.value(link)

    def _settled(self, id: str) -> None:
        """A step is done or failed: tell those who await it."""
        for reply in self._awaiting.pop(id, ()):
            self.loop.call_soon_threadsafe(_answer, reply)

    # --- nodes that return a graph ---

    def _expand(
        self, step: Step, called: list[Called | Expand[Any]], ui: Mapping[str, Any] | None, call: _Call
    ) -> None:
        """Put the graphs that a step returned into the run; the step goes on when they are computed."""
        parts: list[expand.Part] = []
        inner: list[str] = []
        for turn, part in enumerate(called):
            if not isinstance(part, Expand):
                parts.append((part, (None,) * len(part)))
                continue
            prefix = f"{step.id}." if len(called) == 1 else f"{step.id}.{turn}."
            plan = expand.plan_of(part, step, prefix, turn, self.plan.specs, self.files, self.plan.salt)
            self._schedule.add(plan)
            self._parent |= dict.fromkeys(plan.steps, step.id)
            parts.append((tuple(part.result), expand.links(part, prefix)))
            inner += plan.targets
        self._expansions[step.id] = _Expansion(parts, inner, ui, call)
        self._demand(inner)
        self._schedule.enlist(step, inner)

    def _collect(self, step: Step, expansion: _Expansion) -> None:
        """The outputs of a step whose graphs are computed."""
        gathered: tuple[Items, ...] = tuple([] for _ in step.spec.outputs)
        try:
            for values, links in expansion.parts:
                for output, items, value, link in zip(step.spec.outputs, gathered, values, links, strict=True):
                    items += self._schedule.value(link) if link else value if output.is_list else [value]
        except (ValueError, TypeError, KeyError) as error:
            self._fail(step, TypeError(f"the results of a returned graph are not the outputs: {error}"), expansion.call)
            return
        self._complete(step, gathered, expansion.ui, expansion.call)
        self._schedule.let_go(link for id in expansion.inner for link in outputs_of(self._schedule.steps[id]))


def _answer(reply: asyncio.Future[None]) -> None:
    if not reply.done():
        reply.set_result(None)
