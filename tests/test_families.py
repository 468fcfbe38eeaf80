"""One workflow a family, from the file in its published layout to the picture."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from safetensors.torch import save_file
from torch import Tensor

import nodes
from diffusion import checkpoint, detect, image_files, layouts, settings
from diffusion.header import read_header
from executor.cache import Cache
from executor.check import check, outputs
from executor.files import Files
from executor.graph import read
from executor.node import registry
from executor.plan import make_plan
from executor.run import execute
from tests import make_models
from tests.diffusion.test_families import CONFIGS

assert nodes.__name__

Graph = dict[str, Any]

FAMILIES = {  # the name that is told, what the network predicts, the largest sigma
    "sd1": ("Stable Diffusion 1", "eps", 14.61),
    "sd1_inpainting": ("Stable Diffusion 1 inpainting", "eps", 14.61),
    "sd1_editing": ("Stable Diffusion 1 image editing", "eps", 14.61),
    "sd1_lcm": ("Stable Diffusion 1", "eps", 14.61),
    "sd2": ("Stable Diffusion 2", "eps", 14.61),
    "sd2_v": ("Stable Diffusion 2", "v", 14.61),
    "sd2_inpainting": ("Stable Diffusion 2 inpainting", "eps", 14.61),
    "sd2_depth": ("Stable Diffusion 2 depth", "eps", 14.61),
    "unclip": ("Stable Diffusion 2 unCLIP", "v", 14.61),
    "unclip_l": ("Stable Diffusion 2 unCLIP", "v", 14.61),
    "x4_upscaler": ("Stable Diffusion x4 upscaler", "v", 36.91),
    "sdxl": ("Stable Diffusion XL", "eps", 14.61),
    "sdxl_v": ("Stable Diffusion XL", "v", 4518.76),
    "sdxl_inpainting": ("Stable Diffusion XL inpainting", "eps", 14.61),
    "sdxl_editing": ("Stable Diffusion XL image editing", "eps", 14.61),
    "cosxl_editing": ("Stable Diffusion XL image editing", "v", 100.0),
    "cosxl": ("Stable Diffusion XL", "v", 100.0),
    "playground": ("Stable Diffusion XL", "edm", 80.0),
    "ssd": ("Stable Diffusion XL", "eps", 14.61),
    "koala": ("Stable Diffusion XL", "eps", 14.61),
    "refiner": ("Stable Diffusion XL refiner", "eps", 14.61),
}


@pytest.fixture(autouse=True)
def _fp32() -> Iterator[None]:
    before = settings.current()
    settings.use(settings.Settings("fp32", "cpu"))
    yield
    settings.use(before)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("families")


def text_to_image(name: str) -> Graph:
    def prompt(words: str) -> Mapping[str, Any]:
        return {"class_type": "CLIPTextEncode", "inputs": {"text": words, "clip": ["1", 1]}}

    sampled = {"seed": 7, "steps": 2, "cfg": 3.0, "sampler_name": "euler", "scheduler": "normal", "denoise": 1.0}
    links = {"model": ["1", 0], "positive": ["2", 0], "negative": ["3", 0], "latent_image": ["4", 0]}
    return {
        "1": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": f"{name}.safetensors"}},
        "2": prompt("a (red:1.2) apple"),
        "3": prompt("grey"),
        "4": {"class_type": "EmptyLatentImage", "inputs": {"width": 48, "height": 32, "batch_size": 2}},
        "5": {"class_type": "KSampler", "inputs": sampled | links},
        "6": {"class_type": "VAEDecode", "inputs": {"samples": ["5", 0], "vae": ["1", 2]}},
        "7": {"class_type": "SaveImage", "inputs": {"images": ["6", 0], "filename_prefix": name}},
    }


def shown(graph: Graph, node: str, inputs: Mapping[str, Any], latent: int = 2) -> Graph:
    """The graph with a node between the prompts and the sampler."""
    links = {"positive": ["2", 0], "negative": ["3", 0]}
    own = {"class_type": node, "inputs": {**links, **inputs}}
    picture = {"class_type": "EmptyImage", "inputs": {"width": 48, "height": 32, "batch_size": 1, "color": 0x336699}}
    mask = {"class_type": "SolidMask", "inputs": {"value": 1.0, "width": 48, "height": 32}}
    graph = {**graph, "10": picture, "11": mask, "12": own}
    graph["5"]["inputs"] |= {"positive": ["12", 0], "negative": ["12", 1], "latent_image": ["12", latent]}
    return graph


def workflow(name: str) -> Graph:
    graph = text_to_image(name)
    pixels = {"vae": ["1", 2], "pixels": ["10", 0]}
    if name.endswith(("inpainting", "depth")):
        return shown(graph, "InpaintModelConditioning", {**pixels, "mask": ["11", 0], "noise_mask": True})
    if name.endswith("editing"):
        return shown(graph, "InstructPixToPixConditioning", pixels)
    if name == "x4_upscaler":
        inputs = {"images": ["10", 0], "scale_ratio": 2.0, "noise_augmentation": 0.1}
        return shown(graph, "SD_4XUpscale_Conditioning", inputs)
    if name.startswith("unclip"):
        graph["1"]["class_type"] = "unCLIPCheckpointLoader"
        seen = {"clip_vision": ["1", 3], "image": ["10", 0], "crop": "center"}
        graph["10"] = shown(graph, "", {})["10"]
        graph["13"] = {"class_type": "CLIPVisionEncode", "inputs": seen}
        given = {"conditioning": ["2", 0], "clip_vision_output": ["13", 0], "strength": 1.0, "noise_augmentation": 0.1}
        graph["12"] = {"class_type": "unCLIPConditioning", "inputs": given}
        graph["5"]["inputs"] |= {"positive": ["12", 0], "negative": ["3", 0], "latent_image": ["4", 0]}
    return graph


def run(graph: Graph, base: Path, cache: Cache | None = None) -> list[Path]:
    """The pictures that a graph makes. cache: of what was run before."""
    files, parsed = Files(base), read(graph)
    errors = [p for p in check(parsed, registry, files) if p.severity == "error"]
    assert not errors, "; ".join(map(str, errors))
    outcome = execute(
        make_plan(parsed, registry, outputs(parsed, registry), files), files=files, cache=cache or Cache()
    )
    assert not outcome.failed, "; ".join(f"{f.type}: {f.message}" for f in outcome.failed)
    return [
        base / i["type"] / i["subfolder"] / i["filename"] for ui in outcome.shown.values() for i in ui.get("images", ())
    ]


@pytest.mark.parametrize("name", FAMILIES)
def test_a_workflow_of_each_family_makes_its_pictures(name: str, base: Path):
    path = make_models.write(name, base / "models/checkpoints")
    model, _, _ = checkpoint.load(path)
    told = detect.family(read_header(path))[0].name, model.prediction.kind, round(model.prediction.sigma_max, 2)
    assert told == FAMILIES[name]
    made = run(workflow(name), base)
    assert len(made) == (2 if name in _plain() else 1)
    for picture in made:
        pixels, _ = image_files.load(picture)
        assert pixels.shape == ((1, 64, 96, 3) if name == "x4_upscaler" else (1, 32, 48, 3))
        assert pixels.std() > 0.01


def _plain() -> list[str]:
    return [n for n in FAMILIES if not n.endswith(("inpainting", "depth", "editing", "upscaler"))]


# --- networks in files of their own --------------------------------------------------------------


def separate(name: str, base: Path) -> Graph:
    """The workflow of a family with its networks in the layouts of diffusers and transformers, one file each."""
    made = make_models.MAKERS[name]()
    his = UNet2DConditionModel(sample_size=8, **CONFIGS[name])
    names = layouts.unet_names({n: tuple(t.shape) for n, t in his.state_dict().items()})
    _save({n: made[make_models.UNET + ours] for n, ours in names.items()}, base, "diffusion_models/unet")
    _save(_under(made, make_models.VAE), base, "vae/vae")
    graph = text_to_image(name)
    graph["1"] = {"class_type": "UNETLoader", "inputs": {"unet_name": "unet.safetensors", "weight_dtype": "default"}}
    graph["21"] = {"class_type": "VAELoader", "inputs": {"vae_name": "vae.safetensors"}}
    graph["6"]["inputs"]["vae"] = ["21", 0]
    _save(_under(made, TEXTS[name]), base, "text_encoders/clip_l")
    loaded = {"class_type": "CLIPLoader", "inputs": {"clip_name": "clip_l.safetensors", "type": "stable_diffusion"}}
    if name in XL_CONFIGS:
        _save(make_models.text(make_models.G, "", projected=True), base, "text_encoders/clip_g")
        two = {"clip_name1": "clip_l.safetensors", "clip_name2": "clip_g.safetensors", "type": "sdxl"}
        loaded = {"class_type": "DualCLIPLoader", "inputs": two}
    graph["20"] = loaded
    for prompt in ("2", "3"):
        graph[prompt]["inputs"]["clip"] = ["20", 0]
    return graph


XL_CONFIGS = ("sdxl", "ssd", "koala")
TEXTS = {"sd1_lcm": "cond_stage_model.transformer."} | dict.fromkeys(XL_CONFIGS, "conditioner.embedders.0.transformer.")


def _under(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {n.removeprefix(prefix): t for n, t in tensors.items() if n.startswith(prefix)}


def _save(tensors: Mapping[str, Tensor], base: Path, name: str) -> None:
    path = base / f"models/{name}.safetensors"
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file({n: t.contiguous().clone() for n, t in tensors.items()}, path)


@pytest.mark.parametrize("name", TEXTS)
def test_networks_in_files_of_their_own_make_the_same_pictures(name: str, base: Path, tmp_path: Path):
    make_models.write(name, base / "models/checkpoints")
    want, got = run(text_to_image(name), base), run(separate(name, tmp_path), tmp_path)
    assert len(got) == 2
    for one, other in zip(got, want, strict=True):
        assert torch.equal(image_files.load(one)[0], image_files.load(other)[0])
