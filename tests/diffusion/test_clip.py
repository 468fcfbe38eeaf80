"""The text network, compared with transformers'."""

from pathlib import Path

import pytest
import torch
from torch import Tensor
from transformers import CLIPTextConfig, CLIPTextModelWithProjection

from diffusion import detect, networks
from diffusion.clip import ClipConfig, ClipText
from diffusion.header import read_header
from diffusion.parts import find_text
from diffusion.tokenizer import END, START
from diffusion.weights import open_weights


def network(config: ClipConfig) -> ClipText:
    """With random weights that do not let the states explode or vanish."""
    generator = torch.Generator().manual_seed(3)
    made = ClipText(config).eval().requires_grad_(False)
    for name, parameter in made.named_parameters():
        noise = torch.randn(parameter.shape, generator=generator)
        norm = "norm" in name and name.endswith("weight")
        parameter.data = 1 + 0.1 * noise if norm else noise * (0.02 if parameter.dim() == 1 else 0.08)
    return made


def reference(config: ClipConfig, weights: dict[str, Tensor]) -> CLIPTextModelWithProjection:
    model = CLIPTextModelWithProjection(
        CLIPTextConfig(
            vocab_size=config.tokens, hidden_size=config.width, intermediate_size=config.hidden,
            projection_dim=config.projection or config.width, num_hidden_layers=config.layers,
            num_attention_heads=config.heads, hidden_act="quick_gelu" if config.quick else "gelu",
            bos_token_id=START, eos_token_id=END,
        )
    )  # fmt: skip
    square = {"text_projection.weight": torch.eye(config.width)}
    model.load_state_dict(square | weights)
    return model.eval()


def tokens() -> Tensor:
    ids = torch.randint(0, START, (3, 77), generator=torch.Generator().manual_seed(1))
    ids[:, 0] = START
    for row, length in enumerate((1, 20, 76)):
        ids[row, length:] = END
    return ids


def error(got: Tensor, want: Tensor) -> float:
    return float((got - want).norm() / want.norm())


def assert_equal(ours: ClipText, config: ClipConfig) -> None:
    theirs = reference(config, {n: t.float() for n, t in ours.state_dict().items()})
    ids = tokens()
    with torch.no_grad():
        want = theirs(ids, output_hidden_states=True)
        for layer in range(1, config.layers + 1):
            project = config.projection is not None
            states, pooled = ours(ids, ids < 0, torch.empty(0, config.width), layer=layer, norm=False, project=project)
            assert error(states, want.hidden_states[layer]) < 1e-5
            assert error(pooled, want.text_embeds) < 1e-5
        normed, _ = ours(ids, ids < 0, torch.empty(0, config.width), layer=config.layers, norm=True, project=False)
        assert error(normed, want.last_hidden_state) < 1e-5


@pytest.mark.parametrize(
    "config",
    [
        ClipConfig(48, 3, 4, 96, 77, 49408, True, None),
        ClipConfig(40, 4, 2, 60, 77, 49408, False, 24),
    ],
    ids=["quick, bare", "gelu, projected"],
)
def test_random_networks_are_transformers(config: ClipConfig):
    assert_equal(network(config), config)


def test_the_starters_text_network_is_transformers(starter: Path):
    header = read_header(starter)
    resident, config = networks.text_encoder(header, open_weights(starter, header))
    assert (config.width, config.layers, config.heads, config.quick) == (128, 2, 8, True)
    module = resident.ready()
    assert isinstance(module, ClipText)
    assert_equal(module, config)


def test_sizes_are_read_from_shapes(starter_shapes: dict[str, tuple[int, ...]]):
    part = find_text(starter_shapes)
    assert part
    assert ClipConfig.from_shapes(part.shapes) == ClipConfig(128, 2, 2, 512, 77, 49408, True, None)
    config = ClipConfig(1280, 2, 20, 64, 77, 100, False, 1280)
    with torch.device("meta"):
        shapes = {n: tuple(t.shape) for n, t in ClipText(config).state_dict().items()}
    assert ClipConfig.from_shapes(shapes) == config


def test_heads_come_from_the_metadata(starter: Path):
    assert detect.heads(read_header(starter), "text") == 8


def test_later_tokens_do_not_change_earlier_states():
    config = ClipConfig(32, 2, 4, 48, 77, 49408, True, None)
    model, ids = network(config), tokens()[2:]
    other = ids.clone()
    other[:, 40:70] = 7
    nothing = torch.empty(0, 32)
    (a, _), (b, _) = (model(i, i < 0, nothing, layer=2, norm=True, project=False) for i in (ids, other))
    torch.testing.assert_close(a[:, :40], b[:, :40])
    assert not a[:, 40:].allclose(b[:, 40:])
