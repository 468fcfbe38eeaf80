"""Nodes for the tests of the engine, in a registry of their own, and short ways to run graphs of them."""

import asyncio
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

import torch

from executor import events
from executor.cache import Cache
from executor.check import check, outputs, sound
from executor.files import Files
from executor.graph import read
from executor.node import Choice, Expand, Folder, Lazy, NodeSpec, Progress, Range, Shown, UniqueId, node, silent
from executor.outcome import Outcome
from executor.plan import Plan, make_plan
from executor.run import Cancel, execute
from executor.types import Fact, Facts, Socket

TOYS: dict[str, NodeSpec] = {}
Image = Annotated[Any, Socket("IMAGE")]
Model = Annotated[Any, Socket("MODEL")]
Conditioning = Annotated[Any, Socket("CONDITIONING")]


class Thing:
    """Stands for a model: more than the disk can hold."""

    nbytes = 1000


class Pair(NamedTuple):
    low: int
    high: int


@node("Add", category="toys", into=TOYS)
def add(*, a: int = 0, b: Annotated[int, Range(-1000, 1000)] = 1) -> int:
    """a + b"""
    return a + b


@node("Split", category="toys", into=TOYS)
def split(*, a: int) -> Pair:
    return Pair(a // 2, a - a // 2)


@node("Show", category="toys", output_node=True, into=TOYS)
def show(*, a: Annotated[Any, Socket("*")]) -> Shown[None]:
    return Shown({"values": [a]}, None)


@node("Save", category="toys", output_node=True, into=TOYS)
def save(*, a: int, files: Files) -> Shown[None]:
    files.root("output").mkdir(exist_ok=True)
    (files.root("output") / f"{a}.txt").write_text(str(a))
    return Shown({"images": [{"filename": f"{a}.txt", "subfolder": "", "type": "output"}]}, None)


@node("Range", category="toys", into=TOYS)
def range_(*, n: int) -> list[int]:
    return list(range(n))


@node("Sum", category="toys", into=TOYS)
def sum_(*, items: list[int], times: int = 1) -> int:
    return sum(items) * times


@node("Scaled", category="toys", into=TOYS)
def scaled(*, items: list[int], by: list[int] = 3) -> list[int]:  # pyright: ignore[reportArgumentType] -- shown as a number, given as a list
    return [item * factor for item in items for factor in by]


@node("Switch", category="toys", into=TOYS)
async def switch(*, which: bool, yes: Lazy[int], no: Lazy[int]) -> int:
    return await (yes() if which else no())


@node("OrElse", category="toys", into=TOYS)
async def or_else(*, a: Lazy[int], other: int) -> int:
    try:
        return await a()
    except Exception:
        return other


@node("Fail", category="toys", into=TOYS)
def fail(*, a: int = 0) -> int:
    raise ValueError(f"no luck with {a}")


@node("Always", category="toys", cache=False, into=TOYS)
def always(*, a: int = 0) -> int:
    return a


@node("Twice", category="toys", into=TOYS)
def twice(*, a: int) -> Expand[int]:
    """Adds ten, twice, by returning a graph."""
    graph = {
        "x": {"class_type": "Add", "inputs": {"a": a, "b": 10}},
        "y": {"class_type": "Add", "inputs": {"a": ["x", 0], "b": 10}},
    }
    return Expand(graph, [["y", 0]])


@node("Nested", category="toys", into=TOYS)
def nested(*, image: Image) -> Expand[Image]:
    """Hands a tensor to an inner node."""
    return Expand({"b": {"class_type": "Bright", "inputs": {"image": image}}}, [["b", 0]])


@node("BadGraph", category="toys", into=TOYS)
def bad_graph(*, a: int = 0) -> Expand[int]:
    return Expand({"x": {"class_type": "Nothing", "inputs": {}}}, [["x", 0]])


@node("Blank", category="toys", into=TOYS)
def blank(*, size: int = 4, seconds: float = 0.0) -> Image:
    return torch.zeros(1, size, size, 3)


@node("Bright", category="toys", into=TOYS)
def bright(*, image: Image, by: float = 1.0) -> Image:
    return image + by


@node("Spoil", category="toys", into=TOYS)
def spoil(*, image: Image) -> Image:
    """Wrong on purpose: changes its input."""
    return image.add_(1)


@node("Load", category="toys", into=TOYS)
def load(*, name: str = "m") -> Model:
    return Thing()


@node("Sample", category="toys", into=TOYS)
def sample(*, model: Model, seed: int = 0) -> Image:
    return torch.full((1, 2, 2, 3), float(seed))


@node("Steps", category="toys", into=TOYS)
def steps(*, n: int, progress: Progress = silent) -> int:
    for i in range(n):
        progress(i + 1, n)
        time.sleep(0.001)
    return n


@node("Gate", category="toys", into=TOYS)
async def gate(*, a: int = 0) -> int:
    """Waits long enough for others to be seen to wait with it."""
    await asyncio.sleep(0.05)
    return a


@node("WhoAmI", category="toys", into=TOYS)
def who_am_i(*, a: int = 0, id: UniqueId) -> str:
    return id


def _facts(files: Files, name: str) -> list[Facts]:
    width = 1024 if "xl" in name else 768
    return [{"context width": Fact(width, name)}]


@node("LoadModel", category="toys", facts=_facts, into=TOYS)
def load_model(*, name: Annotated[str, Folder("checkpoints")]) -> Model:
    return Thing()


@node("Words", category="toys", facts=_facts, into=TOYS)
def words(*, name: str) -> Conditioning:
    return []


@node("Adapt", category="toys", facts=_facts, into=TOYS)
def adapt(*, model: Model, name: str) -> Model:
    return model


@node("Guide", category="toys", into=TOYS)
def guide(*, model: Model, positive: Conditioning) -> Image:
    return torch.zeros(1)


def _even(n: int) -> str | None:
    return f"{n} is odd" if n % 2 else None


@node("Menu", category="toys", validate=_even, into=TOYS)
def menu(
    *,
    mode: Literal["nearest", "bilinear", "bicubic"] = "nearest",
    file: Annotated[str, Choice(lambda files: ["a.png", "b.png"])] = "a.png",
    n: Annotated[int, Range(0, 10)] = 0,
    on: bool = False,
    strength: Annotated[float, Range(0, 1)] = 1.0,
    text: str = "",
) -> str:
    return f"{mode} {n} {on} {strength!r} {text!r}"


def api(**nodes: tuple[str, Mapping[str, Any]]) -> dict[str, Any]:
    """`api(s=("Add", {"a": 1}))` in the standard's form."""
    return {id: {"class_type": type_, "inputs": dict(inputs)} for id, (type_, inputs) in nodes.items()}


def plan(graph: Mapping[str, Any], base: Path = Path("/nowhere"), targets: Any = None) -> Plan:
    """The plan of all sound outputs."""
    g, files = read(graph), Files(base)
    return make_plan(g, TOYS, targets or sound(g, check(g, TOYS, files), outputs(g, TOYS)), files)


def go(
    graph: Mapping[str, Any],
    cache: Cache | None = None,
    base: Path = Path("/nowhere"),
    *,
    targets: Any = None,
    cancel: Cancel | None = None,
    force: bool = False,
) -> tuple[Outcome, list[events.Event]]:
    """Run a graph; how it ended and all that was heard of it."""
    log: list[events.Event] = []
    made = plan(graph, base, targets)
    return execute(made, files=Files(base), cache=cache, emit=log.append, cancel=cancel, force=force), log


def heard(log: list[events.Event]) -> list[str]:
    """The log in short: `+a` started, `a` finished, `=a b` cached, `!a` failed."""
    lines: list[str] = []
    for e in log:
        match e:
            case events.NodeStarted(node):
                lines.append(f"+{node}")
            case events.NodeFinished(node, cached=False):
                lines.append(node)
            case events.CachedSet(nodes):
                lines.append("=" + " ".join(nodes))
            case events.NodeFailed(node):
                lines.append(f"!{node}")
            case _:
                pass
    return lines


def ran(log: list[events.Event]) -> list[str]:
    return [e.node for e in log if isinstance(e, events.NodeStarted)]
