"""What flattening does with links, modes, widgets and damaged files, beyond the recorded pairs."""

import json
import random
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from executor.workflow.flatten import flatten, to_api
from executor.workflow.lenient import WorkflowError
from tests.executor.workflows import NODES, Raw, node, workflow


def inputs(raw: Raw, id: str, **options: Any) -> Raw:
    return to_api(raw, NODES, **options)[id]["inputs"]


def test_values_by_name_stand_above_values_by_position() -> None:
    sampler = node(1, "Sample", 5, "randomize", 20, widgets_values_named={"steps": 8, "seed": 3})
    assert inputs(workflow([sampler]), "1") == {"seed": 3, "steps": 8}


def test_a_new_widget_takes_its_default() -> None:
    assert inputs(workflow([node(1, "Size", 64)]), "1") == {"width": 64, "height": 512}


def test_values_for_sockets_are_dropped_if_the_list_has_one_for_each() -> None:
    assert inputs(workflow([node(1, "Tags", "x", 0)]), "1") == {"tags": "x"}
    nodes = {"T": {"input": {"required": {"n": ["INT", {"forceInput": True}], "s": ["STRING", {}]}}, "output": []}}
    assert to_api(workflow([node(1, "T", 9, "text")]), nodes)["1"]["inputs"] == {"s": "text"}
    assert to_api(workflow([node(1, "T", "text")]), nodes)["1"]["inputs"] == {"s": "text"}


def test_object_values_go_by_name() -> None:
    assert inputs(workflow([node(1, "Size") | {"widgets_values": {"height": 8}}]), "1") == {"width": 512, "height": 8}


def test_large_seeds_keep_their_bits() -> None:
    assert inputs(workflow([node(1, "Sample", 2**64 - 1, "fixed", 1)]), "1")["seed"] == 2**64 - 1


def test_list_values_are_wrapped_so_that_they_are_no_links() -> None:
    assert inputs(workflow([node(1, "Tags", ["x", "y"])]), "1") == {"tags": {"__value__": ["x", "y"]}}


def test_dynamic_prompts_follow_the_given_generator() -> None:
    raw = workflow([node(1, "Text", "a {red|green|blue} {cat|dog}")])
    texts = {inputs(raw, "1", rng=random.Random(seed))["text"] for seed in range(60)}
    assert texts == {f"a {colour} {animal}" for colour in ("red", "green", "blue") for animal in ("cat", "dog")}
    assert inputs(raw, "1", rng=random.Random(3)) == inputs(raw, "1", rng=random.Random(3))


def test_file_names_take_values_and_dates() -> None:
    nodes = [node(1, "Size", 640, 480), node(2, "Save", "%Empty Size.width%x%Size.height% %date:yyyy-MM-dd%")]
    raw = workflow(nodes)
    assert inputs(raw, "2", now=datetime(2031, 2, 3))["filename_prefix"] == "640x480 2031-02-03"
    assert inputs(raw, "2")["filename_prefix"] == "640x480 %date:yyyy-MM-dd%"


def test_values_in_file_names_cannot_make_folders() -> None:
    nodes = [node(1, "Text", "../up"), node(2, "Save", "%Text.text%")]
    assert inputs(workflow(nodes), "2")["filename_prefix"] == ".._up"


def test_a_primitive_sets_every_widget_it_is_linked_to() -> None:
    nodes = [
        node(1, "PrimitiveNode", 96, "fixed"),
        node(2, "Size", slots=["width", "height"]),
        node(3, "Size", slots=["height"]),
    ]
    api = to_api(workflow(nodes, (1, 0, 2, 0), (1, 0, 2, 1), (1, 0, 3, 0)), NODES)
    assert {id: n["inputs"] for id, n in api.items()} == {
        "2": {"width": 96, "height": 96},
        "3": {"width": 512, "height": 96},
    }


def test_get_and_set_nodes_are_links() -> None:
    nodes = [
        node(1, "Size"),
        node(2, "SetNode", "x", slots=["LATENT"]),
        node(3, "GetNode", "x"),
        node(4, "Save", slots=["latent"]),
    ]
    api = to_api(workflow(nodes, (1, 0, 2, 0), (3, 0, 4, 0)), NODES)
    assert sorted(api) == ["1", "4"]
    assert api["4"]["inputs"]["latent"] == ["1", 0]


@pytest.mark.parametrize("mode", [0, 4])
def test_reroutes_of_any_number_are_links(mode: int) -> None:
    count = 5000
    chain = [node(n, "Reroute", slots=[""], mode=mode) for n in range(1, count)]
    nodes = [node(0, "Size"), *chain, node(count, "Save", slots=["latent"])]
    api = to_api(workflow(nodes, *((n, 0, n + 1, 0) for n in range(count))), NODES)
    assert api[str(count)]["inputs"]["latent"] == ["0", 0]


def test_bypassed_nodes_pass_the_input_of_the_consumers_type() -> None:
    nodes = [node(1, "Load", "a"), node(2, "Size"), node(3, "Sample", mode=4, slots=["model", "latent"])]
    nodes.append(node(4, "Save", slots=["latent"]))
    assert inputs(workflow(nodes, (1, 0, 3, 0), (2, 0, 3, 1), (3, 0, 4, 0)), "4")["latent"] == ["2", 0]


def test_what_a_muted_node_feeds_loses_that_input_only() -> None:
    nodes = [
        node(1, "Size", mode=2),
        node(2, "Number", mode=2),
        node(3, "Sample", 1, "fixed", 9, slots=["latent", "steps"]),
    ]
    assert inputs(workflow(nodes, (1, 0, 3, 0), (2, 0, 3, 1)), "3") == {"seed": 1, "steps": 9}


def test_cycles_of_real_nodes_are_left_to_validation() -> None:
    nodes = [node(1, "Switch", slots=["a", "b"]), node(2, "Switch", slots=["a"])]
    api = to_api(workflow(nodes, (2, 0, 1, 0), (1, 0, 2, 0)), NODES)
    assert api["1"]["inputs"] == {"a": ["2", 0]}


@pytest.mark.parametrize(("type", "mode"), [("Reroute", 0), ("Any", 4)])
def test_a_circle_of_passing_nodes_is_an_error_that_names_them(type: str, mode: int) -> None:
    slot = ["value" if type == "Any" else ""]
    nodes = [node(id, type, mode=mode, slots=slot) for id in (5, 6)] + [node(7, "Save", slots=["latent"])]
    with pytest.raises(WorkflowError, match=r"circle: 6, 5"):
        to_api(workflow(nodes, (5, 0, 6, 0), (6, 0, 5, 0), (6, 0, 7, 0)), NODES)


def test_unknown_node_types_keep_their_links_and_what_the_file_names() -> None:
    named = node(2, "Theirs", 3, slots=["model"], widgets_values_named={"power": 3, "control_after_generate": "fixed"})
    marked = node(3, "Theirs", 5, "fixed", "x") | {
        "inputs": [
            {"name": "model", "type": "MODEL"},
            {"name": "seed", "type": "INT", "widget": {"name": "seed"}},
            {"name": "mode", "type": "COMBO", "widget": {"name": "mode"}},
        ]
    }
    bare = node(4, "Theirs", 1, 2)
    flat = flatten(workflow([node(1, "Load", "a"), named, marked, bare], (1, 0, 2, 0), (1, 0, 3, 0)), NODES)
    assert {id: flat.graph[id]["inputs"] for id in "234"} == {
        "2": {"power": 3, "model": ["1", 0]},
        "3": {"seed": 5, "mode": "x", "model": ["1", 0]},
        "4": {},
    }
    assert flat.notes == ["node 4 (Theirs): unknown node type, so its 2 values have no names"]


def test_links_of_the_wrong_shape_are_told() -> None:
    raw = workflow([node(1, "Size"), node(2, "Save", slots=["latent"])], (1, 0, 2, 0)) | {"version": 1}
    flat = flatten(raw, NODES)
    assert "latent" not in flat.graph["2"]["inputs"]
    assert "1 links are ignored" in flat.notes[0]


def test_null_links_and_links_to_nowhere_are_skipped() -> None:
    raw = workflow([node(1, "Size"), node(2, "Save", slots=["latent"])], (1, 0, 2, 0), (1, 0, 9, 0), (8, 0, 2, 7))
    raw["links"].insert(0, None)
    assert inputs(raw, "2")["latent"] == ["1", 0]


def test_of_two_nodes_with_one_id_the_second_takes_a_new_one() -> None:
    api = to_api(workflow([node(1, "Size"), node(1, "Number")]), NODES)
    assert {id: n["class_type"] for id, n in api.items()} == {"1": "Size", "101": "Number"}


def test_what_has_no_nodes_is_no_workflow() -> None:
    with pytest.raises(WorkflowError, match="no list of nodes"):
        to_api({"links": []}, NODES)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-30, 30) | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["name", "id", "link", "x"]), inner),
    max_leaves=6,
)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_any_damage_gives_a_graph_or_a_workflow_error(data: st.DataObject) -> None:
    """Replace any field anywhere by any JSON."""
    from tests.executor.test_workflow_subgraphs import nested

    raw = json.loads(json.dumps(nested()))
    for _ in range(data.draw(st.integers(1, 3))):
        place: Any = raw
        while True:
            keys = list(place) if isinstance(place, dict) else list(range(len(place)))
            if not keys:
                break
            at = data.draw(st.sampled_from(keys))
            if isinstance(place[at], dict | list) and place[at] and data.draw(st.booleans()):
                place = place[at]
                continue
            place[at] = data.draw(JSON)
            break
    try:
        graph = to_api(raw, NODES)
    except WorkflowError:
        return
    assert all(set(entry) == {"inputs", "class_type", "_meta"} for entry in graph.values())
