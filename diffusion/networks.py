"""From the weights of a file to networks in their place. Nothing is read from the disk until a network is used."""

from __future__ import annotations

from diffusion import detect, placement
from diffusion.header import Header, ModelFileError
from diffusion.placement import Resident
from diffusion.unet import UNet
from diffusion.unet_config import UNetConfig
from diffusion.weights import Weights, assemble

ACTIVATIONS = 40
"""Values that a UNet holds at once, a latent pixel and channel of its first level: 35 were measured with SD 1.5."""


def denoiser(header: Header, weights: Weights, heads: int = 0) -> Resident:
    """The denoising network of a file; heads: 0 = as its metadata or the convention says.

    Raises ModelFileError if the file holds none, or one that cannot be run.
    """
    family, part = detect.denoiser(header)
    mine = weights.of(part)
    try:
        config = UNetConfig.from_shapes(part.shapes, heads or detect.heads(header, "unet"))
        network = assemble(lambda: UNet(config), mine, f"UNet of {family.name}")
    except ModelFileError:
        raise
    except (ValueError, LookupError) as error:
        raise ModelFileError(f"{header.path.name} is damaged: its UNet makes no sense ({error})") from None
    return Resident(network, placement.for_denoiser(config.model_channels), mine, ACTIVATIONS * config.model_channels)
