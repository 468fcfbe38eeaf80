"""Calls of `async def` nodes, on the loop: inputs that wait until they are asked for, and the rounds of loops."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine, Iterable, Mapping
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any, cast

from executor import calls
from executor.calls import Items
from executor.cancel import Cancel
from executor.given import Given
from executor.graph import Link
from executor.loops import Between, Round
from executor.node import Blocked, Lazy, NodeSpec
from executor.outcome import InputFailed
from executor.plan import Step
from executor.schedule import Schedule, State, outputs_of
from executor.values import Snapshot, snapshot


class _NoItems(Exception):
    """A node awaited an empty list: it is not called for it."""


class _IsBlocked(BaseException):
    """A node awaited what is blocked. Not an Exception, so that no node swallows it."""


@dataclass(frozen=True, slots=True)
class Call:
    """What a step was lent, to see afterwards that it is as it was, and when it started."""

    linked: Mapping[str, Items]
    lent: Mapping[str, Snapshot]
    started: float


def lend(linked: Mapping[str, Items]) -> Call:
    return Call(linked, {name: snapshot(items) for name, items in linked.items()}, time.perf_counter())


@dataclass(frozen=True, slots=True)
class Ended:
    """A coroutine's message: it returned, or raised."""

    step: Step
    call: Call
    returned: list[Any]
    error: BaseException | None = None


@dataclass(frozen=True)
class Asked:
    """A coroutine's message: it awaits a step."""

    id: str
    reply: asyncio.Future[None]


@dataclass(frozen=True)
class Entered:
    """A coroutine's message: a round of the loop that a step ends is to be run; the reply is what to await."""

    step: Step
    body: Between
    round: Round
    label: str
    reply: asyncio.Future[tuple[str, ...]]


@dataclass(frozen=True)
class Left:
    """A coroutine's message: these outputs of a round are needed no more."""

    links: Iterable[Link]


Message = Ended | Asked | Entered | Left


class Coroutines:
    """Those of one run. They tell the worker through its inbox what they need."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        inbox: SimpleQueue[Message | None],
        schedule: Schedule,
        given: Given,
        cancel: Cancel,
    ):
        self._loop, self._inbox, self._schedule, self._given, self._cancel = loop, inbox, schedule, given, cancel
        self._tasks: set[asyncio.Task[None]] = set()

    # --- called by the worker ---

    def start(self, step: Step) -> None:
        """Call the function of a step; its message `Ended` follows."""
        self._loop.call_soon_threadsafe(self._spawn, step, self._schedule.linked(step))

    def end(self) -> None:
        """End all that are under way; each sends its message."""
        self._loop.call_soon_threadsafe(lambda: [task.cancel() for task in self._tasks])

    def tell(self, reply: asyncio.Future[Any], result: Any = None, error: Exception | None = None) -> None:
        """Answer a message."""
        self._loop.call_soon_threadsafe(_answer, reply, result, error)

    # --- on the loop ---

    def _spawn(self, step: Step, linked: Mapping[str, Items]) -> None:
        task = self._loop.create_task(self._drive(step, linked))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _drive(self, step: Step, linked: Mapping[str, Items]) -> None:
        call = lend(linked)
        try:
            self._inbox.put(Ended(step, call, await self._call_each(step, linked)))
        except BaseException as error:
            self._inbox.put(Ended(step, call, [], error))

    async def _call_each(self, step: Step, linked: Mapping[str, Items]) -> list[Any]:
        """Call a coroutine function as often as its lists ask, those counted that it awaits."""
        self._cancel.check()
        waits = self._given.waits(step)
        given = (await asyncio.to_thread(self._given, step) if waits else self._given(step)) | self._body(step)
        sizes = [calls.count(step.spec, linked)]
        lazy = [name for name, i in step.spec.inputs.items() if i.lazy]
        returned: list[Any] = []
        while len(returned) < max(sizes) and sizes[0]:
            turn = len(returned)
            if calls.is_blocked(step.spec, linked, turn):
                returned.append(calls.BLOCKED)
                continue
            arguments = calls.arguments(step.spec, step.literals, linked, turn)
            arguments |= {name: self._lazy(step, name, turn, sizes) for name in lazy}
            try:
                returned.append(await cast("Coroutine[Any, Any, Any]", step.spec.function(**arguments, **given)))
            except _NoItems:
                return []
            except _IsBlocked:
                returned.append(calls.BLOCKED)
        return returned

    def _lazy(self, step: Step, name: str, turn: int, sizes: list[int]) -> Lazy[Any] | None:
        link = step.links.get(name)

        async def given() -> Any:
            return step.literals[name]

        async def fetch() -> Any:
            items = await self._await(cast("Link", link), name)
            if step.spec.inputs[name].is_list:
                return calls.unblocked(items)
            if not items:
                raise _NoItems
            sizes.append(len(items))
            item = calls.pick(items, turn)
            if type(item) is Blocked:
                raise _IsBlocked
            return item

        if link is None:
            return None if step.literals[name] is None else Lazy(given)
        return Lazy(fetch)

    async def _await(self, link: Link, name: str) -> Items:
        await self._settled(link.node)
        if not self._schedule.has(link):
            raise InputFailed(f"the input {name} could not be computed")
        return self._schedule.value(link)

    async def _settled(self, id: str) -> None:
        reply: asyncio.Future[None] = self._loop.create_future()
        self._inbox.put(Asked(id, reply))
        await reply

    # --- loops ---

    def _body(self, step: Step) -> dict[str, Any]:
        """The argument of a step that ends a loop by which it runs it."""
        if step.body is None:
            return {}
        body, turns = step.body, 0
        slots = _slots(self._schedule.steps[body.start].spec)

        async def run(label: str, **values: Items) -> dict[str, Items]:
            nonlocal turns
            turns += 1
            self._cancel.check()
            given = {slot: values.get(name, [None]) for name, slot in slots.items()}
            return await self._round(step, body, Round(step.id, turns, given), label)

        return {name: run for name, kind in step.spec.given.items() if kind == "body"}

    async def _round(self, step: Step, body: Between, round: Round, label: str) -> dict[str, Items]:
        """What reaches each result of a loop in one round."""
        reply: asyncio.Future[tuple[str, ...]] = self._loop.create_future()
        self._inbox.put(Entered(step, body, round, label, reply))
        targets = await reply
        for id in targets:
            await self._settled(id)
        if any(self._schedule.state[id] is not State.DONE for id in targets):
            raise InputFailed(f"{label} could not be computed")
        found = {name: self._result(link, round, body) for name, link in body.results.items()}
        inner = [self._schedule.steps[id] for id in targets if id not in body.outside]
        self._inbox.put(Left([link for step in inner for link in outputs_of(step)]))
        return found

    def _result(self, link: Link, round: Round, body: Between) -> Items:
        if link.node == body.start:
            return round.given[link.output]
        return self._schedule.value(cast("Link", round.value(link, body)))


def _slots(spec: NodeSpec) -> dict[str, int]:
    return {output.name: slot for slot, output in enumerate(spec.outputs)}


def _answer(reply: asyncio.Future[Any], result: Any, error: Exception | None) -> None:
    if reply.done():
        return
    if error is None:
        reply.set_result(result)
    else:
        reply.set_exception(error)
