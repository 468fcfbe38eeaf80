"""Loops: a node that begins one, a node that ends it, and what lies between them, which is run once a round.

The node that ends a loop takes `Body` (executor.node), and its input of type LOOP is linked to the node that begins it.
Its lazy inputs are what each round has to yield. In the plan of the whole graph the nodes between are steps that nobody
asks for, so that their keys are part of the key of the loop; what runs are copies of them, `7.1` in the first round for
the node `7`, whose keys follow from what the round is given: a round that was run before is not run again.

Nodes that feed no end of a loop but are outputs (SaveImage, say) belong to the loop of which they take something.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import Any

from executor.bind import Problem
from executor.calls import Items
from executor.graph import Graph, Link, Node
from executor.node import NodeSpec

LOOP = "LOOP"  # the socket type that ties the two ends of a loop together


@dataclass(frozen=True)
class Between:
    """What a loop runs in each round."""

    start: str
    nodes: Mapping[str, Node]
    results: Mapping[str, Link]  # what reaches the lazy inputs of its end
    effects: tuple[str, ...]  # the outputs among the nodes

    @property
    def outside(self) -> list[str]:
        """The nodes whose results are those of each round, though the loop does not reach them."""
        return [link.node for link in self.results.values() if link.node not in (self.start, *self.nodes)]


@dataclass(frozen=True)
class Loops:
    """The loops of a graph, by the nodes that end them."""

    bodies: Mapping[str, Between] = field(default_factory=dict[str, Between])

    def run_by(self, id: str) -> str:
        """The node to ask for in place of another: the end of the outermost loop around it, or itself."""
        around = [end for end, body in self.bodies.items() if id in body.nodes]
        return max(around, key=lambda end: len(self.bodies[end].nodes), default=id)

    def effects(self, ids: Iterable[str]) -> list[str]:
        """The outputs in the loops that these nodes end."""
        return [effect for id in ids if id in self.bodies for effect in self.bodies[id].effects]


def find(graph: Graph, specs: Mapping[str, NodeSpec], targets: Iterable[str]) -> Loops:
    """The loops of a graph. Those outputs belong to them that are among the targets."""
    wanted = set(targets)
    bodies: dict[str, Between] = {}
    for end in _ends(graph, specs):
        link = _loop(end, specs)
        if link is not None and link.node != end.id:
            bodies[end.id] = _between(graph, specs, link.node, end, wanted)
    return Loops(bodies)


def _ends(graph: Graph, specs: Mapping[str, NodeSpec]) -> list[Node]:
    types = {name for name in {node.type for node in graph.nodes.values()} if name in specs and specs[name].ends_loop}
    return [node for node in graph.nodes.values() if node.type in types] if types else []


def _loop(end: Node, specs: Mapping[str, NodeSpec]) -> Link | None:
    """Where the LOOP of a node comes from."""
    for name, i in specs[end.type].inputs.items():
        value = end.inputs.get(name)
        if i.type == LOOP and type(value) is Link:
            return value
    return None


def _between(graph: Graph, specs: Mapping[str, NodeSpec], start: str, end: Node, wanted: set[str]) -> Between:
    after = _after(graph, start) - {start, end.id}
    before = graph.needed([end.id])
    loose = after - before - graph.affected([end.id])
    effects = tuple(id for id in graph.nodes if id in loose and id in wanted)
    inside = after & (before | graph.needed(effects))
    nodes = {id: node for id, node in graph.nodes.items() if id in inside}
    lazy = [name for name, i in specs[end.type].inputs.items() if i.lazy]
    results = {name: value for name in lazy if type(value := end.inputs.get(name)) is Link}
    return Between(start, nodes, results, effects)


def _after(graph: Graph, start: str) -> set[str]:
    """What depends on a node, which may be outside of the graph: that of an inner loop in a round of the outer one."""
    if start in graph.nodes:
        return graph.affected([start])
    takers = [n.id for n in graph.nodes.values() if any(type(v) is Link and v.node == start for v in n.inputs.values())]
    return graph.affected(takers)


# --- what is wrong with them ---------------------------------------------------------------------


def problems(graph: Graph, specs: Mapping[str, NodeSpec], outputs: Iterable[str]) -> Iterator[Problem]:
    """Loops that do not begin or end, and nodes outside of one that take something from inside."""
    starts = {id for id, node in graph.nodes.items() if node.type in specs and _begins(specs[node.type])}
    if not starts and not _ends(graph, specs):
        return
    loops = find(graph, specs, outputs)
    ended: dict[str, str] = {}
    for end in _ends(graph, specs):
        link = _loop(end, specs)
        if link is None or link.node not in graph.nodes:
            continue  # that the link is missing or leads nowhere is said elsewhere
        if link.node not in starts:
            yield _problem(graph, end.id, f"loop comes from {_name(graph, link.node)}, which begins no loop")
        elif link.node in ended:
            text = f"{_name(graph, ended[link.node])} ends the loop of {_name(graph, link.node)} already; begin another"
            yield _problem(graph, end.id, text)
        ended.setdefault(link.node, end.id)
    yield from _leaks(graph, loops, starts, ended)
    yield from _crossings(graph, loops)


def _begins(spec: NodeSpec) -> bool:
    return any(output.type == LOOP for output in spec.outputs)


def _leaks(graph: Graph, loops: Loops, starts: set[str], ended: Mapping[str, str]) -> Iterator[Problem]:
    of = {body.start: body for body in loops.bodies.values()}
    for node in graph.nodes.values():
        for name, link in node.inputs.items():
            if type(link) is not Link or ended.get(link.node) == node.id:
                continue
            if link.node in starts and (link.node not in of or node.id not in of[link.node].nodes):
                how = (
                    "is taken outside of that loop; take it from the node that ends the loop"
                    if link.node in ended
                    else "has no end; link its output loop to a node that ends it"
                )
                yield _problem(graph, node.id, f"the loop that {_name(graph, link.node)} begins {how}", name)
            for end, body in loops.bodies.items():
                if link.node in body.nodes and node.id not in body.nodes and node.id != end:
                    text = f"{name} comes from inside the loop that {_name(graph, end)} ends; take it from that node"
                    yield _problem(graph, node.id, text, name)


def _crossings(graph: Graph, loops: Loops) -> Iterator[Problem]:
    """A loop lies in another one whole, or not at all."""
    for (one, body), (other, its) in combinations(loops.bodies.items(), 2):
        shared = [id for id in body.nodes if id in its.nodes]
        if shared and one not in its.nodes and other not in body.nodes:
            text = f"is in the loops of {_name(graph, one)} and of {_name(graph, other)}, neither of which is in the"
            yield _problem(graph, shared[0], f"{text} other; link the end of the inner one into the outer one", "")


def _problem(graph: Graph, id: str, message: str, input: str = "loop") -> Problem:
    return Problem(id, graph.nodes[id].type, input, "bad_linked_input", message)


def _name(graph: Graph, id: str) -> str:
    return f"{graph.nodes[id].type} {id}"


# --- one round -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Round:
    """What a round is given: the outputs of the node that begins the loop, by their numbers."""

    end: str  # the step that ends the loop
    turn: int  # from 1
    given: Mapping[int, Items]

    def id(self, id: str) -> str:
        """The id of a node of the loop in this round."""
        return f"{id}.{self.turn}"

    def supplied(self, slot: int) -> Link:
        """Where what is given stands in this round, if it is not written into the nodes."""
        return Link(f"{self.id(self.end)}:{slot}", 0)

    def graph(self, body: Between) -> Graph:
        """The nodes of a loop as they are in this round; links out of it stay as they are."""
        return Graph({self.id(id): self._node(node, body) for id, node in body.nodes.items()})

    def _node(self, node: Node, body: Between) -> Node:
        inputs = {name: self.value(v, body) if type(v) is Link else v for name, v in node.inputs.items()}
        return replace(node, id=self.id(node.id), inputs=inputs)

    def value(self, link: Link, body: Between) -> Any:
        """What a link in the loop is in this round: another link, or a plain value that stands for it."""
        if link.node in body.nodes:
            return Link(self.id(link.node), link.output)
        if link.node != body.start:
            return link
        items = self.given[link.output]
        return items[0] if is_plain(items) else self.supplied(link.output)


def is_plain(items: Items) -> bool:
    """Whether it is one value that can be written into a graph, where checks and keys see it."""
    return len(items) == 1 and type(items[0]) in (str, int, float, bool)
