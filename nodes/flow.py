"""Nodes that choose what runs, and that run a part of a graph several times.

A loop is two nodes, one that begins it and one that ends it, tied together by their `loop` sockets; what lies between
them is run in every round. (See executor/loops.py for how.)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, NamedTuple

from executor.node import Blocked, Body, Lazy, Progress, Range, node, silent
from executor.types import Socket
from nodes.sockets import Anything

MOST_ROUNDS = 10_000
CARRIED = ("value1", "value2", "value3", "value4")

Loop = Annotated[Mapping[str, Any], Socket("LOOP")]
Values = list[Anything]


# --- choosing ------------------------------------------------------------------------------------


@node("ComfySwitchNode", category="logic", display_name="Switch", output_names=("output",))
async def switch(
    *,
    switch: Annotated[bool, "Which input to hand on: on_true or on_false. The other one is not computed."],
    on_false: Annotated[Lazy[Anything] | None, "Handed on while switch is off."] = None,
    on_true: Annotated[Lazy[Anything] | None, "Handed on while switch is on."] = None,
) -> Anything:
    """Choose between two inputs. Only what the chosen one needs is computed."""
    chosen = on_true if switch else on_false
    if chosen is None:
        on, name = ("on", "on_true") if switch else ("off", "on_false")
        raise ValueError(f"switch is {on}, and nothing is linked to {name}")
    return await chosen()


class TwoWays(NamedTuple):
    then: Anything
    otherwise: Anything


@node("IfElse", category="logic", display_name="If / Else", output_names=("then", "else"))
def if_else(
    *,
    value: Annotated[Anything, "What to hand on."],
    condition: Annotated[bool, "Which way: then if it is true, else if it is false."] = True,
) -> TwoWays:
    """Hand a value on in one of two ways. What is behind the other way does not run."""
    return TwoWays(value, Blocked()) if condition else TwoWays(Blocked(), value)


@node("ExecutionBlocker", category="logic", display_name="Execution Blocker", output_names=("value",))
def execution_blocker(
    *,
    value: Annotated[Anything, "What to hand on."],
    block: Annotated[bool, "Whether to hand nothing on, so that nothing behind this node runs."] = True,
) -> Anything:
    """Keep all that is behind this node from running, without an error."""
    return Blocked() if block else value


# --- loops ---------------------------------------------------------------------------------------


class EachItem(NamedTuple):
    loop: Loop
    item: Anything
    index: int  # pyright: ignore[reportIncompatibleMethodOverride] -- the name of a socket
    total: int


@node("ForEachStart", category="logic/loops", display_name="For Each: Start")
def for_each_start(*, items: Annotated[Values, "A list; the loop runs once for each of its items."]) -> EachItem:
    """Begin a loop over a list: what lies between this node and For Each: End runs for one item after the other.

    index is the number of the item, from 0, and total how many there are. Nodes that save or show something and take
    what is in the loop belong to it, too.
    """
    return EachItem({"items": list(items)}, None, 0, len(items))


@node("ForEachEnd", category="logic/loops", display_name="For Each: End", output_names=("list",))
async def for_each_end(
    *,
    loop: Annotated[Loop, "From For Each: Start."],
    value: Annotated[Lazy[Anything] | None, "What each round makes, to be collected."] = None,
    body: Body,
    progress: Progress = silent,
) -> list[Anything]:
    """End a loop over a list, and collect what each round made, as a list.

    An empty list has no rounds. Rounds whose value is blocked leave nothing.
    """
    items = loop["items"]
    made: list[Any] = []
    for index, item in enumerate(items):
        progress(index, len(items))
        label = f"round {index + 1} of {len(items)}"
        made += (await body(label, item=[item], index=[index], total=[len(items)])).get("value", [])
    progress(len(items), len(items))
    return [item for item in made if type(item) is not Blocked]


class Carried(NamedTuple):
    loop: Loop
    index: int  # pyright: ignore[reportIncompatibleMethodOverride] -- the name of a socket
    value1: Values
    value2: Values
    value3: Values
    value4: Values


@node("LoopStart", category="logic/loops", display_name="Loop: Start")
def loop_start(
    *,
    times: Annotated[int, Range(1, MOST_ROUNDS), "How many rounds there are, or how many there may be at most."] = 3,
    value1: Annotated[Values | None, "What the first round begins with; each other has what the last one made."] = None,
    value2: Annotated[Values | None, "Likewise."] = None,
    value3: Annotated[Values | None, "Likewise."] = None,
    value4: Annotated[Values | None, "Likewise."] = None,
) -> Carried:
    """Begin a loop: what lies between this node and Loop: End runs several times, and each round takes up what the one
    before made. index is the number of the round, from 0."""
    first = dict(zip(CARRIED, (value1, value2, value3, value4), strict=True))
    start: dict[str, list[Any]] = {name: [None] if items is None else items for name, items in first.items()}
    return Carried({"times": times, **start}, 0, **start)


class Last(NamedTuple):
    value1: Values
    value2: Values
    value3: Values
    value4: Values
    collected: Values
    rounds: int


@node("LoopEnd", category="logic/loops", display_name="Loop: End")
async def loop_end(
    *,
    loop: Annotated[Loop, "From Loop: Start."],
    again: Annotated[
        Lazy[bool], "Whether another round follows. Linked to nothing, there are just as many as Loop: Start says."
    ] = True,  # pyright: ignore[reportArgumentType] -- a plain value, given as one that waits
    value1: Annotated[Lazy[Anything] | None, "What a round hands on to the next."] = None,
    value2: Annotated[Lazy[Anything] | None, "Likewise."] = None,
    value3: Annotated[Lazy[Anything] | None, "Likewise."] = None,
    value4: Annotated[Lazy[Anything] | None, "Likewise."] = None,
    collect: Annotated[Lazy[Anything] | None, "What to collect from every round, as a list."] = None,
    body: Body,
    progress: Progress = silent,
) -> Last:
    """End a loop: the values are those of the last round, and collected has what each round made.

    Where again is linked, the loop goes on while it is true; if that is still so after as many rounds as Loop: Start
    allows, the loop fails.
    """
    times = loop["times"]
    values: dict[str, list[Any]] = {name: loop[name] for name in CARRIED}
    collected: list[Any] = []
    rounds, goes_on, linked = 0, True, False
    while goes_on and rounds < times:
        progress(rounds, times)
        made = await body(f"round {rounds + 1} of {times}", index=[rounds], **values)
        values = {name: made.get(name, values[name]) for name in CARRIED}
        collected += made.get("collect", [])
        rounds, linked = rounds + 1, "again" in made
        goes_on = _all_true(made["again"]) if linked else bool(await again())
    if goes_on and linked:
        raise ValueError(f"again is still true after {times} rounds, the most that Loop: Start allows (times)")
    progress(times, times)
    return Last(**values, collected=[item for item in collected if type(item) is not Blocked], rounds=rounds)


def _all_true(answers: list[Any]) -> bool:
    """What reaches `again`; where that is blocked, the loop ends."""
    return len(answers) > 0 and all(type(answer) is not Blocked and bool(answer) for answer in answers)


@node("Accumulate", category="logic/loops", output_names=("list",))
def accumulate(
    *,
    so_far: Annotated[Values | None, "The list to add to; linked to nothing, a new one begins."] = None,
    item: Annotated[Values, "What to add: one item, or all of a list."],
) -> Values:
    """Add to the end of a list. In a loop, hand the list on from round to round to collect what the rounds make."""
    return [*(kept for kept in so_far or () if kept is not None), *item]
