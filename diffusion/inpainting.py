"""What a picture and a mask give for painting anew what the mask covers (1 = to be painted)."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from diffusion.coding import Vae, crop
from diffusion.composite import resize_mask


def encode_for_inpainting(vae: Vae, image: Tensor, mask: Tensor, grow: int) -> dict[str, Tensor]:
    """The latent of image (b, h, w, 3) with what mask (b, h, w) covers in grey, and a `noise_mask` (b, 1, h, w).

    grow: the noise mask is dilated by a square of this many pixels, so that seams lie in what is painted anew.
    """
    pixels, fitted = _fitted(vae, image, mask)
    return {"samples": vae.encode(_grey(pixels, fitted)), "noise_mask": dilate(fitted.round(), grow)}


def condition(vae: Vae, image: Tensor, mask: Tensor, noise_mask: bool) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """For networks that are shown the mask: options of a conditioning, and the latent of the whole image (b, h, w, 3).

    The options are `concat_latent_image` (the latent of the picture with the masked part in grey) and `concat_mask`
    (b, 1, h, w). noise_mask: the latent carries the mask, so that only what it covers is painted anew.
    """
    pixels, fitted = _fitted(vae, image, mask)
    options = {"concat_latent_image": vae.encode(_grey(pixels, fitted)), "concat_mask": fitted}
    return options, {"samples": vae.encode(image)} | ({"noise_mask": fitted} if noise_mask else {})


def condition_edit(vae: Vae, image: Tensor) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """For networks that edit a picture (Brooks et al. 2023): its latent as an option of a conditioning, and an empty
    latent of its size."""
    latent = vae.encode(image)
    return {"concat_latent_image": latent}, {"samples": torch.zeros_like(latent)}


def dilate(mask: Tensor, size: int) -> Tensor:
    """The maximum of mask (b, 1, h, w) over a square of `size` pixels; an even one reaches further down and right."""
    if size < 2:
        return mask
    grown = functional.max_pool2d(mask, size, stride=1, padding=size // 2)
    return grown[..., : mask.shape[2], : mask.shape[3]]


def _fitted(vae: Vae, image: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """Picture and mask (b, 1, h, w) in the size that the VAE encodes."""
    resized = resize_mask(mask, image.shape[2], image.shape[1])
    return crop(image, vae.factor), crop(resized.movedim(1, -1), vae.factor).movedim(-1, 1)


def _grey(image: Tensor, mask: Tensor) -> Tensor:
    keep = 1 - mask.round().movedim(1, -1)  # b h w 1
    return (image - 0.5) * keep + 0.5
