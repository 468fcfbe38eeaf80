"""Stable Diffusion layouts from the few published numbers of an architecture, filled with random weights."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from diffusion.unet import UNet
from diffusion.unet_config import Block, Res, Resize, Spatial, UNetConfig


def unet_config(
    width: int = 320,
    multiples: Sequence[int] = (1, 2, 4, 4),
    depths: Sequence[int] = (1, 1, 1, 0),
    *,
    context: int = 768,
    label: int = 0,
    linear: bool = False,
    heads: int = 8,
    in_channels: int = 4,
    middle_depth: int | None = None,
) -> UNetConfig:
    """A UNet with two residual blocks a level; the defaults are SD 1.5's."""
    first: Block = (Resize("first", in_channels, width),)
    stack, channels = [width], width
    inputs: list[Block] = [first]
    for level, (multiple, depth) in enumerate(zip(multiples, depths, strict=True)):
        out = multiple * width
        for _ in range(2):
            inputs.append((Res(channels, out, channels != out), *_spatial(out, depth, linear)))
            channels = out
            stack.append(out)
        if level < len(multiples) - 1:
            inputs.append((Resize("down", out, out),))
            stack.append(out)
    outputs: list[Block] = []
    for level in reversed(range(len(multiples))):
        out = multiples[level] * width
        for i in range(3):
            up = (Resize("up", out, out),) if level and i == 2 else ()
            outputs.append((Res(channels + stack.pop(), out, True), *_spatial(out, depths[level], linear), *up))
            channels = out
    top = multiples[-1] * width
    deepest = max(depths) if middle_depth is None else middle_depth
    middle: Block = (Res(top, top, False), *_spatial(top, deepest, linear), Res(top, top, False))
    return UNetConfig(width, 4 * width, context, label, 4, tuple(inputs), middle, tuple(outputs), heads)


def _spatial(channels: int, depth: int, linear: bool) -> Block:
    return (Spatial(channels, depth, linear),) if depth else ()


SD1 = unet_config()
SD2 = unet_config(context=1024, linear=True, heads=0)
SDXL = unet_config(320, (1, 2, 4), (0, 2, 10), context=2048, label=2816, linear=True, heads=0)


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
