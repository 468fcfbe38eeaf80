"""ControlNet (Zhang et al. 2023): a copy of the UNet's way down that also sees a picture. Names are the checkpoint's.

Letters as in `unet`; H W = 8h 8w is the size of the picture in pixels, i its channels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from torch import Tensor, nn
from torch.nn import functional

from diffusion.header import Shapes
from diffusion.residual_attention import ResidualAttention
from diffusion.unet import Encoder, timestep_embedding
from diffusion.unet_config import Layer, Spatial, UNetConfig


@dataclass(frozen=True)
class ControlNetConfig:
    half: UNetConfig  # without output blocks
    hint: tuple[int, ...]  # channels between the convolutions that the picture goes through
    types: int = 0  # kinds of picture that a union network tells apart; 0 = it is made for one
    depth: int = 0  # of a union network's transformer
    flag: int = 0  # width of the embedding of each flag that tells a union network its kind

    @property
    def outputs(self) -> tuple[int, ...]:
        """The channels of each input block, which are those of the UNet that it is made for."""
        return tuple(_channels(block[0]) for block in self.half.input_blocks)

    @property
    def middle(self) -> int:
        """The channels at the bottom; some UNets have no block there."""
        return _channels(self.half.middle_block[-1]) if self.half.middle_block else self.outputs[-1]

    @classmethod
    def from_shapes(cls, shapes: Shapes, heads: int = 0) -> ControlNetConfig:
        """The config of a file in our names; heads as in `UNetConfig.from_shapes`."""
        numbers = {name.split(".")[1] for name in shapes if name.startswith("transformer_layes.")}
        types = shapes.get("task_embedding", (0,))[0]
        return cls(
            half=UNetConfig.from_shapes({**shapes, "out.2.weight": (0,)}, heads),
            hint=hint_channels(shapes),
            types=types,
            depth=len(numbers),
            flag=shapes["control_add_embedding.linear_1.weight"][1] // types if types else 0,
        )


def _channels(layer: Layer) -> int:
    return layer.channels if isinstance(layer, Spatial) else layer.out


def hint_channels(shapes: Shapes) -> tuple[int, ...]:
    """The channels between the convolutions of a file's way in for the picture."""
    count = sum(name.startswith("input_hint_block.") and name.endswith(".weight") for name in shapes)
    convolutions = [shapes[f"input_hint_block.{2 * n}.weight"] for n in range(count)]
    return (convolutions[0][1], *(c[0] for c in convolutions)) if convolutions else ()


def hint_block(channels: Sequence[int]) -> nn.Sequential:
    """(b, i, H, W) -> (b, c, h, w): every second convolution but the first and the last halves the size."""
    layers: list[nn.Module] = []
    last = len(channels) - 2
    for n, (before, after) in enumerate(pairwise(channels)):
        stride = 2 if n % 2 == 0 and 0 < n < last else 1
        layers += [nn.Conv2d(before, after, 3, stride, padding=1), nn.SiLU()]
    return nn.Sequential(*layers[:-1])


class ControlNet(Encoder):
    def __init__(self, config: ControlNetConfig):
        super().__init__(config.half)
        self.input_hint_block = hint_block(config.hint)
        self.zero_convs = nn.ModuleList(nn.Sequential(nn.Conv2d(c, c, 1)) for c in config.outputs)
        self.middle_block_out = nn.Sequential(nn.Conv2d(config.middle, config.middle, 1))

    def guide(self, hint: Tensor, kind: int | None = None) -> Tensor:
        """hint (b, i, H, W) -> what the picture says at every step, (b, c, h, w)."""
        return self.input_hint_block(hint)

    def forward(
        self,
        x: Tensor,
        timesteps: Tensor,
        context: Tensor,
        y: Tensor | None = None,
        *,
        guide: Tensor,
        kind: int | None = None,
    ) -> tuple[Tensor, ...]:
        """x (b, 4, h, w), timesteps (b,), context (b, t, d), guide (b, c, h, w): what to add to each block's states.

        kind: the kind of picture, for a union network.
        """
        emb = self.embed(timesteps, y, x.dtype) + self.told(kind, x)
        outputs: list[Tensor] = []
        for block, convolution in zip(self.input_blocks, self.zero_convs, strict=True):
            x = block(x, emb, context, x.shape[2:])
            x = x if outputs else x + guide
            outputs.append(convolution(x))
        x = self.middle_block(x, emb, context, x.shape[2:])
        return (*outputs, self.middle_block_out(x))

    def told(self, kind: int | None, x: Tensor) -> Tensor | float:
        """What a union network adds to the time embedding."""
        return 0.0


class UnionControlNet(ControlNet):
    """One network for several kinds of picture (ControlNet++, xinsir 2024), one of them at a time."""

    def __init__(self, config: ControlNetConfig):
        super().__init__(config)
        width, e = config.half.model_channels, config.half.time_channels
        self.types, self.flag = config.types, config.flag
        self.task_embedding = nn.Parameter(Tensor(config.types, width))
        self.transformer_layes = nn.ModuleList(ResidualAttention(width, 1) for _ in range(config.depth))  # so spelt
        self.spatial_ch_projs = nn.Linear(width, width)
        self.control_add_embedding = KindEmbedding(config.flag * config.types, e)

    def guide(self, hint: Tensor, kind: int | None = None) -> Tensor:
        seen = self.input_hint_block(hint)
        if kind is None:
            return seen
        summary = (seen.mean((2, 3)) + self.task_embedding[kind])[:, None]  # b 1 c; one token attends to itself
        for block in self.transformer_layes:
            summary = block(summary)
        return seen + self.spatial_ch_projs(summary[:, 0])[:, :, None, None]

    def told(self, kind: int | None, x: Tensor) -> Tensor | float:
        flags = functional.one_hot(x.new_tensor(kind or 0).long(), self.types) * (kind is not None)
        return self.control_add_embedding(timestep_embedding(flags, self.flag).to(x.dtype).reshape(1, -1))


class KindEmbedding(nn.Module):
    def __init__(self, channels: int, out: int):
        super().__init__()
        self.linear_1, self.linear_2 = nn.Linear(channels, out), nn.Linear(out, out)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear_2(functional.silu(self.linear_1(x)))
