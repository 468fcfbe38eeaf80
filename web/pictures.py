"""Pictures decoded and written anew: previews, single channels, masks put on. Runs in threads; Pillow comes lazily."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from web.errors import problem

if TYPE_CHECKING:
    from PIL import Image

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "MPO")  # others run programs, or take anything
LONGEST = {"WEBP": 16383, "JPEG": 65500}  # pixels of a side that the format can hold


@contextmanager
def opened(source: Path | BinaryIO, name: str, most: int) -> Iterator[Image.Image]:
    """A picture of at most so many pixels. Raises problem 413 or 415, also for what fails while it is used."""
    from PIL import Image

    Image.init()
    try:
        with Image.open(source, formats=[f for f in FORMATS if f in Image.OPEN]) as image:
            if image.width * image.height > most:
                raise too_large(name, f"it has {image.width} x {image.height} pixels, and {most:,} are the most")
            yield image
    except FileNotFoundError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise too_large(name, str(error)) from None
    except MemoryError:
        raise too_large(name, "there is not enough memory to decode it") from None
    except (OSError, SyntaxError, ValueError, ArithmeticError, LookupError, EOFError, TypeError, RuntimeError) as error:
        # decoders raise whatever the bytes provoke; their texts may name paths
        raise problem(415, "no_picture", f"{name!r} cannot be read as a picture", type(error).__name__) from None


def too_large(name: str, why: str) -> Exception:
    return problem(413, "too_many_pixels", f"{name!r} is too large a picture: {why}")


def check(path: Path, name: str, most: int) -> None:
    """Raises problem 413 or 415 if a file is no picture of at most so many pixels. No pixel is decoded."""
    with opened(path, name, most):
        pass


def converted(source: Path | BinaryIO, name: str, most: int, channel: str, format: str, quality: int) -> bytes:
    """A picture in another format (WEBP, JPEG or PNG), upright. channel: rgba, rgb, or a (its alpha on black)."""
    from PIL import ImageOps

    with opened(source, name, most) as image:
        profile = image.info.get("icc_profile") if image.mode in ("RGB", "RGBA") and channel != "a" else None
        upright = _of_channel(_eight_bits(ImageOps.exif_transpose(image)), channel)
        if format == "JPEG":
            upright = upright.convert("RGB")
        if max(upright.size) > LONGEST.get(format, 1 << 31):
            upright.thumbnail((LONGEST[format], LONGEST[format]))
        options: dict[str, Any] = {"compress_level": 1} if format == "PNG" else {"quality": quality}
        data = io.BytesIO()
        upright.save(data, format, icc_profile=profile, **options)
        return data.getvalue()


def _eight_bits(image: Image.Image) -> Image.Image:
    """16 and 32 bits scaled to 8: converted as they are they would be cut off at 255."""
    if image.mode.startswith("I"):
        return image.convert("I").point(lambda value: value * (1 / 257)).convert("L")
    return image


def _of_channel(image: Image.Image, channel: str) -> Image.Image:
    from PIL import Image

    if channel == "rgb":
        return image.convert("RGBA").convert("RGB") if image.has_transparency_data else image.convert("RGB")
    if channel == "a":
        alone = Image.new("RGBA", image.size)
        alone.putalpha(image.convert("RGBA").getchannel("A"))
        return alone
    return image.convert("RGBA" if image.has_transparency_data else "RGB")


def masked(original: Path, mask: Path, name: str, most: int) -> bytes:
    """The original as PNG with its texts, and with the alpha of the mask. Raises problem 400 if the sizes differ."""
    from PIL import ImageOps, PngImagePlugin

    with opened(mask, name, most) as image:
        alpha = image.convert("RGBA").getchannel("A")
    with opened(original, original.name, most) as image:
        upright = _eight_bits(ImageOps.exif_transpose(image)).convert("RGBA")
        texts: dict[str, str] = getattr(image, "text", {})
    if upright.size != alpha.size:
        sizes = f"{alpha.width} x {alpha.height} pixels, and {original.name!r} {upright.width} x {upright.height}"
        raise problem(400, "mask_size", f"the mask {name!r} has {sizes}; they must be equal")
    upright.putalpha(alpha)
    info = PngImagePlugin.PngInfo()
    for key, text in texts.items():
        info.add_text(key, text)
    data = io.BytesIO()
    upright.save(data, "PNG", pnginfo=info, compress_level=4)
    return data.getvalue()
