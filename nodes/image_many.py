"""Nodes that put any number of pictures, masks or latents into one batch."""

from __future__ import annotations

from typing import Annotated, Any

import diffusion
from executor.node import Grows, node
from nodes.sockets import Image, Latent, Mask

MOST = 50


def _slots(group: str, prefix: str) -> Any:
    return Grows(group, tuple(f"{prefix}{i}" for i in range(MOST)), 2, prefix).all()


IMAGES, MASKS, LATENTS = _slots("images", "image"), _slots("masks", "mask"), _slots("latents", "latent")


def _given(slots: dict[str, Any], what: str) -> list[Any]:
    """What is linked, in the order of the slots."""
    found = [value for value in slots.values() if value is not None]
    if not found:
        raise ValueError(f"nothing is linked: link at least one of the {what}")
    return found


@node("BatchImagesNode", category="image", display_name="Batch Images", output_names=("output",))
def batch_images(**images: Annotated[Image | None, IMAGES]) -> Image:
    """All pictures in one batch; they are cropped and resized to the size of the first."""
    first, *rest = _given(images, "images")
    for image in rest:
        first = diffusion.images.batch(first, image)
    return first


@node("BatchMasksNode", category="mask", display_name="Batch Masks", output_names=("output",))
def batch_masks(**masks: Annotated[Mask | None, MASKS]) -> Mask:
    """All masks in one batch; they are cropped and resized to the size of the first."""
    return diffusion.masks.batch(_given(masks, "masks"))


@node("BatchLatentsNode", category="latent", display_name="Batch Latents", output_names=("output",))
def batch_latents(**latents: Annotated[Latent | None, LATENTS]) -> Latent:
    """All latents in one batch; they are cropped and resized to the size of the first."""
    first, *rest = _given(latents, "latents")
    for latent in rest:
        first = diffusion.latent_batch.concat(first, latent)
    return first
