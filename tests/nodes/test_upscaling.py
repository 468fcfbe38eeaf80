"""Upscalers are checked before a run, and enlarge through their nodes."""

import json
from pathlib import Path

import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from executor.check import check, outputs
from executor.files import Files
from executor.graph import read
from executor.node import Cancelled, registry
from executor.plan import make_plan
from executor.run import execute
from nodes.upscaling import image_upscale_with_model, upscale_model_loader
from tests.diffusion.conftest import STARTER
from tests.diffusion.upscaling.random_upscalers import compact, first_layout, rrdb

GRAPH = {
    "1": {"class_type": "LoadImage", "inputs": {"image": "a.png"}},
    "2": {"class_type": "UpscaleModelLoader", "inputs": {"model_name": "two.safetensors"}},
    "3": {"class_type": "ImageUpscaleWithModel", "inputs": {"upscale_model": ["2", 0], "image": ["1", 0]}},
    "4": {"class_type": "PreviewImage", "inputs": {"images": ["3", 0]}},
}


@pytest.fixture
def files(tmp_path: Path) -> Files:
    folder = tmp_path / "models" / "upscale_models"
    folder.mkdir(parents=True)
    save_file(compact(scale=2), folder / "two.safetensors")
    save_file({"lora_unet_a.lora_up.weight": torch.zeros(2)}, folder / "lora.safetensors")
    (tmp_path / "input").mkdir()
    Image.new("RGB", (4, 4)).save(tmp_path / "input" / "a.png")
    return Files(tmp_path)


def test_a_picture_becomes_larger(files: Files):
    model = upscale_model_loader(model_name="two.safetensors", files=files)
    assert image_upscale_with_model(upscale_model=model, image=torch.rand(2, 5, 6, 3)).shape == (2, 10, 12, 3)


def test_it_can_be_cancelled(files: Files):
    class Cancelling:
        def __call__(self, value: int, total: int, preview: object = None) -> None: ...

        def check(self) -> None:
            raise Cancelled

    model = upscale_model_loader(model_name="two.safetensors", files=files)
    with pytest.raises(Cancelled):
        image_upscale_with_model(upscale_model=model, image=torch.rand(1, 5, 6, 3), progress=Cancelling())


def test_a_file_of_another_kind_is_a_problem_of_the_graph(files: Files):
    assert not [p for p in check(read(GRAPH), registry, files) if p.severity == "error"]
    wrong = {**GRAPH, "2": {**GRAPH["2"], "inputs": {"model_name": "lora.safetensors"}}}
    (problem,) = [p for p in check(read(wrong), registry, files) if p.severity == "error"]
    assert problem.node == "2"
    assert "no upscaler; it is a LoRA" in problem.message


def test_the_fields_example_runs_to_its_end(files: Files, conformance: Path):
    """With a small upscaler and the starter in place of the files that it names."""
    graph = json.loads((conformance / "workflows" / "ex_upscale_models__esrgan_example.api.json").read_text("utf-8"))
    names = {"CheckpointLoaderSimple": ("ckpt_name", STARTER.name), "UpscaleModelLoader": ("model_name", "x4.pth")}
    for entry in graph.values():
        if entry["class_type"] in names:
            name, value = names[entry["class_type"]]
            entry["inputs"][name] = value
        entry["inputs"] |= {k: v for k, v in {"width": 64, "height": 64, "steps": 2}.items() if k in entry["inputs"]}
    (files.base / "models" / "checkpoints").mkdir()
    (files.base / "models" / "checkpoints" / STARTER.name).symlink_to(STARTER)
    torch.save(first_layout(rrdb()), files.base / "models" / "upscale_models" / "x4.pth")
    parsed = read(graph)
    assert not [p for p in check(parsed, registry, files) if p.severity == "error"]
    outcome = execute(make_plan(parsed, registry, outputs(parsed, registry), files), files=files)
    assert not outcome.failed
    ((shown,),) = (ui["images"] for ui in outcome.shown.values())
    with Image.open(files.root("output") / shown["filename"]) as picture:
        assert picture.size == (256, 256)
