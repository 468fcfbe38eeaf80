"""GLIGEN in the UNet gives diffusers' numbers; both layouts; what does not fit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from safetensors.torch import save_file
from torch import Tensor

from bench.random_checkpoint import build, random_state
from diffusion import gligen, layouts, settings
from diffusion.conditioned import Conditioned
from diffusion.emphasis import STANDARD, Language
from diffusion.gligen import Boxes, Gligen
from diffusion.model import SD15, Model
from diffusion.prediction import discrete
from diffusion.text import Clip
from diffusion.unet_config import stable_diffusion
from tests.diffusion.test_layouts import UNETS
from tests.diffusion.test_unet import error

HEADS = {"architecture": '{"unet": {"num_heads": 4}}'}
TEXTS = torch.randn(2, 1, 24, generator=torch.Generator().manual_seed(4))
BOXES = ((TEXTS[0], 4, 6, 1, 2), (TEXTS[1], 3, 3, 5, 0))


@pytest.fixture(autouse=True)
def in_fp32():
    before = settings.current()
    settings.use(settings.Settings("fp32", "cpu"))
    yield
    settings.use(before)


def pair(path: Path) -> tuple[UNet2DConditionModel, Model, Gligen]:
    """diffusers' UNet with boxes, our model of the same weights without, and the layers for boxes from a file."""
    torch.manual_seed(1)
    down = ("CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D")
    up = ("UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D")
    options = UNETS["SD 1"][0] | {"attention_type": "gated", "down_block_types": down, "up_block_types": up}
    his = UNet2DConditionModel(sample_size=8, **options).eval()
    state = random_state(his, torch.float32)
    state |= {n: torch.tensor(0.7) for n, t in state.items() if t.dim() == 0}
    his.load_state_dict(state)
    names = layouts.unet_names({n: tuple(t.shape) for n, t in state.items()})
    ours = build(stable_diffusion(**UNETS["SD 1"][1]))
    boxes = {names[n]: t for n, t in state.items() if ".fuser." in n or n.startswith("position_net")}
    ours.load_state_dict({names[n]: t for n, t in state.items() if names[n] not in boxes}, assign=True)
    save_file(boxes, path / "gligen.safetensors", HEADS)
    save_file(state, path / "diffusers.safetensors", HEADS)
    model = Model(network=ours, prediction=discrete("eps"), latent_format=SD15, name="model.safetensors")
    return his, model, gligen.load(path / "gligen.safetensors")


def grounding(batch: int, height: int, width: int) -> dict[str, Tensor]:
    """The boxes as diffusers takes them."""
    found = {"boxes": torch.zeros(1, 30, 4), "masks": torch.zeros(1, 30), "positive_embeddings": torch.zeros(1, 30, 24)}
    for i, (text, h, w, y, x) in enumerate(BOXES):
        found["boxes"][0, i] = torch.tensor((x / width, y / height, (x + w) / width, (y + h) / height))
        found["masks"][0, i], found["positive_embeddings"][0, i] = 1, text[0]
    return {name: t.expand(batch, *t.shape[1:]) for name, t in found.items()}


@torch.no_grad()
@pytest.mark.parametrize("name", ["gligen.safetensors", "diffusers.safetensors"])
def test_equals_diffusers(name: str, tmp_path: Path):
    his, model, _ = pair(tmp_path)
    model_of_boxes = gligen.load(tmp_path / name)
    x, context = torch.randn(2, 4, 8, 10), torch.randn(1, 9, 24)
    at, sigma = model.prediction, torch.full((2,), 3.0)
    sides: dict[str, Any] = {
        "positive": [(context, {"gligen": Boxes(model_of_boxes, BOXES)})],
        "negative": [(context * 0.5, {})],
    }
    got = Conditioned(model, sides, x.shape)(x, sigma[0], ("positive", "negative"))
    plain = Conditioned(model, {"positive": [(context, {})]}, x.shape)(x, sigma[0], ("positive",))
    for side, text in (("positive", context), ("negative", context * 0.5)):
        given, t = at.scale_input(x, sigma), at.timestep(sigma)
        kwargs = {"gligen": grounding(2, 8, 10)}
        want = his(given, t, text.expand(2, -1, -1), cross_attention_kwargs=kwargs).sample
        assert error(got[side], at.to_x0(want, x, sigma)) < 1e-5
    assert error(got["positive"], plain["positive"]) > 1e-3
    again = Conditioned(model, {"positive": [(context, {})]}, x.shape)(x, sigma[0], ("positive",))
    assert torch.equal(again["positive"], plain["positive"])


def test_a_model_of_another_family_is_refused(tmp_path: Path):
    _, _, boxes = pair(tmp_path)
    other = build(stable_diffusion(**UNETS["SD XL"][1]))
    model = Model(network=other, prediction=discrete("eps"), latent_format=SD15, name="xl.safetensors")
    message = r"GLIGEN model gligen\.safetensors does not fit the model xl\.safetensors: at input_blocks\.1\.1 .* 32"
    with pytest.raises(ValueError, match=message):
        gligen.require_fit(boxes, model)


class Words(Clip):
    def encode(self, text: Any, language: Language = STANDARD) -> tuple[Tensor, dict[str, Any]]:
        return torch.zeros(1, 77, 24), {"pooled_output": torch.full((1, 24), float(len(text)))}


def test_boxes_are_collected_and_counted(tmp_path: Path):
    _, _, model = pair(tmp_path)
    found: Any = [(torch.zeros(1, 9, 24), {"a": 1})]
    for text in ("a cat", "dog"):
        found = gligen.apply(found, Words(()), model, text, 64, 80, 16, 8)
    boxes = found[0][1]["gligen"].boxes
    assert [b[1:] for b in boxes] == [(8, 10, 2, 1)] * 2
    assert [float(b[0][0, 0]) for b in boxes] == [5.0, 3.0]
    for _ in range(28):
        found = gligen.apply(found, Words(()), model, "x", 64, 64, 0, 0)
    with pytest.raises(ValueError, match="at most 30 boxes"):
        gligen.apply(found, Words(()), model, "x", 64, 64, 0, 0)


def test_other_files_say_what_they_are(tmp_path: Path):
    save_file({"lora_unet_a.lora_up.weight": torch.ones(2, 2)}, tmp_path / "l.safetensors")
    with pytest.raises(ValueError, match=r"l\.safetensors is no GLIGEN model for text boxes; it is a LoRA"):
        gligen.load(tmp_path / "l.safetensors")
