"""TAESD (Ollin Boer Bohan 2023) in the place of a VAE: a pair of files, NAME_encoder and NAME_decoder.

Letters: b batch, c channels, h w height and width.
"""

from __future__ import annotations

from pathlib import Path

from torch import Tensor, nn

from diffusion import placement
from diffusion.coding import Placed, Vae
from diffusion.header import ModelFileError
from diffusion.model import FLUX, SD3, SD15, SDXL, LatentFormat
from diffusion.placement import Resident
from diffusion.taesd import WIDTH, Block, decoder
from diffusion.weights import Weights, assemble, open_weights

FORMATS = {"taesd": SD15, "taesdxl": SDXL, "taesd3": SD3, "taef1": FLUX}
"""Whose latents a pair codes, by what the names of its files share."""
DECODER, ENCODER = "_decoder", "_encoder"


def encoder(channels: int) -> nn.Sequential:
    """x (b, 3, 8h, 8w) in 0..1 -> (b, c, h, w) as the denoising network sees it."""
    level = lambda: (nn.Conv2d(WIDTH, WIDTH, 3, stride=2, padding=1, bias=False), Block(), Block(), Block())  # noqa: E731
    first, last = nn.Conv2d(3, WIDTH, 3, padding=1), nn.Conv2d(WIDTH, channels, 3, padding=1)
    return nn.Sequential(first, Block(), *level(), *level(), *level(), last)


class TinyVae(nn.Module):
    """Pixels are in -1..1, latents as LATENT sockets carry them, as a VAE has them."""

    def __init__(self, latent_format: LatentFormat):
        super().__init__()
        self.format = latent_format
        self.encoder, self.decoder = encoder(latent_format.channels), decoder(latent_format.channels)

    def encode(self, x: Tensor) -> Tensor:
        """x (b, 3, 8h, 8w) -> (b, c, h, w)."""
        return self.format.decode(self.encoder(x / 2 + 0.5))

    def decode(self, z: Tensor) -> Tensor:
        """z (b, c, h, w) -> (b, 3, 8h, 8w)."""
        return self.decoder(self.format.encode(z)) * 2 - 1


def load(path: Path) -> Vae:
    """The pair that a decoder's file belongs to. Raises ModelFileError if it has no other half, or none of its kind."""
    name = path.stem.removesuffix(DECODER)
    other = next((p for p in sorted(path.parent.glob(f"{name}{ENCODER}.*")) if p.is_file()), None)
    if other is None or name not in FORMATS:
        raise ModelFileError(
            f"{path.name} decodes only; a TAESD that encodes too is a pair NAME_encoder and NAME_decoder in "
            f"models/vae_approx, with a NAME of {', '.join(FORMATS)}"
        )
    halves = {"encoder": open_weights(other), "decoder": open_weights(path)}
    tensors = {f"{side}.{n}": t for side, half in halves.items() for n, t in half.tensors.items()}

    def forget(tensor: Tensor) -> None:
        for half in halves.values():
            half.forget(tensor)

    latent_format = FORMATS[name]
    mine = Weights(path, tensors, forget)
    network = assemble(lambda: TinyVae(latent_format), mine, "TAESD")
    return Vae(coder=Placed(Resident(network, placement.for_coder(), mine)), channels=latent_format.channels)
