"""The ends of what nodes take: nothing in a batch or list, places outside, ranges that contradict themselves."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

import nodes
from executor.node import registry

assert nodes.__name__

IMAGE, MASK, LATENT = torch.rand(2, 8, 8, 3), torch.rand(2, 8, 8), {"samples": torch.rand(2, 4, 8, 8)}
NO_IMAGE, NO_SIGMAS = torch.zeros(0, 8, 8, 3), torch.zeros(0)
CONDITIONING = [(torch.rand(1, 77, 8), dict[str, Any]())]


def call(name: str, **inputs: Any) -> Any:
    return registry[name].function(**inputs)


DEFINED = [
    ("ImageCrop", {"image": IMAGE, "width": 4, "height": 4, "x": 100, "y": 100}, (2, 1, 1, 3)),
    ("ImageFromBatch", {"image": IMAGE, "batch_index": 50, "length": 3}, (1, 8, 8, 3)),
    ("LatentFromBatch", {"samples": LATENT, "batch_index": 50, "length": 3}, (1, 4, 8, 8)),
    ("LatentCrop", {"samples": LATENT, "width": 8, "height": 8, "x": 9000, "y": 9000}, (2, 4, 1, 1)),
    ("LatentCut", {"samples": LATENT, "dim": "x", "index": 500, "amount": 3}, (2, 4, 8, 1)),
    ("FlipSigmas", {"sigmas": NO_SIGMAS}, (0,)),
    ("SetFirstSigma", {"sigmas": NO_SIGMAS, "sigma": 3.0}, (0,)),
    ("RepeatImageBatch", {"image": NO_IMAGE, "amount": 3}, (0, 8, 8, 3)),
    ("FeatherMask", {"mask": MASK, "left": 500, "top": 0, "right": 500, "bottom": 0}, (2, 8, 8)),
    (
        "ImageCompositeMasked",
        {"destination": IMAGE, "source": IMAGE, "x": 500, "y": 500, "resize_source": False},
        (2, 8, 8, 3),
    ),
    ("ImageScaleBy", {"image": IMAGE, "upscale_method": "area", "scale_by": 0.01}, (2, 1, 1, 3)),
]


@pytest.mark.parametrize(("name", "inputs", "shape"), DEFINED, ids=[name for name, _, _ in DEFINED])
def test_what_lies_outside_is_brought_inside(name: str, inputs: dict[str, Any], shape: tuple[int, ...]):
    found = call(name, **inputs)
    tensor: Tensor = found["samples"] if isinstance(found, dict) else found
    assert tuple(tensor.shape) == shape


REFUSED = [
    ("CropMask", {"mask": MASK, "x": 100, "y": 100, "width": 4, "height": 4}, r"\(100, 100\) lies outside"),
    (
        "ImageScale",
        {"image": NO_IMAGE, "upscale_method": "bilinear", "width": 4, "height": 4, "crop": "disabled"},
        "the picture is empty",
    ),
    (
        "ImageStitch",
        {
            "image1": IMAGE,
            "image2": NO_IMAGE,
            "direction": "right",
            "match_image_size": True,
            "spacing_width": 0,
            "spacing_color": "white",
        },
        "without pictures",
    ),
    (
        "LatentBlend",
        {"samples1": LATENT, "samples2": {"samples": torch.rand(3, 4, 8, 8)}, "blend_factor": 0.5},
        "2 latents and samples2 3",
    ),
    ("ConditioningConcat", {"conditioning_to": CONDITIONING, "conditioning_from": []}, "conditioning_from is empty"),
    ("ImageBlur", {"image": IMAGE, "blur_radius": 31, "sigma": 1.0}, "choose a smaller radius"),
    (
        "CreateHookKeyframesFromFloats",
        {"floats_strength": [], "start_percent": 0.0, "end_percent": 1.0},
        "no strengths",
    ),
]


@pytest.mark.parametrize(("name", "inputs", "said"), REFUSED, ids=[name for name, _, _ in REFUSED])
def test_what_cannot_be_is_said(name: str, inputs: dict[str, Any], said: str):
    with pytest.raises(ValueError, match=said):
        call(name, **inputs)


def test_a_prompt_whose_part_of_the_run_is_turned_around_never_holds_and_that_is_said():
    with pytest.warns(UserWarning, match=r"from 0.8 to 0.2 ends before it begins"):
        found = call("ConditioningSetTimestepRange", conditioning=CONDITIONING, start=0.8, end=0.2)
    assert (found[0][1]["start_percent"], found[0][1]["end_percent"]) == (0.8, 0.2)
