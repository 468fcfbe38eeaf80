"""The image and mask nodes: the standard's recorded results, and what they say of bad input."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from executor.files import Files
from executor.node import registry
from tests.replay.nodes import call, mismatch, replay


@pytest.fixture(scope="module")
def records(conformance: Path) -> dict[str, Any]:
    return json.loads((conformance / "nodes.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("group", ["images", "masks"])
def test_recorded_results(records: dict[str, Any], group: str, conformance: Path):
    got = list(replay({group: records[group]}, conformance))
    assert len(got) == len(records[group]) > 40
    assert not [f"{label}: {found}" for label, found in got if found]


def test_a_difference_is_found(records: dict[str, Any]):
    record = next(r for r in records["images"] if r["node"] == "ImageInvert")
    other = {**record, "inputs": {"image": {**record["inputs"]["image"], "values": [0.5] * 576}}}
    assert "off, worst" in (mismatch(other) or "")
    assert "gave a result" in (mismatch({**record, "error": "RuntimeError"}) or "")
    assert mismatch({**record, "node": "NoSuch"}) == "there is no node NoSuch"


def tensor(*shape: int) -> dict[str, Any]:
    return {"shape": list(shape), "fill": 0.5}


@pytest.mark.parametrize(
    ("name", "inputs", "said"),
    [
        ("ImageScale", {"image": tensor(0, 4, 4, 3), "upscale_method": "area", "width": 2, "height": 2}, "empty"),
        ("ImageScale", {"image": tensor(1, 4, 4, 1), "upscale_method": "lanczos", "width": 2, "height": 2}, "3 or 4"),
        (
            "ImageScaleToMaxDimension",
            {"image": tensor(1, 4, 4, 3), "upscale_method": "area", "largest_size": 0},
            "least 1",
        ),
        ("ImageBlur", {"image": tensor(1, 4, 4, 3), "blur_radius": 4, "sigma": 1.0}, "smaller radius"),
        ("CropMask", {"mask": tensor(1, 4, 4), "x": 9, "y": 0, "width": 2, "height": 2}, "outside"),
        ("ImageBatch", {"image1": tensor(1, 4, 4, 3), "image2": tensor(1, 4, 4, 4)}, "same number"),
        ("ImageToMask", {"image": tensor(1, 4, 4, 3), "channel": "alpha"}, "no alpha"),
        ("ImageQuantize", {"image": tensor(1, 4, 4, 4), "colors": 4, "dither": "none"}, "split the alpha"),
        ("LTXVPreprocess", {"image": tensor(1, 4, 4, 3), "img_compression": 35}, "set it to 0"),
    ],
)
def test_bad_input_gets_one_message(name: str, inputs: dict[str, Any], said: str):
    defaults = {"crop": "disabled"} if name == "ImageScale" else {}
    with pytest.raises(ValueError, match=said):
        call(name, inputs | defaults)


def test_compression_is_refused_before_the_run():
    validate = registry["LTXVPreprocess"].validate
    assert validate
    assert validate(files=Files(), img_compression=0) is None
    assert "img_compression 35" in (validate(files=Files(), img_compression=35) or "")


def test_without_a_second_picture_there_is_nothing_to_stitch():
    image = torch.rand(1, 3, 3, 3)
    got = registry["ImageStitch"].function(
        image1=image, direction="up", match_image_size=True, spacing_width=4, spacing_color="red"
    )
    assert got is image


def test_size_is_width_height_and_batch():
    assert registry["GetImageSize"].function(image=torch.zeros(4, 2, 3, 3)) == (3, 2, 4)
