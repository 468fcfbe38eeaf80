"""The worker's events in the standard's words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from executor import events
from tests.web.played import as_json
from web.stream import messages
from web.stream.live import Live
from web.stream.messages import hiding

HOME = Path("/data/the base")
hide = hiding(HOME)


class Given:
    """As much of a job as is looked at."""

    def __init__(self, graph: dict[str, Any]):
        self.id, self.client_id, self.graph, self.targets = "j", "me", graph, tuple(graph)
        self.extra: dict[str, Any] = {}


def after(*said: events.Event, ids: str = "5") -> Live:
    """A job of these nodes, after these events."""
    job: Any = Given({id: {"class_type": f"Type{id}", "inputs": {}} for id in ids.split()})
    live = Live(job)
    for event in said:
        live.fold(as_json(event))
    return live


def test_nodes_of_a_returned_graph_are_shown_at_the_node_that_returned_it():
    live = after(
        events.Started(("5",), 1),
        events.NodeStarted("5", "Loop"),
        events.NodeStarted("5.0.a", "Inner", "5"),
        events.NodeStarted("5.0.a.b", "Innermost", "5.0.a"),
    )
    assert messages.executing(live, "5.0.a.b")[1] == {"node": "5.0.a.b", "display_node": "5", "prompt_id": "j"}
    assert messages.executed(live, "5.0.a", {"text": ["x"]})[1]["display_node"] == "5"
    state = messages.progress_state(live, ["5", "5.0.a.b"])[1]["nodes"]
    assert state["5.0.a.b"] == {
        "value": 0,
        "max": 1,
        "state": "running",
        "node_id": "5.0.a.b",
        "prompt_id": "j",
        "display_node_id": "5",
        "parent_node_id": "5.0.a",
        "real_node_id": "5",
    }
    assert (state["5"]["parent_node_id"], state["5"]["display_node_id"]) == (None, "5")


def test_cached_nodes_of_a_returned_graph_have_their_parents_too():
    live = after(events.NodeStarted("5", "Loop"), events.CachedSet(("5.1", "5.1.x.y", "7.7")), ids="5 7.7")
    assert [live.parent(id) for id in ("5.1", "5.1.x.y", "7.7", "8.1")] == ["5", "5.1", None, None]
    assert live.display("5.1.x.y") == "5"


def test_nodes_inside_subgraphs_show_themselves():
    live = after(events.NodeStarted("5:3:1", "Inner"), ids="5:3:1")
    assert messages.executing(live, "5:3:1")[1]["display_node"] == "5:3:1"
    assert messages.place(live, "5:3:1")["parent_node_id"] is None


def test_an_error_inside_a_returned_graph_is_put_down_to_the_node_that_the_client_knows():
    failed = events.NodeFailed("5.1", "Inner", "ValueError", "no", (), {})
    live = after(events.NodeStarted("5", "Loop"), events.NodeStarted("5.1", "Inner", "5"), failed)
    _, error = messages.execution_error(live, as_json(failed), 1.5, hide)
    assert (error["node_id"], error["node_type"]) == ("5", "Type5")
    assert (error["inner_node_id"], error["inner_node_type"]) == ("5.1", "Inner")
    assert error["timestamp"] == 1500


def test_a_failure_is_told_in_bounded_space_however_much_it_says_and_how_many_there_are():
    long = events.NodeFailed("0", "T", "E", "m" * 50_000, ("l" * 50_000,) * 150, {"x": "v" * 50_000})
    others = [events.NodeFailed(str(i), "T", "E", "m" * 2_000, (), {}) for i in range(1, 200)]
    live = after(long, *others, ids=" ".join(map(str, range(200))))
    assert len(str(messages.node_error(live, as_json(long), 0, hide))) < 1_020_000
    _, whole = messages.execution_error(live, as_json(others[0]), 0, hide)
    assert len(whole["also_failed"]) == 20
    assert len(str(whole)) < 50_000


# --- paths ---


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f'File "{messages.PROJECT}/nodes/image.py", line 3', 'File "nodes/image.py", line 3'),
        (f"'{HOME}/input/a b.png' is missing", "'input/a b.png' is missing"),
        (f"{HOME}/models/x.safetensors is short", "models/x.safetensors is short"),
        (f"it is in {HOME}", "it is in ."),
        ('File "/opt/venv/lib/python3.11/site-packages/torch/nn.py", line 1', 'File "torch/nn.py", line 1'),
        ('File "/usr/lib/python3.11/asyncio/base_events.py"', 'File "asyncio/base_events.py"'),
        (r'File "C:\Users\joe\env\Lib\site-packages\torch\nn.py"', r'File "torch\nn.py"'),
        (r"cannot open C:\Users\joe\secret.txt: denied", "cannot open secret.txt: denied"),
        (
            "[Errno 2] No such file or directory: '/users/joe/my pictures/x.png'",
            "[Errno 2] No such file or directory: 'x.png'",
        ),
        ("can't open /users/joe/x.png: it's gone", "can't open x.png: it's gone"),
        ("see https://example.com/a/b and and/or 1/2 m/s", "see https://example.com/a/b and and/or 1/2 m/s"),
        ("shape (4, 3) / (2, 1) // 8", "shape (4, 3) / (2, 1) / 8"),
        ("plain", "plain"),
    ],
)
def test_paths_are_told_by_where_they_lie_in_the_base_folder(text: str, shown: str):
    assert hide(text) == shown


PARTS = st.text("ab /\\'\":.,()[]C", max_size=12)


@given(
    before=PARTS,
    folder=st.sampled_from(["/users/joe", "/data/others", "/srv"]),
    file=st.text("ab.", min_size=1),
    end=PARTS,
)
def test_a_quoted_path_never_tells_its_folder(before: str, folder: str, file: str, end: str):
    assert folder not in hide(f'{before} "{folder}/deep/{file}" {end}')


@pytest.mark.parametrize(
    "text", ["/" * 200_000, "'/" * 50_000, "/a" * 100_000, "/lib/python3.1/" * 20_000, '"/ ' * 70_000]
)
def test_hiding_takes_no_more_than_linear_time(text: str):
    hide(text)
