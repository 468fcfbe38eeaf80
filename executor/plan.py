"""`make_plan`: pure: a graph and its targets become steps, each with the key that names its result."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from executor.bind import Bound, Menus, Problem, bind
from executor.check import InvalidGraph
from executor.files import Files
from executor.graph import Graph, Link, uncollected
from executor.keys import Prints, step_key
from executor.loops import Between, Loops, find
from executor.node import NodeSpec
from executor.sweep import Sweep

Order = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Step:
    """One node, ready to run. `place` is its turn; that of a step within another begins with the other's."""

    id: str
    spec: NodeSpec
    literals: Mapping[str, Any]
    links: Mapping[str, Link]
    sources: tuple[str, ...]  # the steps that it cannot start without
    key: str | None  # None: it runs every time
    place: Order
    body: Between | None = None  # of the step that ends a loop: what it runs
    run: int | None = None  # of a sweep: which of its runs, from 1; None for what several share


@dataclass(frozen=True)
class Plan:
    """Steps in running order, and how many inputs use each output (a target's outputs are used once more).

    A target inside a loop is run by the step that ends the loop, which then is the target. The steps inside loops are
    there for their keys and what they use; copies of them run (see `executor.loops`).
    """

    steps: Mapping[str, Step]
    targets: tuple[str, ...]
    uses: Mapping[Link, int]
    prompt: Mapping[str, Any]  # the API graph that it was made from
    specs: Mapping[str, NodeSpec]
    salt: str
    sweep: Sweep | None = None
    runs: Mapping[int, tuple[str, ...]] = field(default_factory=dict[int, "tuple[str, ...]"])  # targets of each run


@dataclass(frozen=True)
class Within:
    """Where a graph that a node returned runs: in its place, its ids behind the node's."""

    place: Order
    opaque: str  # names the values in that graph that have no text of their own
    known: Mapping[str, Step] = field(default_factory=dict[str, Step])  # steps outside that it may take values from
    run: int | None = None


def make_plan(
    graph: Graph,
    specs: Mapping[str, NodeSpec],
    targets: Iterable[str],
    files: Files,
    *,
    salt: str = "",
    within: Within | None = None,
    sweep: Sweep | None = None,
) -> Plan:
    """The steps that the targets need. Raises InvalidGraph if one of them cannot be made.

    salt: what every result depends on beside its node: precision, device.
    sweep: whose graph this is, if it is one of several runs.
    """
    with uncollected():
        return _plan(graph, specs, tuple(dict.fromkeys(targets)), files, salt, within, sweep)


def _plan(
    graph: Graph,
    specs: Mapping[str, NodeSpec],
    targets: tuple[str, ...],
    files: Files,
    salt: str,
    within: Within | None,
    sweep: Sweep | None,
) -> Plan:
    loops = find(graph, specs, targets)
    runs = _runs(sweep, targets, loops) if sweep else {}
    targets = tuple(dict.fromkeys(map(loops.run_by, targets)))
    order = _order(graph, (*targets, *loops.effects(loops.bodies)))
    menus = Menus(files)
    known = within.known if within else dict[str, Step]()
    bound = {id: _bound(graph, id, specs, menus, known, within is not None) for id in order}
    prints = Prints(menus)
    keys: dict[str, str | None] = {link.node: known[link.node].key for link in _outside(graph, bound)}
    steps: dict[str, Step] = {}
    for turn, id in enumerate(order):
        spec, inputs, body = specs[graph.nodes[id].type], bound[id], loops.bodies.get(id)
        opaque = f"{within.opaque}/{id}" if within and within.opaque else ""
        own = f"\0{id}" if _is_own(spec, body) else ""
        keys[id] = key = step_key(spec, inputs.literals, inputs.links, keys, prints, salt + own, opaque)
        place = (*within.place, turn) if within else (turn,)
        run = within.run if within else sweep.of[id][1] if sweep else None
        steps[id] = Step(id, spec, inputs.literals, inputs.links, _sources(spec, inputs), key, place, body, run)
    return Plan(steps, targets, _uses(steps, targets), graph.api, specs, salt, sweep, runs)


def _runs(sweep: Sweep, targets: tuple[str, ...], loops: Loops) -> dict[int, tuple[str, ...]]:
    """The targets of each run of a sweep."""
    originals, there = dict.fromkeys(sweep.of[id][0] for id in targets), set(targets)
    wanted = {run.number: [sweep.id(id, run.number) for id in originals] for run in sweep.runs}
    return {run: tuple(dict.fromkeys(loops.run_by(id) for id in ids if id in there)) for run, ids in wanted.items()}


def _outside(graph: Graph, bound: Mapping[str, Bound]) -> list[Link]:
    return [link for inputs in bound.values() for link in inputs.links.values() if link.node not in graph.nodes]


def _order(graph: Graph, targets: tuple[str, ...]) -> list[str]:
    """Depth first from the targets, so that one branch is finished, and its values freed, before the next begins.

    Of several inputs, the one that needs more values at once comes first (Sethi and Ullman 1970), so that the others
    are not held meanwhile.
    """
    missing = [id for id in targets if id not in graph.nodes]
    if missing:
        raise InvalidGraph(
            [Problem(id, "", "", "invalid_prompt", "there is no such node in the graph") for id in missing]
        )
    needed = graph.needed(targets)
    if len(graph.order) < len(graph.nodes):
        raise_for_cycle(graph, needed)
    weight: dict[str, int] = {}
    sources_of: dict[str, list[str]] = {}
    for id in graph.order:
        if id in needed:
            sources_of[id] = sources = list(graph.flow.predecessors(id))
            if len(sources) > 1:
                sources.sort(key=weight.__getitem__, reverse=True)
            weight[id] = max((weight[s] + n for n, s in enumerate(sources)), default=1)
    return _depth_first(targets, sources_of)


def _depth_first(targets: tuple[str, ...], sources_of: Mapping[str, list[str]]) -> list[str]:
    """Every node after its sources, those taken in the order that is given. (networkx would have to be given a graph of
    just these edges in just this order, which takes longer than this.)"""
    order: dict[str, None] = {}
    stack = [*reversed(targets)]
    while stack:
        waiting = [s for s in sources_of[stack[-1]] if s not in order]
        if waiting:
            stack += reversed(waiting)
        else:
            order[stack.pop()] = None
    return list(order)


def raise_for_cycle(graph: Graph, needed: set[str]) -> None:
    ordered = set(graph.order)
    stuck = sorted(needed - ordered)
    if stuck:
        message = f"these nodes feed each other in a circle, or wait for some that do: {', '.join(stuck[:8])}"
        raise InvalidGraph([Problem(stuck[0], graph.nodes[stuck[0]].type, "", "dependency_cycle", message, stuck)])


def _bound(
    graph: Graph, id: str, specs: Mapping[str, NodeSpec], menus: Menus, known: Mapping[str, Step], trusted: bool
) -> Bound:
    node = graph.nodes[id]
    if node.type not in specs:
        raise InvalidGraph([Problem(id, node.type, "", "invalid_prompt", f"there is no node type {node.type!r}")])
    bound = bind(node, specs[node.type], menus, trusted=trusted)
    wrong = [p for p in bound.problems if p.severity == "error"]
    lost = [name for name, link in bound.links.items() if link.node not in graph.nodes and link.node not in known]
    wrong += [Problem(id, node.type, n, "bad_linked_input", f"{n} is linked to a node that is not there") for n in lost]
    if wrong:
        raise InvalidGraph(wrong)
    return bound


def _is_own(spec: NodeSpec, body: Between | None) -> bool:
    """Two outputs that save the same thing both save it, and a node that asks for its id depends on it."""
    return spec.output_node or "UNIQUE_ID" in spec.hidden.values() or (body is not None and bool(body.effects))


def _sources(spec: NodeSpec, bound: Bound) -> tuple[str, ...]:
    strict = [link.node for name, link in bound.links.items() if not spec.inputs[name].lazy]
    return tuple(dict.fromkeys(strict)) if len(strict) > 1 else tuple(strict)


def _uses(steps: Mapping[str, Step], targets: tuple[str, ...]) -> Mapping[Link, int]:
    uses: Counter[Link] = Counter()
    for step in steps.values():
        for link in step.links.values():
            uses[link] += 1
    uses.update(Link(id, slot) for id in targets for slot in range(len(steps[id].spec.outputs)))
    return uses
