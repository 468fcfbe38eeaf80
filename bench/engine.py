"""What the engine itself costs: graphs of trivial nodes, in microseconds a node.

    python bench/engine.py

Chains (each node feeds the next) and wide graphs (one source, many branches of two nodes). "re-run" is everything anew
for an edited graph of which one literal at the end differs: read, check, plan, run.

Then sweeps of a chain of five nodes, in microseconds a run: planning, all of it, and what a run costs in a sweep of a
thousand, compared with one of a hundred.
"""

from __future__ import annotations

import gc
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

sys.path.insert(0, str(Path(__file__).parent.parent))  # run as a script, from anywhere

from executor.cache import Cache
from executor.check import check, outputs, sound
from executor.files import Files
from executor.graph import read
from executor.node import NodeSpec, Shown, node
from executor.plan import Plan, make_plan
from executor.run import execute
from executor.sweep import sweep

SIZES = (100, 1_000, 10_000)
REPEATS = 7
T = TypeVar("T")
NODES: dict[str, NodeSpec] = {}


@node("Add", category="bench", into=NODES)
def add(*, a: int = 0, b: int = 1) -> int:
    """a + b"""
    return a + b


@node("Show", category="bench", output_node=True, into=NODES)
def show(*, a: int) -> Shown[None]:
    """Show a number."""
    return Shown({"values": [a]}, None)


def _node(type_: str, **inputs: Any) -> dict[str, Any]:
    return {"class_type": type_, "inputs": inputs}


def chain(count: int, last: int) -> dict[str, Any]:
    graph = {"0": _node("Add")} | {str(i): _node("Add", a=[str(i - 1), 0]) for i in range(1, count - 2)}
    graph["last"] = _node("Add", a=[str(count - 3), 0], b=last)
    return graph | {"end": _node("Show", a=["last", 0])}


def wide(count: int, last: int) -> dict[str, Any]:
    graph = {"0": _node("Add")}
    branches = (count - 1) // 2
    for i in range(branches):
        graph[f"a{i}"] = _node("Add", a=["0", 0], b=last if i == branches - 1 else -i)
        graph[f"o{i}"] = _node("Show", a=[f"a{i}", 0])
    return graph


def prepare(graph: dict[str, Any], files: Files) -> Plan:
    """From the parsed JSON to a plan, as every run does it."""
    made = read(graph)
    return make_plan(made, NODES, sound(made, check(made, NODES, files), outputs(made, NODES)), files)


def measure(shape: Any, count: int) -> dict[str, float]:
    """Seconds: the best of several runs, since other work on the machine only ever adds to them."""
    files = Files(Path("/nowhere"))
    best = {"plan": 1e9, "first": 1e9, "rerun": 1e9}
    for repeat in range(REPEATS):
        cache, graph, edited = Cache(), shape(count, 1), shape(count, 2 + repeat)
        plan, planned = timed(lambda graph=graph: prepare(graph, files))
        first, ran = timed(lambda plan=plan, cache=cache: execute(plan, files=files, cache=cache))
        again, reran = timed(lambda graph=edited, cache=cache: execute(prepare(graph, files), files=files, cache=cache))
        assert first.ok
        assert again.ok
        spent = {"plan": planned, "first": ran, "rerun": reran}
        best = {name: min(best[name], spent[name]) for name in best}
    return best


def sweeping(count: int) -> tuple[float, float]:
    """Seconds to plan a sweep of that many runs, and to do it all."""
    files = Files(Path("/nowhere"))
    best, whole = 1e9, 1e9

    def planned() -> Plan:
        made = sweep(chain(5, 1), {"last.b": list(range(count))}, NODES, files)
        graph = read(made.graph)
        targets = sound(graph, check(graph, NODES, files), made.targets(["end"]))
        return make_plan(graph, NODES, targets, files, sweep=made)

    for _ in range(REPEATS):
        plan, seconds = timed(planned)
        outcome, more = timed(lambda plan=plan: execute(plan, files=files, cache=Cache()))
        assert outcome.ok
        best, whole = min(best, seconds), min(whole, seconds + more)
    return best, whole


def timed(work: Callable[[], T]) -> tuple[T, float]:
    """What it returns, and its seconds, without what others left to the garbage collector."""
    gc.collect()
    started = time.perf_counter()
    return work(), time.perf_counter() - started


def main() -> None:
    figures: dict[str, Any] = {}
    print(
        f"{'graph':>6} {'nodes':>7} {'check + plan':>13} {'first run':>10} {'re-run':>8}   us a node   {'re-run, s':>9}"
    )
    for shape in (chain, wide):
        for count in SIZES:
            seconds = measure(shape, count)
            figures[f"{shape.__name__}_{count}"] = {k: round(s / count * 1e6, 2) for k, s in seconds.items()}
            plan, first, rerun = (seconds[k] / count * 1e6 for k in ("plan", "first", "rerun"))
            line = f"{shape.__name__:>6} {count:>7} {plan:>13.1f} {first:>10.1f} {rerun:>8.1f}"
            print(f"{line}               {seconds['rerun']:>9.3f}")
            figures[f"{shape.__name__}_{count}"]["rerun_seconds"] = round(seconds["rerun"], 4)
        for name in ("plan", "first", "rerun"):
            ratio = figures[f"{shape.__name__}_10000"][name] / figures[f"{shape.__name__}_1000"][name]
            figures[f"{shape.__name__}_{name}_10k_over_1k"] = round(ratio, 3)
            print(f"{shape.__name__:>6} {name}: a node of 10k costs {ratio:.2f} times one of 1k")
    for count in (100, 1_000):
        plan, whole = (seconds / count * 1e6 for seconds in sweeping(count))
        figures[f"sweep_{count}"] = {"plan": round(plan, 2), "whole": round(whole, 2)}
        print(f" sweep {count:>7} {plan:>13.1f} {whole:>10.1f}   us a run")
    ratio = figures["sweep_1000"]["whole"] / figures["sweep_100"]["whole"]
    figures["sweep_1k_over_100"] = round(ratio, 3)
    print(f" sweep: a run of 1k costs {ratio:.2f} times one of 100")
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
