"""What files tell of the values that will flow, and the inputs of a node that cannot go together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from executor.bind import Bound, Problem, call_hook, callable_with
from executor.files import Files
from executor.graph import Graph, Link
from executor.node import NodeSpec
from executor.types import CARRIES, Fact, Facts


def disagreements(
    graph: Graph, specs: Mapping[str, NodeSpec], bound: Mapping[str, Bound], files: Files
) -> Iterator[Problem]:
    """Problems of nodes whose inputs come from files that do not fit each other.

    Only nodes in `bound` are looked at: what is known of a node with problems is not to be trusted.
    """
    known: dict[str, Sequence[Facts]] = {}
    for id in graph.order:
        spec = specs.get(graph.nodes[id].type)
        if spec is None or id not in bound:
            continue
        brought = {name: facts for name, link in bound[id].links.items() if (facts := _of(known, link))}
        if not brought and not spec.facts:
            continue
        agreed, clashes = _merge(brought)
        yield from (_disagree(id, spec.name, fact, *clash) for fact, clash in clashes.items())
        own, broken = _declared(spec, bound[id], files)
        if broken:
            yield Problem(id, spec.name, "", "custom_validation_failed", broken)
        yield from _strange(id, spec, bound[id], brought, own)
        known[id] = [
            {f: v for f, v in agreed.items() if f in CARRIES.get(o.type, ())} | dict(own[slot] if own else {})
            for slot, o in enumerate(spec.outputs)
        ]


def _of(known: Mapping[str, Sequence[Facts]], link: Link) -> Facts:
    outputs = known.get(link.node)
    return outputs[link.output] if outputs and 0 <= link.output < len(outputs) else {}


Clash = tuple[tuple[str, Fact], tuple[str, Fact]]


def _merge(brought: Mapping[str, Facts]) -> tuple[dict[str, Fact], dict[str, Clash]]:
    """What all inputs agree on, and the first two inputs of each disagreement."""
    first: dict[str, tuple[str, Fact]] = {}
    clashes: dict[str, Clash] = {}
    for name, facts in brought.items():
        for fact, value in facts.items():
            other = first.setdefault(fact, (name, value))
            if other[1].value != value.value:
                clashes.setdefault(fact, (other, (name, value)))
    return {fact: value for fact, (_, value) in first.items() if fact not in clashes}, clashes


def _declared(spec: NodeSpec, bound: Bound, files: Files) -> tuple[Sequence[Facts], str]:
    """What the node's own files tell of each output, or what is wrong with them."""
    if not spec.facts or not callable_with(spec.facts, bound.literals):
        return [], ""
    try:
        return call_hook(spec.facts, files, bound.literals), ""
    except (ValueError, OSError) as error:
        return [], str(error)


def _strange(
    id: str, spec: NodeSpec, bound: Bound, brought: Mapping[str, Facts], own: Sequence[Facts]
) -> Iterator[Problem]:
    """A file that a node with inputs names itself, such as an adapter, may not fit what these bring."""
    agreed, _ = _merge(brought)
    for fact, value in {fact: value for facts in own for fact, value in facts.items()}.items():
        if fact in agreed and agreed[fact].value != value.value:
            link = next(name for name, facts in brought.items() if fact in facts)
            name = next((name for name, given in bound.literals.items() if given == value.source), value.source)
            yield _disagree(id, spec.name, fact, (link, agreed[fact]), (name, value))


def _disagree(id: str, type_: str, fact: str, first: tuple[str, Fact], second: tuple[str, Fact]) -> Problem:
    (a, one), (b, two) = first, second
    message = (
        f"{b} does not fit {a}: {two.source} has {fact} {two.value}, {one.source} has {one.value}; "
        "use files of the same kind of model"
    )
    return Problem(id, type_, b, "architecture_mismatch", message, two.value, one.value)
