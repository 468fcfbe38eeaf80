"""`run --sweep` as people type it."""

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import main

SIZE = {"width": 16, "height": 16, "batch_size": 1, "color": 0}
GRAPH: dict[str, Any] = {
    "1": {"class_type": "EmptyImage", "inputs": SIZE},
    "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "%label%"}},
}


@pytest.fixture
def line(tmp_path: Path) -> list[str]:
    (tmp_path / "graph.json").write_text(json.dumps(GRAPH))
    return ["run", str(tmp_path / "graph.json"), "--base-directory", str(tmp_path)]


def test_a_sweep_saves_a_picture_of_each_run_and_a_grid(
    line: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    sweeps = ["--sweep", "1.color=0,16711680,255", "--sweep", "1.width=16..32:16"]
    assert main.main([*line, *sweeps, "--grid"]) == main.OK
    output = tmp_path / "output"
    labels = [f"color={color}, width={width}" for color in (0, 16711680, 255) for width in (16, 32)]
    assert sorted(p.name for p in output.iterdir()) == sorted(
        [*(f"{label}_00001_.png" for label in labels), "grid_00001_.png"]
    )
    told = capsys.readouterr().out.splitlines()
    assert {f"run {n} of 6: {label}" for n, label in enumerate(labels, 1)} <= set(told)
    assert "6 of 6 runs done" in told
    with Image.open(output / "grid_00001_.png") as grid:
        colours = {colour for _, colour in grid.convert("RGB").getcolors(1 << 20) or ()}
        assert {(0, 0, 0), (255, 0, 0), (0, 0, 255)} <= colours
    with Image.open(output / "color=255, width=32_00001_.png") as picture:
        assert json.loads(picture.info["prompt"])["1"]["inputs"] == SIZE | {"color": 255, "width": 32}
        assert json.loads(picture.info["sweep"])["label"] == "color=255, width=32"
    assert main.main(["run", str(output / "color=255, width=32_00001_.png"), *line[2:]]) == main.OK
    assert (output / "color=255, width=32_00002_.png").is_file()


def test_every_run_is_an_event(line: list[str], capsys: pytest.CaptureFixture[str]):
    assert main.main([*line, "--sweep", "1.color=1..3", "--json-events"]) == main.OK
    events = [json.loads(text) for text in capsys.readouterr().out.splitlines()]
    runs = [e for e in events if e["event"] == "run_finished"]
    assert sorted((e["run"], e["label"]) for e in runs) == [(1, "color=1"), (2, "color=2"), (3, "color=3")]
    assert all(e["outputs"][f"2.{e['run']}"]["images"] for e in runs)


def test_a_picture_tells_of_the_model_of_its_own_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    from shutil import copyfile

    root = Path(__file__).parents[1]
    folder = tmp_path / "models" / "checkpoints"
    folder.mkdir(parents=True)
    for name in ("one", "two"):
        copyfile(root / "models" / "checkpoints" / "starter-emoji-128.safetensors", folder / f"{name}.safetensors")
    graph = root / "workflows" / "text_to_image.json"
    line = ["run", str(graph), "--base-directory", str(tmp_path), "--set", "5.steps=1"]
    assert main.main([*line, "--sweep", "1.ckpt_name=*"]) == main.OK
    for picture in (tmp_path / "output").iterdir():
        with Image.open(picture) as image:
            told = json.loads(image.info["mezzotint"])["models"]
            used = json.loads(image.info["prompt"])["1"]["inputs"]["ckpt_name"]
            assert [model["name"] for model in told] == [used]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--sweep", "1.color=1,-2"], "error: 1 (EmptyImage) color: color is -2; the least is 0"),
        (["--sweep", "1.colour=1"], "mezzotint: --sweep 1.colour: EmptyImage has no input 'colour'"),
        (["--sweep", "5.color=1"], "mezzotint: --sweep 5.color: there is no node '5'"),
        (["--sweep", "1.color=1..2000"], "mezzotint: the sweep has 2,000 runs; 1,000 are the most"),
        (["--grid"], "mezzotint: --grid draws the runs of one --sweep or of two"),
    ],
)
def test_what_cannot_be_is_said_before_anything_runs(
    line: list[str], options: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    assert main.main([*line, *options]) == main.INVALID
    assert message in capsys.readouterr().err
    assert not (tmp_path / "output").exists()
