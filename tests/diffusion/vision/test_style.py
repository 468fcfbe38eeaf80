"""The style adapter against the same layers made of torch's own attention."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from bench.random_checkpoint import random_state
from diffusion.vision import style
from diffusion.vision.encode import VisionOutput
from diffusion.vision.style import StyleAdapter
from tests.diffusion.test_unet import error


def loaded(path: Path) -> tuple[dict[str, Tensor], style.StyleModel]:
    with torch.device("meta"):
        network = StyleAdapter(4, 32, 2, 24)
    state = random_state(network, torch.float32)
    save_file(state, path / "style.safetensors")
    return state, style.load(path / "style.safetensors")


def reference(state: dict[str, Tensor], x: Tensor) -> Tensor:
    def norm(name: str, x: Tensor) -> Tensor:
        return nn.functional.layer_norm(x, x.shape[-1:], state[f"{name}.weight"], state[f"{name}.bias"])

    x = norm("ln_pre", torch.cat((x, state["style_embedding"].expand(len(x), -1, -1)), 1))
    for i in range(2):
        at = f"transformer_layes.{i}."
        attention = nn.MultiheadAttention(32, 8, batch_first=True)
        attention.load_state_dict({n[len(at) + 5 :]: t for n, t in state.items() if n.startswith(f"{at}attn.")})
        y = norm(f"{at}ln_1", x)
        x = x + attention(y, y, y, need_weights=False)[0]
        y = nn.functional.linear(norm(f"{at}ln_2", x), state[f"{at}mlp.c_fc.weight"], state[f"{at}mlp.c_fc.bias"])
        y = y * (1.702 * y).sigmoid()
        x = x + nn.functional.linear(y, state[f"{at}mlp.c_proj.weight"], state[f"{at}mlp.c_proj.bias"])
    return norm("ln_post", x[:, -4:]) @ state["proj"]


def seen(width: int = 32) -> VisionOutput:
    states = torch.randn(2, 5, width, generator=torch.Generator().manual_seed(1))
    return VisionOutput(states[:, 0], states, states)


def test_its_tokens_follow_those_of_the_prompt(tmp_path: Path):
    state, model = loaded(tmp_path)
    text = torch.randn(1, 7, 24)
    ((joined, options),) = style.apply([(text, {"a": 1})], model, seen(), 0.5)
    with torch.no_grad():
        want = reference(state, seen().last_hidden_state)
    assert options == {"a": 1}
    assert torch.equal(joined[:, :7], text)
    assert error(joined[0, 7:], 0.5 * want.flatten(0, 1)) < 1e-5


def test_other_widths_name_both_sides(tmp_path: Path):
    _, model = loaded(tmp_path)
    with pytest.raises(ValueError, match=r"style\.safetensors reads .* of width 32 sees, not 40"):
        style.apply([(torch.zeros(1, 7, 24), {})], model, seen(40), 1.0)
    with pytest.raises(ValueError, match=r"style\.safetensors makes tokens 24 wide, but the prompt's are 16 wide"):
        style.apply([(torch.zeros(1, 7, 16), {})], model, seen(), 1.0)


def test_other_files_say_what_they_are(tmp_path: Path):
    save_file({"redux_up.weight": torch.ones(2)}, tmp_path / "r.safetensors")
    with pytest.raises(
        ValueError, match=r"r\.safetensors is no style model that can be run; it is a style model of Flux"
    ):
        style.load(tmp_path / "r.safetensors")
