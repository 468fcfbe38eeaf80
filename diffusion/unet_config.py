"""The shape of a Stable Diffusion UNet, read from the shapes of its tensors: any width, any depth. Without torch."""

from __future__ import annotations

from dataclasses import dataclass

from diffusion.header import Shapes


@dataclass(frozen=True)
class Res:
    """A residual block from `channels` to `out` channels; `skip` = it has a 1x1 convolution beside it."""

    channels: int
    out: int
    skip: bool


@dataclass(frozen=True)
class Spatial:
    """A transformer over the pixels; `linear` = its projections are stored as matrices, not 1x1 convolutions."""

    channels: int
    depth: int
    linear: bool


@dataclass(frozen=True)
class Resize:
    """A convolution that keeps (`first`), halves (`down`) or doubles (`up`) the size."""

    kind: str
    channels: int
    out: int


Layer = Res | Spatial | Resize
Block = tuple[Layer, ...]


@dataclass(frozen=True)
class UNetConfig:
    """`heads` at every level, or as many as give `head_channels` each where heads is 0."""

    model_channels: int
    time_channels: int
    context_dim: int
    label_channels: int  # 0 = the model takes no vector beside the prompt
    out_channels: int
    input_blocks: tuple[Block, ...]
    middle_block: Block
    output_blocks: tuple[Block, ...]
    heads: int = 8
    head_channels: int = 64

    @property
    def in_channels(self) -> int:
        first = self.input_blocks[0][0]
        return first.channels

    def heads_of(self, channels: int) -> int:
        """The number of attention heads at a level of this width."""
        return self.heads or max(1, channels // self.head_channels)

    @classmethod
    def from_shapes(cls, shapes: Shapes, heads: int = 0) -> UNetConfig:
        """The config of a file in the LDM layout, its prefix removed.

        heads: from the file's metadata; 0 = the published convention: 8 at every level where the transformers project
        by convolution (SD 1), 64 channels a head where by matrices (SD 2, XL).
        """
        middle = _block(shapes, "middle_block")
        linear = any(isinstance(layer, Spatial) and layer.linear for layer in middle)
        widths = (shape[1] for name, shape in shapes.items() if name.endswith("attn2.to_k.weight"))
        return cls(
            model_channels=shapes["time_embed.0.weight"][1],
            time_channels=shapes["time_embed.0.weight"][0],
            context_dim=next(widths, 0),
            label_channels=shapes.get("label_emb.0.0.weight", (0, 0))[1],
            out_channels=shapes["out.2.weight"][0],
            input_blocks=_blocks(shapes, "input_blocks"),
            middle_block=middle,
            output_blocks=_blocks(shapes, "output_blocks"),
            heads=heads or (0 if linear else 8),
        )


def _blocks(shapes: Shapes, prefix: str) -> tuple[Block, ...]:
    return tuple(_block(shapes, f"{prefix}.{i}") for i in range(_count(shapes, prefix)))


def _block(shapes: Shapes, prefix: str) -> Block:
    return tuple(_layer(shapes, f"{prefix}.{i}") for i in range(_count(shapes, prefix)))


def _count(shapes: Shapes, prefix: str) -> int:
    """How many numbered children a name has."""
    start = len(prefix) + 1
    inside = (name[start:].partition(".")[0] for name in shapes if name.startswith(f"{prefix}."))
    return max((int(number) + 1 for number in inside if number.isdecimal()), default=0)


def _layer(shapes: Shapes, at: str) -> Layer:
    if f"{at}.in_layers.2.weight" in shapes:
        out, channels, *_ = shapes[f"{at}.in_layers.2.weight"]
        return Res(channels, out, f"{at}.skip_connection.weight" in shapes)
    if f"{at}.proj_in.weight" in shapes:
        shape = shapes[f"{at}.proj_in.weight"]
        return Spatial(shape[0], _count(shapes, f"{at}.transformer_blocks"), len(shape) == 2)
    for kind, name in (("first", "weight"), ("down", "op.weight"), ("up", "conv.weight")):
        if f"{at}.{name}" in shapes:
            out, channels, *_ = shapes[f"{at}.{name}"]
            return Resize(kind, channels, out)
    raise ValueError(f"{at} is no layer of a Stable Diffusion UNet")
