"""Keys name results, and random graphs run as they should."""

from pathlib import Path
from typing import Any

import networkx as nx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from executor.cache import Cache
from executor.files import Files
from executor.graph import read
from executor.keys import Unkeyed, encode
from executor.node import NodeSpec, node
from executor.plan import make_plan
from tests.executor.toys import TOYS, api, go, plan, ran


def keys(graph: dict[str, Any], base: Path = Path("/nowhere"), **options: Any) -> dict[str, str | None]:
    made = make_plan(read(graph), TOYS, list(graph), Files(base), **options)
    return {id: step.key for id, step in made.steps.items()}


def test_keys_depend_on_type_literals_and_sources_and_on_nothing_else():
    graph = api(a=("Add", {"a": 1}), b=("Add", {"a": ["a", 0]}))
    renamed = api(x=("Add", {"a": 1}), y=("Add", {"a": ["x", 0]}))
    renamed["x"]["_meta"] = {"title": "Another title"}
    assert list(keys(graph).values()) == list(keys(renamed).values())
    other = keys(api(a=("Add", {"a": 2}), b=("Add", {"a": ["a", 0]})))
    assert all(other[id] != key for id, key in keys(graph).items())
    assert keys(graph, salt="bf16") != keys(graph)


def test_which_output_and_which_input_is_linked_matters():
    s = api(s=("Split", {"a": 5}))
    made = [keys(s | api(x=("Add", {name: ["s", slot]})))["x"] for name in "ab" for slot in (0, 1)]
    assert len(set(made)) == 4


def test_a_changed_file_changes_the_key(tmp_path: Path):
    path = tmp_path / "models/checkpoints/a.safetensors"
    path.parent.mkdir(parents=True)
    path.write_text("one")
    graph = api(m=("LoadModel", {"name": "a.safetensors"}))
    before = keys(graph, tmp_path)
    assert keys(graph, tmp_path) == before
    path.write_text("other")
    assert keys(graph, tmp_path) != before


def test_a_linked_file_name_is_keyed_by_the_whole_folder(tmp_path: Path):
    folder = tmp_path / "models/checkpoints"
    folder.mkdir(parents=True)
    graph = api(w=("Menu", {}), m=("LoadModel", {"name": ["w", 0]}))
    before = keys(graph, tmp_path)["m"]
    (folder / "a.safetensors").touch()
    assert keys(graph, tmp_path)["m"] not in (before, None)


def test_a_fingerprint_joins_the_key_and_nan_or_what_cannot_be_told_means_always():
    state: dict[str, Any] = {"now": 1}
    specs: dict[str, NodeSpec] = {}

    @node("Read", category="t", fingerprint=lambda files, name: state["now"], into=specs)
    def reads(*, name: str) -> str:
        return name

    def key(inputs: dict[str, Any]) -> str | None:
        graph = read(api(r=("Read", inputs), q=("Read", {"name": "q"})))
        return make_plan(graph, specs, ["r"], Files(Path("/nowhere"))).steps["r"].key

    first = key({"name": "a"})
    state["now"] = 2
    assert key({"name": "a"}) not in (first, None)
    assert key({"name": ["q", 0]}) is None
    for unknown in (float("nan"), object()):
        state["now"] = unknown
        assert key({"name": "a"}) is None


def test_one_text_for_one_value():
    assert encode({"b": 1, "a": 2}) == encode({"a": 2, "b": 1})
    assert encode(1) != encode(1.0) != encode("1.0")
    assert encode("NaN")
    for unkeyed in (float("nan"), [float("nan")], object()):
        with pytest.raises(Unkeyed):
            encode(unkeyed)


def test_only_what_the_targets_need_is_planned_sources_first():
    graph = api(
        a=("Add", {}), b=("Add", {"a": ["a", 0]}), c=("Add", {"a": ["a", 0], "b": 5}), d=("Add", {"a": ["b", 0]})
    )
    assert list(plan(graph, targets=["d"]).steps) == ["a", "b", "d"]


def test_the_input_that_needs_more_at_once_is_computed_first():
    graph = api(
        leaf=("Add", {"a": 9}),
        p=("Add", {"a": 1}),
        q=("Add", {"a": 2}),
        pq=("Add", {"a": ["p", 0], "b": ["q", 0]}),
        end=("Add", {"a": ["leaf", 0], "b": ["pq", 0]}),
    )
    assert list(plan(graph, targets=["end"]).steps) == ["p", "q", "pq", "leaf", "end"]


# --- laws of random graphs ---


@st.composite
def dags(draw: st.DrawFn) -> dict[str, Any]:
    """Graphs of Add and Split nodes whose literals differ, so that each is a computation of its own."""
    count = draw(st.integers(1, 12))
    graph: dict[str, Any] = {}
    for i in range(count):
        kind = draw(st.sampled_from(["Add", "Split"]))
        links = {
            name: [str(source), draw(st.integers(0, 1)) if graph[str(source)]["class_type"] == "Split" else 0]
            for name in (["a", "b"] if kind == "Add" else ["a"])
            if i and (source := draw(st.none() | st.integers(0, i - 1))) is not None
        }
        graph |= api(**{str(i): (kind, ({"a": i * 100, "b": i} if kind == "Add" else {"a": i * 100}) | links)})
    return graph


def value(graph: dict[str, Any], id: str) -> tuple[int, ...]:
    """What a node of such a graph gives, computed the plain way."""
    node, inputs = graph[id], graph[id]["inputs"]
    given = {n: value(graph, v[0])[v[1]] if isinstance(v, list) else v for n, v in inputs.items()}
    return (
        (given["a"] + given["b"],) if node["class_type"] == "Add" else (given["a"] // 2, given["a"] - given["a"] // 2)
    )


def flow(graph: dict[str, Any]) -> Any:
    edges = [(v[0], id) for id, n in graph.items() for v in n["inputs"].values() if isinstance(v, list)]
    made: Any = nx.DiGraph(edges)
    made.add_nodes_from(graph)
    return made


@settings(max_examples=60, deadline=None)
@given(dags(), st.data())
def test_every_needed_node_runs_once_and_gives_the_right_value(graph: dict[str, Any], data: st.DataObject):
    targets = data.draw(st.lists(st.sampled_from(sorted(graph)), min_size=1, unique=True))
    needed = set(targets).union(*(nx.ancestors(flow(graph), t) for t in targets))
    outcome, log = go(graph, targets=targets)
    by_key = {step.key: id for id, step in plan(graph, targets=targets).steps.items()}
    assert len(ran(log)) == len(set(ran(log))) == len(by_key)
    assert set(ran(log)) <= needed
    assert outcome.values == {t: tuple([v] for v in value(graph, t)) for t in targets}


@settings(max_examples=60, deadline=None)
@given(dags(), st.data())
def test_a_changed_literal_reruns_exactly_its_descendants(graph: dict[str, Any], data: st.DataObject):
    ends = [id for id in graph if not list(flow(graph).successors(id))]
    literals = [(id, n) for id in graph for n, v in graph[id]["inputs"].items() if not isinstance(v, list)]
    id, name = data.draw(st.sampled_from(literals))
    cache = Cache()
    go(graph, cache, targets=ends)
    before = {i: s.key for i, s in plan(graph, targets=ends).steps.items()}
    edited = {i: {**n, "inputs": dict(n["inputs"])} for i, n in graph.items()}
    edited[id]["inputs"][name] = 777
    after = {i: s.key for i, s in plan(edited, targets=ends).steps.items()}
    affected = {id, *nx.descendants(flow(graph), id)}
    assert {i for i in graph if before[i] != after[i]} == affected
    outcome, log = go(edited, cache, targets=ends)
    again = {after[i] for i in ran(log)}
    assert again == {after[i] for i in affected} - set(before.values())
    assert outcome.values == go(edited, targets=ends)[0].values
