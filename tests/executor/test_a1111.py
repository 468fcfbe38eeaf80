"""Pictures of A1111's WebUI become graphs."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

import nodes
from executor.check import check
from executor.describe import Descriptions
from executor.files import Files
from executor.graph import read
from executor.node import registry
from executor.workflow import a1111
from executor.workflow.document import WorkflowError, load

TEXT = """a (red:1.2) apple, masterpiece,
on a table <lora:shiny:0.8>
Negative prompt: blurry, low quality
and this, too
Steps: 25, Sampler: DPM++ 2M Karras, CFG scale: 6.5, Seed: 1234567890, Size: 768x512, Model hash: 6ce0161689, \
Model: v1-5-pruned-emaonly, Clip skip: 2, Lora hashes: "shiny: 0123456789ab, other: ff", Version: v1.7.0"""


@pytest.fixture
def files(tmp_path: Path) -> Files:
    for name in ("checkpoints/sd/v1-5-pruned-emaonly.safetensors", "loras/shiny.safetensors"):
        path = tmp_path / "models" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return Files(tmp_path)


def described(files: Files) -> Any:
    assert nodes.__name__
    return Descriptions(registry, files)


def by_type(graph: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {node["class_type"]: node["inputs"] for node in graph.values()}


def test_the_text_is_taken_apart():
    found = a1111.read(TEXT)
    assert found is not None
    assert found.prompt == "a (red:1.2) apple, masterpiece,\non a table <lora:shiny:0.8>"
    assert found.negative == "blurry, low quality\nand this, too"
    assert found.settings["sampler"] == "DPM++ 2M Karras"
    assert found.settings["lora hashes"] == "shiny: 0123456789ab, other: ff"


@pytest.mark.parametrize("text", ["", "a cat", "Steps: many", '{"prompt": {}}', "a\nNegative prompt: b"])
def test_other_texts_are_none_of_ours(text: str):
    assert a1111.read(text) is None


def test_the_graph_says_the_same(files: Files):
    found = a1111.read(TEXT)
    assert found is not None
    graph, notes = a1111.to_api(found, described(files))
    of = by_type(graph)
    sampler = of["KSampler"]
    assert of["CheckpointLoaderSimple"]["ckpt_name"] == "sd/v1-5-pruned-emaonly.safetensors"
    assert (of["EmptyLatentImage"]["width"], of["EmptyLatentImage"]["height"]) == (768, 512)
    assert [sampler[k] for k in ("steps", "cfg", "seed", "sampler_name", "scheduler")] == [
        25,
        6.5,
        1234567890,
        "dpmpp_2m",
        "karras",
    ]
    assert of["CLIPSetLastLayer"]["stop_at_clip_layer"] == -2
    assert graph[sampler["positive"][0]]["inputs"]["text"] == "a (red:1.2) apple, masterpiece,\non a table"
    assert graph[sampler["negative"][0]]["inputs"]["text"] == "blurry, low quality\nand this, too"
    assert of["LoraLoader"]["strength_model"] == 0.8
    assert graph[sampler["model"][0]]["class_type"] == "LoraLoader"
    assert len(notes) == (1 if "LoraLoader" in registry else 2)


def test_a_graph_of_nodes_that_are_here_is_sound(files: Files):
    found = a1111.read(TEXT.replace("<lora:shiny:0.8>", ""))
    assert found is not None
    graph, _ = a1111.to_api(found, described(files))
    wrong = [p for p in check(read(graph), registry, files) if p.kind != "exception_during_validation"]
    assert not [p for p in wrong if p.severity == "error" and "not a" not in p.message and "empty" not in p.message]


@pytest.mark.parametrize(
    ("settings", "inputs", "note"),
    [
        ("Steps: 20, Sampler: Euler a", ("euler_ancestral", "normal"), None),
        ("Steps: 20, Sampler: DPM++ SDE, Schedule type: Exponential", ("dpmpp_sde", "exponential"), None),
        ("Steps: 20, Sampler: Nobody's", ("euler", "normal"), 'the sampler "nobody\'s" is not known here'),
        ("Steps: 20, CFG scale: much", ("euler", "normal"), "cfg scale is 'much', which is no number; 7 stands for it"),
    ],
)
def test_samplers_and_notes(files: Files, settings: str, inputs: tuple[str, str], note: str | None):
    found = a1111.read(f"a cat\n{settings}, Model: nowhere")
    assert found is not None
    graph, notes = a1111.to_api(found, described(files))
    sampler = by_type(graph)["KSampler"]
    assert (sampler["sampler_name"], sampler["scheduler"]) == inputs
    assert "'nowhere' is not among the files here; choose another or put it there" in notes
    assert note is None or any(n.startswith(note) for n in notes)


def png(text: str) -> bytes:
    info = PngInfo()
    info.add_text("parameters", text)
    file = io.BytesIO()
    Image.new("RGB", (8, 8)).save(file, "PNG", pnginfo=info)
    return file.getvalue()


def with_comment(kind: str, data: bytes) -> bytes:
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0x9286] = data
    file = io.BytesIO()
    Image.new("RGB", (8, 8)).save(file, kind, exif=exif)
    return file.getvalue()


@pytest.mark.parametrize(
    "picture",
    [
        png(TEXT),
        with_comment("JPEG", b"UNICODE\0" + TEXT.encode("utf-16-be")),
        with_comment("WEBP", b"UNICODE\0" + TEXT.encode("utf-16-le")),
    ],
    ids=["png", "jpeg", "webp"],
)
def test_pictures_open_in_both_forms(files: Files, picture: bytes):
    document = load(picture, "apple")
    assert document.form == "parameters of A1111's WebUI"
    assert by_type(document.graph(described(files)).graph)["KSampler"]["steps"] == 25
    assert {node["type"] for node in document.editable(described(files))["nodes"]} >= {"KSampler", "SaveImage"}


def test_a_text_without_steps_is_refused_as_before():
    with pytest.raises(WorkflowError, match="generation parameters of another program"):
        load(png("a cat"), "cat.png")
