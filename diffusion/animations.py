"""Batches of pictures (b, h, w, c) as one moving picture."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

from PIL import Image, PngImagePlugin
from torch import Tensor

from diffusion.image_files import eight_bits

MODES = {1: "L", 3: "RGB", 4: "RGBA"}
EFFORTS = {"default": 4, "fastest": 0, "slowest": 6}  # of WebP's six


def png(images: Tensor, texts: Mapping[str, str], fps: float, level: int = 4) -> bytes:
    """Animated PNG. texts: keyword -> text, each in a chunk `comf` behind the first frame. level: zlib's, 0..9."""
    chunks = PngImagePlugin.PngInfo()
    for keyword, text in texts.items():
        data = f"{keyword}\0{text}".encode("latin-1", "backslashreplace")
        chunks.add(b"comf", data, after_idat=True)
    return _saved(images, "PNG", fps, pnginfo=chunks, compress_level=level)


def webp(images: Tensor, exif: bytes, fps: float, *, lossless: bool, quality: int, effort: str) -> bytes:
    """Animated WebP. quality: 0..100, of lossless files the effort to make them small. effort: one of EFFORTS."""
    return _saved(images, "WEBP", fps, exif=exif, lossless=lossless, quality=quality, method=EFFORTS[effort])


def _saved(images: Tensor, kind: str, fps: float, **options: Any) -> bytes:
    if images.shape[-1] not in MODES:
        raise ValueError(f"pictures of {images.shape[-1]} channels cannot be a {kind} file; they need 1, 3 or 4")
    if not len(images):
        raise ValueError("there are no pictures to save")
    data = eight_bits(images)
    first, *others = (Image.fromarray(frame.squeeze(-1) if frame.shape[-1] == 1 else frame) for frame in data)
    file = io.BytesIO()
    first.save(file, kind, save_all=True, append_images=others, duration=int(1000 / fps), loop=0, **options)
    return file.getvalue()
