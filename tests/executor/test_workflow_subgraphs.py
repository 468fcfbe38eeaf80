"""Subgraphs: ids, borders, promoted values, and the group nodes that came before them."""

from typing import Any

import pytest

from executor.workflow.flatten import to_api
from executor.workflow.lenient import WorkflowError
from tests.executor.workflows import NODES, Raw, defining, node, subgraph, workflow


def nested() -> Raw:
    """A Number and a Size two levels down; `steps` is promoted through both, `size` only from the inner one."""
    inner = subgraph(
        "inner",
        [
            node(1, "Size", 64, 64, slots=["width"]),
            node(2, "Sample", 5, "fixed", 9, slots=["latent", "steps", "model"]),
        ],
        ["steps", "size", "model"],
        ["LATENT"],
        (-10, 0, 2, 1),
        (-10, 1, 1, 0),
        (1, 0, 2, 0),
        (-10, 2, 2, 2),
        (2, 0, -20, 0),
    )
    outer = subgraph(
        "outer",
        [node(3, "inner", 11, 128, slots=["steps", "size", "model"])],
        ["steps", "model"],
        ["LATENT"],
        (-10, 0, 3, 0),
        (-10, 1, 3, 2),
        (3, 0, -20, 0),
    )
    nodes = [
        node(10, "outer", slots=["steps", "model"]),
        node(11, "Save", slots=["latent"]),
        node(12, "Load", "a"),
        node(13, "Number", 33),
    ]
    return workflow(nodes, (10, 0, 11, 0), (12, 0, 10, 1), definitions=defining(inner, outer))


def sampler(raw: Raw) -> Raw:
    return to_api(raw, NODES)["10:3:2"]["inputs"]


def test_inner_ids_are_the_path_of_instances() -> None:
    api = to_api(nested(), NODES)
    assert sorted(api) == ["10:3:1", "10:3:2", "11", "12", "13"]
    assert api["11"]["inputs"]["latent"] == ["10:3:2", 0]
    assert api["10:3:2"]["inputs"]["model"] == ["12", 0]


def test_the_outermost_value_wins_then_the_next_inner_one() -> None:
    raw = nested()
    assert sampler(raw)["steps"] == 11
    assert to_api(raw, NODES)["10:3:1"]["inputs"]["width"] == 128
    raw["nodes"][0]["widgets_values"] = [77]
    assert sampler(raw)["steps"] == 77
    raw["nodes"][0]["widgets_values_named"] = {"steps": 78}
    assert sampler(raw)["steps"] == 78


def test_without_any_value_the_inner_nodes_own_stands_and_null_is_none() -> None:
    raw = nested()
    raw["definitions"]["subgraphs"][1]["nodes"][0]["widgets_values"] = [None]
    raw["nodes"][0]["widgets_values"] = [None]
    assert sampler(raw)["steps"] == 9


def test_a_link_from_outside_stands_above_all_values() -> None:
    raw = nested()
    raw["links"].append([9, 13, 0, 10, 0, "INT"])
    raw["nodes"][0]["widgets_values"] = [77]
    assert sampler(raw)["steps"] == ["13", 0]


def test_proxied_widgets_reach_through_levels_and_need_no_input() -> None:
    raw = nested()
    raw["definitions"]["subgraphs"][1]["nodes"][0]["properties"] = {"proxyWidgets": [["2", "seed"]]}
    raw["definitions"]["subgraphs"][1]["nodes"][0]["widgets_values"] = [6]
    assert sampler(raw)["seed"] == 6
    raw["nodes"][0]["properties"] = {"proxyWidgets": [["3", "seed"], ["-1", "steps"], ["3", "$$preview"]]}
    raw["nodes"][0]["widgets_values"] = [8, 44]
    assert sampler(raw) | {"latent": 0, "model": 0} == {"seed": 8, "steps": 44, "latent": 0, "model": 0}


def test_an_input_wired_straight_through_passes() -> None:
    through = subgraph("through", [], ["x"], ["x"], (-10, 0, -20, 0))
    nodes = [node(1, "Size"), node(2, "through", slots=["x"]), node(3, "Save", slots=["latent"])]
    raw = workflow(nodes, (1, 0, 2, 0), (2, 0, 3, 0), definitions=defining(through))
    assert to_api(raw, NODES)["3"]["inputs"]["latent"] == ["1", 0]


@pytest.mark.parametrize("mode", [2, 4])
def test_nothing_that_saves_runs_inside_a_switched_off_subgraph(mode: int) -> None:
    raw = nested()
    raw["definitions"]["subgraphs"][0]["nodes"].append(node(7, "Save"))
    assert "10:3:7" in to_api(raw, NODES)
    raw["definitions"]["subgraphs"][1]["nodes"][0]["mode"] = mode
    assert "10:3:7" not in to_api(raw, NODES)
    raw["nodes"][0]["mode"] = mode
    assert sorted(to_api(raw, NODES)) == ["11", "12", "13"]


def test_ids_that_are_taken_change_and_links_follow() -> None:
    raw = nested()
    for definition in raw["definitions"]["subgraphs"]:
        for entry in definition["nodes"]:
            if entry["id"] == 3:
                entry["id"] = 2
        for link in definition["links"]:
            link |= {end: 2 for end in ("origin_id", "target_id") if link[end] == 3}
    api = to_api(raw, NODES)
    assert sorted(api) == ["10:101:1", "10:101:2", "11", "12", "13"]
    assert api["11"]["inputs"]["latent"] == ["10:101:2", 0]


def test_a_subgraph_in_itself_is_an_error() -> None:
    a = subgraph("a", [node(1, "b")], [], [])
    b = subgraph("b", [node(1, "a")], [], [])
    with pytest.raises(WorkflowError, match=r"contains itself: (a in b|b in a)"):
        to_api(workflow([node(1, "a")], definitions=defining(a, b)), NODES)


def test_subgraphs_that_multiply_are_an_error_before_memory_ends() -> None:
    levels = [subgraph(f"s{n}", [node(i, f"s{n + 1}") for i in range(10)], [], []) for n in range(12)]
    with pytest.raises(WorkflowError, match="expand to more than"):
        to_api(workflow([node(1, "s0")], definitions=defining(*levels)), NODES)


def test_a_deep_nest_of_subgraphs_is_read() -> None:
    count = 1500
    levels = [subgraph(f"s{n}", [node(1, f"s{n + 1}")], [], ["x"], (1, 0, -20, 0)) for n in range(count)]
    last = subgraph(f"s{count}", [node(1, "Size")], [], ["x"], (1, 0, -20, 0))
    nodes = [node(1, "s0"), node(2, "Save", slots=["latent"])]
    api = to_api(workflow(nodes, (1, 0, 2, 0), definitions=defining(*levels, last)), NODES)
    assert len(api["2"]["inputs"]["latent"][0].split(":")) == count + 2


def group(**more: Any) -> Raw:
    members = [
        node(-1, "Size", 64, 64, index=0, outputs=[{"name": "LATENT"}]),
        node(-1, "Sample", 5, "fixed", 9, slots=["model", "latent"], index=1, outputs=[{"name": "LATENT"}]),
    ]
    return {"nodes": members, "links": [[0, 0, 1, 1, 4, "LATENT"]], "external": [[1, 0, "LATENT"]], **more}


@pytest.mark.parametrize("mark", ["workflow>", "workflow/"])
def test_group_nodes_become_subgraphs_with_the_next_ids(mark: str) -> None:
    nodes = [
        node(1, "Load", "a"),
        node(37, f"{mark}G", 128, 96, 6, "randomize", 30, slots=["model"]),
        node(40, "Save", slots=["latent"]),
    ]
    links = ((1, 0, 37, 0), (37, 0, 40, 0))
    api = to_api(workflow(nodes, *links, last_node_id=40, extra={"groupNodes": {"G": group()}}), NODES)
    assert {id: entry["inputs"] for id, entry in api.items()} == {
        "1": {"name": "a"},
        "43:41": {"width": 128, "height": 96},
        "43:42": {"seed": 6, "steps": 30, "model": ["1", 0], "latent": ["43:41", 0]},
        "40": {"filename_prefix": "out", "latent": ["43:42", 0]},
    }


def test_group_nodes_without_matching_values_keep_those_of_their_members() -> None:
    raw = workflow([node(1, "workflow>G", *range(9))], last_node_id=1, extra={"groupNodes": {"G": group()}})
    assert to_api(raw, NODES)["4:2"]["inputs"] == {"width": 64, "height": 64}
