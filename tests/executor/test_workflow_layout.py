"""An API graph as an editor workflow: the layout, and the way back."""

import json
from itertools import combinations
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from executor.workflow.flatten import to_api
from executor.workflow.layout import from_api
from executor.workflow.widgets import declared
from tests.executor.workflows import NODES, Raw
from tests.replay.workflows import bare

VALUES: dict[str, st.SearchStrategy[Any]] = {
    "INT": st.integers(0, 2**64 - 1),
    "STRING": st.text(alphabet="a{}|\\/*% ü\n", max_size=12),
    "COMBO": st.sampled_from(["a", "x", "gone.safetensors"]) | st.lists(st.sampled_from(["x", "y"]), max_size=3),
}


@st.composite
def graphs(draw: st.DrawFn) -> Raw:
    """Any nodes, linked in any way, circles too; ids as found in files."""
    ids = draw(st.lists(st.sampled_from(["1", "2", "30", "-4", "7:5", "7:6:1", "node", "007"]), unique=True))
    api: Raw = {}
    for id in ids:
        type_ = draw(st.sampled_from([*NODES, "Theirs"]))
        inputs: Raw = {}
        for i in declared(NODES.get(type_, {"input": {"required": {"free": ["STRING", {}], "in": ["*", {}]}}})):
            if draw(st.booleans()):
                inputs[i.name] = [draw(st.sampled_from(ids)), draw(st.integers(0, 2))]
            elif i.is_widget:
                value = draw(VALUES[i.type])
                inputs[i.name] = {"__value__": value} if isinstance(value, list) else value
        api[id] = {"class_type": type_, "inputs": inputs, "_meta": {"title": draw(st.sampled_from(["", "Title"]))}}
    return api


@settings(max_examples=150, deadline=None)
@given(graphs())
def test_flattening_gives_the_graph_again(api: Raw) -> None:
    workflow = json.loads(json.dumps(from_api(api, NODES)))
    assert bare(to_api(workflow, NODES)) == bare(api)


@settings(max_examples=50, deadline=None)
@given(graphs())
def test_no_two_nodes_overlap_and_links_lead_right(api: Raw) -> None:
    workflow = from_api(api, NODES)
    for a, b in combinations(workflow["nodes"], 2):
        apart = [a["pos"][i] + a["size"][i] <= b["pos"][i] or b["pos"][i] + b["size"][i] <= a["pos"][i] for i in (0, 1)]
        assert any(apart), (a, b)
    assert sorted(n["order"] for n in workflow["nodes"]) == list(range(len(api)))


def test_what_the_editor_needs_is_there() -> None:
    api = {
        "3": {"class_type": "Size", "inputs": {"width": 64, "height": 32}},
        "4": {
            "class_type": "Sample",
            "inputs": {"seed": 5, "steps": 2, "latent": ["3", 0]},
            "_meta": {"title": "Mine"},
        },
    }
    workflow = from_api(api, NODES)
    size, sample = workflow["nodes"]
    assert workflow["last_node_id"] == 4
    assert workflow["links"] == [[1, 3, 0, 4, 2, "LATENT"]]
    assert size["outputs"] == [{"name": "LATENT", "type": "LATENT", "links": [1], "slot_index": 0}]
    assert sample["inputs"][2] == {"name": "latent", "type": "LATENT", "link": 1}
    assert sample["inputs"][3] == {"name": "seed", "type": "INT", "link": None, "widget": {"name": "seed"}}
    assert sample["widgets_values"] == [5, "fixed", 2]
    assert sample["widgets_values_named"] == {"seed": 5, "steps": 2}
    assert (sample["title"], size["pos"][0] < sample["pos"][0]) == ("Mine", True)


def test_what_a_graph_leaves_out_takes_its_default() -> None:
    api = {"1": {"class_type": "Size", "inputs": {}}}
    assert to_api(from_api(api, NODES), NODES)["1"]["inputs"] == {"width": 512, "height": 512}


def test_a_long_chain_is_laid_out() -> None:
    api: Raw = {"0": {"class_type": "Size", "inputs": {}}}
    api |= {str(n): {"class_type": "Any", "inputs": {"value": [str(n - 1), 0]}} for n in range(1, 3000)}
    columns = [node["pos"][0] for node in from_api(api, NODES)["nodes"]]
    assert columns == sorted(set(columns))
