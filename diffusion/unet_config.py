"""The shape of a Stable Diffusion UNet, read from the shapes of its tensors: any width, any depth. Without torch."""

from __future__ import annotations

from collections.abc import Sequence
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
    """A transformer over the pixels; `linear` = its projections are stored as matrices, not 1x1 convolutions.

    crossed: both of its attentions are to the text.
    """

    channels: int
    depth: int
    linear: bool
    crossed: bool = False


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
    classes: int = 0  # the model takes one of so many numbers beside the prompt
    guidance_channels: int = 0  # the model knows its guidance, embedded in so many numbers

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
        by convolution (SD 1) and in the x4 upscaler, 64 channels a head where by matrices (SD 2, XL).
        """
        middle = _block(shapes, "middle_block")  # nothing in some pruned networks
        inputs, outputs = _blocks(shapes, "input_blocks"), _blocks(shapes, "output_blocks")
        layers = (layer for block in (middle, *inputs, *outputs) for layer in block)
        linear = any(isinstance(layer, Spatial) and layer.linear for layer in layers)
        widths = (shape[1] for name, shape in shapes.items() if name.endswith("attn2.to_k.weight"))
        return cls(
            model_channels=shapes["time_embed.0.weight"][1],
            time_channels=shapes["time_embed.0.weight"][0],
            context_dim=next(widths, 0),
            label_channels=shapes.get("label_emb.0.0.weight", (0, 0))[1],
            out_channels=shapes["out.2.weight"][0],
            input_blocks=inputs,
            middle_block=middle,
            output_blocks=outputs,
            heads=heads or (0 if linear and "label_emb.weight" not in shapes else 8),
            classes=shapes.get("label_emb.weight", (0, 0))[0],
            guidance_channels=shapes.get("time_embed.cond_proj.weight", (0, 0))[1],
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
        depth, keys = _count(shapes, f"{at}.transformer_blocks"), shapes[f"{at}.transformer_blocks.0.attn1.to_k.weight"]
        return Spatial(shape[0], depth, len(shape) == 2, crossed=keys[1] != shape[0])
    for kind, name in (("first", "weight"), ("down", "op.weight"), ("up", "conv.weight")):
        if f"{at}.{name}" in shapes:
            out, channels, *_ = shapes[f"{at}.{name}"]
            return Resize(kind, channels, out)
    raise ValueError(f"{at} is no layer of a Stable Diffusion UNet")


def stable_diffusion(
    width: int = 320,
    multiples: Sequence[int] = (1, 2, 4, 4),
    depths: Sequence[int] = (1, 1, 1, 0),
    *,
    blocks: int = 2,
    in_channels: int = 4,
    out_channels: int = 4,
    context: int = 768,
    label: int = 0,
    linear: bool = False,
    heads: int = 8,
    middle_depth: int | None = None,
) -> UNetConfig:
    """A network in the layout of Stable Diffusion 1, 2 and XL; by itself that of 1.5.

    width: of the finest level, those of the others are its `multiples`, each half the size. depths: of the transformers
    of each level, 0 = none. blocks: residual ones a level. context, label: the widths of the text's states and of `y`.
    heads: of an attention, or 0 for as many as have 64 channels. middle_depth: None = that of the deepest.
    """
    inputs: list[Block] = [(Resize("first", in_channels, width),)]
    skips, at = [width], width
    for level, (multiple, depth) in enumerate(zip(multiples, depths, strict=True)):
        for _ in range(blocks):
            inputs.append(_residual(at, width * multiple, depth, linear))
            skips.append(at := width * multiple)
        if level < len(multiples) - 1:
            inputs.append((Resize("down", at, at),))
            skips.append(at)
    deepest = Spatial(at, max(depths) if middle_depth is None else middle_depth, linear)
    middle: Block = (Res(at, at, False), *((deepest,) if deepest.depth else ()), Res(at, at, False))
    outputs: list[Block] = []
    for level in reversed(range(len(multiples))):
        here = width * multiples[level]
        for i in range(blocks + 1):
            block = _residual(at + skips.pop(), here, depths[level], linear)
            outputs.append((*block, Resize("up", here, here)) if level and i == blocks else block)
            at = here
    return UNetConfig(width, 4 * width, context, label, out_channels, tuple(inputs), middle, tuple(outputs), heads)


def _residual(channels: int, out: int, depth: int, linear: bool) -> Block:
    block = Res(channels, out, channels != out)
    return (block, Spatial(out, depth, linear)) if depth else (block,)
