"""Stable Diffusion layouts from the few published numbers of an architecture, filled with random weights."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from diffusion.unet import UNet
from diffusion.unet_config import UNetConfig, stable_diffusion

SD1 = stable_diffusion()
SD2 = stable_diffusion(context=1024, linear=True, heads=0)
SDXL = stable_diffusion(320, (1, 2, 4), (0, 2, 10), context=2048, label=2816, linear=True, heads=0)


def random_state(network: nn.Module, dtype: torch.dtype, seed: int = 0) -> dict[str, Tensor]:
    """Weights for a network that was built on the meta device: small enough that activations stay finite."""
    generator = torch.Generator().manual_seed(seed)
    state: dict[str, Tensor] = {}
    for name, shape in ((n, tuple(t.shape)) for n, t in network.state_dict().items()):
        if len(shape) > 1:
            fan_in = max(1, torch.Size(shape[1:]).numel())
            state[name] = (torch.randn(shape, generator=generator) / fan_in**0.5).to(dtype)
        else:
            base = 1.0 if name.endswith("weight") else 0.0
            state[name] = (base + 0.05 * torch.randn(shape, generator=generator)).to(dtype)
    return state


def build(config: UNetConfig) -> UNet:
    """The network without weights."""
    with torch.device("meta"):
        return UNet(config)
