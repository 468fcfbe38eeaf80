"""Many runs from one graph: what they share, how they are called, and what is said of sweeps that cannot be."""

import json
import time
from pathlib import Path
from typing import Any

import pytest

from executor import events
from executor.cache import Cache
from executor.check import check, outputs, sound
from executor.files import Files
from executor.graph import read
from executor.lists import ListError, column, lines, pick, pictures, span
from executor.outcome import Outcome
from executor.plan import make_plan
from executor.run import execute
from executor.sweep import Sweep, SweepError, sweep
from executor.sweep_options import parse
from tests.executor.toys import TOYS, api, ran

NOWHERE = Files(Path("/nowhere"))
GRAPH = api(
    s=("Add", {"a": 1, "b": 1}),
    x=("Add", {"a": ["s", 0], "b": 10}),
    y=("Add", {"a": ["x", 0], "b": 100}),
    o=("Show", {"a": ["y", 0]}),
)


def plan_of(made: Sweep, files: Files = NOWHERE, targets: Any = None):
    graph = read(made.graph)
    wanted = made.targets(targets or outputs(read(made.original), TOYS))
    return make_plan(graph, TOYS, sound(graph, check(graph, TOYS, files), wanted), files, sweep=made)


def go(asked: Any, graph: Any = GRAPH, files: Files = NOWHERE, **kw: Any) -> tuple[Outcome, list[events.Event]]:
    log: list[events.Event] = []
    made = sweep(graph, asked, TOYS, files)
    return execute(plan_of(made, files), files=files, emit=log.append, **kw), log


def told(log: list[events.Event]) -> list[tuple[int, str, bool, Any]]:
    return [(e.run, e.label, e.ok, list(e.outputs.values())) for e in log if isinstance(e, events.RunFinished)]


# --- what runs ---


def test_each_value_is_a_run_and_what_they_share_runs_once():
    outcome, log = go({"y.b": [100, 200, 300]})
    assert outcome.ok
    assert ran(log) == ["s", "x", "y.1", "o.1", "y.2", "o.2", "y.3", "o.3"]
    assert told(log) == [
        (1, "b=100", True, [{"values": [112]}]),
        (2, "b=200", True, [{"values": [212]}]),
        (3, "b=300", True, [{"values": [312]}]),
    ]


def test_two_lists_give_every_pair_and_each_pair_shares_what_it_can():
    outcome, log = go({"x.b": [10, 20], "y.b": [100, 200]})
    assert outcome.ok
    # x has one copy for each of its values, though there are four runs
    assert ran(log) == ["s", "x.1", "y.1", "o.1", "y.2", "o.2", "x.3", "y.3", "o.3", "y.4", "o.4"]
    labels = ["x.b=10, y.b=100", "x.b=10, y.b=200", "x.b=20, y.b=100", "x.b=20, y.b=200"]
    assert [label for _, label, _, _ in told(log)] == labels
    assert [shown[0]["values"][0] for *_, shown in told(log)] == [112, 212, 122, 222]


def test_the_common_part_runs_once_even_without_a_cache_or_a_key():
    graph = api(s=("Always", {"a": 5}), x=("Add", {"a": ["s", 0], "b": 0}), o=("Show", {"a": ["x", 0]}))
    _, log = go({"x.b": "1..5"}, graph)
    assert ran(log).count("s") == 1


def test_each_run_is_over_before_the_next_begins():
    _, log = go({"y.b": "1..3"})
    ended = [e for e in log if isinstance(e, events.RunFinished | events.NodeFinished)]
    order = [e.run if isinstance(e, events.RunFinished) else e.node for e in ended]
    assert order == ["s", "x", "y.1", "o.1", 1, "y.2", "o.2", 2, "y.3", "o.3", 3]


def test_a_sweep_again_is_cached_and_a_longer_one_runs_what_is_new():
    cache = Cache()
    go({"y.b": [1, 2]}, cache=cache)
    _, log = go({"y.b": [1, 2]}, cache=cache)
    assert ran(log) == []
    assert [ok for _, _, ok, _ in told(log)] == [True, True]
    _, log = go({"y.b": [1, 2, 3]}, cache=cache)
    assert [id for id in ran(log) if id.startswith("y")] == ["y.3"]


def test_a_run_that_fails_fails_alone():
    graph = api(x=("Menu", {}), f=("Fail", {"a": 1}), w=("Switch", {"which": True, "yes": 1, "no": ["f", 0]}))
    graph |= api(o=("Show", {"a": ["w", 0]}))
    outcome, log = go({"w.which": [True, False, True]}, graph)
    assert [f.node for f in outcome.failed] == ["f"]
    assert [(run, ok) for run, _, ok, _ in sorted(told(log))] == [(1, True), (2, False), (3, True)]


def test_outputs_that_a_sweep_does_not_reach_are_made_once():
    graph = GRAPH | api(p=("Show", {"a": ["s", 0]}))
    _, log = go({"y.b": [1, 2]}, graph)
    assert ran(log).count("p") == 1
    assert [len(outputs) for *_, outputs in told(log)] == [2, 2]


def test_a_run_knows_the_graph_that_makes_it_alone():
    made = sweep(GRAPH | api(q=("Save", {"filename_prefix": "a_%label%"})), {"y.b": [1, 2]}, TOYS, NOWHERE)
    alone = made.prompt(2)
    assert alone["y"]["inputs"] == {"a": ["x", 0], "b": 2}
    assert list(alone) == list(made.original)
    assert made.prompt(1)["s"] is GRAPH["s"]


def test_a_label_becomes_part_of_a_file_name():
    graph = api(t=("Menu", {"text": ""}), o=("Show", {"a": ["t", 0], "filename_prefix": "all/%label%"}))
    made = sweep(graph, {"t.text": ["a/b: c?", "x" * 100]}, TOYS, NOWHERE)
    assert made.graph["o.1"]["inputs"]["filename_prefix"] == "all/text=a_b_ c_"
    assert made.graph["o.2"]["inputs"]["filename_prefix"] == f"all/text={'x' * 37}"


def test_a_sweep_replaces_a_link_and_takes_lists_and_menus():
    made = sweep(GRAPH, {"y.a": [7]}, TOYS, NOWHERE)
    assert made.graph["y.1"]["inputs"]["a"] == 7
    graph = api(m=("Menu", {}), o=("Show", {"a": ["m", 0]}))
    assert [r.label for r in sweep(graph, {"m.mode": "*"}, TOYS, NOWHERE).runs] == [
        "mode=nearest",
        "mode=bilinear",
        "mode=bicubic",
    ]
    graph = api(m=("Sum", {}), o=("Show", {"a": ["m", 0]}))
    assert sweep(graph, {"m.items": [[1, 2], [3, 4]]}, TOYS, NOWHERE).graph["m.2"]["inputs"]["items"] == {
        "__value__": [3, 4]
    }


def test_nodes_are_named_by_title_or_type_too():
    graph = GRAPH | {"y": {**GRAPH["y"], "_meta": {"title": "Last"}}}
    assert sweep(graph, {"Last.b": [1]}, TOYS, NOWHERE).axes[0].name == "y.b"


def test_a_thousand_runs_cost_ten_times_a_hundred():
    def seconds(count: int) -> float:
        started = time.perf_counter()
        assert go({"y.b": list(range(-count // 2, count // 2))})[0].ok
        return time.perf_counter() - started

    seconds(10)
    assert min(seconds(1_000) / seconds(100) for _ in range(3)) < 20


# --- what is wrong ---


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({}, 'a sweep is an object of lists, such as {"3.seed": [1, 2, 3]}'),
        ([1], 'a sweep is an object of lists, such as {"3.seed": [1, 2, 3]}'),
        ({"y.b": []}, "sweep of y.b: the list of values is empty; give it at least one"),
        ({"y.bb": [1]}, "sweep of y.bb: Add has no input 'bb'; it has a, b; nearest: b"),
        ({"z.b": [1]}, "sweep of z.b: there is no node 'z'; there are s (Add), x (Add), y (Add), o (Show)"),
        ({"Add.b": [1]}, "sweep of Add.b: 'Add' is the name of several nodes: s, x, y; use the id of one"),
        ({"y.b": "some"}, "sweep of y.b: some is neither a list nor a range such as 1..10 or 0.1..0.5:0.1"),
        ({"y.b": 5}, "sweep of y.b: 5 is neither a list nor a range such as 1..10 or 0.1..0.5:0.1"),
        (
            {"y.b": "10..1"},
            "sweep of y.b: 10..1: with a step of 1, 10 never gets to 1; turn the step or the ends round",
        ),
        ({"y.b": "1..9:0"}, "sweep of y.b: 1..9:0: a step of 0 never gets there"),
        ({"y.b": "1..2000"}, "the sweep has 2,000 runs; 1,000 are the most"),
        ({"x.b": "1..50", "y.b": "1..50"}, "the sweep has 50 times 50 = 2,500 runs; 1,000 are the most"),
        ({"y.b": "1..1e9"}, "sweep of y.b: 1..1e9 has more than 100,000 numbers, which is too many"),
    ],
)
def test_a_sweep_that_cannot_be_says_why(asked: Any, message: str):
    with pytest.raises(SweepError) as caught:
        sweep(GRAPH, asked, TOYS, NOWHERE)
    assert str(caught.value) == message


@pytest.mark.parametrize("node", [5, None, [], {}, {"class_type": 3}])
def test_a_node_that_is_none_is_not_swept(node: Any):
    with pytest.raises(SweepError, match=r'sweep of n\.a: the node n has no "class_type"'):
        sweep(GRAPH | {"n": node}, {"n.a": [1]}, TOYS, NOWHERE)
    odd = GRAPH | {"y": {"class_type": "Add", "inputs": 5}, "o": {**GRAPH["o"], "_meta": 3}}
    assert sweep(odd, {"y.b": [1]}, TOYS, NOWHERE).graph["y.1"]["inputs"] == {"b": 1}


@pytest.mark.parametrize("text", ["1..1e999999999", "1..1e5000", "0..1:1e-99999999", "1e9999999999999999999..1"])
def test_ranges_without_measure_are_refused(text: str):
    with pytest.raises(ListError):
        span(text)


def test_a_sweep_that_changes_nothing_is_refused():
    made = sweep(GRAPH | api(z=("Add", {})), {"z.b": [1, 2]}, TOYS, NOWHERE)
    with pytest.raises(SweepError, match=r"sweep of z\.b: no output depends on it, so all its runs would be the same"):
        made.targets(["o"])


def test_names_of_nodes_do_not_clash():
    with pytest.raises(SweepError, match=r"the graph has a node y\.1, the name that a node of one of the runs"):
        sweep(GRAPH | api(**{"y.1": ("Add", {})}), {"y.b": [1, 2]}, TOYS, NOWHERE)


def test_a_value_that_does_not_fit_is_a_problem_of_the_node_that_people_know():
    made = sweep(GRAPH, {"y.b": [1, 5000, "no"]}, TOYS, NOWHERE)
    found = made.problems(check(read(made.graph), TOYS, NOWHERE))
    assert [str(p) for p in found] == [
        "y (Add) b: b is 5000; the most is 1000",
        "y (Add) b: b is 'no', which is no whole number",
    ]


# --- as text ---


def test_ranges_are_exact_and_hold_both_ends():
    assert span("1..4") == [1, 2, 3, 4]
    assert span(" 10..4:-3 ") == [10, 7, 4]
    assert span("0.1..0.5:0.1") == [0.1, 0.2, 0.3, 0.4, 0.5]
    assert span("-1..1") == [-1, 0, 1]
    assert span("3..3") == [3]
    assert span("1,2") is None
    assert span("a..b") is None


def values(option: str, base: Path, graph: Any = None) -> tuple[Any, ...]:
    graph = graph or api(m=("Menu", {}), o=("Show", {"a": ["m", 0]}))
    made = parse(graph, [option], TOYS, Files(base))
    assert made
    return made.axes[0].values


def test_values_on_the_command_line(tmp_path: Path):
    assert values("m.n=1..3", tmp_path) == (1, 2, 3)
    assert values("m.strength=0.5,1", tmp_path) == (0.5, 1)
    assert values('m.text=a cat,"a dog, red",1..2', tmp_path) == ("a cat", "a dog, red", "1..2")
    assert values("m.mode=*", tmp_path) == ("nearest", "bilinear", "bicubic")
    assert values("m.on=true,false", tmp_path) == (True, False)


def test_values_from_files(tmp_path: Path):
    folder = tmp_path / "input" / "faces"
    folder.mkdir(parents=True)
    for name in ("10.png", "2.png", "notes.txt"):
        (folder / name).write_text("x")
    (tmp_path / "input" / "prompts.txt").write_text("\ufeffone\n\n  two  \n", "utf-8")
    (tmp_path / "input" / "table.csv").write_text('name,text\na,"red, round"\n\nb,blue\n')
    (tmp_path / "input" / "tabs.tsv").write_text("name\ttext\na\tred, round\n")
    assert values("m.text=@prompts.txt", tmp_path) == ("one", "two")
    assert values("m.text=@table.csv:text", tmp_path) == ("red, round", "blue")
    assert values("m.text=@tabs.tsv:text", tmp_path) == ("red, round",)
    assert values("m.text=@faces", tmp_path) == ("faces/2.png", "faces/10.png")
    assert values(f"m.text=@{folder}", tmp_path) == ("faces/2.png", "faces/10.png")


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("m.n", "--sweep takes NODE.INPUT=VALUES, and this is 'm.n'"),
        ("m.text=@none.txt", "--sweep m.text: there is no file or folder none.txt, neither here nor in input/"),
        (
            "m.text=@bad.csv:text",
            "--sweep m.text: bad.csv: row 3 has 1 fields where the first one has 2; put quotes around",
        ),
        ("m.text=@bad.csv:txt", "--sweep m.text: bad.csv has no column 'txt'; it has name, text; nearest: text"),
        ("m.text=@empty.txt", "--sweep m.text: empty.txt has no lines with something on them"),
        ("m.text=@empty.csv:text", "--sweep m.text: empty.csv has no rows below the names of its columns"),
        ("m.text=@folder", "--sweep m.text: the folder folder has no pictures (.avif, "),
        ("m.text=@/", "--sweep m.text: the folder / is not in input/, where pictures are loaded from; copy it there"),
        ("m.text=@latin.txt", "--sweep m.text: latin.txt is no text in UTF-8"),
        ('m.text="a', "--sweep m.text: '\"a' cannot be taken apart at its commas"),
        ("m.nn=1", "--sweep m.nn: Menu has no input 'nn'; it has mode, file, n, on, strength, text; nearest: n"),
    ],
)
def test_options_that_cannot_be_say_why(option: str, message: str, tmp_path: Path):
    root = tmp_path / "input"
    (root / "folder").mkdir(parents=True)
    (root / "bad.csv").write_text("name,text\na,b\nc\n")
    (root / "empty.csv").write_text("name,text\n")
    (root / "empty.txt").write_text("\n \n")
    (root / "latin.txt").write_bytes(b"caf\xe9")
    with pytest.raises(SweepError) as caught:
        values(option, tmp_path)
    assert str(caught.value).startswith(message)


def test_the_same_input_is_not_swept_twice(tmp_path: Path):
    graph = api(m=("Menu", {}), o=("Show", {"a": ["m", 0]}))
    with pytest.raises(SweepError, match=r"--sweep Menu\.n: this is swept twice; give all its values in one list"):
        parse(graph, ["m.n=1", "Menu.n=2"], TOYS, Files(tmp_path))
    with pytest.raises(SweepError, match="--grid draws the runs of one --sweep or of two"):
        parse(graph, [], TOYS, Files(tmp_path), grid=True)


def test_places_of_lists():
    assert [pick("abc", i) for i in (0, 2, -1, -3)] == [0, 2, 2, 0]
    with pytest.raises(ListError, match="index is 3, and the list ends before that: it has 3 items, so take -3 to 2"):
        pick("abc", 3)
    with pytest.raises(ListError, match="it is empty"):
        pick("", 0)


def test_lists_of_nothing_are_refused(tmp_path: Path):
    for make in (lambda: lines(""), lambda: column("", "a"), lambda: pictures(tmp_path, "x")):
        with pytest.raises(ListError):
            make()


def test_a_run_has_a_json_form():
    _, log = go({"y.b": [1]})
    (event,) = [events.to_json(e) for e in log if isinstance(e, events.RunFinished)]
    assert json.loads(json.dumps(event)) == {
        "event": "run_finished",
        "run": 1,
        "total": 1,
        "label": "b=1",
        "values": {"y.b": 1},
        "ok": True,
        "outputs": {"o.1": {"values": [13]}},
    }
