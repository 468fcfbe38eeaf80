"""The vision network and what it is shown, against transformers; both layouts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from torch import Tensor
from transformers import CLIPImageProcessor, CLIPVisionConfig, CLIPVisionModelWithProjection

from bench.random_checkpoint import random_state
from diffusion.vision import encode, files
from diffusion.vision.encode import ClipVision, prepared
from diffusion.vision.network import VisionConfig
from tests.diffusion.test_unet import error

SIZES: dict[str, Any] = {"intermediate_size": 96, "num_hidden_layers": 3, "image_size": 28, "patch_size": 7}
NARROW: dict[str, Any] = {"hidden_size": 48, "num_attention_heads": 3, "projection_dim": 20, "hidden_act": "quick_gelu"}
HEADS = {"architecture": '{"vision": {"num_heads": 3}}'}


def pair(path: Path) -> tuple[CLIPVisionModelWithProjection, ClipVision]:
    his = CLIPVisionModelWithProjection(CLIPVisionConfig(**SIZES, **NARROW)).eval()
    state = random_state(his, torch.float32)
    his.load_state_dict(state)
    save_file(state, path / "vision.safetensors", HEADS)
    return his, encode.load(path / "vision.safetensors")


def test_equals_transformers(tmp_path: Path):
    his, ours = pair(tmp_path)
    image = torch.rand(2, 40, 60, 3)
    seen = ours.encode(image)
    with torch.no_grad():
        want = his(prepared(image, 28, crop=True), output_hidden_states=True)
    assert error(seen.image_embeds, want.image_embeds) < 1e-5
    assert error(seen.last_hidden_state, want.last_hidden_state) < 1e-5
    assert error(seen.penultimate_hidden_states, want.hidden_states[-2]) < 1e-5


LAYER = {
    "layer_norm1": "ln_1", "layer_norm2": "ln_2", "mlp.fc1": "mlp.c_fc", "mlp.fc2": "mlp.c_proj",
    "self_attn.out_proj": "attn.out_proj",
}  # fmt: skip


def as_open_clip(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """The same weights as OpenCLIP stores them."""
    whole = {
        theirs: state[ours].T.contiguous() if theirs == "proj" else state[ours] for theirs, ours in files.OPEN.items()
    }
    whole["positional_embedding"] = state["vision_model.embeddings.position_embedding.weight"]
    for i in range(SIZES["num_hidden_layers"]):
        at, to = f"vision_model.encoder.layers.{i}.", f"transformer.resblocks.{i}."
        for end in ("weight", "bias"):
            whole |= {f"{to}{new}.{end}": state[f"{at}{old}.{end}"] for old, new in LAYER.items()}
            thirds = [state[f"{at}self_attn.{p}_proj.{end}"] for p in "qkv"]
            whole[f"{to}attn.in_proj_{end}"] = torch.cat(thirds)
    return whole


@pytest.mark.parametrize("prefix", ["visual.", "embedder.model.visual."])
def test_openclips_layout_is_read(prefix: str, tmp_path: Path):
    his, ours = pair(tmp_path)
    state = {prefix + name: tensor for name, tensor in as_open_clip(his.state_dict()).items()}
    save_file(state, tmp_path / "open.safetensors", HEADS)
    other = encode.load(tmp_path / "open.safetensors")
    assert other.config == ours.config
    image = torch.rand(1, 30, 28, 3)
    assert error(other.encode(image).image_embeds, ours.encode(image).image_embeds) < 1e-6


PUBLISHED = {  # width, layers, heads, side, patch, embedding, hidden
    "ViT-L": (1024, 24, 16, 224, 14, 768, 4096),
    "ViT-L at 336": (1024, 24, 16, 336, 14, 768, 4096),
    "ViT-H": (1280, 32, 16, 224, 14, 1024, 5120),
    "ViT-g": (1408, 40, 16, 224, 14, 1024, 6144),
    "ViT-bigG": (1664, 48, 16, 224, 14, 1280, 8192),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_sizes_are_read_from_shapes(name: str):
    width, layers, heads, side, patch, embedding, hidden = PUBLISHED[name]
    config = CLIPVisionConfig(
        hidden_size=width, intermediate_size=hidden, num_hidden_layers=layers, num_attention_heads=heads,
        image_size=side, patch_size=patch, projection_dim=embedding,
    )  # fmt: skip
    with torch.device("meta"):
        network = CLIPVisionModelWithProjection(config)
    found = VisionConfig.from_shapes({n: tuple(t.shape) for n, t in network.state_dict().items()})
    assert (found.layer.heads, found.layer.layers, found.side, found.layer.quick) == (heads, layers, side, "L" in name)
    assert (found.layer.hidden, found.layer.projection) == (hidden, embedding)


@pytest.mark.parametrize("size", [(336, 450), (224, 224), (460, 230)])
def test_pictures_are_prepared_as_transformers_prepares_them(size: tuple[int, int]):
    rows, columns = torch.meshgrid(torch.linspace(0, 9, size[0]), torch.linspace(0, 7, size[1]), indexing="ij")
    image = torch.stack((rows.sin(), columns.cos(), (rows + columns).sin()), -1) / 2 + 0.5
    image = (image * 255).round() / 255
    picture = Image.fromarray((image * 255).round().numpy().astype(np.uint8))
    want = CLIPImageProcessor()(picture, return_tensors="pt")["pixel_values"]
    got = prepared(image[None], 224, crop=True)
    assert got.shape == want.shape
    assert (got - want).abs().max() < 2.5 / 255 / 0.26  # Pillow rounds between its two passes


def test_a_picture_out_of_shape_is_seen_whole():
    image = torch.zeros(1, 20, 60, 3)
    image[:, :, :2] = 1
    assert prepared(image, 28, crop=False)[0, 0, :, 0].min() > prepared(image, 28, crop=True)[0, 0].max()


def test_what_has_no_vision_network_says_what_it_is(tmp_path: Path):
    save_file({"vision_model.head.attention.in_proj_weight": torch.ones(2)}, tmp_path / "s.safetensors")
    with pytest.raises(ValueError, match=r"s\.safetensors holds no CLIP vision network; it is a SigLIP vision network"):
        files.inspect(tmp_path / "s.safetensors")


def test_pictures_are_kept_beside_the_prompt(tmp_path: Path):
    text = torch.zeros(1, 2, 3)
    (_, options), *_ = encode.as_prompt(encode.as_prompt([(text, {})], "a", 0.5, 0.1), "b", 1.0, 0.0)
    assert [p["clip_vision_output"] for p in options["unclip_conditioning"]] == ["a", "b"]
    assert options["unclip_conditioning"][0]["noise_augmentation"] == 0.1
    assert encode.as_prompt([(text, {})], "a", 0.0, 0.0) == [(text, {})]
