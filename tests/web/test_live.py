"""How far a job is."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from executor import events
from tests.web.played import as_json
from tests.web.test_messages import Given
from web.stream.live import Live, Paces, needed_nodes


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def chain(*types: str) -> dict[str, Any]:
    """Nodes 0, 1, ... each of which takes the one before."""
    return {str(i): {"class_type": t, "inputs": {"x": [str(i - 1), 0]} if i else {}} for i, t in enumerate(types)}


def live_of(*types: str, paces: Paces | None = None, clock: Clock | None = None) -> Live:
    job: Any = Given(chain(*types))
    job.targets = (str(len(types) - 1),)
    return Live(job, paces, clock or Clock())


def tell(live: Live, *said: events.Event) -> Live:
    for event in said:
        live.fold(as_json(event))
    return live


def finished(id: str, seconds: float = 1.0) -> events.NodeFinished:
    return events.NodeFinished(id, None, seconds, 0)


def test_nodes_that_wait_are_not_listed():
    live = tell(
        live_of("A", "B", "C"), events.Started(("2",), 3), events.CachedSet(("0",)), events.NodeStarted("1", "B")
    )
    nodes = live.progress()["nodes"]
    assert nodes["0"] == {"state": "finished", "value": 1.0, "max": 1.0, "seconds": 0.0, "cached": True}
    assert nodes["1"] == {"state": "running", "value": 0.0, "max": 1.0, "seconds": None, "cached": False}
    assert list(nodes) == ["0", "1"]
    assert live.current() == "1"


def test_without_knowledge_all_nodes_count_alike():
    live = tell(live_of("A", "B"), events.Started(("1",), 2), events.NodeStarted("0", "A"))
    assert live.overall() == 0
    tell(live, events.Progressed("0", 1, 2))
    assert live.overall() == 0.25
    tell(live, finished("0"))
    assert live.overall() == 0.5
    assert "remaining" not in live.progress()
    tell(live, events.NodeStarted("1", "B"), finished("1"), events.Finished((), (), 1))
    assert live.overall() == 1


def test_known_times_weigh_the_nodes_and_tell_what_remains():
    paces, clock = Paces(), Clock()
    paces.took("Load", 1.0)
    paces.took("Sample", 9.0)
    live = tell(live_of("Load", "Sample", paces=paces, clock=clock), events.NodeStarted("0", "Load"))
    assert live.progress()["remaining"] == 10
    clock.now = 0.5
    assert live.progress()["remaining"] == 9.5
    tell(live, finished("0"), events.NodeStarted("1", "Sample"))
    assert live.overall() == pytest.approx(0.1)
    clock.now = 2.5
    tell(live, events.Progressed("1", 5, 20))
    progress = live.progress()
    assert (progress["rate"], progress["remaining"]) == (2.5, 6.0), "its own pace is better known than its type's"
    assert progress["overall"] == pytest.approx(0.1 + 0.9 * 0.25)


def test_cached_nodes_are_no_work():
    live = tell(live_of("A", "B", "C", "D"), events.CachedSet(("0", "1")), events.NodeStarted("2", "C"), finished("2"))
    assert live.overall() == 0.5
    tell(live, events.CachedSet(("3",)))
    assert live.overall() == 1


def test_what_failed_runs_no_longer():
    failed = events.NodeFailed("1", "B", "E", "m", (), {})
    live = tell(live_of("A", "B", "C"), events.NodeStarted("0", "A"), events.NodeStarted("1", "B"), failed)
    assert (live.nodes["1"].state, live.current()) == ("error", "0")
    tell(live, events.Finished(("1",), ("0", "2"), 1.0))
    assert (live.nodes["0"].state, live.current()) == ("error", None)


STEP = st.tuples(st.integers(0, 5), st.sampled_from(["start", "step", "finish", "cache", "fail", "ask"]))


@given(st.lists(STEP, max_size=40))
def test_the_overall_progress_never_goes_back(steps: list[tuple[int, str]]):
    live, shown = live_of("A", "B", "A", "C", "B", "D"), 0.0
    for number, what in steps:
        id = str(number)
        running = id in live.running
        said: dict[str, events.Event] = {"cache": events.CachedSet((id,))}
        if running:
            said |= {"step": events.Progressed(id, number, 5), "finish": finished(id)}
            said |= {"fail": events.NodeFailed(id, "A", "E", "m", (), {})}
        elif id not in live.nodes:
            said["start"] = events.NodeStarted(id, "ABACBD"[number])
        if what == "ask":
            assert shown <= live.overall() <= 1
            shown = live.overall()
        elif what in said:
            tell(live, said[what])


def test_events_of_unknown_nodes_and_kinds_do_no_harm():
    live = tell(live_of("A"), events.Progressed("9", 1, 2), events.CachedSet(("9.1",)), finished("9.2"))
    live.fold({"event": "of a newer worker"})
    assert live.progress()["overall"] == 0


def test_the_needed_nodes_are_those_before_the_targets():
    graph = chain("A", "B", "C") | {
        "z": {"class_type": "Z", "inputs": {"list": ["no", 1], "n": [1, 2], "s": "0"}},
        "bad": 3,
    }
    assert needed_nodes(graph, ("1", "missing")) == {"0", "1"}
    assert needed_nodes(graph, ("z", "bad")) == {"z", "bad"}


def test_a_type_is_as_fast_as_it_was_lately():
    paces = Paces()
    assert paces.expected("A") is None
    for seconds in (1.0, *[3.0] * 30):
        paces.took("A", seconds)
    assert paces.expected("A") == pytest.approx(3.0, rel=0.01)


def test_the_progress_of_a_sweep_is_the_part_of_its_runs():
    live = live_of("A", "B")
    live.job.extra["sweep"] = {"0.x": [1, 2, 3, 4]}
    live.fold(as_json(events.Started(("1.1",), 8)))
    assert live.overall() == 0
    for run in (1, 2, 3):
        live.fold(as_json(events.RunFinished(run, 4, f"x={run}", {"0.x": run}, True, {})))
    assert live.overall() == 0.75
