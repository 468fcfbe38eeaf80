"""Nodes that the standard has had since 2026: as its documentation and saved workflows have them."""

from __future__ import annotations

import asyncio
import io
import json
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch
from PIL import Image, features
from torch.testing import assert_close

from diffusion import image_files, picture_files
from executor.describe import Descriptions, describe
from executor.files import FileProblem, Files
from executor.node import registry
from executor.workflow import metadata
from executor.workflow.flatten import flatten
from nodes import chosen_values, image_many, image_sets, resizing, save_kinds

PROMPT = {"1": {"class_type": "A", "inputs": {"text": "ünï \u732b"}}}


def picture(height: int = 6, width: int = 9, channels: int = 3, batch: int = 1) -> torch.Tensor:
    return torch.rand(batch, height, width, channels, generator=torch.Generator().manual_seed(4))


# --- sizes, choices, sigmas ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ratio", "megapixels", "want"),
    [
        ("1:1 (Square)", 1.0, (1024, 1024)),
        ("16:9 (Widescreen)", 1.0, (1368, 768)),
        ("2:3 (Portrait Photo)", 0.25, (416, 624)),
    ],
)
def test_a_resolution_has_a_shape_and_a_number_of_pixels(ratio: str, megapixels: float, want: tuple[int, int]):
    found = chosen_values.resolution_selector(aspect_ratio=ratio, megapixels=megapixels)
    assert tuple(found) == want
    wide = chosen_values.resolution_selector(aspect_ratio=ratio, megapixels=megapixels, multiple=64)
    assert wide.width % 64 == wide.height % 64 == 0
    assert 0.8 < wide.width * wide.height / (megapixels * 2**20) < 1.25


def test_sigmas_are_as_they_are_written():
    assert chosen_values.manual_sigmas(sigmas="1, 0.5").tolist() == [1.0, 0.5]
    assert chosen_values.manual_sigmas(sigmas="14.6 1e-1\n.25;-2 0").tolist() == pytest.approx([14.6, 0.1, 0.25, -2, 0])
    for wrong in ("", " , ", "1, two"):
        with pytest.raises(ValueError, match="write"):
            chosen_values.manual_sigmas(sigmas=wrong)


def test_a_choice_and_its_place():
    assert tuple(chosen_values.custom_combo(choice="b", index=1)) == ("b", 1)


# --- batches -------------------------------------------------------------------------------------


def test_any_number_of_pictures_come_into_one_batch():
    first, second = picture(6, 9), picture(12, 9, batch=2)
    got = image_many.batch_images(**{"images.image0": first, "images.image3": None, "images.image7": second})
    assert got.shape == (3, 6, 9, 3)
    assert_close(got[:1], first)
    masks = image_many.batch_masks(**{"masks.mask0": torch.ones(4, 4), "masks.mask1": torch.zeros(2, 8, 8)})
    assert masks.shape == (3, 4, 4)
    assert masks.sum() == 16
    latents = [{"samples": torch.full((1, 4, 2, 2), float(i))} for i in range(3)]
    together = image_many.batch_latents(**{f"latents.latent{i}": latent for i, latent in enumerate(latents)})
    assert together["samples"][:, 0, 0, 0].tolist() == [0, 1, 2]


def test_a_batch_of_nothing_is_refused():
    for empty in (image_many.batch_images, image_many.batch_masks, image_many.batch_latents):
        with pytest.raises(ValueError, match="nothing is linked"):
            empty()


# --- resizing ------------------------------------------------------------------------------------

SIZES = [
    ({"resize_type": "scale dimensions", "width": 30, "height": 0, "crop": "disabled"}, (20, 30)),
    ({"resize_type": "scale dimensions", "width": 5, "height": 7, "crop": "center"}, (7, 5)),
    ({"resize_type": "scale by multiplier", "multiplier": 0.5}, (20, 30)),
    ({"resize_type": "scale longer dimension", "longer_size": 30}, (20, 30)),
    ({"resize_type": "scale shorter dimension", "shorter_size": 20}, (20, 30)),
    ({"resize_type": "scale width", "width": 15}, (10, 15)),
    ({"resize_type": "scale height", "height": 80}, (80, 120)),
    ({"resize_type": "scale total pixels", "megapixels": 0.01}, (84, 125)),
    ({"resize_type": "match size", "match": torch.zeros(1, 12, 13), "crop": "center"}, (12, 13)),
    ({"resize_type": "scale to multiple", "multiple": 16}, (32, 48)),
]


@pytest.mark.parametrize(
    ("given", "size"), SIZES, ids=lambda x: str(x.get("resize_type")) if isinstance(x, dict) else ""
)
def test_pictures_and_masks_are_resized_in_any_way(given: dict[str, Any], size: tuple[int, int]):
    options = {f"resize_type.{k}": v for k, v in given.items() if k != "resize_type"}
    image = resizing.resize_image_mask(
        input=picture(40, 60), resize_type=given["resize_type"], scale_method="area", **options
    )
    assert image.shape == (1, *size, 3)
    mask = resizing.resize_image_mask(
        input=picture(40, 60)[..., 0], resize_type=given["resize_type"], scale_method="bilinear", **options
    )
    assert mask.shape == (1, *size)


@pytest.mark.parametrize(
    ("kind", "options", "said"),
    [
        ("scale longer dimension", {"longer_size": 0}, "0 x 0 pixels"),
        ("scale to multiple", {"multiple": 64}, "0 x 0 pixels"),
        ("match size", {"match": None, "crop": "center"}, "nothing is linked to match"),
    ],
)
def test_sizes_of_nothing_are_refused(kind: Any, options: dict[str, Any], said: str):
    with pytest.raises(ValueError, match=said):
        resizing.resize_image_mask(
            input=picture(40, 60), resize_type=kind, **{f"resize_type.{k}": v for k, v in options.items()}
        )


def test_a_saved_workflow_of_the_standard_gives_its_values_to_the_right_inputs(tmp_path: Path):
    node = {
        "id": 1,
        "type": "ResizeImageMaskNode",
        "inputs": [{"name": "input", "type": "IMAGE,MASK", "link": None}],
        "widgets_values": ["scale dimensions", 720, 1280, "center", "lanczos"],
    }
    sums = {
        "id": 2,
        "type": "ComfyMathExpression",
        "inputs": [{"name": "values.a", "type": "INT", "link": 5}, {"name": "values.b", "type": "INT", "link": None}],
        "widgets_values": ["a * 2"],
    }
    size = {"id": 3, "type": "ResolutionSelector", "outputs": [{"name": "width", "type": "INT", "links": [5]}]}
    workflow = {"nodes": [node, sums, size], "links": [[5, 3, 0, 2, 0, "INT"]], "version": 0.4}
    graph = flatten(workflow, Descriptions(registry, Files(tmp_path))).graph
    assert graph["1"]["inputs"] == {
        "resize_type": "scale dimensions",
        "resize_type.width": 720,
        "resize_type.height": 1280,
        "resize_type.crop": "center",
        "scale_method": "lanczos",
    }
    assert graph["2"]["inputs"] == {"expression": "a * 2", "values.a": ["3", 0]}


def test_they_are_described_as_the_standard_describes_such_inputs(tmp_path: Path):
    batch = describe(registry["BatchImagesNode"], Files(tmp_path))["input"]["required"]
    assert batch.keys() == {"images"}
    assert batch["images"][0] == "COMFY_AUTOGROW_V3"
    template = batch["images"][1]["template"]
    assert (template["prefix"], template["min"], template["max"]) == ("image", 2, 50)
    assert template["input"]["required"]["image"][0] == "IMAGE"
    resize = describe(registry["ResizeImageMaskNode"], Files(tmp_path))["input"]["required"]
    assert list(resize) == ["input", "resize_type", "scale_method"]
    keys = [option["key"] for option in resize["resize_type"][1]["options"]]
    assert keys[:2] == ["scale dimensions", "scale by multiplier"]


# --- files ---------------------------------------------------------------------------------------


def saved(files: Files, images: torch.Tensor, **chosen: Any) -> Path:
    names = {name: default for option in save_kinds.KINDS.options.values() for name, (_, default) in option.items()}
    kind = chosen.pop("format")
    options = {f"format.{name}": value for name, value in {**names, **chosen}.items()}
    shown = asyncio.run(
        save_kinds.save_image_advanced(
            images=images, format=kind, prompt=PROMPT, extra_pnginfo={"workflow": {}}, files=files, **options
        )
    )
    assert shown.result is images
    return files.root("output") / shown.ui["images"][0]["filename"]


@pytest.mark.parametrize(
    ("chosen", "off"),
    [
        ({"format": "png", "bit_depth": "8-bit"}, 1 / 255),
        ({"format": "jpeg", "quality": 100}, 0.2),
        ({"format": "webp", "lossless": True}, 1 / 255),
        ({"format": "webp", "quality": 100}, 0.25),
        ({"format": "avif", "quality": 100}, 0.25),
    ],
    ids=str,
)
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_pictures_of_each_kind_come_back_with_their_graph(
    tmp_path: Path, chosen: dict[str, Any], off: float, channels: int
):
    if chosen["format"] == "avif" and not features.check("avif"):
        pytest.skip("this Pillow writes no AVIF")
    images = torch.linspace(0, 1, 32)[None, :, None, None].expand(1, 32, 40, channels).contiguous()
    images = torch.cat((images[..., :3], torch.ones(1, 32, 40, 1)), -1) if channels == 4 else images
    path = saved(Files(tmp_path), images, **chosen)
    got = image_files.load(path)[0]
    assert got.shape == (1, 32, 40, 3)
    assert (got[..., :1] - images[..., :1]).abs().max() <= off
    assert json.loads(graph_in(path)) == PROMPT


def graph_in(path: Path) -> str:
    if path.suffix == ".avif":
        with Image.open(path) as image:
            return image.getexif()[0x0110].removeprefix("prompt:")
    with path.open("rb") as file:
        return metadata.read_texts(file, path.name)["prompt"]


def test_sixteen_bits_are_kept(tmp_path: Path):
    grey = picture(5, 7, 1)
    path = saved(Files(tmp_path), grey, format="png", bit_depth="16-bit")
    with Image.open(path) as image:
        assert image.mode == "I;16"
        assert json.loads(graph_in(path)) == PROMPT
        assert np.abs(np.asarray(image) / 65535 - grey[0, ..., 0].numpy()).max() < 1e-5
    for channels in (3, 4):
        (data,) = picture_files.deep_png(picture(5, 7, channels), {})
        with Image.open(io.BytesIO(data)) as image:  # Pillow reads the upper eight bits
            image.load()
            assert np.abs(np.asarray(image) / 255 - picture(5, 7, channels)[0].numpy()).max() < 1.01 / 255


def test_other_numbers_of_channels_are_refused(tmp_path: Path):
    for kind in ({"format": "png", "bit_depth": "16-bit"}, {"format": "webp"}):
        with pytest.raises(ValueError, match="2 channels"):
            saved(Files(tmp_path), picture(4, 4, 2), **kind)


def test_two_pictures_to_compare_are_shown_and_not_kept(tmp_path: Path):
    files = Files(tmp_path)
    hidden: dict[str, Any] = {"prompt": PROMPT, "extra_pnginfo": {}, "files": files}
    shown = asyncio.run(save_kinds.image_compare(image_a=picture(), image_b=picture(batch=2), **hidden)).ui
    assert [len(shown[name]) for name in ("images", "a_images", "b_images")] == [3, 1, 2]
    assert all((files.root("temp") / i["filename"]).exists() for i in shown["images"])
    assert asyncio.run(save_kinds.image_compare(**hidden)).ui["images"] == []


def test_drawings_are_saved_with_their_graph(tmp_path: Path):
    files = Files(tmp_path)
    drawings = ['<?xml version="1.0"?><svg width="3"><path/></svg>', b"<svg/>", io.BytesIO(b"<svg></svg>")]
    shown = asyncio.run(save_kinds.save_svg(svg=drawings, prompt=PROMPT, extra_pnginfo={}, files=files))
    paths = [files.root("output") / i["subfolder"] / i["filename"] for i in shown.ui["images"]]
    assert [p.name for p in paths] == [f"ComfyUI_0000{i}_.svg" for i in (1, 2, 3)]
    import xml.etree.ElementTree as tree

    for path in paths:
        text = tree.parse(path).getroot().find("metadata/text[@name='prompt']")
        assert text is not None
        assert json.loads(text.text or "") == PROMPT
    with pytest.raises(ValueError, match="no SVG drawing"):
        save_kinds.text_of("<html>")


# --- folders -------------------------------------------------------------------------------------


def folder(tmp_path: Path) -> Files:
    place = tmp_path / "input/cats"
    (place / "2_old").mkdir(parents=True)
    Image.new("RGB", (8, 6), (255, 0, 0)).save(place / "a.png")
    Image.new("RGB", (16, 6), (0, 255, 0)).save(place / "b.png")
    Image.new("RGB", (8, 6), (0, 0, 255)).save(place / "2_old/c.jpg")
    (place / "a.txt").write_text("a red cat\n", encoding="utf-8")
    return Files(tmp_path)


def test_a_folder_is_a_batch_and_counted_folders_are_in_it_as_often(tmp_path: Path):
    files = folder(tmp_path)
    assert image_sets.input_folders(files) == ["cats"]
    with pytest.raises(ValueError, match=r"b.png is of another size than a.png, which is 8 x 6: choose Stretch"):
        image_sets.load_image_set_from_folder(folder="cats", files=files)
    for way in ("Stretch", "Crop", "Pad"):
        assert image_sets.load_image_set_from_folder(folder="cats", resize_method=way, files=files).shape == (
            4,
            6,
            8,
            3,
        )
    padded = image_sets.load_image_set_from_folder(folder="cats", resize_method="Pad", files=files)[1]
    assert padded[0].sum() == 0
    assert padded[3, 4, 1] == 1


def test_texts_beside_pictures_are_encoded(tmp_path: Path):
    class Fake:
        def conditioning(self, text: str) -> list[tuple[str, dict[str, Any]]]:
            return [(text, {})]

    found = image_sets.load_image_text_set_from_folder(
        folder="cats", clip=cast("Any", Fake()), resize_method="Crop", width=4, height=5, files=folder(tmp_path)
    )
    assert found.IMAGE.shape == (4, 5, 4, 3)
    assert [text for text, _ in found.CONDITIONING] == ["a red cat", "", "", ""]


def test_folders_without_pictures_and_outside_are_refused(tmp_path: Path):
    files = folder(tmp_path)
    (tmp_path / "input/none").mkdir()
    assert "no picture in input/none" in (image_sets.folder_problem(files, "none") or "")
    assert image_sets.folder_problem(files, "cats") is None
    with pytest.raises(FileProblem):
        image_sets.pictures(files, "../..")
