"""The command line, as a user types it."""

import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import main
from executor import assign

ROOT = Path(__file__).parents[1]
STARTER = ROOT / "workflows" / "text_to_image.json"
BASE = ("--base-directory", str(ROOT))


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """A base directory of one's own: nothing in it but an empty output."""
    (tmp_path / "base" / "output").mkdir(parents=True)
    return tmp_path / "base"


def gradient(**changes: Any) -> dict[str, Any]:
    """A graph without a model: a plain picture that is saved."""
    graph: dict[str, Any] = {
        "1": {"class_type": "EmptyImage", "inputs": {"width": 16, "height": 8, "batch_size": 1, "color": 255}},
        "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "plain"}},
    }
    return graph | changes


def write(graph: Mapping[str, Any], folder: Path) -> str:
    path = folder / "graph.json"
    path.write_text(json.dumps(graph))
    return str(path)


def prompt(picture: Path) -> dict[str, Any]:
    with Image.open(picture) as image:
        return json.loads(image.info["prompt"])  # pyright: ignore[reportArgumentType]


def events(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


# --- run: what it does and what it returns -------------------------------------------------------


def test_a_run_saves_and_says_where(base, capsys):
    assert main.main(["run", write(gradient(), base), "--base-directory", str(base)]) == main.OK
    made = base / "output" / "plain_00001_.png"
    assert capsys.readouterr().out == f"{made}\n"
    assert prompt(made) == gradient()


def test_set_takes_an_id_a_title_or_a_type_and_the_picture_carries_it(base, tmp_path):
    graph = gradient()
    graph["1"]["_meta"] = {"title": "My plate.v2"}
    changes = ["--set", "1.width=24", "--set", "My plate.v2.height=32", "--set", "SaveImage.filename_prefix=a=b 7"]
    out = tmp_path / "elsewhere"
    options = ["--base-directory", str(base), "--out", str(out), *changes]
    assert main.main(["run", write(graph, base), *options]) == main.OK
    (made,) = out.iterdir()
    assert made.name == "a=b 7_00001_.png"
    with Image.open(made) as image:
        assert image.size == (24, 32)
    assert prompt(made)["1"]["inputs"]["width"] == 24


def test_a_changed_picture_carries_no_editor_form_that_shows_something_else(base, capsys):
    main.main(["convert", write(gradient(), base), "--to", "workflow", *BASE])
    (base / "editor.json").write_text(capsys.readouterr().out)
    for changes, has_form in (([], True), (["--set", "1.width=24"], False)):
        assert main.main(["run", str(base / "editor.json"), "--base-directory", str(base), *changes]) == main.OK
        with Image.open(capsys.readouterr().out.strip()) as image:
            assert ("workflow" in image.info) == has_form


def test_seed_sets_every_seed_and_set_wins():
    graph = json.loads(STARTER.read_text())
    graph["8"] = graph["5"] | {"inputs": dict(graph["5"]["inputs"])}
    assign.seed_all(graph, main._specs(), 77)
    assign.assign(graph, main._specs(), ["8.seed=5"])
    assert [graph[id]["inputs"]["seed"] for id in "58"] == [77, 5]


def test_output_runs_only_that_node_and_what_it_needs(base, capsys):
    graph = gradient(**{"3": {"class_type": "InvertMask", "inputs": {"mask": ["4", 0]}}})
    graph["4"] = {"class_type": "SolidMask", "inputs": {"value": 1.0, "width": 8, "height": 8}}
    options = ["--base-directory", str(base), "--json-events", "--no-cache"]
    assert main.main(["run", write(graph, base), *options, "--output", "InvertMask"]) == main.OK
    assert [e["node"] for e in events(capsys.readouterr().out) if e["event"] == "node_started"] == ["4", "3"]
    assert not list((base / "output").iterdir())


def test_the_events_are_lines_of_json_in_order(base, capsys):
    assert main.main(["run", write(gradient(), base), "--base-directory", str(base), "--json-events"]) == main.OK
    log = events(capsys.readouterr().out)
    assert [(e["event"], e.get("node")) for e in log] == [
        ("started", None),
        ("node_started", "1"),
        ("node_finished", "1"),
        ("node_started", "2"),
        ("node_finished", "2"),
        ("finished", None),
    ]
    assert log[4]["ui"]["images"] == [{"filename": "plain_00001_.png", "subfolder": "", "type": "output"}]


def test_the_graph_may_come_from_standard_input(base, monkeypatch, capsys):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(json.dumps(gradient()).encode())))
    assert main.main(["run", "-", "--base-directory", str(base)]) == main.OK
    assert (base / "output" / "plain_00001_.png").is_file()


def test_a_node_that_fails_is_named_and_the_rest_is_saved(base, capsys):
    Path(base / "input").mkdir()
    Path(base / "input" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n and then nothing")
    graph = gradient(**{"3": {"class_type": "LoadImage", "inputs": {"image": "broken.png"}}})
    graph["4"] = {"class_type": "PreviewImage", "inputs": {"images": ["3", 0]}}
    assert main.main(["run", write(graph, base), "--base-directory", str(base)]) == main.FAILED
    assert "LoadImage 3 failed: " in capsys.readouterr().err
    assert (base / "output" / "plain_00001_.png").is_file()


@pytest.mark.parametrize(("output", "code"), [([], 1), (["2"], 0), (["4"], 2), (["2", "4"], 1)])
def test_sound_outputs_run_beside_unsound_ones(output, code, base, capsys):
    graph = gradient(**{"4": {"class_type": "PreviewImage", "inputs": {"images": ["9", 0]}}})
    options = [option for id in output for option in ("--output", id)]
    assert main.main(["run", write(graph, base), "--base-directory", str(base), *options]) == code
    assert "4 (PreviewImage) images" in capsys.readouterr().err
    assert bool(list((base / "output").iterdir())) == (code < 2)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (["--set", "1.width"], ["NODE.INPUT=VALUE", "'1.width'"]),
        (["--set", "width=3"], ["NODE.INPUT=VALUE"]),
        (["--set", "9.width=3"], ["no node '9'", "1 (CheckpointLoaderSimple)"]),
        (["--set", "CLIPTextEncode.text=x"], ["several nodes: 2, 3"]),
        (["--set", "5.sed=3"], ["no input 'sed'", "nearest: seed"]),
        (["--set", "5.seed=many"], ["5 (KSampler) seed"]),
        (["--set", "5.steps=0"], ["5 (KSampler) steps"]),
        (["--set", "5.sampler_name=eule"], ["5 (KSampler) sampler_name", "euler"]),
        (["--set", "1.ckpt_name=starter-emoji.safetensors"], ["ckpt_name", "starter-emoji-128.safetensors"]),
        (["--seed", "-1"], ["5 (KSampler) seed"]),
        (["--output", "77"], ["no node '77'"]),
        (["--device", "abacus"], ["--device", "cpu"]),
        (["--device", "cuda:x"], ["--device", "cpu"]),
        (["--out", __file__], ["--out", "no folder"]),
        (["--base-directory", "/nowhere"], ["/nowhere does not exist"]),
    ],
)
def test_a_wrong_option_is_refused_before_anything_runs(changes, words, capsys):
    assert main.main(["run", str(STARTER), *BASE, *changes]) == main.INVALID
    told = capsys.readouterr()
    assert not told.out
    for word in words:
        assert word in told.err


# --- files that are no graphs --------------------------------------------------------------------

HOSTILE = {
    "truncated.json": (STARTER.read_bytes()[:300], "cut off"),
    "deep.json": (b"[" * 10_000 + b"]" * 10_000, "nested deeper"),
    "deep_in_a_graph.json": (b'{"1":{"class_type":"A","inputs":' + b'{"x":' * 10_000 + b"1" + b"}" * 10_002, "nested"),
    "long_number.json": (b'{"1":{"class_type":"A","inputs":{"x":' + b"9" * 6000 + b"}}}", "digits"),
    "words.json": (b"a picture of a cat", "not JSON"),
    "empty.json": (b"", "empty"),
    "list.json": (b"[1, 2]", "array"),
    "garbage.bin": (bytes(range(256)) * 64, "neither JSON nor a picture"),
    "model.safetensors": (b"\x20\0\0\0\0\0\0\0" + b'{"a":1}', "safetensors"),
}


def picture_without_graph(form: str) -> bytes:
    data = io.BytesIO()
    Image.new("RGB", (8, 8)).save(data, form)
    return data.getvalue()


HOSTILE |= {f"plain.{form}": (picture_without_graph(form), "no workflow") for form in ("png", "jpeg", "webp")}


@pytest.mark.parametrize("command", ["run", "check", "convert"])
@pytest.mark.parametrize("name", [*HOSTILE, "missing.json", "."])
def test_what_is_no_graph_gets_one_line(name, command, tmp_path, capsys):
    data, words = HOSTILE.get(name, (None, "directory"))
    if data is not None:
        (tmp_path / name).write_bytes(data)
    assert main.main([command, str(tmp_path / name), *BASE]) == main.INVALID
    told = capsys.readouterr()
    assert words in told.err
    assert told.err.count("\n") == 1
    assert told.err.startswith("mezzotint: ")
    assert not told.out


@pytest.mark.parametrize("node", [{}, {"inputs": [1]}, {"inputs": None, "_meta": 3}, {"inputs": {"images": [1, 2, 3]}}])
def test_malformed_nodes_are_problems(node, tmp_path, capsys):
    file = write({"1": {"class_type": "SaveImage"} | node, "2": {"class_type": "KSampler"}}, tmp_path)
    assert main.main(["run", file, *BASE, "--seed", "1", "--set", "SaveImage.filename_prefix=x"]) == main.INVALID
    assert "1 (SaveImage) images" in capsys.readouterr().err


# --- check, nodes, convert, help -----------------------------------------------------------------


def test_check_tells_all_problems_at_once(tmp_path, capsys):
    graph = json.loads(STARTER.read_text())
    graph["1"]["inputs"]["ckpt_name"] = "starter-emoji.safetensors"
    graph["4"]["inputs"]["width"] = 7
    graph["5"]["class_type"] = "KSampller"
    del graph["7"]["inputs"]["images"]
    file = write(graph, tmp_path)
    assert main.main(["check", file, *BASE]) == main.INVALID
    human = capsys.readouterr().out
    assert main.main(["check", file, *BASE, "--json"]) == main.INVALID
    problems = json.loads(capsys.readouterr().out)
    assert {p["node"] for p in problems} == {"1", "4", "5", "7"}
    for problem in problems:
        assert problem["message"] in human
    assert "nearest: KSampler" in human
    assert "starter-emoji-128.safetensors" in human


def test_check_of_a_sound_graph(capsys):
    assert main.main(["check", str(STARTER), *BASE]) == main.OK
    assert capsys.readouterr().out == f"{STARTER}: nodes 7, errors 0, warnings 0\n"
    assert main.main(["check", str(STARTER), *BASE, "--json"]) == main.OK
    assert json.loads(capsys.readouterr().out) == []


def test_nodes_are_listed_described_and_guessed(capsys):
    assert main.main(["nodes", *BASE]) == main.OK
    listed = capsys.readouterr().out.splitlines()
    assert {line.split("  ")[0] for line in listed} == set(main._specs())
    assert main.main(["nodes", "KSampler", *BASE]) == main.OK
    assert "  denoise: FLOAT, default 1.0, min 0.0, max 1.0" in capsys.readouterr().out
    assert main.main(["nodes", "KSampler", *BASE, "--json"]) == main.OK
    assert json.loads(capsys.readouterr().out)["output"] == ["LATENT"]
    assert main.main(["nodes", "ksampler", *BASE]) == main.INVALID
    assert "nearest: KSampler" in capsys.readouterr().err


def test_convert_goes_both_ways(tmp_path, capsys):
    assert main.main(["convert", str(STARTER), *BASE]) == main.OK
    editor = capsys.readouterr().out
    assert len(json.loads(editor)["nodes"]) == 7
    (tmp_path / "editor.json").write_text(editor)
    assert main.main(["convert", str(tmp_path / "editor.json"), *BASE]) == main.OK
    back = json.loads(capsys.readouterr().out)
    assert {id: n["inputs"] for id, n in back.items()} == {
        id: n["inputs"] for id, n in json.loads(STARTER.read_text()).items()
    }
    for form, text in (("workflow", editor), ("api", json.dumps(back, indent=2) + "\n")):  # as it is already
        (tmp_path / "same.json").write_text(text)
        assert main.main(["convert", str(tmp_path / "same.json"), *BASE, "--to", form]) == main.OK
        assert capsys.readouterr().out == text


@pytest.mark.parametrize("command", [[], ["run"], ["check"], ["nodes"], ["convert"]])
def test_help_has_an_example(command, capsys):
    with pytest.raises(SystemExit) as exit:
        main.main([*command, "--help"])
    assert exit.value.code == 0
    assert f"example{'' if command else 's'}:\n  python main.py {' '.join(command)}" in capsys.readouterr().out


def test_without_a_command_it_serves(monkeypatch, tmp_path):
    monkeypatch.setattr(main, "serve", lambda options: 40 + options.port % 10)
    assert main.main([]) == 48


def test_the_script_is_the_same_program(monkeypatch):
    assert 'mezzotint = "main:console"' in (ROOT / "pyproject.toml").read_text()
    monkeypatch.setattr("sys.argv", ["mezzotint", "nodes", "NoSuchNode"])
    with pytest.raises(SystemExit) as exit:
        main.console()
    assert exit.value.code == main.INVALID


# --- processes -----------------------------------------------------------------------------------


def command(*arguments: str) -> "subprocess.Popen[str]":
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    pipe = subprocess.PIPE
    line = [sys.executable, str(ROOT / "main.py"), *arguments]
    return subprocess.Popen(line, stdout=pipe, stderr=pipe, text=True, env=environment)


def test_a_restarted_process_loads_no_model(tmp_path):
    (tmp_path / "models").symlink_to(ROOT / "models")
    logs: list[list[dict[str, Any]]] = []
    for _ in range(2):
        process = command("run", str(STARTER), "--base-directory", str(tmp_path), "--set", "5.steps=2", "--json-events")
        logs.append(events(process.communicate(timeout=120)[0]))
        assert process.returncode == 0
    ran = [[e["type"] for e in log if e["event"] == "node_started"] for log in logs]
    assert set(ran[0]) > {"CheckpointLoaderSimple", "KSampler"}
    assert ran[1] == ["SaveImage"]
    first, second = sorted((tmp_path / "output").iterdir())
    with Image.open(first) as one, Image.open(second) as other:
        assert one.tobytes() == other.tobytes()


@pytest.mark.skipif(os.name == "nt", reason="sends SIGINT")
def test_ctrl_c_ends_a_run_and_leaves_no_file(tmp_path):
    out = tmp_path / "out"
    process = command(
        "run", str(STARTER), *BASE, "--no-cache", "--set", "5.steps=2000", "--out", str(out), "--json-events"
    )
    assert process.stdout
    log: list[dict[str, Any]] = []
    while not log or log[-1]["event"] != "progressed" or log[-1]["value"] < 1:
        log.append(json.loads(process.stdout.readline()))
    process.send_signal(signal.SIGINT)
    rest, told = process.communicate(timeout=60)  # all of its steps take longer
    assert process.returncode == main.CANCELLED
    assert told == "mezzotint: cancelled\n"
    assert events(rest)[-1]["event"] == "cancelled"
    assert not out.exists() or not list(out.iterdir())


@pytest.mark.skipif(os.name == "nt", reason="pipes end otherwise there")
def test_a_reader_that_goes_away_is_no_traceback():
    process = command("nodes", "--json", *BASE)
    assert process.stdout
    process.stdout.close()
    assert process.stderr
    assert process.stderr.read() == ""
    process.stderr.close()
    assert process.wait(60) == main.FAILED
