"""Upscalers are checked before a run, and enlarge through their nodes."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from executor.check import check
from executor.files import Files
from executor.graph import read
from executor.node import Cancelled, registry
from nodes.upscaling import image_upscale_with_model, upscale_model_loader
from tests.diffusion.upscaling.random_upscalers import compact

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
    from PIL import Image

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
