"""How often a node is called, and with what: lists upstream map it, and its results are put together again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

from executor.node import Blocked, Expand, NodeSpec, Shown, results

Items = list[Any]  # what an output holds: one item, or several where a list is upstream
Called = tuple[Any, ...]  # the outputs of one call, or an Expand


BLOCKED = Blocked()


def count(spec: NodeSpec, linked: Mapping[str, Items]) -> int:
    """The calls that these inputs ask for: as many as the longest list has items, none if one is empty."""
    sizes = [len(items) for name, items in linked.items() if not spec.inputs[name].is_list]
    return 0 if 0 in sizes else max(sizes, default=1)


def arguments(spec: NodeSpec, literals: Mapping[str, Any], linked: Mapping[str, Items], turn: int) -> dict[str, Any]:
    """The inputs of one call. A shorter list repeats its last item; an input that takes a list gets it whole, without
    what is blocked."""
    given = dict(literals)
    for name, items in linked.items():
        given[name] = unblocked(items) if spec.inputs[name].is_list else pick(items, turn)
    return given


def unblocked(items: Items) -> Items:
    """A list of those that are there."""
    return [item for item in items if type(item) is not Blocked]


def is_blocked(spec: NodeSpec, linked: Mapping[str, Items], turn: int) -> bool:
    """Whether this call is not to be made."""
    for name, items in linked.items():
        if spec.inputs[name].is_list:
            if items and not unblocked(items):
                return True
        elif type(pick(items, turn)) is Blocked:
            return True
    return False


def all_blocked(spec: NodeSpec, linked: Mapping[str, Items]) -> bool:
    """Whether none of the calls is to be made, and there are some."""
    if not any(type(item) is Blocked for items in linked.values() for item in items):
        return False
    calls = count(spec, linked)
    return calls > 0 and all(is_blocked(spec, linked, turn) for turn in range(calls))


def pick(items: Items, turn: int) -> Any:
    return items[min(turn, len(items) - 1)]


def outputs(spec: NodeSpec, returned: Any) -> Called | Expand[Any]:
    """What one call returned, one value an output."""
    inner = cast("Shown[Any]", returned).result if isinstance(returned, Shown) else returned
    if isinstance(inner, Expand):
        return cast("Expand[Any]", inner)
    if type(inner) is Blocked:
        return tuple([BLOCKED] if output.is_list else BLOCKED for output in spec.outputs)
    values = results(spec, inner)
    for output, value in zip(spec.outputs, values, strict=True):
        if output.is_list and not isinstance(value, list):
            raise TypeError(f"the output {output.name} of {spec.name} must be a list, and is a {type(value).__name__}")
    return values


def gather(spec: NodeSpec, called: Sequence[Called]) -> tuple[Items, ...]:
    """The outputs of all calls as the items of each output."""
    if len(called) == 1 and not any(output.is_list for output in spec.outputs):
        return tuple([value] for value in called[0])
    gathered: tuple[Items, ...] = tuple([] for _ in spec.outputs)
    for values in called:
        for output, items, value in zip(spec.outputs, gathered, values, strict=True):
            items.extend(value if output.is_list else (value,))
    return gathered


def shown(returned: Sequence[Any]) -> Mapping[str, Any] | None:
    """What all calls show, their lists joined; None if nothing."""
    every = [cast("Shown[Any]", r).ui for r in returned if isinstance(r, Shown)]
    if len(every) < 2:
        return every[0] if every else None
    joined: dict[str, Any] = {}
    for ui in every:
        for name, value in ui.items():
            if isinstance(value, list | tuple) and isinstance(joined.get(name), list):
                joined[name] += value
            else:
                joined[name] = list(cast("Sequence[Any]", value)) if isinstance(value, list | tuple) else value
    return joined


def shown_files(ui: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Type, sub-folder and name of every file that is shown."""
    for value in ui.values():
        for item in cast("list[Any]", value) if isinstance(value, list) else []:
            if isinstance(item, dict) and "filename" in item:
                entry = cast("dict[str, Any]", item)
                yield entry.get("type", "output"), entry.get("subfolder", ""), entry["filename"]
