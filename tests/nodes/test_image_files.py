"""The nodes of picture files, within a graph: what the standard made of the same files, and what goes wrong."""

import asyncio
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from executor.files import FileProblem, Files
from executor.node import registry
from nodes.image_files import image_problem, image_state, input_pictures, output_pictures
from tests.replay.pictures import replay

PROMPT = {"1": {"class_type": "SaveImage", "inputs": {"images": ["2", 0], "filename_prefix": "%SaveImage.note%"}}}


@pytest.fixture
def files(tmp_path: Path) -> Files:
    (tmp_path / "input").mkdir()
    return Files(tmp_path)


def node(name: str, **inputs: Any) -> Any:
    returned = registry[name].function(**inputs)
    return asyncio.run(returned) if registry[name].is_async else returned


def test_recorded_graphs(conformance: Path):
    folder = conformance / "pictures"
    index = json.loads((folder / "index.json").read_text(encoding="utf-8"))
    records = [r for r in index if r["group"] in ("image", "mask")]
    assert len(records) >= 5
    assert not [f"{label}: {found}" for label, found in replay(records, folder, None) if found]


def test_saved_pictures_carry_their_graph(files: Files):
    images = torch.rand(2, 3, 5, 3)
    workflow = {"nodes": [], "note": "é"}
    shown = node(
        "SaveImage",
        images=images,
        filename_prefix="a/b",
        prompt=PROMPT,
        extra_pnginfo={"workflow": workflow},
        files=files,
    )
    assert shown.ui == {"images": [{"filename": f"b_0000{i}_.png", "subfolder": "a", "type": "output"} for i in (1, 2)]}
    for want, entry in zip(images, shown.ui["images"], strict=True):
        picture = Image.open(files.root("output") / entry["subfolder"] / entry["filename"])
        assert np.array_equal(np.asarray(picture), (want.numpy() * 255).astype(np.uint8))
        assert json.loads(picture.info["prompt"]) == PROMPT
        assert json.loads(picture.info["workflow"]) == workflow


@pytest.mark.parametrize("shape", [(2, 3, 5), (3, 5)])
def test_masks_are_shown_as_grey_pictures(files: Files, shape: tuple[int, ...]):
    mask = torch.rand(shape)
    shown = node("MaskPreview", mask=mask, prompt=PROMPT, extra_pnginfo={}, files=files)
    for want, entry in zip(mask.reshape(-1, 3, 5), shown.ui["images"], strict=True):
        assert entry["type"] == "temp"
        picture = np.asarray(Image.open(files.root("temp") / entry["filename"]))
        assert all(np.array_equal(picture[..., i], (want.numpy() * 255).astype(np.uint8)) for i in range(3))


def test_previews_lie_in_temp(files: Files):
    (entry,) = node("PreviewImage", images=torch.zeros(1, 2, 2, 3), prompt={}, extra_pnginfo={}, files=files).ui[
        "images"
    ]
    assert entry["type"] == "temp"
    assert (files.root("temp") / entry["filename"]).is_file()
    assert not files.root("output").exists()


def test_a_saved_picture_can_be_loaded(files: Files):
    images = torch.rand(1, 3, 5, 4)
    node("SaveImage", images=images, filename_prefix="a", prompt={}, extra_pnginfo={}, files=files)
    for name in ("LoadImage", "LoadImageOutput"):
        image, mask = node(name, image="a_00001_.png [output]", files=files)
        assert (image - images[..., :3]).abs().max() < 1 / 255
        assert (1 - mask - images[..., 3]).abs().max() < 1 / 255


def test_menus_hold_the_pictures(files: Files):
    for name in ("b.png", "A.JPG", "c.txt", "d.latent", ".hidden.png", "e.webp"):
        (files.root("input") / name).touch()
    files.root("output").mkdir()
    (files.root("output") / "f.png").touch()
    assert input_pictures(files) == ["A.JPG", "b.png", "e.webp"]
    assert output_pictures(files) == ["f.png [output]"]


def test_no_folder_no_menu(tmp_path: Path):
    assert input_pictures(Files(tmp_path / "nowhere")) == []


@pytest.mark.parametrize("name", ["missing.png", "../secret.png", "/etc/passwd", "a\0.png", "", "sub"])
def test_names_that_lead_to_no_picture(files: Files, name: str):
    (files.base / "secret.png").touch()
    (files.root("input") / "sub").mkdir()
    assert (image_problem(files, name) or "").startswith("image: ")
    with pytest.raises(FileProblem):
        node("LoadImage", image=name, files=files)


def test_a_changed_file_has_another_fingerprint(files: Files):
    path = files.root("input") / "a.png"
    path.write_bytes(b"1")
    before = image_state(files, "a.png")
    assert image_state(files, "a.png") == before
    os.utime(path, ns=(0, 1))
    assert image_state(files, "a.png") != before
