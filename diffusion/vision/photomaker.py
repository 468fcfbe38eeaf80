"""PhotoMaker (Li et al. 2023): the face of a picture in the place of a word of the prompt."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from diffusion import detect, placement
from diffusion.conditioning import Conditioning
from diffusion.header import ModelFileError, Shapes, read_header
from diffusion.placement import Resident
from diffusion.text import Clip, parameter_bytes
from diffusion.vision.encode import prepared
from diffusion.vision.files import find_photomaker
from diffusion.vision.network import ClipVisionNetwork, VisionConfig
from diffusion.weights import assemble, open_weights

TRIGGER = "photomaker"
"""The word that is taken out of the prompt; the word before it becomes the face."""


class Mlp(nn.Module):
    def __init__(self, channels: int, width: int):
        super().__init__()
        self.layernorm = nn.LayerNorm(channels)
        self.fc1, self.fc2 = nn.Linear(channels, width), nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc2(functional.gelu(self.fc1(self.layernorm(x))))


class Fuse(nn.Module):
    def __init__(self, width: int):
        super().__init__()
        self.mlp1, self.mlp2, self.layer_norm = Mlp(2 * width, width), Mlp(width, width), nn.LayerNorm(width)

    def forward(self, word: Tensor, face: Tensor) -> Tensor:
        """(b, w), (b, w) -> (b, w)"""
        x = word + self.mlp1(torch.cat((word, face), -1))
        return self.layer_norm(x + self.mlp2(x))


class PhotoMakerNetwork(ClipVisionNetwork):
    def __init__(self, config: VisionConfig, second: int, width: int):
        super().__init__(config)
        self.visual_projection_2 = nn.Linear(config.layer.width, second, bias=False)
        self.fuse_module = Fuse(width)

    def place(self, x: Tensor, word: Tensor) -> Tensor:
        """x (b, 3, s, s), normalised, and the states of a word (b, w) -> the word's states with the face (b, w)."""
        seen = self.vision_model
        states = seen.pre_layrnorm(seen.embeddings(x))
        for layer in seen.encoder.layers:
            states = layer(states)
        whole = seen.post_layernorm(states[:, 0])
        return self.fuse_module(word, torch.cat((self.visual_projection(whole), self.visual_projection_2(whole)), -1))


@dataclass(frozen=True, eq=False)
class PhotoMaker:
    """What PHOTOMAKER sockets carry. width: of the prompts that it changes."""

    name: str
    network: Resident
    side: int
    width: int

    @torch.no_grad()
    def encode(self, image: Tensor, clip: Clip, text: str) -> Conditioning:
        """The prompt, with the face of image (1, h, w, c) in the place of the word before TRIGGER, which is left out.

        Raises ValueError for more than one picture, and for a text encoder of another width.
        """
        words = text.split(" ")
        if TRIGGER not in words:
            return [clip.encode(text)]
        at = words.index(TRIGGER)
        states, options = clip.encode(" ".join(words[:at] + words[at + 1 :]))
        if states.shape[-1] != self.width:
            raise ValueError(
                f"the PhotoMaker model {self.name} changes prompts {self.width} wide, but those of the text encoder "
                f"are {states.shape[-1]} wide; use the CLIP of a Stable Diffusion XL checkpoint"
            )
        if len(image) != 1:
            raise ValueError(f"PhotoMaker takes one picture, and these are {len(image)}; take one with ImageFromBatch")
        if at < states.shape[1]:
            face = self.network.call("place", prepared(image, self.side, crop=True), states[:, at])
            states = states.index_copy(1, torch.tensor([at]), face[:, None].to(states))
        return [(states, options)]

    @cached_property
    def nbytes(self) -> int:
        """The size of the weights."""
        return parameter_bytes(self.network)


def load(path: Path) -> PhotoMaker:
    """Raises ModelFileError if the file is no PhotoMaker model of the first version."""
    header = read_header(path)
    part = find_photomaker(header)
    weights = open_weights(path, header).of(part)
    try:
        config, second, width = _sizes(part.shapes, detect.heads(header, "vision"))
    except (ValueError, LookupError) as error:
        raise ModelFileError(f"{path.name} is damaged: its face network makes no sense ({error})") from None
    network = assemble(lambda: PhotoMakerNetwork(config, second, width), weights, "PhotoMaker network")
    return PhotoMaker(path.name, Resident(network, placement.for_coder(), weights), config.side, width)


def _sizes(shapes: Shapes, heads: int) -> tuple[VisionConfig, int, int]:
    second, width = shapes["visual_projection_2.weight"][0], shapes["fuse_module.layer_norm.weight"][0]
    return VisionConfig.from_shapes(shapes, heads), second, width
