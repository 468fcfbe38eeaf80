"""Pictures (b, h, w, c) as files of other kinds than 8-bit PNG: 16-bit PNG, JPEG, WebP, AVIF, each with its graph."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from PIL import Image, features
from torch import Tensor

from diffusion.image_files import eight_bits, scaled

MODES = {1: "L", 3: "RGB", 4: "RGBA"}
PNG_COLORS = {1: 0, 3: 2, 4: 6}
MOST_EXIF = 65533 - 6
"""The bytes of EXIF data that a JPEG can hold."""


def lossy(images: Tensor, kind: str, exif: bytes, **options: Any) -> Iterator[bytes]:
    """Each picture as JPEG, WEBP or AVIF; values are cut to 0..1 and off to 8 bits. options: Pillow's.

    A JPEG has no alpha: it is left out. Where its graph is too large for a JPEG, the file is made without.
    Raises ValueError for other channels than 1, 3 or 4, or a kind that this Pillow cannot write.
    """
    mode = _mode(images)
    if kind == "AVIF" and not features.check("avif"):
        raise ValueError("this Pillow cannot write AVIF; install one that can, or choose webp")
    if kind == "JPEG":
        exif = exif if len(exif) <= MOST_EXIF else b""
        mode, images = ("RGB", images[..., :3]) if mode == "RGBA" else (mode, images)
    data = eight_bits(images)
    for pixels in data:
        picture = Image.fromarray(pixels.squeeze(-1) if mode == "L" else pixels, mode)
        file = io.BytesIO()
        picture.convert("RGB" if mode == "L" and kind == "AVIF" else mode).save(file, kind, exif=exif, **options)
        yield file.getvalue()


def deep_png(images: Tensor, texts: Mapping[str, str], level: int = 4) -> Iterator[bytes]:
    """Each picture as PNG of 16 bits a channel (ISO/IEC 15948), with text chunks; level: zlib's, 0..9."""
    _mode(images)
    data = scaled(images, 65535, np.float64).round().astype(">u2")
    told = b"".join(
        _chunk(b"tEXt", k.encode("latin-1") + b"\0" + t.encode("latin-1", "replace")) for k, t in texts.items()
    )
    for pixels in data:
        height, width, channels = pixels.shape
        head = struct.pack(">IIBBBBB", width, height, 16, PNG_COLORS[channels], 0, 0, 0)
        rows = pixels.reshape(height, -1).view(np.uint8)
        before = np.vstack([np.zeros_like(rows[:1]), rows[:-1]])
        filtered = np.hstack([np.full((height, 1), 2, np.uint8), rows - before])  # filter 2: up
        body = _chunk(b"IDAT", zlib.compress(filtered.tobytes(), level))
        yield b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", head) + told + body + _chunk(b"IEND", b"")


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _mode(images: Tensor) -> str:
    if images.shape[-1] not in MODES:
        raise ValueError(f"a picture of {images.shape[-1]} channels cannot be saved; it needs 1, 3 or 4")
    return MODES[images.shape[-1]]
