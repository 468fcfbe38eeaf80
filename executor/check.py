"""`check`: every problem of a graph at once, before anything runs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from executor import loops
from executor.bind import Bound, Menus, Problem, bind, call_hook, callable_with
from executor.facts import disagreements
from executor.files import Files
from executor.graph import Graph, Link, Node, uncollected
from executor.node import NodeSpec
from executor.types import compatible


class InvalidGraph(ValueError):
    """A graph that cannot run; `problems` says why."""

    def __init__(self, problems: Sequence[Problem]):
        super().__init__("\n".join(map(str, problems)))
        self.problems = problems


def check(graph: Graph, specs: Mapping[str, NodeSpec], files: Files, *, trusted: bool = False) -> list[Problem]:
    """All that is wrong with a graph, in the order of its nodes.

    An error at a node that no output needs is a warning, since it never runs; an unknown type or a cycle never is.
    trusted: see `executor.graph.read`; such a graph needs no output node either.
    """
    with uncollected():
        return _check(graph, specs, files, trusted)


def _check(graph: Graph, specs: Mapping[str, NodeSpec], files: Files, trusted: bool) -> list[Problem]:
    menus = Menus(files)
    problems: list[Problem] = []
    bound: dict[str, Bound] = {}
    for node in graph.nodes.values():
        spec = specs.get(node.type)
        if spec is None:
            problems.append(_unknown(node, specs, menus))
            continue
        bound[node.id] = inputs = bind(node, spec, menus, trusted=trusted)
        found = [*inputs.problems, *_links(node, spec, inputs.links, graph, specs)]
        if spec.validate and not _errors(found):
            found += _validated(node, spec, inputs, files)
        problems += found
    circles = [_cycle(graph, cycle) for cycle in graph.cycles()]
    problems += circles or loops.problems(graph, specs, outputs(graph, specs))
    wrong = _errors(problems)
    problems += disagreements(graph, specs, {id: b for id, b in bound.items() if id not in wrong}, files)
    if not trusted:
        problems += _no_output(graph, specs)
    return _unneeded_as_warnings(problems, graph, specs) if problems else problems


def outputs(graph: Graph, specs: Mapping[str, NodeSpec]) -> list[str]:
    """The nodes that are run for their effect."""
    return [n.id for n in graph.nodes.values() if n.type in specs and specs[n.type].output_node]


def sound(graph: Graph, problems: Iterable[Problem], targets: Iterable[str]) -> list[str]:
    """Those of the targets that can run: nothing that they depend on has an error."""
    unsound = graph.affected(_errors(problems))
    return [id for id in targets if id not in unsound]


def _errors(problems: Iterable[Problem]) -> set[str]:
    return {p.node for p in problems if p.severity == "error"}


def _unknown(node: Node, specs: Mapping[str, NodeSpec], menus: Menus) -> Problem:
    if not node.type:
        return Problem(node.id, "", "", "invalid_prompt", 'this node has no "class_type", the name of its node type')
    near = menus.nearest(node.type, list(specs), "node types")
    hint = f"; nearest: {', '.join(near)}" if near else ""
    message = f"there is no node type {node.type!r}{hint}"
    return Problem(node.id, node.type, "", "invalid_prompt", message, node.type, near)


def _links(
    node: Node, spec: NodeSpec, links: Mapping[str, Link], graph: Graph, specs: Mapping[str, NodeSpec]
) -> Iterator[Problem]:
    for name, link in links.items():
        wanted = spec.inputs[name].type
        source = graph.nodes.get(link.node)
        if source is None:
            message = f"{name} is linked to the node {link.node}, which is not in the graph"
            yield Problem(node.id, node.type, name, "bad_linked_input", message, list(link), wanted)
        elif source.type in specs:
            given = specs[source.type].outputs
            if not 0 <= link.output < len(given):
                message = (
                    f"{name} is linked to output {link.output} of {source.type} {link.node}, which has {len(given)}"
                )
                yield Problem(node.id, node.type, name, "bad_linked_input", message, list(link), wanted)
            elif not compatible(given[link.output].type, wanted):
                got = given[link.output].type
                message = f"{name} takes {wanted}, and output {link.output} of {source.type} {link.node} is {got}"
                yield Problem(node.id, node.type, name, "return_type_mismatch", message, got, wanted)


def _validated(node: Node, spec: NodeSpec, inputs: Bound, files: Files) -> Iterator[Problem]:
    """What the node's own validator says."""
    hook = spec.validate
    if hook is None or not callable_with(hook, inputs.literals):
        return
    try:
        message = call_hook(hook, files, inputs.literals)
    except Exception as error:
        yield Problem(node.id, node.type, "", "exception_during_validation", f"{type(error).__name__}: {error}")
        return
    if message:
        yield Problem(node.id, node.type, "", "custom_validation_failed", message)


def _cycle(graph: Graph, cycle: list[str]) -> Problem:
    path = " -> ".join(f"{id} ({graph.nodes[id].type})" for id in [*cycle, cycle[0]])
    message = f"the nodes feed each other in a circle: {path}; remove one of these links"
    return Problem(cycle[0], graph.nodes[cycle[0]].type, "", "dependency_cycle", message, cycle)


def _no_output(graph: Graph, specs: Mapping[str, NodeSpec]) -> list[Problem]:
    if outputs(graph, specs):
        return []
    names = sorted(name for name, spec in specs.items() if spec.output_node)
    message = "no node of the graph is an output; add one that saves or shows something, such as "
    return [Problem("", "", "", "prompt_no_outputs", message + ", ".join(names[:5]), None, names)]


NEVER_MILD = {"invalid_prompt", "dependency_cycle", "prompt_no_outputs"}


def _unneeded_as_warnings(problems: list[Problem], graph: Graph, specs: Mapping[str, NodeSpec]) -> list[Problem]:
    ends = outputs(graph, specs)
    if not ends:
        return problems
    # A node of an unknown type may be an output, so what feeds it counts as needed.
    needed = graph.needed([*ends, *(p.node for p in problems if p.kind == "invalid_prompt")])
    return [p if p.node in needed or p.kind in NEVER_MILD else replace(p, severity="warning") for p in problems]
