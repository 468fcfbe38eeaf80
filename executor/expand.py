"""Graphs that come into a run: those that nodes return, their ids behind the id of the node, and rounds of loops."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Mapping
from typing import Any, cast

from executor.calls import Items
from executor.check import InvalidGraph, check, outputs
from executor.files import Files
from executor.graph import Link, read
from executor.loops import Between, Round, is_plain
from executor.node import Expand, NodeSpec, Output
from executor.plan import Plan, Step, Within, make_plan
from executor.values import digest

Part = tuple[tuple[Any, ...], tuple[Link | None, ...]]
"""The outputs of one call of a node: values, and where there is a link to an inner step, that instead."""


def links(expand: Expand[Any], prefix: str) -> tuple[Link | None, ...]:
    """For each result of a returned graph the inner output that it is, or None for a value."""
    return tuple(_link(value, expand.graph, prefix) for value in expand.result)


def plan_of(
    expand: Expand[Any], step: Step, prefix: str, turn: int, specs: Mapping[str, NodeSpec], files: Files, salt: str
) -> Plan:
    """The steps of a graph that the call `turn` of a step returned. Raises InvalidGraph.

    Values in it that have no text are keyed by the step's own key, of which they are a function.
    """
    graph = read({prefix + id: _renamed(node, expand.graph, prefix) for id, node in expand.graph.items()}, trusted=True)
    wrong = [p for p in check(graph, specs, files, trusted=True) if p.severity == "error"]
    if wrong:
        raise InvalidGraph(wrong)
    wanted = [link.node for link in links(expand, prefix) if link]
    within = Within((*step.place, turn), f"{step.key}/{turn}" if step.key else "", run=step.run)
    return make_plan(graph, specs, [*wanted, *outputs(graph, specs)], files, salt=salt, within=within)


SUPPLIED = NodeSpec("", lambda: None, {}, (Output("value", "*", is_list=True),), {}, {}, many=False, is_async=False)


def plan_of_round(
    round: Round, step: Step, specs: Mapping[str, NodeSpec], files: Files, salt: str, known: Mapping[str, Step]
) -> tuple[Plan, list[tuple[Step, Items]]]:
    """The steps of one round of the loop that a step ends, and those whose results are given. Raises InvalidGraph.

    known: the steps outside, by which what comes from there is keyed.
    """
    body = cast("Between", step.body)
    place = (*step.place, round.turn)
    supplied = [_supplied(round, slot, items, step) for slot, items in round.given.items()]
    graph = round.graph(body)
    ends = [round.id(id) for id in (*body.effects, *(link.node for link in body.results.values())) if id in body.nodes]
    steps = ChainMap({given.id: given for given, _ in supplied}, cast("dict[str, Step]", known))
    within = Within(place, "", steps, step.run)
    return make_plan(graph, specs, ends, files, salt=salt, within=within), supplied


def _supplied(round: Round, slot: int, items: Items, end: Step) -> tuple[Step, Items]:
    """A step that has its result. It is keyed by what that holds, where this can be told, so that a round which is
    given the same is the same."""
    link = round.supplied(slot)
    key = digest(items) if not is_plain(items) else None
    if key is None and end.key is not None:
        key = f"{end.key}/{round.turn}/{slot}"
    return Step(link.node, SUPPLIED, {}, {}, (), key, (*end.place, round.turn)), items


def _renamed(node: Mapping[str, Any], graph: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    inputs = cast("dict[str, Any]", node.get("inputs", {}))
    found = {name: _link(value, graph, prefix) for name, value in inputs.items()}
    return {**node, "inputs": {n: list(link) if (link := found[n]) else v for n, v in inputs.items()}}


def _link(value: Any, graph: Mapping[str, Any], prefix: str) -> Link | None:
    """The link that a value in a returned graph is, if it is one."""
    if not isinstance(value, list | tuple):
        return None
    pair = tuple(cast("list[Any]", value))
    if len(pair) == 2 and isinstance(pair[0], str) and type(pair[1]) is int and pair[0] in graph:
        return Link(prefix + pair[0], pair[1])
    return None
