"""Many runs from one graph: every combination of the values that are given for some of its inputs.

All runs are one graph, and so one plan, one job and one entry of the history. A node that a swept input reaches is
there once for each combination of the values that reach it, as `3.2` for the node `3`: the number is that of the first
run with these values. All others are there once, for all runs.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product
from math import prod
from typing import Any, cast

from executor.assign import Unassignable, place
from executor.bind import Problem
from executor.files import Files
from executor.graph import Graph, read
from executor.lists import ListError, span
from executor.node import Input, NodeSpec

MOST = 1_000  # runs
SHORT = 40  # characters of a value in a label
LABEL = "%label%"
ANY = "*"  # in place of values: all that a menu has


class SweepError(ValueError):
    """A sweep that cannot be; the message names the input and says what helps."""


@dataclass(frozen=True)
class Axis:
    """The values that one input takes, one after the other."""

    node: str
    input: str
    values: tuple[Any, ...]

    @property
    def name(self) -> str:
        return f"{self.node}.{self.input}"


@dataclass(frozen=True)
class Run:
    """One of the runs. values: by `NODE.INPUT`."""

    number: int  # from 1
    label: str
    values: Mapping[str, Any]


@dataclass(frozen=True)
class Sweep:
    """The runs that come of one API graph."""

    original: Mapping[str, Any]
    axes: tuple[Axis, ...]

    @property
    def asked(self) -> dict[str, list[Any]]:
        """What makes the same runs of the graph, whatever the menus have by then."""
        return {axis.name: list(axis.values) for axis in self.axes}

    @cached_property
    def runs(self) -> tuple[Run, ...]:
        """All of them; the last axis changes fastest."""
        combined = product(*(axis.values for axis in self.axes))
        return tuple(
            Run(number, self._label(values), {a.name: v for a, v in zip(self.axes, values, strict=True)})
            for number, values in enumerate(combined, 1)
        )

    def _label(self, values: Sequence[Any]) -> str:
        named = zip(self.axes, values, strict=True)
        return ", ".join(f"{self._titles[axis.name]}={short(value)}" for axis, value in named)

    @cached_property
    def _titles(self) -> dict[str, str]:
        """The name of each axis in labels: the input alone, unless another node has one of that name."""
        inputs = [axis.input for axis in self.axes]
        return {a.name: a.input if inputs.count(a.input) == 1 else a.name for a in self.axes}

    @cached_property
    def _strides(self) -> tuple[int, ...]:
        """By how much the number of a run grows from one value of an axis to the next."""
        sizes = [len(axis.values) for axis in self.axes]
        return tuple(prod(sizes[i + 1 :]) for i in range(len(sizes)))

    @cached_property
    def reach(self) -> Mapping[str, tuple[int, ...]]:
        """Which axes reach each node that any of them reaches."""
        graph = read(self.original)
        found: dict[str, list[int]] = {}
        for i, axis in enumerate(self.axes):
            for id in graph.affected([axis.node]):
                found.setdefault(id, []).append(i)
        return {id: tuple(axes) for id, axes in found.items()}

    def id(self, node: str, run: int) -> str:
        """The id of a node in the graph of all runs, as one of them has it."""
        return f"{node}.{self._first(node, run)}" if node in self.reach else node

    def _first(self, node: str, run: int) -> int:
        """The first run that has the same values for all that reaches a node."""
        number, before = 1, run - 1
        for i, stride in enumerate(self._strides):
            place = before // stride % len(self.axes[i].values)
            number += place * stride if i in self.reach[node] else 0
        return number

    @cached_property
    def of(self) -> Mapping[str, tuple[str, int | None]]:
        """For each node of the graph of all runs that of the original, and its first run, if not all share it."""
        found: dict[str, tuple[str, int | None]] = {}
        for id in self.original:
            if id not in self.reach:
                found[id] = id, None
                continue
            for run in range(1, len(self.runs) + 1):
                if self._first(id, run) == run:
                    found[f"{id}.{run}"] = id, run
        return found

    @cached_property
    def graph(self) -> dict[str, Any]:
        """The API graph of all runs."""
        return {id: self._node(node, run) for id, (node, run) in self.of.items()}

    def _node(self, id: str, run: int | None) -> Any:
        return self.original[id] if run is None else self._written(id, run, renamed=True)

    def _written(self, id: str, run: int, *, renamed: bool) -> dict[str, Any]:
        """A node with its values in a run. renamed: its links lead to the nodes of the graph of all runs."""
        node = cast("dict[str, Any]", self.original[id])
        given: Any = node.get("inputs")
        inputs: dict[str, Any] = dict(cast("dict[str, Any]", given)) if isinstance(given, dict) else {}
        if renamed:
            inputs = {name: self._link(value, run) for name, value in inputs.items()}
        for axis in self.axes:
            if axis.node == id:
                value = self.runs[run - 1].values[axis.name]
                inputs[axis.input] = {"__value__": value} if isinstance(value, list) else value
        label = _in_file_name(self.runs[run - 1].label)
        filled = {n: v.replace(LABEL, label) if isinstance(v, str) and "prefix" in n else v for n, v in inputs.items()}
        return {**node, "inputs": filled}

    def _link(self, value: Any, run: int) -> Any:
        if isinstance(value, list) and len(cast("list[Any]", value)) == 2:
            id, slot = cast("list[Any]", value)
            if type(id) in (str, int) and type(slot) is int and str(id) in self.reach:
                return [self.id(str(id), run), slot]
        return cast("Any", value)

    def prompt(self, run: int) -> dict[str, Any]:
        """The graph that would do one of the runs alone: what its files carry."""
        return {
            id: self._written(id, run, renamed=False) if id in self.reach else node
            for id, node in self.original.items()
        }

    def problems(self, found: Iterable[Problem]) -> list[Problem]:
        """What is wrong with the graph of all runs, told of the original, each once."""
        told = (replace(p, node=self.of[p.node][0]) if p.node in self.of else p for p in found)
        return list({(p.node, p.input, p.kind, p.message): p for p in told}.values())

    def targets(self, originals: Iterable[str]) -> list[str]:
        """These nodes of the original in the graph of all runs, one run after the other. Raises SweepError."""
        wanted = list(originals)
        for i, axis in enumerate(self.axes):
            if not any(i in self.reach.get(id, ()) for id in wanted):
                raise SweepError(f"sweep of {axis.name}: no output depends on it, so all its runs would be the same")
        return list(dict.fromkeys(self.id(id, run.number) for run in self.runs for id in wanted))


def sweep(api: Mapping[str, Any], asked: Any, specs: Mapping[str, NodeSpec], files: Files) -> Sweep:
    """The runs of a graph. asked: `{"NODE.INPUT": [value, ...] or a text}`. Raises SweepError.

    A node is named by its id, its title or its type. A text is a range of numbers, `1..10` or `0.1..0.5:0.1`, or `*`
    for all that a menu has.
    """
    if not isinstance(asked, Mapping) or not asked:
        raise SweepError('a sweep is an object of lists, such as {"3.seed": [1, 2, 3]}')
    graph = read(api)
    axes = [_axis(graph, specs, files, str(k), v) for k, v in cast("Mapping[Any, Any]", asked).items()]
    names = [axis.name for axis in axes]
    for name in names:
        if names.count(name) > 1:
            raise SweepError(f"{name} is swept twice; give all its values in one list")
    made = Sweep(api, tuple(axes))
    count = prod(len(axis.values) for axis in axes)
    if count > MOST:
        sizes = " times ".join(f"{len(axis.values):,}" for axis in axes)
        raise SweepError(f"the sweep has {sizes + ' = ' if len(axes) > 1 else ''}{count:,} runs; {MOST:,} are the most")
    clash = next((id for id in api if id.rpartition(".")[0] in made.reach and id.rpartition(".")[2].isdigit()), None)
    if clash is not None:
        raise SweepError(f"the graph has a node {clash}, the name that a node of one of the runs would have; rename it")
    return made


def _axis(graph: Graph, specs: Mapping[str, NodeSpec], files: Files, target: str, values: Any) -> Axis:
    try:
        id, name, _ = place(graph, specs, target)
        spec = specs.get(graph.nodes[id].type)
        if not graph.nodes[id].type:
            raise ListError(f'the node {id} has no "class_type", the name of its node type')
        found = _values(values, spec.inputs[name] if spec else None, files)
    except (Unassignable, ListError) as error:
        raise SweepError(f"sweep of {target}: {error}") from None
    if not found:
        raise SweepError(f"sweep of {target}: the list of values is empty; give it at least one")
    return Axis(id, name, tuple(found))


def _values(values: Any, i: Input | None, files: Files) -> list[Any]:
    if isinstance(values, list):
        return cast("list[Any]", values)
    if values == ANY and i is not None and i.type == "COMBO":
        return i.values(files)
    found = span(values) if isinstance(values, str) else None
    if found is None:
        raise ListError(f"{short(values)} is neither a list nor a range such as 1..10 or 0.1..0.5:0.1")
    return list(found)


def short(value: Any) -> str:
    """A value in a label: one line, not too long."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    text = " ".join(text.split())
    return text if len(text) <= SHORT else f"{text[: SHORT - 3]}..."


def _in_file_name(label: str) -> str:
    """A label as part of a file's name, on every system."""
    kept = "".join("_" if c in '<>:"/\\|?*%' or ord(c) < 32 else c for c in label)
    return kept.strip(" .") or "_"
