"""Pictures of latents that are still being denoised: rough, and cheap beside a step of the network."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import torch
from PIL import Image
from torch import Tensor

from diffusion import taesd
from diffusion.image_files import eight_bits
from diffusion.model import FLUX, SD3, SD15, SDXL, Model
from diffusion.placement import Place, Resident

PIXELS = 8  # of a side, an element of the latent
FOLDER = "vae_approx"
QUALITY = 95

Factors = tuple[tuple[float, float, float], ...]


@dataclass(frozen=True)
class Look:
    """How latents of one kind are made visible.

    decoder: the name of their TAESD file, without its ending.
    factors: how much red, green and blue (-1..1) each channel adds to `bias`; empty where they are not known.
    """

    decoder: str
    factors: Factors = ()
    bias: tuple[float, float, float] = (0.0, 0.0, 0.0)


# From InvokeAI (Apache-2.0, invokeai/app/util/step_callback.py): those of Stable Diffusion 1 are torridgristle's, after
# keturn (discuss.huggingface.co/t/decoding-latents-to-rgb-without-upscaling/23204), those of XL StAlKeR7779's.
SD15_FACTORS: Factors = (
    (0.3444, 0.1385, 0.0670), (0.1247, 0.4027, 0.1494), (-0.3192, 0.2513, 0.2103), (-0.1307, -0.1874, -0.7445),
)  # fmt: skip
SDXL_FACTORS: Factors = (
    (0.3816, 0.4930, 0.5320), (-0.3753, 0.1631, 0.1739), (0.1770, 0.3588, -0.2048), (-0.4350, -0.2644, -0.4289),
)  # fmt: skip
SD3_FACTORS: Factors = (
    (-0.0524, 0.0325, 0.0749), (-0.0581, 0.0076, 0.0573), (0.1614, 0.0127, -0.0377), (0.1442, 0.0846, 0.1594),
    (0.0489, 0.0056, -0.0669), (0.0519, 0.1922, 0.0626), (0.1539, 0.0482, 0.0710), (-0.0860, 0.0901, 0.1089),
    (-0.1240, -0.0677, 0.0034), (-0.0440, 0.0783, 0.0226), (0.0310, 0.0638, 0.0775), (-0.0132, 0.0855, -0.0877),
    (0.0646, 0.0591, 0.1326), (-0.0786, -0.0226, -0.1276), (-0.0992, -0.0801, -0.0626), (-0.0339, -0.0804, -0.0608),
)  # fmt: skip
# Fitted by least squares to the pictures that it was trained on.
STARTER_FACTORS = (
    (0.6941, 0.2065, 0.3677), (-0.0366, 0.2714, -0.1113), (0.1969, -0.0136, -0.4547), (0.0419, -0.1885, -0.1195),
)  # fmt: skip
STARTER = Look("starter_decoder", STARTER_FACTORS, (0.4490, 0.3043, 0.2145))

LOOKS = {
    SD15: Look("taesd_decoder", SD15_FACTORS),
    SDXL: Look("taesdxl_decoder", SDXL_FACTORS),
    SD3: Look("taesd3_decoder", SD3_FACTORS),
    FLUX: Look("taef1_decoder"),
}
LOOKS_BY_NAME = {"starter-emoji-128.safetensors": STARTER}
"""Models whose latents are not those of their family."""


class Wanted(Protocol):
    """Which picture is wanted, as the engine tells it.

    size: pixels of the longer side, at most. begin: called when the cost of the picture begins. warn: tells people.
    model: the path of a model file by its folder and its name without ending.
    """

    @property
    def method(self) -> str: ...
    @property
    def size(self) -> int: ...
    @property
    def begin(self) -> Callable[[], None]: ...
    @property
    def warn(self) -> Callable[[str], None]: ...
    def model(self, folder: str, stem: str, /) -> Path | None: ...


@torch.no_grad()
def draw(x0: Tensor, model: Model, wanted: Wanted) -> bytes | None:
    """The first picture of x0 (b, c, h, w), at the network's scale, as a JPEG file; None for latents of no known look.

    By TAESD where its file is there and the method is not `latent2rgb`, else by the factors.
    """
    look = LOOKS_BY_NAME.get(model.name) or LOOKS.get(model.latent_format)
    if look is None or x0.dim() != 4 or x0.shape[1] != model.latent_format.channels:
        return None
    tiny = _tiny(look, model, wanted)
    if tiny is None and not look.factors:
        return None
    x0[0, 0, 0, 0].item()  # waits for the device
    wanted.begin()
    image = tiny(x0[:1])[0] if tiny else linear(x0[0], look)
    return encode(_sized(_eight_bits(image), x0.shape[-2:], wanted.size))


def _tiny(look: Look, model: Model, wanted: Wanted) -> Resident | None:
    if wanted.method == "latent2rgb" or not look.decoder:
        return None
    path = wanted.model(FOLDER, look.decoder)
    if path is None:
        if wanted.method == "taesd":
            wanted.warn(
                f"previews are made without TAESD, whose decoder is missing: put {look.decoder}.safetensors "
                f"(from github.com/madebyollin/taesd) into models/{FOLDER}"
            )
        return None
    dtype = model.network.place.dtype if isinstance(model.network, Resident) else torch.float32
    return taesd.load(path, Place(model.device, dtype))


def linear(x0: Tensor, look: Look) -> Tensor:
    """x0 (c, h, w) -> (3, h, w) in about 0..1."""
    colours = torch.einsum("cp,chw->phw", torch.tensor(look.factors), x0.to("cpu", torch.float32))
    return (colours + torch.tensor(look.bias)[:, None, None] + 1) / 2


def _eight_bits(image: Tensor) -> Image.Image:
    """From (3 or 4, h, w) in 0..1."""
    return Image.fromarray(eight_bits(image.movedim(0, -1)))


def _sized(image: Image.Image, latent: torch.Size, size: int) -> Image.Image:
    """As large as the finished picture, or with a longer side of `size` pixels if that is smaller."""
    scale = min(PIXELS, size / max(latent))
    height, width = (max(1, round(n * scale)) for n in latent)
    return image.resize((width, height), Image.Resampling.BILINEAR)


def encode(image: Image.Image) -> bytes:
    """JPEG, or PNG where there is transparency."""
    file = io.BytesIO()
    if image.mode == "RGBA":
        image.save(file, "PNG", compress_level=1)
    else:
        image.save(file, "JPEG", quality=QUALITY)
    return file.getvalue()
