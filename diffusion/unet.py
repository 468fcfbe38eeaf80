"""The UNet of Stable Diffusion 1, 2 and XL, built as a `UNetConfig` says.

Attribute names are the checkpoint's. Letters: b batch, c channels, h w latent size, n = h w tokens, t text tokens,
d context width, e width of the time embedding.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from diffusion.matrices import Convolution, attention, computing_in
from diffusion.recomputing import ActivatedNorm, recomputed
from diffusion.unet_config import Block, Layer, Res, Resize, Spatial, UNetConfig

GROUPS = 32


class Linear(nn.Module):
    """A matrix over the last axis, stored as (out, in) or as a 1x1 convolution."""

    def __init__(self, channels: int, out: int, *, conv: bool = False):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(out, channels, *((1, 1) if conv else ())))
        self.bias = nn.Parameter(torch.empty(out))

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, self.weight.flatten(1), self.bias)


class ResBlock(nn.Module):
    def __init__(self, layer: Res, time_channels: int):
        super().__init__()
        self.in_layers = nn.Sequential(
            ActivatedNorm(GROUPS, layer.channels), nn.Identity(), Convolution(layer.channels, layer.out)
        )
        self.emb_layers = nn.Sequential(nn.SiLU(), nn.Linear(time_channels, layer.out))
        self.out_layers = nn.Sequential(
            ActivatedNorm(GROUPS, layer.out), nn.Identity(), nn.Identity(), Convolution(layer.out, layer.out)
        )
        self.skip_connection = nn.Conv2d(layer.channels, layer.out, 1) if layer.skip else nn.Identity()

    def forward(self, x: Tensor, emb: Tensor, context: Tensor) -> Tensor:
        hidden = self.in_layers(x) + self.emb_layers(emb)[:, :, None, None]
        return self.skip_connection(x) + self.out_layers(hidden)


class Attention(nn.Module):
    """Self attention, or attention to a context of another width."""

    def __init__(self, channels: int, context_dim: int, heads: int):
        super().__init__()
        if channels % heads:
            raise ValueError(f"{channels} channels cannot be divided among {heads} attention heads")
        self.heads = heads
        self.to_q = nn.Linear(channels, channels, bias=False)
        self.to_k = nn.Linear(context_dim, channels, bias=False)
        self.to_v = nn.Linear(context_dim, channels, bias=False)
        self.to_out = nn.Sequential(nn.Linear(channels, channels), nn.Identity())

    def forward(self, x: Tensor, context: Tensor) -> Tensor:
        q, k, v = (
            y.unflatten(-1, (self.heads, -1)).transpose(1, 2)  # b heads n c/heads
            for y in (self.to_q(x), self.to_k(context), self.to_v(context))
        )
        return self.to_out(attention(q, k, v).transpose(1, 2).flatten(2))  # b n c


class GEGLU(nn.Module):
    def __init__(self, channels: int, out: int):
        super().__init__()
        self.proj = nn.Linear(channels, 2 * out)

    def forward(self, x: Tensor) -> Tensor:
        return recomputed(_gated, self.proj(x))


def _gated(both: Tensor) -> Tensor:
    y, gate = both.chunk(2, -1)
    return y * F.gelu(gate)


class FeedForward(nn.Module):
    def __init__(self, channels: int):
        super().__init__()
        self.net = nn.Sequential(GEGLU(channels, 4 * channels), nn.Identity(), nn.Linear(4 * channels, channels))

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x)


class TransformerBlock(nn.Module):
    def __init__(self, channels: int, context_dim: int, heads: int, *, crossed: bool = False):
        super().__init__()
        self.crossed = crossed
        self.attn1 = Attention(channels, context_dim if crossed else channels, heads)
        self.ff = FeedForward(channels)
        self.attn2 = Attention(channels, context_dim, heads)
        self.norm1, self.norm2, self.norm3 = (nn.LayerNorm(channels) for _ in range(3))

    def forward(self, x: Tensor, context: Tensor) -> Tensor:
        y = self.norm1(x)
        x = x + self.attn1(y, context if self.crossed else y)
        x = x + self.attn2(self.norm2(x), context)
        return x + self.ff(self.norm3(x))


class SpatialTransformer(nn.Module):
    def __init__(self, layer: Spatial, context_dim: int, heads: int):
        super().__init__()
        self.norm = nn.GroupNorm(GROUPS, layer.channels, eps=1e-6)
        self.proj_in = Linear(layer.channels, layer.channels, conv=not layer.linear)
        self.transformer_blocks = nn.ModuleList(
            TransformerBlock(layer.channels, context_dim, heads, crossed=layer.crossed) for _ in range(layer.depth)
        )
        self.proj_out = Linear(layer.channels, layer.channels, conv=not layer.linear)

    def forward(self, x: Tensor, emb: Tensor, context: Tensor) -> Tensor:
        tokens = self.proj_in(self.norm(x).flatten(2).mT)  # b n c
        for block in self.transformer_blocks:
            tokens = block(tokens, context)
        return x + self.proj_out(tokens).mT.unflatten(2, x.shape[2:])  # b c h w


class First(nn.Conv2d):
    def __init__(self, layer: Resize):
        super().__init__(layer.channels, layer.out, 3, padding=1)

    def forward(self, x: Tensor, emb: Tensor, context: Tensor) -> Tensor:  # type: ignore[override]
        return super().forward(x)


class Downsample(nn.Module):
    def __init__(self, layer: Resize):
        super().__init__()
        self.op = Convolution(layer.channels, layer.out, stride=2)

    def forward(self, x: Tensor, emb: Tensor, context: Tensor) -> Tensor:
        return self.op(x)


class Upsample(nn.Module):
    def __init__(self, layer: Resize):
        super().__init__()
        self.conv = Convolution(layer.channels, layer.out)

    def forward(self, x: Tensor, size: torch.Size) -> Tensor:
        return self.conv(F.interpolate(x, size=size, mode="nearest"))


RESIZE: Mapping[str, Callable[[Resize], nn.Module]] = {"first": First, "down": Downsample, "up": Upsample}


class Layers(nn.Sequential):
    """The layers of one block. `size` is the next skip connection's: twice ours, or one less where that one is odd."""

    def forward(self, x: Tensor, emb: Tensor, context: Tensor, size: torch.Size) -> Tensor:  # type: ignore[override]
        for layer in self:
            x = layer(x, size) if isinstance(layer, Upsample) else layer(x, emb, context)
        return x


class Control(NamedTuple):
    """What is added to the states of a UNet, (b or 1, c, h or 1, w or 1) each; None = nothing there."""

    inputs: tuple[Tensor | None, ...]  # after each input block
    middle: Tensor | None  # after the middle block
    skips: tuple[Tensor | None, ...]  # to what the skip connection of each input block carries


class TimeEmbedding(nn.Sequential):
    """The time (b, c) -> (b, e). Networks that know their guidance (Luo et al. 2023) get it (b, g) added."""

    def __init__(self, channels: int, e: int, guidance: int):
        super().__init__(nn.Linear(channels, e), nn.SiLU(), nn.Linear(e, e))
        self.cond_proj = nn.Linear(guidance, channels, bias=False) if guidance else None

    def forward(self, x: Tensor, guidance: Tensor | None = None) -> Tensor:  # type: ignore[override]
        x = x if guidance is None or self.cond_proj is None else x + self.cond_proj(guidance)
        return self[2](self[1](self[0](x)))


class Encoder(nn.Module):
    """The half of a UNet that comes down, of which ControlNets are a copy."""

    def __init__(self, config: UNetConfig):
        super().__init__()
        self.config = config
        e = config.time_channels
        self.time_embed = TimeEmbedding(config.model_channels, e, config.guidance_channels)
        if config.label_channels:
            label = nn.Sequential(nn.Linear(config.label_channels, e), nn.SiLU(), nn.Linear(e, e))
            self.label_emb = nn.Sequential(label)
        elif config.classes:
            self.label_emb = nn.Embedding(config.classes, e)
        self.input_blocks = nn.ModuleList(self._build(block) for block in config.input_blocks)
        self.middle_block = self._build(config.middle_block)

    def _build(self, block: Block) -> Layers:
        return Layers(*(self._layer(layer) for layer in block))

    def _layer(self, layer: Layer) -> nn.Module:
        match layer:
            case Res():
                return ResBlock(layer, self.config.time_channels)
            case Spatial():
                return SpatialTransformer(layer, self.config.context_dim, self.config.heads_of(layer.channels))
            case Resize():
                return RESIZE[layer.kind](layer)

    def embed(self, timesteps: Tensor, y: Tensor | None, dtype: torch.dtype, guidance: Tensor | None = None) -> Tensor:
        """timesteps (b,), y (b, label), a class (b,) or None, guidance (b, g) or None -> (b, e)."""
        emb = self.time_embed(timestep_embedding(timesteps, self.config.model_channels).to(dtype), guidance)
        return emb if y is None else emb + self.label_emb(y)


class UNet(Encoder):
    def __init__(self, config: UNetConfig):
        super().__init__(config)
        self.output_blocks = nn.ModuleList(self._build(block) for block in config.output_blocks)
        width = config.model_channels
        self.out = nn.Sequential(
            ActivatedNorm(GROUPS, width), nn.Identity(), nn.Conv2d(width, config.out_channels, 3, padding=1)
        )

    def forward(
        self,
        x: Tensor,
        timesteps: Tensor,
        context: Tensor,
        y: Tensor | None = None,
        control: Control | None = None,
        concat: Tensor | None = None,
        guidance: Tensor | None = None,
        **_: Any,
    ) -> Tensor:
        """x (b, c, h, w), timesteps (b,), context (b, t, d), y (b, label), a class (b,) or None -> (b, out, h, w).

        concat: the channels (b, in - c, h, w) that follow those of x. guidance: (b, g), for networks that know it.
        """
        emb = self.embed(timesteps, y, x.dtype, guidance)  # b e
        if not context.requires_grad:
            context = context.to(computing_in(context))  # once, and not for each layer
        if concat is not None:
            x = torch.cat((x, concat), 1)
        skips: list[Tensor] = []
        for i, block in enumerate(self.input_blocks):
            x = block(x, emb, context, x.shape[2:])
            if control is not None:
                x = plus(x, control.inputs[i])
            skips.append(x)
        x = self.middle_block(x, emb, context, x.shape[2:])
        if control is not None:
            x = plus(x, control.middle)
            skips = [plus(*pair) for pair in zip(skips, control.skips, strict=True)]
        for block in self.output_blocks:
            x = torch.cat((x, skips.pop()), 1)
            x = block(x, emb, context, skips[-1].shape[2:] if skips else x.shape[2:])
        return self.out(x)


def plus(x: Tensor, added: Tensor | None) -> Tensor:
    """added: of the size of x, or of another where a patch lets the network work at a smaller one."""
    if added is None:
        return x
    fits = all(a in (1, n) for a, n in zip(added.shape[2:], x.shape[2:], strict=True))
    return x + (added if fits else F.interpolate(added, size=x.shape[2:], mode="bilinear"))


def timestep_embedding(timesteps: Tensor, width: int) -> Tensor:
    """(b,) -> (b, width), cosines then sines of frequencies from 1 down to 1 / 10000 (Ho et al. 2020)."""
    half = width // 2
    frequencies = torch.exp(torch.arange(half, device=timesteps.device) * (-math.log(10000) / half))
    angles = timesteps.float()[:, None] * frequencies
    return torch.cat((angles.cos(), angles.sin()), -1)
