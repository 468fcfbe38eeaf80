"""Adapters, merges and saved files of each family, from the files to the picture, with narrow random models."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from torch import Tensor

import nodes
from diffusion import checkpoint, settings
from diffusion.adapters import names
from diffusion.placement import Resident
from tests import make_models
from tests.test_families import FAMILIES, Graph, run, text_to_image, workflow

assert nodes.__name__

ADAPTED = ("sd1", "sd2", "sdxl", "ssd", "koala", "refiner", "sd1_inpainting")
TEXT = {"clip_l": "lora_te_", "clip_h": "lora_te_", "clip_g": "lora_te2_"}


@pytest.fixture(autouse=True)
def _fp32() -> Iterator[None]:
    before = settings.current()
    settings.use(settings.Settings("fp32", "cpu"))
    torch.manual_seed(0)
    yield
    settings.use(before)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("adapters")


def pair(name: str, shape: tuple[int, ...]) -> dict[str, Tensor]:
    up, down = torch.randn(shape[0], 2, *[1] * (len(shape) - 2)), torch.randn(2, *shape[1:])
    return {f"{name}.lora_up.weight": up * 0.1, f"{name}.lora_down.weight": down * 0.3, f"{name}.alpha": torch.ones(())}


def write_lora(name: str, base: Path) -> str:
    """An adapter in kohya's words for every matrix and convolution of a family's networks."""
    model, clip, _ = checkpoint.load(make_models.write(name, base / "models/checkpoints"))
    assert isinstance(model.network, Resident)
    shapes = model.network.shapes
    known = names.unet_layers(shapes)
    theirs = {ours: flat for flat, ours in known.items()}  # the last one is diffusers'
    tensors: dict[str, Tensor] = {}
    for weight, shape in shapes.items():
        if weight.endswith(".weight") and len(shape) > 1:
            tensors |= pair(f"lora_unet_{theirs[weight.removesuffix('.weight')]}", shape)
    for encoder in clip.encoders:
        assert isinstance(encoder.network, Resident)
        for weight, shape in encoder.network.shapes.items():
            if ".layers." in weight and weight.endswith(".weight") and len(shape) > 1:
                tensors |= pair(TEXT[encoder.name] + weight.removesuffix(".weight").replace(".", "_"), shape)
    path = base / "models/loras" / f"{name}.safetensors"
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(tensors, path)
    return path.name


def with_lora(graph: Graph, name: str, strength: float) -> Graph:
    inputs = {"model": ["1", 0], "clip": ["1", 1], "lora_name": name, "strength_model": strength}
    graph = {**graph, "20": {"class_type": "LoraLoader", "inputs": {**inputs, "strength_clip": strength}}}
    for id in ("2", "3"):
        graph[id]["inputs"]["clip"] = ["20", 1]
    graph["5"]["inputs"]["model"] = ["20", 0]
    return graph


def pixels(paths: list[Path]) -> Any:
    return np.asarray(Image.open(paths[0]), np.int16)


@pytest.mark.parametrize("name", ADAPTED)
def test_an_adapter_of_each_family_changes_its_picture(name: str, base: Path):
    lora = write_lora(name, base)
    plain = pixels(run(workflow(name), base))
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # all of its layers are found
        adapted = pixels(run(with_lora(workflow(name), lora, 1.0), base))
    none = pixels(run(with_lora(workflow(name), lora, 0.0), base))
    assert np.abs(adapted - plain).max() > 2
    assert np.array_equal(none, plain)


def write_embedding(name: str, base: Path) -> str:
    """Two vectors for each text network of a family."""
    _, clip, _ = checkpoint.load(make_models.write(name, base / "models/checkpoints"))
    vectors = {encoder.name: torch.randn(2, encoder.config.width) for encoder in clip.encoders}
    path = base / "models/embeddings" / f"{name}_style.safetensors"
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(vectors if "clip_g" in vectors else {"emb_params": next(iter(vectors.values()))}, path)
    return path.stem


def prompted(name: str, words: str) -> Graph:
    graph = workflow(name)
    graph["2"]["inputs"]["text"] = words
    return graph


@pytest.mark.parametrize("name", ADAPTED)
def test_an_embedding_of_each_family_changes_its_picture(name: str, base: Path):
    word = write_embedding(name, base)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # it is found, and as wide as each text network
        without, told = (pixels(run(prompted(name, f"a red {w}"), base)) for w in ("", f"embedding:{word}"))
    assert np.abs(told - without).max() > 2


@pytest.mark.parametrize("name", ["sd2", "sdxl", "refiner"])
def test_a_hypernetwork_of_each_family_changes_its_picture(name: str, base: Path):
    model = checkpoint.load(make_models.write(name, base / "models/checkpoints"))[0]
    assert isinstance(model.network, Resident)
    width = next(s[1] for n, s in model.network.shapes.items() if n.endswith("attn2.to_k.weight"))
    hypernetwork(base / f"models/hypernetworks/{name}.pt", (width,))
    inputs = {"model": ["1", 0], "hypernetwork_name": f"{name}.pt", "strength": 1.0}
    graph = workflow(name) | {"20": {"class_type": "HypernetworkLoader", "inputs": inputs}}
    plain = pixels(run(workflow(name), base))
    graph["5"]["inputs"]["model"] = ["20", 0]
    assert np.abs(pixels(run(graph, base)) - plain).max() > 2


@pytest.mark.parametrize("name", FAMILIES)
def test_a_saved_checkpoint_of_each_family_gives_the_same_picture(name: str, base: Path):
    path = make_models.write(name, base / "models/checkpoints")
    want = pixels(run(workflow(name), base))
    saver = {"model": ["1", 0], "clip": ["1", 1], "vae": ["1", 2], "filename_prefix": f"checkpoints/{name}"}
    loader = workflow(name)["1"]
    run_quietly({"1": loader, "2": {"class_type": "CheckpointSave", "inputs": saver}}, base)
    saved = base / f"output/checkpoints/{name}_00001_.safetensors"
    missing = {n: t.shape for n, t in load_file(path).items() if n not in load_file(saved)}
    beside = ("embedder.", "noise_augmentor.", "logit_scale", "position_ids")  # no part of the three networks
    assert not [n for n in missing if not any(part in n for part in beside)]
    if name.startswith("unclip"):  # what sees pictures is no input of CheckpointSave
        return
    saved.replace(base / f"models/checkpoints/{name}_again.safetensors")
    graph = workflow(name)
    graph["1"]["inputs"]["ckpt_name"] = f"{name}_again.safetensors"
    assert np.array_equal(pixels(run(graph, base)), want)


def run_quietly(graph: Graph, base: Path) -> None:
    """Run a graph that shows nothing."""
    from executor.cache import Cache
    from executor.files import Files
    from executor.graph import read
    from executor.node import registry
    from executor.plan import make_plan
    from executor.run import execute

    files, parsed = Files(base), read(graph)
    outcome = execute(make_plan(parsed, registry, ["2"], files), files=files, cache=Cache())
    assert not outcome.failed, outcome.failed


def hypernetwork(path: Path, widths: tuple[int, ...] = (64, 32)) -> None:
    def state(width: int) -> dict[str, Tensor]:
        return {
            "linear.0.weight": torch.randn(2 * width, width) * 0.2, "linear.0.bias": torch.zeros(2 * width),
            "linear.1.weight": torch.randn(width, 2 * width) * 0.2, "linear.1.bias": torch.zeros(width),
        }  # fmt: skip

    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save({width: (state(width), state(width)) for width in widths} | {"name": "x"}, path)


RECORDED = (
    "ex_lora__lora",
    "ex_lora__lora_multiple",
    "ex_model_merging__model_merging_lora",
    "ex_hypernetworks__hypernetwork_example",
)


@pytest.mark.parametrize("name", RECORDED)
def test_recorded_workflows_run_to_the_end(name: str, base: Path, conformance: Path, tmp_path: Path):
    graph = json.loads((conformance / f"workflows/{name}.api.json").read_text("utf-8"))
    sd1 = load_file(make_models.write("sd1", base / "models/checkpoints"))
    lora = base / "models/loras" / write_lora("sd1", base)
    for node in graph.values():
        inputs = node["inputs"]
        for key, folder in (("ckpt_name", "checkpoints"), ("vae_name", "vae")):
            if key in inputs:
                place = tmp_path / "models" / folder / inputs[key]
                place.parent.mkdir(parents=True, exist_ok=True)
                torch.save(sd1, place) if place.suffix == ".ckpt" else save_file(sd1, place)
        if "lora_name" in inputs:
            place = tmp_path / "models/loras" / inputs["lora_name"]
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(lora.read_bytes())
        if "hypernetwork_name" in inputs:
            hypernetwork(tmp_path / "models/hypernetworks" / inputs["hypernetwork_name"])
        if "steps" in inputs:
            inputs["steps"] = 2
        if node["class_type"] == "EmptyLatentImage":
            inputs.update(width=48, height=32)
    made = run(graph, tmp_path)
    assert made
    assert pixels(made).shape == (32, 48, 3)


def test_handles_of_one_checkpoint_share_its_weights_in_turn(base: Path):
    """The second graph comes back to what the first one ran, after adapters of two strengths."""
    lora = write_lora("sd1", base)
    first = pixels(run(text_to_image("sd1"), base))
    half, whole = (pixels(run(with_lora(text_to_image("sd1"), lora, s), base)) for s in (0.5, 1.0))
    assert np.array_equal(pixels(run(text_to_image("sd1"), base)), first)
    assert len({a.tobytes() for a in (first, half, whole)}) == 3
