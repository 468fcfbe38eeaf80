"""PhotoMaker against transformers' vision network and the paper's formula for the word."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import gelu, layer_norm, linear
from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

from bench.random_checkpoint import random_state
from diffusion.emphasis import STANDARD, Language
from diffusion.text import Clip
from diffusion.vision import photomaker
from diffusion.vision.encode import prepared
from diffusion.vision.photomaker import Fuse, PhotoMaker
from tests.diffusion.test_unet import error

SIZES: dict[str, Any] = {
    "hidden_size": 64, "num_attention_heads": 1, "projection_dim": 20, "hidden_act": "quick_gelu",
    "intermediate_size": 96, "num_hidden_layers": 2, "image_size": 28, "patch_size": 7,
}  # fmt: skip
WIDTH = 32


class Words(Clip):
    """Tells how long the prompt was that it got."""

    def encode(self, text: Any, language: Language = STANDARD) -> tuple[Tensor, dict[str, Any]]:
        states = torch.randn(1, 77, WIDTH, generator=torch.Generator().manual_seed(len(text)))
        return states, {"pooled_output": torch.full((1, 8), float(len(text)))}


def loaded(path: Path) -> tuple[CLIPVisionModelWithProjection, dict[str, Tensor], PhotoMaker]:
    his = CLIPVisionModelWithProjection(CLIPVisionConfig(**SIZES)).eval()
    seen = random_state(his, torch.float32)
    his.load_state_dict(seen)
    fuse = {f"fuse_module.{n}": t for n, t in random_state(Fuse(WIDTH), torch.float32).items()}
    own = {"visual_projection_2.weight": torch.randn(WIDTH - 20, 64) / 8, **fuse}
    torch.save({"id_encoder": {**seen, **own}, "lora_weights": {"a": torch.ones(1)}}, path / "photomaker-v1.bin")
    return his, own, photomaker.load(path / "photomaker-v1.bin")


@torch.no_grad()
def test_the_word_before_the_trigger_becomes_the_face(tmp_path: Path):
    his, own, model = loaded(tmp_path)
    image, text = torch.rand(1, 40, 30, 3), "photo of man photomaker outside"
    ((states, options),) = model.encode(image, Words(()), text)
    before, pooled = Words(()).encode("photo of man outside")
    out = his(prepared(image, 28, crop=True))
    whole = his.vision_model.post_layernorm(out.last_hidden_state[:, 0])
    face = torch.cat((out.image_embeds, linear(whole, own["visual_projection_2.weight"])), -1)

    def mlp(name: str, x: Tensor) -> Tensor:
        w = {n.removeprefix(f"fuse_module.{name}."): t for n, t in own.items()}
        x = layer_norm(x, x.shape[-1:], w["layernorm.weight"], w["layernorm.bias"])
        return linear(gelu(linear(x, w["fc1.weight"], w["fc1.bias"])), w["fc2.weight"], w["fc2.bias"])

    word = before[:, 3]
    word = mlp("mlp1", torch.cat((word, face), -1)) + word
    word = mlp("mlp2", word) + word
    want = layer_norm(word, (WIDTH,), own["fuse_module.layer_norm.weight"], own["fuse_module.layer_norm.bias"])
    assert error(states[:, 3], want) < 1e-5
    assert torch.equal(states[:, :3], before[:, :3])
    assert torch.equal(states[:, 4:], before[:, 4:])
    assert torch.equal(options["pooled_output"], pooled["pooled_output"])
    assert isinstance(his.visual_projection, nn.Linear)


def test_without_the_trigger_it_is_a_prompt(tmp_path: Path):
    _, _, model = loaded(tmp_path)
    ((states, _),) = model.encode(torch.rand(2, 28, 28, 3), Words(()), "a man")
    assert torch.equal(states, Words(()).encode("a man")[0])


def test_what_does_not_fit_is_told(tmp_path: Path):
    _, _, model = loaded(tmp_path)
    with pytest.raises(ValueError, match="takes one picture, and these are 2"):
        model.encode(torch.rand(2, 28, 28, 3), Words(()), "a man photomaker")

    class Narrow(Words):
        def encode(self, text: Any, language: Language = STANDARD) -> tuple[Tensor, dict[str, Any]]:
            return torch.zeros(1, 77, 16), {}

    with pytest.raises(ValueError, match=r"photomaker-v1\.bin changes prompts 32 wide, .* are 16 wide"):
        model.encode(torch.rand(1, 28, 28, 3), Narrow(()), "a man photomaker")


def test_version_two_is_told(tmp_path: Path):
    torch.save({"id_encoder": {"qformer_perceiver.token_proj.0.weight": torch.ones(2)}}, tmp_path / "v2.bin")
    with pytest.raises(ValueError, match=r"v2\.bin is a PhotoMaker model of version 2"):
        photomaker.load(tmp_path / "v2.bin")
