"""From the weights of a file to networks in their place. Nothing is read from the disk until a network is used."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from diffusion import detect, placement
from diffusion.clip import ClipConfig, ClipText
from diffusion.header import Header, ModelFileError
from diffusion.parts import Part
from diffusion.placement import Resident
from diffusion.unet import UNet
from diffusion.unet_config import UNetConfig
from diffusion.vae import Autoencoder, VaeConfig
from diffusion.weights import Weights, assemble

ACTIVATIONS = 40
"""Values that a UNet holds at once, a latent pixel and channel of its first level: 35 were measured with SD 1.5."""


def denoiser(header: Header, weights: Weights, heads: int = 0) -> Resident:
    """The denoising network of a file; heads: 0 = as its metadata or the convention says.

    Raises ModelFileError if the file holds none, or one that is unknown.
    """
    family, part = detect.family(header)
    mine = weights.of(part)
    with _making_sense(header, "UNet"):
        config = UNetConfig.from_shapes(part.shapes, heads or detect.heads(header, "unet"))
        network = assemble(lambda: UNet(config), mine, f"UNet of {family.name}")
    return Resident(network, placement.for_denoiser(config.model_channels), mine, ACTIVATIONS * config.model_channels)


def text_encoder(
    header: Header,
    weights: Weights,
    heads: int = 0,
    *,
    part: Part | None = None,
    quick: bool | None = None,
    on_cpu: bool = False,
) -> tuple[Resident, ClipConfig]:
    """A text network of a file; heads as above, quick as in ClipConfig. part: None = the first of the file.

    Raises ModelFileError if the file holds none.
    """
    part = part or detect.text(header)
    mine = weights.of(part)
    with _making_sense(header, "text encoder"):
        config = ClipConfig.from_shapes(part.shapes, heads or detect.heads(header, "text"), quick)
        network = assemble(lambda: ClipText(config), mine, "CLIP text encoder")
    return Resident(network, placement.for_coder(on_cpu=on_cpu), mine), config


def coder(header: Header, weights: Weights) -> tuple[Resident, VaeConfig]:
    """The VAE of a file. Raises ModelFileError if the file holds none."""
    part = detect.vae(header)
    mine = weights.of(part)
    with _making_sense(header, "VAE"):
        config = VaeConfig.from_shapes(part.shapes)
        network = assemble(lambda: Autoencoder(config), mine, "VAE")
    return Resident(network, placement.for_coder(), mine), config


@contextmanager
def _making_sense(header: Header, what: str) -> Iterator[None]:
    """Shapes that no network has are the file's fault."""
    try:
        yield
    except ModelFileError:
        raise
    except (ValueError, LookupError) as error:
        raise ModelFileError(f"{header.path.name} is damaged: its {what} makes no sense ({error})") from None
