"""Picture files to (b, h, w, c) tensors in 0..1, and back to PNG."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from PIL import Image, ImageOps, ImageSequence, PngImagePlugin, UnidentifiedImageError
from torch import Tensor

T = TypeVar("T")

MOST_PIXELS = 2**29  # of all frames together: 6 GB as a tensor
FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "MPO", "JPEG2000", "PPM", "ICO")
EMPTY_MASK = 64  # the side of the mask of a picture without transparency, whatever the picture's size


# --- reading -------------------------------------------------------------------------------------


def load(path: Path) -> tuple[Tensor, Tensor]:
    """The frames of a picture (b, h, w, 3), turned as its EXIF data says, and their masks (b, h, w): 1 - alpha.

    Frames of another size than the first are left out. Without transparency the mask is zeros, 64 x 64.
    Raises ValueError for what is no whole picture or is too large.
    """
    return _reading(path, _load)


def load_channel(path: Path, channel: str) -> Tensor:
    """One channel of a picture as a mask (1, h, w): `red`, `green`, `blue`, or `alpha`, which means 1 - alpha."""
    return _reading(path, lambda image: _channel(image, channel))


def _reading(path: Path, use: Callable[[Image.Image], T]) -> T:
    try:
        with Image.open(path, formats=_formats()) as image:
            pixels = image.width * image.height * getattr(image, "n_frames", 1)
            if pixels > MOST_PIXELS:
                raise ValueError(f"its frames have {pixels} pixels together, and {MOST_PIXELS} are the most")
            return use(image)
    except Exception as error:  # decoders raise whatever the bytes provoke
        told = f"it is no {', '.join(FORMATS[:5])}..." if isinstance(error, UnidentifiedImageError) else error
        raise ValueError(f"{path.name} cannot be read as a picture: {told}; save it anew as PNG") from error


def _formats() -> list[str]:
    """Of the FORMATS those that this Pillow has. Some of its others run programs, or take anything for a picture."""
    Image.init()
    return [name for name in FORMATS if name in Image.OPEN]


def _load(image: Image.Image) -> tuple[Tensor, Tensor]:
    frames = [ImageOps.exif_transpose(f) for f in _frames(image)]
    frames = [f for f in frames if f.size == frames[0].size]
    pictures = torch.cat([_tensor(_eight_bits(f).convert("RGB")) for f in frames])
    if not any(f.has_transparency_data for f in frames):
        return pictures, torch.zeros(len(frames), EMPTY_MASK, EMPTY_MASK)
    return pictures, torch.cat([1.0 - _tensor(f.convert("RGBA").getchannel("A")) for f in frames])


def _frames(image: Image.Image) -> Iterator[Image.Image]:
    """A camera's MPO holds other views of the picture, which are not its frames."""
    if image.format == "MPO":
        yield image
    else:
        yield from (frame.copy() for frame in ImageSequence.Iterator(image))


def _channel(image: Image.Image, channel: str) -> Tensor:
    whole = _eight_bits(ImageOps.exif_transpose(image)).convert("RGBA")
    values = _tensor(whole.getchannel(channel[0].upper()))
    return 1.0 - values if channel == "alpha" else values


def _eight_bits(image: Image.Image) -> Image.Image:
    """32-bit integers scaled down. 16-bit ones stay: converting them cuts them off at 255, as the standard does."""
    return image.point(lambda value: value * (1 / 255)) if image.mode == "I" else image


def _tensor(image: Image.Image) -> Tensor:
    """(1, h, w, c), or (1, h, w) of one channel."""
    return torch.from_numpy(np.asarray(image).astype(np.float32) / np.float32(255))[None]


# --- writing -------------------------------------------------------------------------------------


def eight_bits(images: Tensor) -> np.ndarray:
    """0..1 as 0..255, cut off and not rounded; what is no number is 0."""
    return scaled(images, 255, np.float32).astype(np.uint8)


def scaled(images: Tensor, most: int, dtype: type[np.floating[Any]]) -> np.ndarray:
    """0..1 as 0..most, in `dtype`; what lies outside is cut to that, and what is no number is 0.

    Not with torch: files are written in threads beside the one that computes, and torch's own threads, of which each
    that ever computes has some, slow each other down for good (OpenMP spins less where they are more than the cores).
    """
    with np.errstate(over="ignore", invalid="ignore"):
        values = np.multiply(images.detach().to("cpu", torch.float32).numpy(), most, dtype=dtype)
    np.nan_to_num(values, copy=False, posinf=most, neginf=0)
    return values.clip(0, most, out=values)


def encode(images: Tensor, texts: Mapping[str, str], level: int = 4) -> Iterator[bytes]:
    """Each picture of (b, h, w, c) as PNG: values cut to 0..1 and off to 8 bits, c = 1 (grey), 3 or 4 (alpha).

    texts: keyword -> what stands in its text chunk.
    level: zlib's, 0..9.
    """
    modes = {1: "L", 3: "RGB", 4: "RGBA"}
    if images.shape[-1] not in modes:
        raise ValueError(f"a picture of {images.shape[-1]} channels is no PNG; it needs 1, 3 or 4")
    data = eight_bits(images)
    chunks = PngImagePlugin.PngInfo()
    for keyword, text in texts.items():
        chunks.add_text(keyword, text)

    def png(pixels: np.ndarray) -> bytes:
        file = io.BytesIO()
        Image.fromarray(pixels.squeeze(-1) if pixels.shape[-1] == 1 else pixels).save(
            file, "PNG", pnginfo=chunks, compress_level=level
        )
        return file.getvalue()

    with ThreadPoolExecutor(min(len(data), os.cpu_count() or 1) or 1) as pool:  # zlib runs outside the GIL
        yield from pool.map(png, data)
