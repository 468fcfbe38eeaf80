"""Every problem of a graph at once, each with the node, the input, what was got and what is accepted."""

from pathlib import Path
from typing import Any

import pytest

from executor.bind import Menus, Problem, bind
from executor.check import check, outputs, sound
from executor.files import Files
from executor.graph import GraphError, read
from tests.executor.toys import TOYS, api


def problems(graph: dict[str, Any], base: Path = Path("/nowhere")) -> list[Problem]:
    return check(read(graph), TOYS, Files(base))


def kinds(graph: dict[str, Any], base: Path = Path("/nowhere")) -> list[tuple[str, str, str]]:
    return [(p.node, p.input, p.kind) for p in problems(graph, base) if p.severity == "error"]


def test_a_sound_graph_has_no_problem():
    assert problems(api(a=("Add", {"a": 1}), o=("Show", {"a": ["a", 0]}))) == []


def test_all_problems_are_reported_at_once_in_the_order_of_the_nodes():
    graph = api(
        u=("Adn", {}),
        a=("Add", {"a": "three", "b": 2000}),
        m=("Menu", {"mode": "bilinaer", "file": "c.png", "strength": -1, "n": None}),
        d=("Add", {"a": ["gone", 0]}),
        s=("Split", {}),
        t=("Bright", {"image": ["s", 5]}),
        w=("Bright", {"image": ["a", 0]}),
        l=("Bright", {"image": 7}),
        b=("Add", {"a": [1, 2, 3]}),
        o=("Show", {"a": ["u", 0]}),
        o1=("Show", {"a": ["a", 0]}),
        o2=("Show", {"a": ["m", 0]}),
        o3=("Show", {"a": ["d", 0]}),
        o4=("Show", {"a": ["t", 0]}),
        o5=("Show", {"a": ["w", 0]}),
        o6=("Show", {"a": ["l", 0]}),
        o7=("Show", {"a": ["b", 0]}),
    )
    assert kinds(graph) == [
        ("u", "", "invalid_prompt"),
        ("a", "a", "invalid_input_type"),
        ("a", "b", "value_bigger_than_max"),
        ("m", "mode", "value_not_in_list"),
        ("m", "file", "value_not_in_list"),
        ("m", "n", "invalid_input_type"),
        ("m", "strength", "value_smaller_than_min"),
        ("d", "a", "bad_linked_input"),
        ("s", "a", "required_input_missing"),
        ("t", "image", "bad_linked_input"),
        ("w", "image", "return_type_mismatch"),
        ("l", "image", "invalid_input_type"),
        ("b", "a", "bad_linked_input"),
    ]
    by_place = {(p.node, p.input): p for p in problems(graph)}
    assert "nearest: Add" in by_place["u", ""].message
    assert "nearest: bilinear" in by_place["m", "mode"].message
    assert by_place["a", "b"].got == 2000
    assert by_place["a", "b"].accepted == {"min": -1000, "max": 1000}
    assert by_place["m", "file"].accepted == ["a.png", "b.png"]


def test_a_cycle_is_reported_with_its_nodes_in_order():
    graph = api(
        a=("Add", {"a": ["c", 0]}),
        b=("Add", {"a": ["a", 0]}),
        c=("Add", {"a": ["b", 0]}),
        x=("Add", {"a": ["x", 0]}),
        o=("Show", {"a": ["c", 0]}),
        ok=("Show", {"a": 1}),
    )
    found = problems(graph)
    assert [(p.kind, p.got) for p in found] == [("dependency_cycle", ["a", "b", "c"]), ("dependency_cycle", ["x"])]
    assert sound(read(graph), found, outputs(read(graph), TOYS)) == ["ok"]


def test_a_graph_without_output_says_so():
    assert kinds(api(a=("Add", {}))) == [("", "", "prompt_no_outputs")]
    assert kinds({}) == [("", "", "prompt_no_outputs")]


def test_an_error_where_no_output_needs_it_is_a_warning():
    found = problems(api(s=("Split", {}), o=("Show", {"a": 1})))
    assert [(p.node, p.kind, p.severity) for p in found] == [("s", "required_input_missing", "warning")]


def test_outputs_with_a_sound_past_still_run():
    graph = api(bad=("Split", {}), a=("Add", {}), o1=("Show", {"a": ["bad", 0]}), o2=("Show", {"a": ["a", 0]}))
    assert sound(read(graph), problems(graph), outputs(read(graph), TOYS)) == ["o2"]


def test_what_a_node_does_not_know_is_ignored_with_a_warning_but_buttons_are_not_mentioned():
    found = problems(api(a=("Add", {"c": 1, "upload": "image"}), o=("Show", {"a": ["a", 0]})))
    assert [(p.input, p.kind, p.severity) for p in found] == [("c", "unknown_input", "warning")]


@pytest.mark.parametrize(
    ("given", "literal"),
    [
        ({"n": "4"}, {"n": 4}),
        ({"n": 4.9}, {"n": 4}),
        ({"on": 1}, {"on": True}),
        ({"on": "false"}, {"on": False}),
        ({"strength": "0.5"}, {"strength": 0.5}),
        ({"strength": 1}, {"strength": 1.0}),
        ({"text": 5}, {"text": "5"}),
        ({"text": {"__value__": "x"}}, {"text": "x"}),
    ],
)
def test_values_are_brought_to_the_type_of_their_input(given: dict[str, Any], literal: dict[str, Any]):
    node = read(api(m=("Menu", given))).nodes["m"]
    bound = bind(node, TOYS["Menu"], Menus(Files(Path("/nowhere"))))
    assert not bound.problems
    defaults = {"mode": "nearest", "file": "a.png", "n": 0, "on": False, "strength": 1.0, "text": ""}
    assert bound.literals == defaults | literal
    (name,) = literal
    assert type(bound.literals[name]) is type(literal[name])


def test_the_nodes_own_validator_speaks_last_and_instead_of_the_range():
    assert kinds(api(m=("Menu", {"n": 7}), o=("Show", {"a": ["m", 0]}))) == [("m", "", "custom_validation_failed")]
    assert kinds(api(m=("Menu", {"n": 12}), o=("Show", {"a": ["m", 0]}))) == []


def checkpoints(base: Path, *names: str) -> Path:
    for name in names:
        path = base / "models/checkpoints" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return base


def test_a_model_found_under_another_folder_is_used_and_reported(tmp_path: Path):
    base = checkpoints(tmp_path, "sd/a.safetensors")
    graph = api(m=("LoadModel", {"name": "other\\a.safetensors"}), o=("Show", {"a": ["m", 0]}))
    (found,) = problems(graph, base)
    assert (found.severity, found.kind) == ("warning", "name_substituted")
    assert "sd/a.safetensors" in found.message


def test_files_that_do_not_fit_each_other_are_both_named(tmp_path: Path):
    base = checkpoints(tmp_path, "a.safetensors")
    graph = api(
        m=("LoadModel", {"name": "a.safetensors"}),
        w=("Words", {"name": "xl.safetensors"}),
        g=("Guide", {"model": ["m", 0], "positive": ["w", 0]}),
        o=("Show", {"a": ["g", 0]}),
    )
    (found,) = problems(graph, base)
    assert (found.node, found.input, found.severity) == ("g", "positive", "error")
    assert "a.safetensors" in found.message
    assert "xl.safetensors" in found.message


@pytest.mark.parametrize("name", ["xl.safetensors", "b.safetensors"])
def test_a_file_that_does_not_fit_what_is_linked_to_its_node_is_a_problem_there(tmp_path: Path, name: str):
    base = checkpoints(tmp_path, "a.safetensors")
    graph = api(
        m=("LoadModel", {"name": "a.safetensors"}),
        d=("Adapt", {"model": ["m", 0], "name": name}),
        o=("Show", {"a": ["d", 0]}),
    )
    found = problems(graph, base)
    assert [(p.node, p.input, p.kind) for p in found] == [("d", "name", "architecture_mismatch")] * ("xl" in name)
    assert all("xl.safetensors has context width 1024, a.safetensors has 768" in p.message for p in found)


def test_what_is_no_graph_is_refused():
    with pytest.raises(GraphError, match="list"):
        read([1, 2])


def test_malformed_nodes_are_problems_not_crashes():
    graph: dict[str, Any] = {
        "1": None,
        "2": {"inputs": {}},
        "3": {"class_type": 5},
        "4": {"class_type": "Add", "inputs": []},
    }
    assert [p.kind for p in problems(graph)] == ["invalid_prompt"] * 3 + ["prompt_no_outputs"]


def test_long_chains_and_many_unknown_nodes_take_no_more_than_their_size():
    chain = api(
        **{str(i): ("Add", {"a": [str(i - 1), 0]} if i else {}) for i in range(20_000)}, o=("Show", {"a": ["19999", 0]})
    )
    assert problems(chain) == []
    assert len(problems(api(**{str(i): ("Adn", {}) for i in range(5_000)}))) == 5_001
