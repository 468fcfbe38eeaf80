"""What networks are given beside the latent, the time and the text, made of a conditioning's options.

`y`: a vector (b, label) or a class (b,); `concat`: channels (b, c, h, w) behind the latent's; `guidance`: (b, width).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from diffusion.regions import batched
from diffusion.resample import resize
from diffusion.unet import timestep_embedding

if TYPE_CHECKING:
    from diffusion.model import LatentFormat

NUMBER = 256  # the width of the embedding of each number that Stable Diffusion XL is told
PIXELS = 8  # of a picture to one element of a latent
SCORES = {"negative": 2.5}  # the aesthetic score of a side of the guidance that tells none
SCORE = 6.0  # of all other sides
BLANK = (0.8223, -0.6876, 0.6364, 0.1380)
"""A grey picture in the scaled latents of Stable Diffusion 1."""
LCM_SCALE = 8.5  # the guidance that a latent consistency model is told where a conditioning tells none


@dataclass(frozen=True, eq=False)
class Start:
    """What a run begins with: the latent (b, c, h, w) as the network sees it, and its noise mask (b, 1, h, w)."""

    latent: Tensor | None = None
    mask: Tensor | None = None
    seed: int = 0


@dataclass(frozen=True, eq=False)
class Scene:
    """For whom inputs are made: latents of `shape` (b, c, h, w), one side of the guidance."""

    shape: tuple[int, ...]
    side: str
    latent_format: LatentFormat
    start: Start = Start()

    def fit(self, picture: Tensor) -> Tensor:
        """picture (n, c, H, W) at the size and number of the latents."""
        height, width = self.shape[-2:]
        if picture.shape[-2:] != self.shape[-2:]:
            picture = resize(picture, width, height, "bilinear", "center")
        return batched(picture, self.shape[0])


Inputs = Callable[[Scene, Mapping[str, Any]], dict[str, Tensor]]


def nothing(scene: Scene, options: Mapping[str, Any]) -> dict[str, Tensor]:
    """For a network that takes the text alone."""
    return {}


def together(*parts: Inputs) -> Inputs:
    """All of them."""

    def all_of(scene: Scene, options: Mapping[str, Any]) -> dict[str, Tensor]:
        return {name: tensor for part in parts for name, tensor in part(scene, options).items()}

    return parts[0] if len(parts) == 1 else all_of


# --- Stable Diffusion XL (Podell et al. 2023): pooled text and numbers ----------------------------


def xl(label: int) -> Inputs:
    """The base model: pooled text, size before cropping, corner of the crop, size after it. label: the width of y."""

    def of(scene: Scene, options: Mapping[str, Any]) -> dict[str, Tensor]:
        height, width = _size(scene, options)
        corner = options.get("crop_h", 0), options.get("crop_w", 0)
        target = options.get("target_height", height), options.get("target_width", width)
        return {"y": _vector(options, (height, width, *corner, *target), label)}

    return of


def refiner(label: int) -> Inputs:
    """The refiner: pooled text, size before cropping, corner of the crop, aesthetic score."""

    def of(scene: Scene, options: Mapping[str, Any]) -> dict[str, Tensor]:
        corner = options.get("crop_h", 0), options.get("crop_w", 0)
        score = options.get("aesthetic_score", SCORES.get(scene.side, SCORE))
        return {"y": _vector(options, (*_size(scene, options), *corner, score), label)}

    return of


def _size(scene: Scene, options: Mapping[str, Any]) -> tuple[float, float]:
    height, width = (n * PIXELS for n in scene.shape[-2:])
    return options.get("height", height), options.get("width", width)


def _vector(options: Mapping[str, Any], numbers: tuple[float, ...], label: int) -> Tensor:
    pooled = options.get("pooled_output")
    want = label - NUMBER * len(numbers)
    if pooled is None or pooled.shape[-1] != want:
        got = "there is none" if pooled is None else f"it is {pooled.shape[-1]} wide"
        raise ValueError(
            f"the model needs the pooled text of its own text encoder, {want} wide, but in the conditioning {got}; "
            "encode the prompt with the CLIP of this model"
        )
    embedded = timestep_embedding(torch.tensor(numbers, dtype=torch.float32), NUMBER).flatten()  # numbers NUMBER
    return torch.cat((pooled.float(), embedded.to(pooled.device).expand(len(pooled), -1)), -1)


# --- pictures behind the latent ------------------------------------------------------------------


def inpainting(scene: Scene, options: Mapping[str, Any]) -> dict[str, Tensor]:
    """A mask (1 = to be painted) and the masked picture's latent, of the conditioning or else of the run itself."""
    mask, latent = options.get("concat_mask", scene.start.mask), options.get("concat_latent_image")
    shown = scene.start.latent if latent is None else scene.latent_format.encode(latent)
    batch, _, *size = scene.shape
    if mask is None or shown is None:
        mask = torch.ones(batch, 1, *size)
        shown = torch.tensor(BLANK).view(1, -1, *(1,) * len(size)).expand(batch, -1, *size)
    mask = scene.fit(mask.float().reshape(-1, 1, *mask.shape[-2:])).round()
    return {"concat": torch.cat((mask, scene.fit(shown).to(mask)), 1)}


def editing(*, scaled: bool) -> Inputs:
    """The latent of the picture to edit, zeros where there is none. scaled: as the network sees latents."""

    def of(scene: Scene, options: Mapping[str, Any]) -> dict[str, Tensor]:
        latent = options.get("concat_latent_image")
        if latent is None:
            return {"concat": torch.zeros(scene.shape)}
        return {"concat": scene.fit(scene.latent_format.encode(latent) if scaled else latent)}

    return of


def depth(scene: Scene, options: Mapping[str, Any]) -> dict[str, Tensor]:
    """Depth in -1..1, from a mask: what is near is 1. Raises ValueError where the conditioning has none."""
    mask = options.get("concat_mask")
    if mask is None:
        raise ValueError(
            "the model needs the depth of the picture; give it as the mask of InpaintModelConditioning, white is near"
        )
    shown = scene.fit(mask.float().reshape(-1, 1, *mask.shape[-2:]))
    low, high = shown.amin((1, 2, 3), keepdim=True), shown.amax((1, 2, 3), keepdim=True)
    return {"concat": (shown - low) / (high - low).clamp(min=1e-6) * 2 - 1}


# --- latent consistency (Luo et al. 2023) --------------------------------------------------------


def guided(width: int) -> Inputs:
    """The guidance that a latent consistency model was distilled with, embedded. width: of the embedding."""

    def of(scene: Scene, options: Mapping[str, Any]) -> dict[str, Tensor]:
        scale = options.get("guidance") or LCM_SCALE
        half = width // 2
        angles = (scale - 1) * 1000 * torch.exp(torch.arange(half) * (-math.log(10000) / (half - 1)))
        return {"guidance": torch.cat((angles.sin(), angles.cos()))[None]}

    return of
