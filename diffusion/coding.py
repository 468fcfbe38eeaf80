"""Between pictures and latents: the handle that VAE sockets carry."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import torch
from torch import Tensor

from diffusion.text import parameter_bytes
from diffusion.tiling import code_tiled

PIXELS = 512 * 512
"""How many pixels are coded at once, unless one picture has more: a batch needs no more memory than one picture."""


class Coder(Protocol):
    """What turns pixels (b, 3, h, w) in -1..1 into latents (b, c, h/8, w/8) and back; `Autoencoder` is one."""

    def encode(self, x: Tensor, /) -> Tensor: ...
    def decode(self, x: Tensor, /) -> Tensor: ...


class Callee(Protocol):
    """A network in its place, whose methods are called by name."""

    def call(self, method: str, x: Tensor, /) -> Any: ...


@dataclass(frozen=True)
class Placed:
    """A coder whose network has a place (`placement.Resident`)."""

    network: Callee

    def encode(self, x: Tensor, /) -> Tensor:
        return self.network.call("encode", x)

    def decode(self, x: Tensor, /) -> Tensor:
        return self.network.call("decode", x)


class Pixels:
    """No coder: a latent is the picture itself, in -1..1."""

    def encode(self, x: Tensor, /) -> Tensor:
        return x

    def decode(self, x: Tensor, /) -> Tensor:
        return x


@dataclass(frozen=True)
class Vae:
    """Latents are as LATENT sockets carry them: not scaled as the denoising network wants them.

    factor: pixels an element of the latent. channels: of the latent.
    """

    coder: Coder
    channels: int = 4
    factor: int = 8

    @torch.no_grad()
    def encode(self, image: Tensor) -> Tensor:
        """image (b, h, w, 3) in 0..1 -> latents (b, c, h/8, w/8). What exceeds multiples of 8 is cut off all around."""
        pixels = self._pixels(image)
        parts = _portions(pixels, pixels.shape[2] * pixels.shape[3])
        return torch.cat([self.coder.encode(part) for part in parts]).contiguous()

    @torch.no_grad()
    def decode(self, latent: Tensor) -> Tensor:
        """latent (b, c, h, w) -> image (b, 8h, 8w, 3), clamped to 0..1."""
        self._require_channels(latent)
        parts = _portions(latent, latent.shape[2] * latent.shape[3] * self.factor**2)
        return _image(torch.cat([self.coder.decode(part) for part in parts]))

    @torch.no_grad()
    def encode_tiled(self, image: Tensor, height: int, width: int, overlap: int) -> Tensor:
        """As `encode`, in tiles of height x width pixels; see `tiling`."""
        return code_tiled(self._pixels(image), self.coder.encode, height, width, overlap, 1 / self.factor).contiguous()

    @torch.no_grad()
    def decode_tiled(self, latent: Tensor, height: int, width: int, overlap: int) -> Tensor:
        """As `decode`, in tiles of height x width elements of the latent; see `tiling`."""
        self._require_channels(latent)
        return _image(code_tiled(latent, self.coder.decode, height, width, overlap, self.factor))

    def _pixels(self, image: Tensor) -> Tensor:
        if image.shape[-1] != 3:
            raise ValueError(f"the picture has {image.shape[-1]} channels, but a VAE encodes 3: red, green, blue")
        if min(image.shape[1:3]) < self.factor or not len(image):
            raise ValueError(
                f"a picture of shape {tuple(image.shape)} is too small; each side needs {self.factor} pixels"
            )
        return crop(image, self.factor).movedim(-1, 1) * 2 - 1

    def _require_channels(self, latent: Tensor) -> None:
        if latent.dim() != 4 or latent.shape[1] != self.channels or 0 in latent.shape:
            raise ValueError(
                f"the latent has the shape {tuple(latent.shape)}, but this VAE decodes (batch, {self.channels}, h, w); "
                "use the VAE of the model that made it"
            )

    @property
    def network(self) -> object:
        """The network itself, which a run may have to interrupt."""
        return getattr(self.coder, "network", self.coder)

    @cached_property
    def nbytes(self) -> int:
        """The size of the weights."""
        return parameter_bytes(self.network)


def crop(image: Tensor, multiple: int = 8) -> Tensor:
    """The middle of (b, h, w, ...) whose height and width are multiples; the odd pixel is cut right and below.

    A side that is too small for one multiple stays as it is.
    """
    height, width = (n // multiple * multiple or n for n in image.shape[1:3])
    top, left = ((n - kept) // 2 for n, kept in zip(image.shape[1:3], (height, width), strict=True))
    return image[:, top : top + height, left : left + width]


def _portions(x: Tensor, pixels: int) -> Iterator[Tensor]:
    yield from x.split(max(1, PIXELS // pixels))


def _image(y: Tensor) -> Tensor:
    return y.add_(1).div_(2).clamp_(0, 1).movedim(1, -1).contiguous()


def pixels() -> Vae:
    """What stands for a VAE where a model has none: its latents are pictures."""
    return Vae(Pixels(), channels=3, factor=1)
