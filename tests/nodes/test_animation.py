"""Moving pictures hold all frames, their time and the graph that made them."""

import asyncio
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import executor.workflow.metadata as metadata
import nodes.animation  # noqa: F401
from diffusion import animations
from diffusion.image_files import load
from executor.files import Files
from executor.node import registry

PROMPT = {"1": {"class_type": "SaveAnimatedWEBP", "inputs": {"filename_prefix": "a"}}}
WORKFLOW = {"nodes": [], "note": "é"}
OPTIONS = {
    "SaveAnimatedWEBP": {"lossless": True, "quality": 80, "method": "fastest"},
    "SaveAnimatedPNG": {"compress_level": 1},
}


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


def save(name: str, files: Files, images: torch.Tensor, **options: Any) -> tuple[dict[str, Any], Path]:
    inputs = {"images": images, "filename_prefix": "a/b", "fps": 8.0, **OPTIONS[name], **options}
    given = {"prompt": PROMPT, "extra_pnginfo": {"workflow": WORKFLOW}, "files": files}
    shown = asyncio.run(registry[name].function(**inputs, **given))
    (entry,) = shown.ui["images"]
    return shown.ui, files.root("output") / entry["subfolder"] / entry["filename"]


@pytest.mark.parametrize("name", OPTIONS)
def test_frames_time_and_graph_are_kept(files: Files, name: str):
    images = torch.rand(3, 16, 24, 3)
    ui, path = save(name, files, images)
    assert ui["animated"] == (True,)
    assert ui["images"][0]["subfolder"] == "a"
    assert path.name.startswith("b_00001_.")
    frames, _ = load(path)
    assert np.array_equal((frames * 255).round().byte().numpy(), (images * 255).byte().numpy())
    with Image.open(path) as picture:
        assert picture.n_frames == 3
        picture.load()
        assert picture.info["duration"] == 125
    with path.open("rb") as file:
        texts = metadata.read_texts(file, path.name)
    assert texts["prompt"]
    assert '"note"' in texts["workflow"]


@pytest.mark.parametrize("name", OPTIONS)
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_one_frame_of_any_channels(files: Files, name: str, channels: int):
    _, path = save(name, files, torch.rand(1, 8, 8, channels))
    assert load(path)[0].shape == (1, 8, 8, 3)


def test_what_cannot_be_saved_is_said():
    for images, words in ((torch.rand(1, 8, 8, 2), "2 channels"), (torch.rand(0, 8, 8, 3), "no pictures")):
        with pytest.raises(ValueError, match=words):
            animations.png(images, {}, 1.0)


def test_lossy_is_smaller(files: Files):
    images = torch.rand(2, 64, 64, 3)
    whole, lossy = (save("SaveAnimatedWEBP", files, images, lossless=flag)[1].stat().st_size for flag in (True, False))
    assert lossy < whole
