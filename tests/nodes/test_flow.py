"""Switches, blockers and loops: what runs, how often, and what is said when it cannot."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import pytest
import torch

import nodes
from executor import events
from executor.cache import Cache
from executor.cancel import Cancel
from executor.check import check, outputs, sound
from executor.files import Files
from executor.graph import read
from executor.node import NodeSpec, node, registry
from executor.outcome import Outcome
from executor.plan import make_plan
from executor.run import execute
from tests.executor.toys import TOYS, Image, api, heard, ran

assert nodes.__name__
MORE: dict[str, NodeSpec] = {}


@node("Less", category="toys", into=MORE)
def less(*, a: int, than: int) -> bool:
    return a < than


@node("Mean", category="toys", into=MORE)
def mean(*, image: Image) -> int:
    return int(image.mean())


@node("Images", category="toys", into=MORE)
def images(*, values: str) -> list[Image]:
    return [torch.full((1, 2, 2, 3), float(v)) for v in values.split()]


@node("FailAt", category="toys", into=MORE)
def fail_at(*, a: int, at: int) -> int:
    if a == at:
        raise ValueError(f"no luck with {a}")
    return a


@node("Prefixed", category="toys", fingerprint=lambda text: text, into=MORE)
def prefixed(*, text: Annotated[str, "Its fingerprint needs the text."]) -> str:
    return f"> {text}"


SPECS = {**registry, **TOYS, **MORE}


def problems(graph: Mapping[str, Any]) -> list[str]:
    return [str(p) for p in check(read(graph), SPECS, Files(Path("/nowhere"))) if p.severity == "error"]


def go(
    graph: Mapping[str, Any],
    cache: Cache | None = None,
    targets: Any = None,
    cancel: Cancel | None = None,
    emit: Any = None,
) -> tuple[Outcome, list[events.Event]]:
    made, files = read(graph), Files(Path("/nowhere"))
    assert not problems(graph) or targets
    plan = make_plan(made, SPECS, targets or sound(made, [], outputs(made, SPECS)), files)
    log: list[events.Event] = []

    def hear(event: events.Event) -> None:
        log.append(event)
        if emit:
            emit(event)

    return execute(plan, files=files, cache=cache, emit=hear, cancel=cancel), log


def each(n: int = 3, b: int = 10) -> dict[str, Any]:
    """Adds b to 0, 1, ... n - 1, and shows the sum."""
    return api(
        r=("Range", {"n": n}),
        s=("ForEachStart", {"items": ["r", 0]}),
        a=("Add", {"a": ["s", 1], "b": b}),
        e=("ForEachEnd", {"loop": ["s", 0], "value": ["a", 0]}),
        t=("Sum", {"items": ["e", 0]}),
        o=("Show", {"a": ["t", 0]}),
    )


# --- choosing ---


@pytest.mark.parametrize("condition", [True, False])
def test_if_else_runs_one_way_only_and_quietly(condition: bool):
    graph = api(
        v=("Add", {}),
        i=("IfElse", {"value": ["v", 0], "condition": condition}),
        y=("Add", {"a": ["i", 0], "b": 10}),
        n=("Add", {"a": ["i", 1], "b": 20}),
        yo=("Show", {"a": ["y", 0]}),
        no=("Show", {"a": ["n", 0]}),
    )
    outcome, log = go(graph)
    assert outcome.ok
    assert outcome.shown == ({"yo": {"values": [11]}} if condition else {"no": {"values": [21]}})
    assert ran(log) == (["v", "i", "y", "yo"] if condition else ["v", "i", "n", "no"])
    finished = next(e for e in log if isinstance(e, events.Finished))
    assert (finished.failed, finished.skipped) == ((), ())


@pytest.mark.parametrize("on", [True, False])
def test_a_switch_computes_only_what_it_hands_on(on: bool):
    graph = api(
        y=("Add", {}),
        n=("Fail", {}),
        w=("ComfySwitchNode", {"switch": on, "on_true": ["y", 0], "on_false": ["n", 0]}),
        o=("Show", {"a": ["w", 0]}),
    )
    outcome, log = go(graph)
    assert ("n" in ran(log), "y" in ran(log)) == (not on, on)
    assert outcome.shown == ({"o": {"values": [1]}} if on else {})
    del graph["w"]["inputs"]["on_true" if on else "on_false"]
    text = (
        "switch is on, and nothing is linked to on_true" if on else "switch is off, and nothing is linked to on_false"
    )
    assert [f.message for f in go(graph)[0].failed] == [text]


def test_a_blocker_stops_what_is_behind_it_and_nothing_else():
    graph = api(
        v=("Add", {}),
        x=("ExecutionBlocker", {"value": ["v", 0]}),
        behind=("Fail", {"a": ["x", 0]}),
        waits=("Gate", {"a": ["behind", 0]}),
        o=("Show", {"a": ["waits", 0]}),
        other=("Show", {"a": ["v", 0]}),
    )
    outcome, log = go(graph)
    assert outcome.ok
    assert outcome.shown == {"other": {"values": [1]}}
    assert set(ran(log)) == {"v", "x", "other"}
    graph["x"]["inputs"]["block"] = False
    assert [f.message for f in go(graph)[0].failed] == ["no luck with 1"]


def test_only_the_blocked_items_of_a_list_are_left_out():
    graph = api(
        r=("Range", {"n": 5}),
        c=("Less", {"a": ["r", 0], "than": 2}),
        x=("ExecutionBlocker", {"value": ["r", 0], "block": ["c", 0]}),
        a=("Add", {"a": ["x", 0], "b": 0}),
        o=("Show", {"a": ["a", 0]}),
        t=("Sum", {"items": ["x", 0]}),
        ot=("Show", {"a": ["t", 0]}),
    )
    assert go(graph)[0].shown == {"o": {"values": [2, 3, 4]}, "ot": {"values": [9]}}


def test_a_lazy_input_that_is_blocked_blocks_its_node():
    graph = api(
        v=("Add", {}),
        x=("ExecutionBlocker", {"value": ["v", 0]}),
        w=("OrElse", {"a": ["x", 0], "other": 5}),
        o=("Show", {"a": ["w", 0]}),
    )
    outcome, log = go(graph)
    assert outcome.ok
    assert outcome.shown == {}
    assert ran(log) == ["w", "v", "x"]


# --- for each ---


def test_the_body_runs_once_for_each_item_one_round_after_the_other():
    outcome, log = go(each())
    assert outcome.shown == {"o": {"values": [33]}}
    assert heard(log) == [
        "+r",
        "r",
        "+s",
        "s",
        "+e",
        "+a.1",
        "a.1",
        "+a.2",
        "a.2",
        "+a.3",
        "a.3",
        "e",
        "+t",
        "t",
        "+o",
        "o",
    ]
    assert {e.parent for e in log if isinstance(e, events.NodeStarted) and "." in e.node} == {"a"}
    assert [(e.value, e.total) for e in log if isinstance(e, events.Progressed)] == [(0, 3), (1, 3), (2, 3), (3, 3)]


def test_the_same_loop_is_not_run_again_and_of_another_only_what_is_new():
    cache = Cache()
    go(each(3), cache)
    assert ran(go(each(3), cache)[1]) == []
    outcome, log = go(each(5), cache)
    assert outcome.shown == {"o": {"values": [60]}}
    assert ran(log) == ["r", "s", "e", "a.4", "a.5", "t", "o"]


def pictures(values: str) -> dict[str, Any]:
    return api(
        r=("Images", {"values": values}),
        s=("ForEachStart", {"items": ["r", 0]}),
        b=("Bright", {"image": ["s", 1]}),
        m=("Mean", {"image": ["b", 0]}),
        e=("ForEachEnd", {"loop": ["s", 0], "value": ["m", 0]}),
        o=("Show", {"a": ["e", 0]}),
    )


def test_a_round_is_known_by_what_its_picture_holds():
    cache = Cache()
    assert go(pictures("1 2"), cache)[0].shown == {"o": {"values": [2, 3]}}
    outcome, log = go(pictures("5 2 1"), cache)
    assert outcome.shown == {"o": {"values": [6, 3, 2]}}
    assert [id for id in ran(log) if "." in id] == ["b.1", "m.1"]


def test_models_pass_through_a_loop_and_are_loaded_once():
    graph = api(
        m=("Load", {}),
        r=("Range", {"n": 3}),
        s=("ForEachStart", {"items": ["r", 0]}),
        a=("Sample", {"model": ["m", 0], "seed": ["s", 1]}),
        n=("Mean", {"image": ["a", 0]}),
        e=("ForEachEnd", {"loop": ["s", 0], "value": ["n", 0]}),
        o=("Show", {"a": ["e", 0]}),
    )
    cache = Cache()
    outcome, log = go(graph, cache)
    assert outcome.shown == {"o": {"values": [0, 1, 2]}}
    assert ran(log).count("m") == 1
    graph["r"]["inputs"]["n"] = 4
    assert [id for id in ran(go(graph, cache)[1]) if "." in id] == ["a.4", "n.4"]


def test_an_item_is_a_value_that_checks_and_fingerprints_see():
    graph = api(
        l=("PrimitiveString", {"value": "x"}),
        s=("ForEachStart", {"items": ["l", 0]}),
        p=("Prefixed", {"text": ["s", 1]}),
        e=("ForEachEnd", {"loop": ["s", 0], "value": ["p", 0]}),
        o=("Show", {"a": ["e", 0]}),
    )
    cache = Cache()
    assert go(graph, cache)[0].shown == {"o": {"values": ["> x"]}}
    assert [id for id in ran(go(graph, cache)[1]) if id.startswith("p")] == []
    graph["p"] = {"class_type": "Add", "inputs": {"a": ["s", 1]}}
    (failure,) = go(graph)[0].failed
    assert failure.node == "e"
    assert failure.message == "round 1 of 1: p.1 (Add) a: a is 'x', which is no whole number"


def test_an_empty_list_has_no_rounds():
    outcome, log = go(each(0))
    assert outcome.shown == {"o": {"values": [0]}}
    assert not [id for id in ran(log) if "." in id]


def test_what_shows_something_in_a_loop_does_so_in_each_round():
    graph = each() | api(w=("Show", {"a": ["a", 0]}))
    cache = Cache()
    outcome, log = go(graph, cache)
    assert outcome.shown == {
        "w.1": {"values": [10]},
        "w.2": {"values": [11]},
        "w.3": {"values": [12]},
        "o": {"values": [33]},
    }
    again, log = go(graph, cache)
    assert again.shown == outcome.shown
    assert ran(log) == ["e"]  # which looks for its rounds


def test_a_loop_may_be_there_only_for_what_it_shows():
    graph = api(
        r=("Range", {"n": 2}),
        k=("Add", {"a": 5, "b": 0}),
        s=("ForEachStart", {"items": ["r", 0]}),
        a=("Add", {"a": ["s", 1], "b": ["k", 0]}),
        w=("Show", {"a": ["a", 0]}),
        e=("ForEachEnd", {"loop": ["s", 0]}),
    )
    outcome, log = go(graph)
    assert outcome.shown == {"w.1": {"values": [5]}, "w.2": {"values": [6]}}
    assert ran(log).count("k") == 1
    assert go(graph, targets=["w"])[0].shown == outcome.shown


def test_a_round_that_is_blocked_leaves_nothing():
    graph = each(4)
    graph |= api(c=("Less", {"a": ["s", 1], "than": 2}), x=("ExecutionBlocker", {"value": ["a", 0], "block": ["c", 0]}))
    graph["e"]["inputs"]["value"] = ["x", 0]
    assert go(graph)[0].shown == {"o": {"values": [25]}}


def test_a_round_that_fails_is_named_and_the_rest_goes_on():
    graph = each() | api(f=("FailAt", {"a": ["a", 0], "at": 11}), v=("Show", {"a": 1}))
    graph["e"]["inputs"]["value"] = ["f", 0]
    outcome, _ = go(graph)
    (failure,) = outcome.failed
    assert (failure.node, failure.type) == ("f.2", "FailAt")
    assert failure.message == "no luck with 11 (in round 2 of 3 of ForEachEnd e)"
    assert outcome.shown == {"v": {"values": [1]}}
    assert set(outcome.skipped) == {"e", "t", "o"}


def nested() -> dict[str, Any]:
    """For i of 0, 1, 2: the sum of i + j for each j of 0, 1."""
    return api(
        r=("Range", {"n": 3}),
        s=("ForEachStart", {"items": ["r", 0]}),
        q=("Range", {"n": 2}),
        s2=("ForEachStart", {"items": ["q", 0]}),
        a=("Add", {"a": ["s", 1], "b": ["s2", 1]}),
        e2=("ForEachEnd", {"loop": ["s2", 0], "value": ["a", 0]}),
        t=("Sum", {"items": ["e2", 0]}),
        e=("ForEachEnd", {"loop": ["s", 0], "value": ["t", 0]}),
        o=("Show", {"a": ["e", 0]}),
    )


def test_loops_nest():
    outcome, log = go(nested())
    assert outcome.shown == {"o": {"values": [1, 3, 5]}}
    # 1 + 0 is 0 + 1 but for the order, so no round is another one's; a round of the inner loop is `node.outer.inner`
    assert [id for id in ran(log) if id.startswith("a.")] == ["a.1.1", "a.1.2", "a.2.1", "a.2.2", "a.3.1", "a.3.2"]
    assert ran(log).count("q") == 1


def test_a_failure_in_a_nested_loop_names_both_rounds():
    graph = nested() | api(f=("FailAt", {"a": ["a", 0], "at": 3}))
    graph["e2"]["inputs"]["value"] = ["f", 0]
    (failure,) = go(graph)[0].failed
    assert failure.node == "f.3.2"
    assert failure.message.endswith("(in round 2 of 2 of ForEachEnd e2.3, in round 3 of 3 of ForEachEnd e)")


def test_outputs_in_a_nested_loop_run_in_each_of_its_rounds():
    graph = nested() | api(w=("Show", {"a": ["a", 0]}))
    outcome, _ = go(graph)
    assert [outcome.shown[f"w.{i}.{j}"]["values"][0] for i in (1, 2, 3) for j in (1, 2)] == [0, 1, 1, 2, 2, 3]
    del graph["o"]  # now nothing but the outputs in the loops asks for them
    assert len(go(graph)[0].shown) == 6


def test_cancelling_ends_a_loop_between_two_rounds():
    cancel = Cancel()

    def stop(event: events.Event) -> None:
        if isinstance(event, events.NodeFinished) and event.node == "a.2":
            cancel.set()

    outcome, log = go(each(2_000), cancel=cancel, emit=stop)
    assert outcome.cancelled
    assert len([id for id in ran(log) if id.startswith("a.")]) < 2_000


# --- loops that carry values ---


def doubling(times: int = 4, **end: Any) -> dict[str, Any]:
    """1, doubled in each round."""
    return api(
        s=("LoopStart", {"times": times, "value1": ["one", 0]}),
        one=("Add", {"a": 1, "b": 0}),
        d=("Add", {"a": ["s", 2], "b": ["s", 2]}),
        e=("LoopEnd", {"loop": ["s", 0], "value1": ["d", 0], "collect": ["d", 0], **end}),
        o=("Show", {"a": ["e", 0]}),
        all=("Show", {"a": ["e", 4]}),
        n=("Show", {"a": ["e", 5]}),
    )


def test_each_round_takes_up_what_the_last_one_made():
    outcome, log = go(doubling())
    assert outcome.shown == {"o": {"values": [16]}, "all": {"values": [2, 4, 8, 16]}, "n": {"values": [4]}}
    assert [(e.value, e.total) for e in log if isinstance(e, events.Progressed)][-1] == (4, 4)


def test_more_rounds_begin_where_fewer_ended():
    cache = Cache()
    go(doubling(4), cache)
    outcome, log = go(doubling(6), cache)
    assert outcome.shown["o"] == {"values": [64]}
    assert [id for id in ran(log) if id.startswith("d.")] == ["d.5", "d.6"]


def test_a_loop_goes_on_while_again_is_true():
    graph = doubling(100, again=["c", 0]) | api(c=("Less", {"a": ["d", 0], "than": 50}))
    assert go(graph)[0].shown == {
        "o": {"values": [64]},
        "all": {"values": [2, 4, 8, 16, 32, 64]},
        "n": {"values": [6]},
    }


def test_a_loop_that_does_not_end_says_so():
    graph = doubling(5, again=["c", 0]) | api(c=("Less", {"a": 0, "than": 50}))
    (failure,) = go(graph)[0].failed
    assert failure.node == "e"
    assert failure.message == "again is still true after 5 rounds, the most that Loop: Start allows (times)"
    assert problems(doubling(20_000)) == ["s (LoopStart) times: times is 20000; the most is 10000"]


def test_pictures_and_lists_are_carried():
    graph = api(
        i=("Images", {"values": "1"}),
        s=("LoopStart", {"times": 3, "value1": ["i", 0]}),
        b=("Bright", {"image": ["s", 2]}),
        m=("Mean", {"image": ["b", 0]}),
        acc=("Accumulate", {"so_far": ["s", 3], "item": ["m", 0]}),
        e=("LoopEnd", {"loop": ["s", 0], "value1": ["b", 0], "value2": ["acc", 0]}),
        o=("Show", {"a": ["e", 1]}),
    )
    assert go(graph)[0].shown == {"o": {"values": [2, 3, 4]}}


def test_a_thousand_rounds_cost_ten_times_a_hundred():
    import time

    def seconds(rounds: int) -> float:
        started = time.perf_counter()
        assert go(each(rounds))[0].ok
        return time.perf_counter() - started

    seconds(10)
    best = min(seconds(2_000) / seconds(200) for _ in range(3))
    assert best < 20


# --- what is wrong ---


def test_a_loop_without_an_end_is_named():
    graph = api(r=("Range", {}), s=("ForEachStart", {"items": ["r", 0]}), o=("Show", {"a": ["s", 1]}))
    graph["r"]["inputs"]["n"] = 3
    assert problems(graph) == [
        "o (Show) a: the loop that ForEachStart s begins has no end; link its output loop to a node that ends it"
    ]


def test_what_is_in_a_loop_is_not_taken_outside():
    graph = each() | api(x=("Add", {"a": ["t", 0], "b": ["s", 2]}), y=("Add", {"a": ["t", 0], "b": ["a", 0]}))
    graph |= api(ox=("Show", {"a": ["x", 0]}), oy=("Show", {"a": ["y", 0]}))
    assert problems(graph) == [
        "x (Add) b: the loop that ForEachStart s begins is taken outside of that loop; "
        "take it from the node that ends the loop",
        "y (Add) b: b comes from inside the loop that ForEachEnd e ends; take it from that node",
    ]


def test_a_loop_has_one_end_which_comes_from_its_beginning():
    graph = each() | api(e2=("ForEachEnd", {"loop": ["s", 0]}), f=("ForEachEnd", {"loop": ["i", 0]}))
    graph |= api(i=("IfElse", {"value": ["s", 0]}), o2=("Show", {"a": ["e2", 0]}), o3=("Show", {"a": ["f", 0]}))
    text = "\n".join(problems(graph))
    assert "ForEachEnd e ends the loop of ForEachStart s already; begin another" in text
    assert "loop comes from IfElse i, which begins no loop" in text


def test_loops_that_cross_are_refused():
    graph = api(
        r=("Range", {"n": 2}),
        s=("ForEachStart", {"items": ["r", 0]}),
        s2=("ForEachStart", {"items": ["r", 0]}),
        a=("Add", {"a": ["s", 1], "b": ["s2", 1]}),
        o=("Show", {"a": ["a", 0]}),
        e=("ForEachEnd", {"loop": ["s", 0]}),
        e2=("ForEachEnd", {"loop": ["s2", 0]}),
    )
    assert problems(graph) == [
        "a (Add): is in the loops of ForEachEnd e and of ForEachEnd e2, neither of which is in the other; "
        "link the end of the inner one into the outer one"
    ]
