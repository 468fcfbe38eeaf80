"""Control nodes in whole graphs, with narrow random models: what changes the picture, and what does not fit."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import nodes
from diffusion.control.apply import warn_of_mask
from diffusion.control.load import load
from diffusion.settings import Settings, use
from executor.bind import Problem
from executor.check import check
from executor.files import Files
from executor.graph import read
from executor.node import registry
from executor.plan import make_plan
from executor.run import execute
from tests import make_controls, make_models

assert nodes.__name__


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    base = tmp_path_factory.mktemp("controlled")
    for name in ("sd1", "sd1_inpainting", "sd2", "sdxl"):
        make_models.write(name, base / "models/checkpoints")
    for name, (folder, _) in make_controls.MAKERS.items():
        make_controls.write(name, base / "models" / folder)
    return base


@pytest.fixture(autouse=True)
def in_fp32(unchosen_settings: None) -> None:
    use(Settings("fp32", "cpu"))


Graph = dict[str, dict[str, Any]]


def node(kind: str, **inputs: Any) -> dict[str, Any]:
    return {"class_type": kind, "inputs": inputs}


def plain(checkpoint: str) -> Graph:
    """A run of one step, whose latent is the output; the conditionings are nodes 2 and 3."""
    return {
        "1": node("CheckpointLoaderSimple", ckpt_name=f"{checkpoint}.safetensors"),
        "2": node("CLIPTextEncode", text="a cat", clip=["1", 1]),
        "3": node("CLIPTextEncode", text="", clip=["1", 1]),
        "4": node("EmptyLatentImage", width=64, height=64, batch_size=1),
        "5": node(
            "KSampler", model=["1", 0], seed=1, steps=2, cfg=3.0, sampler_name="euler", scheduler="normal",
            positive=["2", 0], negative=["3", 0], latent_image=["4", 0], denoise=1.0,
        ),
        "6": node("SaveLatent", samples=["5", 0], filename_prefix="g"),
    }  # fmt: skip


def controlled(checkpoint: str, control: str, **more: Any) -> Graph:
    graph = plain(checkpoint)
    graph["10"] = node("ControlNetLoader", control_net_name=f"{control}.safetensors")
    graph["11"] = node("EmptyImage", width=40, height=72, batch_size=1, color=0x80FF20)
    graph["12"] = node(
        "ControlNetApplyAdvanced", positive=["2", 0], negative=["3", 0], control_net=["10", 0], image=["11", 0],
        strength=1.0, start_percent=0.0, end_percent=1.0, **more,
    )  # fmt: skip
    graph["5"]["inputs"] |= {"positive": ["12", 0], "negative": ["12", 1]}
    return graph


def problems(graph: Mapping[str, Any], base: Path) -> list[Problem]:
    return [p for p in check(read(graph), registry, Files(base)) if p.severity == "error"]


def run(graph: Graph, base: Path) -> Tensor:
    """The latent that the sampler makes."""
    files = Files(base)
    assert not problems(graph, base)
    outcome = execute(make_plan(read(graph), registry, ["6"], files), files=files)
    assert not outcome.failed, outcome.failed
    from safetensors.torch import load_file

    (made,) = outcome.shown["6"]["latents"]
    return load_file(base / made["type"] / made["subfolder"] / made["filename"])["latent_tensor"]


CONTROLS = [
    ("sd1", "controlnet_sd1"), ("sd2", "controlnet_sd2"), ("sdxl", "controlnet_sdxl"), ("sdxl", "union_sdxl"),
    ("sdxl", "control_lora_sdxl"), ("sd1", "t2i_sd1"), ("sd1_inpainting", "controlnet_sd1"),
]  # fmt: skip


@pytest.mark.parametrize(("checkpoint", "control"), CONTROLS)
def test_each_kind_changes_the_picture(checkpoint: str, control: str, models: Path):
    free, steered = run(plain(checkpoint), models), run(controlled(checkpoint, control), models)
    assert steered.isfinite().all()
    assert (free - steered).abs().max() > 1e-3


def test_a_union_network_hears_what_the_picture_is(models: Path):
    graph = controlled("sdxl", "union_sdxl")
    graph["13"] = node("SetUnionControlNetType", control_net=["10", 0], type="tile")
    untold = run(graph, models)
    graph["12"]["inputs"]["control_net"] = ["13", 0]
    assert (run(graph, models) - untold).abs().max() > 1e-3


def test_a_difference_needs_the_loader_with_a_model(models: Path):
    graph = controlled("sd1", "controlnet_difference")
    (problem,) = problems(graph, models)
    assert "controlnet_difference.safetensors holds only the difference" in problem.message
    graph["10"] = node("DiffControlNetLoader", model=["1", 0], control_net_name="controlnet_difference.safetensors")
    assert (run(graph, models) - run(plain("sd1"), models)).abs().max() > 1e-3


def test_another_width_is_a_problem_that_names_both_files(models: Path):
    (problem,) = problems(controlled("sd1", "controlnet_sdxl"), models)
    assert "controlnet_sdxl.safetensors has context width 192, sd1.safetensors has 64" in problem.message


def test_another_family_of_the_same_width_is_told_before_a_step(models: Path):
    graph = controlled("sd1", "controlnet_sd2")
    files = Files(models)
    outcome = execute(make_plan(read(graph), registry, ["6"], files), files=files)
    (failure,) = outcome.failed
    assert failure.node == "5"
    assert "the ControlNet controlnet_sd2.safetensors does not fit the model sd1.safetensors" in failure.message


def test_what_is_no_control_is_a_problem(models: Path):
    (models / "models/controlnet/sd1.safetensors").write_bytes(
        (models / "models/checkpoints/sd1.safetensors").read_bytes()
    )
    (problem,) = problems(controlled("sd1", "sd1"), models)
    assert "sd1.safetensors is no ControlNet or T2I-Adapter; it is a Stable Diffusion 1 model" in problem.message


def test_a_half_downloaded_control_is_a_problem(models: Path):
    whole = (models / "models/controlnet/controlnet_sd1.safetensors").read_bytes()
    (models / "models/controlnet/half.safetensors").write_bytes(whole[: len(whole) // 2])
    (problem,) = problems(controlled("sd1", "half"), models)
    assert "half.safetensors is truncated" in problem.message


def test_the_old_node_steers_too(models: Path):
    graph = controlled("sd1", "controlnet_sd1")
    graph["12"] = node("ControlNetApply", conditioning=["2", 0], control_net=["10", 0], image=["11", 0], strength=1.0)
    graph["5"]["inputs"] |= {"positive": ["12", 0], "negative": ["3", 0]}
    assert torch.equal(run(graph, models), run(controlled("sd1", "controlnet_sd1"), models))


def test_boxes_change_the_picture(models: Path):
    graph = plain("sd1")
    graph["10"] = node("GLIGENLoader", gligen_name="gligen.safetensors")
    graph["11"] = node(
        "GLIGENTextBoxApply", conditioning_to=["2", 0], clip=["1", 1], gligen_textbox_model=["10", 0], text="a hat",
        width=32, height=32, x=16, y=0,
    )  # fmt: skip
    graph["5"]["inputs"]["positive"] = ["11", 0]
    assert (run(graph, models) - run(plain("sd1"), models)).abs().max() > 1e-4
    graph["1"]["inputs"]["ckpt_name"] = "sdxl.safetensors"
    assert "gligen.safetensors" in problems(graph, models)[0].message


def test_a_style_changes_the_picture(models: Path):
    graph = plain("sd1")
    graph["10"] = node("CLIPVisionLoader", clip_name="vision.safetensors")
    graph["11"] = node("EmptyImage", width=40, height=72, batch_size=1, color=0x80FF20)
    graph["12"] = node("CLIPVisionEncode", clip_vision=["10", 0], image=["11", 0], crop="center")
    graph["13"] = node("StyleModelLoader", style_model_name="style.safetensors")
    graph["14"] = node(
        "StyleModelApply", conditioning=["2", 0], style_model=["13", 0], clip_vision_output=["12", 0], strength=1.0,
        strength_type="multiply",
    )  # fmt: skip
    graph["5"]["inputs"]["positive"] = ["14", 0]
    assert (run(graph, models) - run(plain("sd1"), models)).abs().max() > 1e-4


PREPROCESSORS = (
    "LineartStandardPreprocessor", "ImageLuminanceDetector", "ImageIntensityDetector", "TilePreprocessor",
)  # fmt: skip


@pytest.mark.parametrize("name", PREPROCESSORS)
def test_preprocessors_make_pictures_as_large_as_asked(name: str):
    image = torch.rand(2, 40, 60, 3)
    made = registry[name].function(image=image, resolution=128)
    assert made.shape == (2, 128, 192, 3)
    assert made[..., 0].std() > 0.01


def test_a_masked_picture_is_another_picture_for_a_control(models: Path):
    graph = controlled("sd1", "controlnet_sd1")
    plainly = run(graph, models)
    graph["13"] = node("SolidMask", value=1.0, width=20, height=36)
    graph["14"] = node("InpaintPreprocessor", image=["11", 0], mask=["13", 0])
    graph["12"]["inputs"]["image"] = ["14", 0]
    assert (run(graph, models) - plainly).abs().max() > 1e-4


@pytest.mark.filterwarnings("ignore:.*takes no mask")
def test_a_mask_for_networks_that_take_none_is_told(models: Path):
    graph = controlled("sd1", "controlnet_sd1")
    plainly = run(graph, models)
    graph["13"] = node("SolidMask", value=1.0, width=20, height=36)
    graph["12"]["class_type"] = "ControlNetInpaintingAliMamaApply"
    graph["12"]["inputs"] |= {"mask": ["13", 0], "vae": ["1", 2]}
    assert torch.equal(run(graph, models), plainly)
    with pytest.warns(UserWarning, match=r"controlnet_sd1\.safetensors takes no mask"):
        warn_of_mask(load(models / "models/controlnet/controlnet_sd1.safetensors"))
