"""The work of one run: a thread that schedules and computes, and coroutines that overlap it on the loop."""

from __future__ import annotations

import asyncio
import time
import traceback
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from heapq import heappop, heappush
from queue import SimpleQueue
from typing import Any, cast

from executor import calls, events, expand
from executor.cache import Cache, Entry, entry
from executor.calls import Called, Items
from executor.cancel import Cancel
from executor.coroutines import Asked, Call, Coroutines, Ended, Entered, Left, Message, lend
from executor.files import Files
from executor.given import Given
from executor.graph import uncollected
from executor.hashes import Hashes
from executor.keep import Keeper
from executor.ledger import Ledger
from executor.making import Making
from executor.node import Cancelled, Expand
from executor.outbox import Outbox
from executor.outcome import ChangedInput, InputFailed, Outcome
from executor.plan import Plan, Step
from executor.previews import Preview
from executor.schedule import Ports, Schedule, State, outputs_of
from executor.tally import Tally
from executor.values import snapshot, summary

At = Callable[[str, str], None]


@dataclass(frozen=True, slots=True)
class _Inner:
    """Of a step that came into the run: the node that stands for it to clients, and which round of a loop it is in."""

    parent: str
    label: str


@dataclass(frozen=True)
class _Expansion:
    """A node whose calls returned graphs: what it will put together when their steps `inner` are done."""

    parts: list[expand.Part]
    inner: list[str]
    ui: Mapping[str, Any] | None
    call: Call


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
        self.plan, self.files, self.cancel, self.at = plan, files, cancel, at
        loop = asyncio.get_running_loop()
        self.outbox = Outbox(loop, emit, cancel)
        self._post = self.outbox.post
        self._keeper = Keeper(cache, files, force, lambda message: self._post(events.Warned(message)))
        making = Making(plan, files, Hashes(cache.disk.folder if cache.disk else None), cancel.is_set)
        self._given = Given(plan, files, extra, preview, ledger, self._post, cancel, making)
        self._schedule = Schedule(plan, Ports(self._keeper.find, self._start, self._settled))
        self._inbox: SimpleQueue[Message | None] = SimpleQueue()  # None only wakes the worker
        self._coroutines = Coroutines(loop, self._inbox, self._schedule, self._given, cancel)
        self._ready: list[tuple[tuple[int, ...], str]] = []
        self._under_way = 0  # coroutines
        self._awaiting: dict[str, list[asyncio.Future[None]]] = {}
        self._expansions: dict[str, _Expansion] = {}
        self._inner: dict[str, _Inner] = {}
        self._current: str | None = None
        self._failed: list[events.NodeFailed] = []
        self._shown: dict[str, Mapping[str, Any]] = {}
        self._tally = Tally(plan, self._post)

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
        if not self._inbox.empty() or (self._under_way and not self._ready):
            self._hear(self._inbox.get())
        elif self._ready:
            step = self._schedule.steps[heappop(self._ready)[1]]
            if self._schedule.state[step.id] is State.WAITING:
                self._compute(step)
        else:
            return False
        return True

    def _hear(self, message: Message | None) -> None:
        match message:
            case Ended():
                self._under_way -= 1
                self._take(message)
            case Asked(id, reply):
                self._awaiting.setdefault(id, []).append(reply)
                self._demand([id])
                if self._schedule.state[id] is not State.WAITING:
                    self._settled(id)
            case Entered():
                self._enter(message)
            case Left(links):
                self._schedule.let_go(links)
            case None:
                pass

    def _end_coroutines(self) -> None:
        self._coroutines.end()
        while self._under_way:
            self._under_way -= isinstance(self._inbox.get(), Ended)

    def _demand(self, ids: Iterable[str]) -> None:
        with uncollected():
            hits, settled = self._schedule.demand(ids)
        if settled:
            self._post(events.CachedSet(tuple(settled)))
        for step, found in hits:
            if found.ui is not None:
                self._finished(step, found, 0.0, cached=True)
            self._tally.settle(step.id, True, self._shown)

    def _start(self, step: Step) -> None:
        """The sources of a step are there."""
        if not step.spec.is_async or step.id in self._expansions or self._is_blocked(step):
            heappush(self._ready, (step.place, step.id))
            return
        self._announce(step)
        self._under_way += 1
        self._coroutines.start(step)

    def _announce(self, step: Step) -> None:
        self.at(step.id, step.spec.name)
        inner = self._inner.get(step.id)
        self._post(events.NodeStarted(step.id, step.spec.name, inner.parent if inner else None))

    # --- computing one step ---

    def _compute(self, step: Step) -> None:
        if step.id in self._expansions:
            self._collect(step, self._expansions.pop(step.id))
            return
        if self._is_blocked(step):
            self._pass_by(step)
            return
        self._current = step.id
        self._announce(step)
        call = lend(self._schedule.linked(step))
        returned: list[Any] = []
        error: BaseException | None = None
        try:
            given = self._given(step)
            for turn in range(calls.count(step.spec, call.linked)):
                if calls.is_blocked(step.spec, call.linked, turn):
                    returned.append(calls.BLOCKED)
                    continue
                arguments = calls.arguments(step.spec, step.literals, call.linked, turn)
                returned.append(step.spec.function(**arguments, **given))
        except BaseException as raised:
            error = raised
        self._take(Ended(step, call, returned, error))
        self._current = None

    def _is_blocked(self, step: Step) -> bool:
        return calls.all_blocked(step.spec, self._schedule.linked(step))

    def _pass_by(self, step: Step) -> None:
        """A step behind what is blocked is not run, and what is behind it neither."""
        count = calls.count(step.spec, self._schedule.linked(step))
        called = [cast("Called", calls.outputs(step.spec, calls.BLOCKED))] * count
        twins = self._schedule.complete(step, entry(calls.gather(step.spec, called), None, 0.0))
        self._post(events.CachedSet((step.id, *twins)))

    def _take(self, ended: Ended) -> None:
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

    def _unchanged(self, step: Step, call: Call) -> None:
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

    def _complete(self, step: Step, values: tuple[Items, ...], ui: Mapping[str, Any] | None, call: Call) -> None:
        found = self._keeper.keep(step, values, ui, time.perf_counter() - call.started, call.linked)
        self._finished(step, found, found.seconds)
        twins = self._schedule.complete(step, found)
        if twins:
            self._post(events.CachedSet(tuple(twins)))

    def _finished(self, step: Step, found: Entry, seconds: float, cached: bool = False) -> None:
        if found.ui is not None:
            self._shown[step.id] = found.ui
        self._post(events.NodeFinished(step.id, found.ui, seconds, found.survey.nbytes, cached))

    def _fail(self, step: Step, error: BaseException, call: Call) -> None:
        if self._schedule.state[step.id] is State.FAILED:  # its input was spoilt meanwhile
            return
        inputs = {name: summary(value) for name, value in step.literals.items()}
        inputs |= {name: summary(items[0] if len(items) == 1 else items) for name, items in call.linked.items()}
        lines = tuple(traceback.format_exception(type(error), error, error.__traceback__))
        inner = self._inner.get(step.id)
        message = f"{error} (in {inner.label})" if inner and inner.label else str(error)
        failure = events.NodeFailed(step.id, step.spec.name, type(error).__name__, message, lines, inputs)
        self._failed.append(failure)
        self._post(failure)
        self._schedule.fail(step.id)

    # --- what coroutines wait for ---

    def _settled(self, id: str) -> None:
        """A step is done or failed: tell those who await it."""
        self._tally.settle(id, self._schedule.state[id] is State.DONE, self._shown)
        for reply in self._awaiting.pop(id, ()):
            self._coroutines.tell(reply)

    # --- rounds of loops ---

    def _enter(self, message: Entered) -> None:
        """Put a round of a loop into the run, and answer with the steps that it takes."""
        step, round = message.step, message.round
        try:
            plan, supplied = expand.plan_of_round(
                round, step, self.plan.specs, self.files, self.plan.salt, self._schedule.steps
            )
        except Exception as error:
            self._coroutines.tell(message.reply, error=ValueError(f"{message.label}: {error}"))
            return
        self._schedule.add(plan)
        for given, items in supplied:
            self._schedule.supply(given, items)
        within = self._inner.get(step.id)
        label = f"{message.label} of {step.spec.name} {step.id}" + (f", in {within.label}" if within else "")
        self._inner |= {round.id(id): _Inner(id, label) for id in message.body.nodes}
        targets = (*plan.targets, *message.body.outside)
        self._demand(targets)
        self._coroutines.tell(message.reply, targets)

    # --- nodes that return a graph ---

    def _expand(self, step: Step, called: list[Called | Expand[Any]], ui: Mapping[str, Any] | None, call: Call) -> None:
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
            within = self._inner.get(step.id)
            self._inner |= dict.fromkeys(plan.steps, _Inner(step.id, within.label if within else ""))
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
