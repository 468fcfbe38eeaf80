"""What runs, in which order, and what is heard of it."""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from executor import events
from executor.cache import Cache
from executor.check import InvalidGraph
from executor.files import Files
from executor.run import Cancel, execute, run
from tests.executor.toys import api, go, heard, plan, ran

CHAIN = api(a=("Add", {"a": 1}), b=("Add", {"a": ["a", 0], "b": 10}), o=("Show", {"a": ["b", 0]}))


def test_the_whole_log_of_a_run_and_of_the_next_one():
    cache = Cache()
    outcome, log = go(CHAIN, cache)
    assert [type(e).__name__ for e in log] == ["Started", *["NodeStarted", "NodeFinished"] * 3, "Finished"]
    assert heard(log) == ["+a", "a", "+b", "b", "+o", "o"]
    assert outcome.ok
    assert outcome.shown == {"o": {"values": [12]}}
    outcome, log = go(CHAIN, cache)
    assert heard(log) == ["=a b o"]
    assert [e.ui for e in log if isinstance(e, events.NodeFinished) and e.cached] == [{"values": [12]}]
    assert outcome.shown == {"o": {"values": [12]}}


def test_a_changed_literal_reruns_what_it_reaches():
    cache = Cache()
    go(CHAIN, cache)
    edited = api(a=("Add", {"a": 1}), b=("Add", {"a": ["a", 0], "b": 11}), o=("Show", {"a": ["b", 0]}))
    assert heard(go(edited, cache)[1]) == ["=a", "+b", "b", "+o", "o"]


def test_a_stated_default_and_a_left_out_one_are_the_same():
    cache = Cache()
    go(CHAIN, cache)
    stated = api(a=("Add", {"a": 1.0, "b": "1"}), b=("Add", {"a": ["a", 0], "b": 10}), o=("Show", {"a": ["b", 0]}))
    assert heard(go(stated, cache)[1]) == ["=a b o"]


def test_the_default_of_a_list_is_a_list_of_one_stated_or_not():
    cache = Cache()
    outcome, _ = go(api(r=("Range", {"n": 3}), s=("Scaled", {"items": ["r", 0]}), o=("Show", {"a": ["s", 0]})), cache)
    assert outcome.shown == {"o": {"values": [0, 3, 6]}}
    stated = api(r=("Range", {"n": 3}), s=("Scaled", {"items": ["r", 0], "by": 3}), o=("Show", {"a": ["s", 0]}))
    assert not ran(go(stated, cache)[1])


def test_force_runs_all_again():
    cache = Cache()
    go(CHAIN, cache)
    assert ran(go(CHAIN, cache, force=True)[1]) == ["a", "b", "o"]


def test_two_nodes_that_compute_the_same_are_computed_once():
    graph = api(
        a=("Add", {"a": 1}), b=("Add", {"a": 1}), c=("Add", {"a": ["a", 0], "b": ["b", 0]}), o=("Show", {"a": ["c", 0]})
    )
    outcome, log = go(graph)
    assert len(ran(log)) == 3
    assert outcome.shown == {"o": {"values": [4]}}


def test_a_node_that_is_no_function_of_its_inputs_runs_every_time():
    cache = Cache()
    graph = api(s=("Add", {}), a=("Always", {"a": ["s", 0]}), b=("Add", {"a": ["a", 0]}), o=("Show", {"a": ["b", 0]}))
    go(graph, cache)
    assert heard(go(graph, cache)[1]) == ["=s", "+a", "a", "+b", "b", "+o", "o"]


def test_one_branch_is_finished_before_the_next_begins():
    graph = api(s=("Add", {}))
    for branch in "xyz":
        graph |= api(
            **{
                f"{branch}1": ("Add", {"a": ["s", 0], "b": ord(branch)}),
                f"{branch}2": ("Add", {"a": [f"{branch}1", 0]}),
                f"{branch}3": ("Show", {"a": [f"{branch}2", 0]}),
            }
        )
    assert ran(go(graph)[1]) == ["s", "x1", "x2", "x3", "y1", "y2", "y3", "z1", "z2", "z3"]


# --- lists ---


def test_a_list_maps_what_follows_and_a_list_input_takes_it_whole():
    graph = api(r=("Range", {"n": 4}), a=("Add", {"a": ["r", 0], "b": 10}), s=("Sum", {"items": ["a", 0]}))
    outcome, log = go(graph, targets=["a", "s"])
    assert outcome.values == {"a": ([10, 11, 12, 13],), "s": ([46],)}
    assert ran(log) == ["r", "a", "s"]


def test_a_shorter_list_repeats_its_last_item():
    graph = api(p=("Range", {"n": 4}), q=("Range", {"n": 2}), a=("Add", {"a": ["p", 0], "b": ["q", 0]}))
    assert go(graph, targets=["a"])[0].values == {"a": ([0, 2, 3, 4],)}


def test_an_empty_list_calls_nothing():
    graph = api(p=("Range", {"n": 0}), a=("Fail", {"a": ["p", 0]}), s=("Sum", {"items": ["a", 0]}))
    assert go(graph, targets=["s"])[0].values == {"s": ([0],)}


def test_what_mapped_outputs_show_is_joined():
    graph = api(r=("Range", {"n": 3}), o=("Show", {"a": ["r", 0]}))
    assert go(graph)[0].shown == {"o": {"values": [0, 1, 2]}}


def test_a_lazy_list_maps_too():
    graph = api(r=("Range", {"n": 3}), w=("Switch", {"which": True, "yes": ["r", 0], "no": 0}))
    assert go(graph, targets=["w"])[0].values == {"w": ([0, 1, 2],)}


# --- lazy and async ---


@pytest.mark.parametrize("which", [True, False])
def test_a_lazy_input_that_is_not_awaited_never_runs(which: bool):
    graph = api(
        y=("Add", {"a": 1}),
        n=("Add", {"a": 2}),
        w=("Switch", {"which": which, "yes": ["y", 0], "no": ["n", 0]}),
        o=("Show", {"a": ["w", 0]}),
    )
    outcome, log = go(graph)
    assert ran(log) == (["w", "y", "o"] if which else ["w", "n", "o"])
    assert outcome.shown["o"] == {"values": [2 if which else 3]}


def test_a_failed_lazy_input_can_be_replaced():
    graph = api(f=("Fail", {}), w=("OrElse", {"a": ["f", 0], "other": 5}), o=("Show", {"a": ["w", 0]}))
    outcome, _ = go(graph)
    assert outcome.shown["o"] == {"values": [5]}
    assert [f.node for f in outcome.failed] == ["f"]


def test_nodes_that_wait_overlap_each_other_and_the_computation():
    graph = api(
        **{f"g{i}": ("Gate", {"a": i}) for i in range(8)},
        **{f"o{i}": ("Show", {"a": [f"g{i}", 0]}) for i in range(8)},
        s=("Steps", {"n": 30}),
        o=("Show", {"a": ["s", 0]}),
    )
    log = go(graph)[1]
    starts = [e.node for e in log if isinstance(e, events.NodeStarted)]
    first_end = next(n for n, e in enumerate(log) if isinstance(e, events.NodeFinished))
    assert {e.node for e in log[:first_end] if isinstance(e, events.NodeStarted)} >= {f"g{i}" for i in range(8)}
    assert len(starts) == 18


# --- graphs from nodes ---


def test_a_returned_graph_runs_in_place_of_its_node():
    cache = Cache()
    graph = api(a=("Add", {}), t=("Twice", {"a": ["a", 0]}), o=("Show", {"a": ["t", 0]}))
    outcome, log = go(graph, cache)
    assert outcome.shown["o"] == {"values": [21]}
    assert heard(log) == ["+a", "a", "+t", "+t.x", "t.x", "+t.y", "t.y", "t", "+o", "o"]
    assert [e.parent for e in log if isinstance(e, events.NodeStarted)] == [None, None, "t", "t", None]
    assert heard(go(graph, cache)[1]) == ["=a t o"]


def test_a_mapped_node_returns_a_graph_for_each_item():
    graph = api(r=("Range", {"n": 3}), t=("Twice", {"a": ["r", 0]}))
    assert go(graph, targets=["t"])[0].values == {"t": ([20, 21, 22],)}


def test_values_in_a_returned_graph_are_keyed_by_the_node_that_returned_it():
    cache = Cache()
    graph = api(i=("Blank", {}), n=("Nested", {"image": ["i", 0]}))
    (image,) = go(graph, cache, targets=["n"])[0].values["n"][0]
    assert image.mean() == 1
    inner = plan(graph, targets=["n"]).steps["n"]
    assert inner.key is not None
    assert heard(go(graph, cache, targets=["n"])[1]) == ["=i n"]


def test_a_returned_graph_that_is_wrong_fails_its_node():
    outcome, _ = go(api(b=("BadGraph", {}), o=("Show", {"a": ["b", 0]}), p=("Show", {"a": 1})))
    (failure,) = outcome.failed
    assert (failure.node, failure.error) == ("b", "InvalidGraph")
    assert outcome.skipped == ("o",)
    assert outcome.shown == {"p": {"values": [1]}}


# --- failures ---


def test_a_failure_stops_what_depends_on_it_and_nothing_else():
    graph = api(
        f=("Fail", {"a": 3}),
        b=("Add", {"a": ["f", 0]}),
        o1=("Show", {"a": ["b", 0]}),
        a=("Add", {}),
        o2=("Show", {"a": ["a", 0]}),
    )
    outcome, log = go(graph)
    assert heard(log) == ["+f", "!f", "+a", "a", "+o2", "o2"]
    assert sorted(outcome.skipped) == ["b", "o1"]
    (failure,) = outcome.failed
    assert (failure.node, failure.type, failure.error) == ("f", "Fail", "ValueError")
    assert failure.message == "no luck with 3"
    assert failure.inputs == {"a": "3"}
    assert "no luck" in failure.traceback[-1]


def test_a_node_that_changes_its_input_is_named_and_its_damage_not_kept():
    cache = Cache()
    graph = api(i=("Blank", {}), s=("Spoil", {"image": ["i", 0]}), o=("Show", {"a": ["s", 0]}))
    outcome, _ = go(graph, cache)
    (failure,) = outcome.failed
    assert failure.node == "s"
    assert "Spoil s changed its input image in place" in failure.message
    clean = api(i=("Blank", {}), b=("Bright", {"image": ["i", 0]}))
    outcome, _ = go(clean, cache, targets=["b"])
    assert outcome.values["b"][0][0].mean() == 1


def test_what_cannot_be_planned_says_why():
    with pytest.raises(InvalidGraph, match="a is missing"):
        plan(api(s=("Split", {})), targets=["s"])
    with pytest.raises(InvalidGraph, match="no such node"):
        plan(api(s=("Add", {})), targets=["t"])
    with pytest.raises(InvalidGraph, match="circle"):
        plan(api(s=("Add", {"a": ["s", 0]})), targets=["s"])


def test_an_emit_that_raises_ends_the_run():
    def broken(event: events.Event) -> None:
        raise BrokenPipeError("nobody listens")

    with pytest.raises(BrokenPipeError):
        execute(plan(CHAIN), files=Files(Path("/nowhere")), emit=broken)


# --- cancelling ---


def test_cancelling_stops_within_a_step():
    cancel, cache = Cancel(), Cache()
    threading.Timer(0.05, cancel.set).start()
    outcome, log = go(api(s=("Steps", {"n": 5000}), o=("Show", {"a": ["s", 0]})), cache, cancel=cancel)
    assert outcome.cancelled
    assert log[-1] == events.Cancelled("s")
    assert not any(isinstance(e, events.NodeFinished) for e in log)


def test_cancelling_stops_coroutines():
    cancel = Cancel()
    threading.Timer(0.02, cancel.set).start()
    outcome, _ = go(api(g=("Gate", {}), o=("Show", {"a": ["g", 0]})), cancel=cancel)
    assert outcome.cancelled


def test_cancelling_the_coroutine_ends_the_run_first():
    log: list[events.Event] = []

    async def main() -> None:
        task = asyncio.create_task(
            run(
                plan(api(s=("Steps", {"n": 5000}), o=("Show", {"a": ["s", 0]}))),
                files=Files(Path("/nowhere")),
                emit=log.append,
            )
        )
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert log[-1] == events.Cancelled("s")


def test_progress_is_reported_at_most_a_hundred_and_one_times():
    log = go(api(s=("Steps", {"n": 400}), o=("Show", {"a": ["s", 0]})))[1]
    values = [e.value for e in log if isinstance(e, events.Progressed)]
    assert values[-1] == 400
    assert values == sorted(values)
    assert len(values) <= 101


# --- outputs ---


def test_a_saved_file_is_not_saved_again_while_it_is_there(tmp_path: Path):
    cache = Cache()
    graph = api(a=("Add", {"a": 4}), o=("Save", {"a": ["a", 0]}))
    go(graph, cache, tmp_path)
    assert heard(go(graph, cache, tmp_path)[1]) == ["=a o"]
    (tmp_path / "output/5.txt").unlink()
    assert heard(go(graph, cache, tmp_path)[1]) == ["=a", "+o", "o"]
    assert (tmp_path / "output/5.txt").exists()


def test_two_outputs_of_the_same_both_run():
    assert len(ran(go(api(o=("Show", {"a": 1}), p=("Show", {"a": 1})))[1])) == 2


def test_a_node_that_asks_for_its_id_gets_it():
    graph = api(w=("WhoAmI", {}), v=("WhoAmI", {}))
    assert go(graph, targets=["w", "v"])[0].values == {"w": (["w"],), "v": (["v"],)}


def test_a_chain_of_twenty_thousand_runs():
    graph = api(
        **{str(i): ("Add", {"a": [str(i - 1), 0]} if i else {}) for i in range(20_000)}, o=("Show", {"a": ["19999", 0]})
    )
    assert go(graph)[0].shown == {"o": {"values": [20_000]}}


def test_every_event_has_a_json_form():
    import json

    outcome, log = go(CHAIN, Cache())
    assert outcome.ok
    first: dict[str, Any] = json.loads(json.dumps(events.to_json(log[1])))
    assert first == {"event": "node_started", "node": "a", "type": "Add", "parent": None}


# --- threads ---


def thread_of(at: Callable[[], object] = lambda: None) -> Coroutine[Any, Any, int]:
    """Runs a graph, and tells which thread computes it. at: called there."""
    seen: list[int] = []

    def look(node: str, type_: str) -> None:
        seen.append(threading.get_ident())
        at()

    async def found() -> int:
        await run(plan(api(o=("Show", {"a": 1}))), files=Files(Path("/nowhere")), at=look)
        return seen[0]

    return found()


def test_runs_one_after_the_other_compute_in_the_same_thread():
    async def several() -> set[int]:
        found: set[int] = set()
        for _ in range(3):
            await asyncio.gather(*(asyncio.to_thread(int) for _ in range(4)))  # other threads come and go
            found.add(await thread_of())
        return found

    assert len(asyncio.run(several())) == 1


def test_runs_at_the_same_time_have_threads_of_their_own():
    both = threading.Barrier(2, timeout=20)

    async def two() -> tuple[int, int]:
        return await asyncio.gather(thread_of(both.wait), thread_of(both.wait))

    assert len(set(asyncio.run(two()))) == 2
