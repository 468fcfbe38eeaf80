"""Hypernetworks: what WebUI's files hold, put before keys and values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from diffusion import settings
from diffusion.adapters import hypernetwork
from diffusion.header import ModelFileError
from diffusion.model import SD15, Model
from diffusion.prediction import discrete
from diffusion.unet import Attention, UNet

WIDTH, CONTEXT = 32, 24


@pytest.fixture(autouse=True)
def _fp32() -> Iterator[None]:
    before = settings.current()
    settings.use(settings.Settings("fp32", "cpu"))
    torch.manual_seed(0)
    yield
    settings.use(before)


def network(width: int, norm: bool = False) -> nn.Sequential:
    """As WebUI builds them with the structure 1, 2, 1, activation relu: numbered so that gaps are activations."""
    layers: list[nn.Module] = [nn.Linear(width, 2 * width), nn.ReLU()]
    layers += [nn.LayerNorm(2 * width)] if norm else []
    layers += [nn.Linear(2 * width, width)] + ([nn.LayerNorm(width)] if norm else [])
    return nn.Sequential(*layers).requires_grad_(False)


def write(path: Path, networks: Mapping[int, tuple[nn.Module, ...]], **told: Any) -> Path:
    def state(module: nn.Module) -> dict[str, Tensor]:
        return {f"linear.{name}": t for name, t in module.state_dict().items()}

    pairs = {width: (state(one), state(two)) for width, (one, two) in networks.items()}
    torch.save({**pairs, "step": 100, "name": "x", "activation_func": "relu", **told}, path)
    return path


@pytest.fixture(scope="module")
def model() -> Model:
    from diffusion.unet_config import Res, Resize, Spatial, UNetConfig

    middle = (Res(WIDTH, WIDTH, False), Spatial(WIDTH, 1, False), Res(WIDTH, WIDTH, False))
    first, last = (Resize("first", 4, WIDTH),), (Res(2 * WIDTH, WIDTH, True),)
    torch.manual_seed(1)
    unet = UNet(UNetConfig(WIDTH, 64, CONTEXT, 0, 4, (first,), middle, (last,), 4))
    for parameter in unet.requires_grad_(False).parameters():
        nn.init.normal_(parameter, std=0.2)
    return Model(network=unet, prediction=discrete("eps"), latent_format=SD15, name="toy.safetensors")


def answer(model: Model) -> Tensor:
    torch.manual_seed(2)
    with torch.no_grad():
        return model.x0(torch.randn(1, 4, 8, 8), torch.tensor([3.0]), {"context": torch.randn(1, 7, CONTEXT)})


@pytest.mark.parametrize("norm", [False, True])
def test_keys_and_values_are_read_through_the_networks(model: Model, norm: bool, tmp_path: Path):
    networks = {width: (network(width, norm), network(width, norm)) for width in (WIDTH, CONTEXT, 768)}
    path = write(tmp_path / "a.pt", networks, is_layer_norm=norm)
    plain, got = answer(model), answer(hypernetwork.apply(model, path, 0.7))

    class Through(nn.Module):
        def __init__(self, inner: nn.Module, before: nn.Module):
            super().__init__()
            self.inner, self.before = inner, before

        def forward(self, x: Tensor) -> Tensor:
            return self.inner(x + 0.7 * self.before(x))

    unet: Any = model.network
    parts = [p for p in unet.modules() if isinstance(p, Attention)]
    old = [(p.to_k, p.to_v) for p in parts]
    for part in parts:
        one, two = networks[part.to_k.in_features]
        part.to_k, part.to_v = Through(part.to_k, one), Through(part.to_v, two)  # type: ignore[assignment]
    want = answer(model)
    for part, (k, v) in zip(parts, old, strict=True):
        part.to_k, part.to_v = k, v
    assert torch.allclose(got, want, atol=1e-5)
    assert not torch.allclose(got, plain, atol=1e-3)
    assert torch.equal(answer(model), plain)  # nothing stays on the network that handles share


def test_activations_follow_the_file(model: Model, tmp_path: Path):
    one, two = network(CONTEXT), network(CONTEXT)
    x = torch.randn(2, CONTEXT)
    for name, function in (("tanh", torch.tanh), ("mish", nn.functional.mish), ("linear", lambda y: y)):
        (pair,) = hypernetwork.load(write(tmp_path / "a.pt", {CONTEXT: (one, two)}, activation_func=name)).values()
        assert torch.allclose(pair[1](x), two[2](function(two[0](x))), atol=1e-6)
    (pair,) = hypernetwork.load(write(tmp_path / "a.pt", {CONTEXT: (one, two)}, activate_output=True)).values()
    assert torch.allclose(pair[0](x), one(x).relu(), atol=1e-6)


def test_what_does_not_fit_is_named(model: Model, tmp_path: Path):
    path = write(tmp_path / "wide.pt", {768: (network(768), network(768))})
    with pytest.raises(ModelFileError, match=r"wide\.pt fits nothing in toy\.safetensors: .* 768, .* read 24, 32"):
        hypernetwork.apply(model, path, 1.0)
    with pytest.raises(ModelFileError, match="activation 'snake', which is none of linear"):
        hypernetwork.load(write(tmp_path / "a.pt", {CONTEXT: (network(CONTEXT),) * 2}, activation_func="snake"))
    torch.save({"weight": torch.zeros(2)}, tmp_path / "b.pt")
    with pytest.raises(ModelFileError, match="no pair of networks for any width"):
        hypernetwork.load(tmp_path / "b.pt")
    (tmp_path / "c.pt").write_bytes(b"PK\x03\x04 cut")
    with pytest.raises(ModelFileError, match=r"c\.pt is no hypernetwork that can be read"):
        hypernetwork.load(tmp_path / "c.pt")
