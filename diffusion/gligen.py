"""GLIGEN (Li et al. 2023): words at boxes, by layers that go between the attentions of a UNet.

Letters: b batch, n tokens of the picture, o boxes, c channels, t width of the pooled text, d width of a box's token.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from diffusion import detect, gligen_files, placement
from diffusion.conditioning import Conditioning, Entry
from diffusion.header import Shapes, read_header
from diffusion.model import Model, module_of
from diffusion.placement import Resident
from diffusion.text import Clip, parameter_bytes
from diffusion.unet import Attention, FeedForward, TransformerBlock, UNet
from diffusion.weights import assemble, open_weights

if TYPE_CHECKING:
    from torch.utils.hooks import RemovableHandle

MOST = 30  # boxes that the network was trained with; the places of fewer are filled with its own tokens
FREQUENCIES = 8
HEADS = 8


class PositionNet(nn.Module):
    """A token for each box, made of its text and its corners."""

    def __init__(self, text: int, hidden: int, out: int):
        super().__init__()
        corners = 2 * 4 * FREQUENCIES
        self.linears = nn.Sequential(
            nn.Linear(text + corners, hidden), nn.SiLU(), nn.Linear(hidden, hidden), nn.SiLU(), nn.Linear(hidden, out)
        )
        self.null_positive_feature = nn.Parameter(Tensor(text))
        self.null_position_feature = nn.Parameter(Tensor(corners))

    def forward(self, boxes: Tensor, there: Tensor, texts: Tensor) -> Tensor:
        """boxes (b, o, 4): left, top, right, bottom in 0..1; there (b, o): 1 or 0; texts (b, o, t) -> (b, o, d)"""
        angles = boxes[..., None] * 100 ** (torch.arange(FREQUENCIES, device=boxes.device) / FREQUENCIES)  # b o 4 f
        corners = torch.stack((angles.sin(), angles.cos()), -1).permute(0, 1, 3, 4, 2).flatten(2).to(texts)  # b o f*2*4
        there = there[..., None] > 0
        texts = torch.where(there, texts, self.null_positive_feature)
        return self.linears(torch.cat((texts, torch.where(there, corners, self.null_position_feature)), -1))


class Fuser(nn.Module):
    """Attention of the picture's tokens to themselves and the boxes', let in by a gate."""

    def __init__(self, channels: int, box: int, heads: int):
        super().__init__()
        self.linear = nn.Linear(box, channels)
        self.attn, self.ff = Attention(channels, channels, heads), FeedForward(channels)
        self.norm1, self.norm2 = nn.LayerNorm(channels), nn.LayerNorm(channels)
        self.alpha_attn, self.alpha_dense = nn.Parameter(torch.zeros(())), nn.Parameter(torch.zeros(()))

    def forward(self, x: Tensor, boxes: Tensor) -> Tensor:
        """x (b, n, c), boxes (b, o, d) -> what it adds to x"""
        all_tokens = self.norm1(torch.cat((x, self.linear(boxes)), 1))
        first = self.alpha_attn.tanh() * self.attn(all_tokens, all_tokens)[:, : x.shape[1]]
        return first + self.alpha_dense.tanh() * self.ff(self.norm2(x + first))


class GligenNetwork(nn.Module):
    def __init__(self, shapes: Shapes, heads: int):
        super().__init__()
        (text,), out = shapes["position_net.null_positive_feature"], shapes["position_net.linears.4.weight"]
        self.position_net = PositionNet(text, out[1], out[0])
        self.fusers = nn.ModuleDict()
        for name, (channels, box) in ((n, s) for n, s in shapes.items() if n.endswith(".linear.weight")):
            self.fusers[name.split(".")[1]] = Fuser(channels, box, heads)

    def tokens(self, boxes: Tensor, there: Tensor, texts: Tensor) -> Tensor:
        """See `PositionNet`."""
        return self.position_net(boxes, there, texts)


@dataclass(frozen=True, eq=False)
class Gligen:
    """What GLIGEN sockets carry."""

    name: str
    network: Resident
    widths: Mapping[str, int]  # channels at each place in the UNet
    text: int  # width of the pooled text that it reads

    @cached_property
    def nbytes(self) -> int:
        """The size of the weights."""
        return parameter_bytes(self.network)


def load(path: Path) -> Gligen:
    """Raises ModelFileError if the file is no GLIGEN model."""
    header = read_header(path)
    part = gligen_files.find(header)
    weights = open_weights(path, header).of(part)
    heads = detect.heads(header, "unet") or HEADS
    network = assemble(lambda: GligenNetwork(part.shapes, heads), weights, "GLIGEN model")
    ends = ((n.split(".")[1].replace("-", "."), s[0]) for n, s in part.shapes.items() if n.endswith(".linear.weight"))
    widths = dict(ends)
    place = placement.for_denoiser(min(widths.values()))
    text = part.shapes["position_net.null_positive_feature"][0]
    return Gligen(path.name, Resident(network, place, weights), widths, text)


@dataclass(frozen=True, eq=False)
class Boxes:
    """What the option `gligen` of a conditioning holds. boxes: pooled text (1, t), height, width, top, left."""

    gligen: Gligen
    boxes: tuple[tuple[Tensor, int, int, int, int], ...]  # in latent pixels

    def on(self, model: Model, size: tuple[int, ...]) -> Model:
        """The model with these boxes in latents of this size (h, w)."""
        return replace(model, network_patches=(*model.network_patches, self._patch(size, model.device)))

    def _patch(self, size: tuple[int, ...], device: torch.device) -> Any:
        tokens = self._tokens(size).to(device)

        def patch(network: UNet, sigma: float) -> Iterator[RemovableHandle]:
            module = self.gligen.network.ready()
            assert isinstance(module, GligenNetwork)
            for place in self.gligen.widths:
                block = network.get_submodule(f"{place}.transformer_blocks.0")
                assert isinstance(block, TransformerBlock)
                fuser = module.fusers[place.replace(".", "-")]
                yield from _after_self_attention(block, fuser, tokens)

        return patch

    def _tokens(self, size: tuple[int, ...]) -> Tensor:
        """(1, o, d)"""
        height, width = size[-2:]
        corners, there, texts = torch.zeros(1, MOST, 4), torch.zeros(1, MOST), torch.zeros(1, MOST, self.gligen.text)
        for i, (text, h, w, y, x) in enumerate(self.boxes):
            corners[0, i] = torch.tensor((x / width, y / height, (x + w) / width, (y + h) / height))
            there[0, i], texts[0, i] = 1, text[0]
        return self.gligen.network.call("tokens", corners, there, texts)


def _after_self_attention(block: TransformerBlock, fuser: nn.Module, tokens: Tensor) -> Iterator[RemovableHandle]:
    entered: list[Tensor] = []

    def remember(part: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        entered[:] = [inputs[0]]

    def fuse(part: nn.Module, inputs: Any, y: Tensor) -> Tensor:
        return y + fuser(entered[0] + y, tokens.to(y).expand(len(y), -1, -1))

    yield block.register_forward_pre_hook(remember)
    yield block.attn1.register_forward_hook(fuse)


def require_fit(gligen: Gligen, model: Model) -> None:
    """Raises ValueError, which names both, if a model's UNet has not the places that a GLIGEN model is made for."""
    module = module_of(model.network)
    parts = dict(module.named_modules()) if isinstance(module, UNet) else {}
    for place, width in gligen.widths.items():
        block = parts.get(f"{place}.transformer_blocks.0")
        has = block.norm1.normalized_shape[0] if isinstance(block, TransformerBlock) else "no transformer"
        if has != width:
            raise ValueError(
                f"the GLIGEN model {gligen.name} does not fit the model {model.name}: at {place} it is made for "
                f"{width} channels, the model has {has}; GLIGEN models belong to Stable Diffusion 1"
            )


def apply(
    to: Iterable[Entry], clip: Clip, gligen: Gligen, text: str, height: int, width: int, y: int, x: int
) -> Conditioning:
    """Conditionings with one more box, in pixels, where the picture shows what `text` says.

    Raises ValueError for a text encoder of another width, and for more than MOST boxes.
    """
    pooled = clip.encode(text)[1]["pooled_output"]
    if pooled.shape[-1] != gligen.text:
        raise ValueError(
            f"the GLIGEN model {gligen.name} reads text {gligen.text} wide, but that of the text encoder is "
            f"{pooled.shape[-1]} wide; use the CLIP of a Stable Diffusion 1 checkpoint"
        )
    box = (pooled, height // 8, width // 8, y // 8, x // 8)
    made: dict[Boxes | None, Boxes] = {}

    def boxed(before: Boxes | None) -> Boxes:
        boxes = (*(before.boxes if before else ()), box)
        if len(boxes) > MOST:
            raise ValueError(f"GLIGEN takes at most {MOST} boxes, and these are {len(boxes)}")
        return made.setdefault(before, Boxes(gligen, boxes))

    return [(embedding, {**options, "gligen": boxed(options.get("gligen"))}) for embedding, options in to]
