"""Picture files as the trainer wants them: upright, 8 bits, opaque, scaled to cover a bucket, and cut to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps, UnidentifiedImageError

from diffusion.image_files import FORMATS
from training.data.examples import DataError, Example

MOST_PIXELS = 2**26  # 8192 x 8192; more may be a small file that unpacks to fill the memory
CROPS = ("centre", "random")
Color = tuple[int, int, int]
WHITE: Color = (255, 255, 255)


@dataclass(frozen=True, eq=False)
class Cut:
    """A picture cut to its bucket.

    pixels: uint8 (height, width, 3).
    original: (width, height) of the whole picture before it was scaled. scaled: after it was.
    crop: (left, top), where the cut begins in the scaled (and flipped) picture; with `original`, what SDXL is told
    (Podell et al. 2023, 2.2).
    enlarged: by what it was scaled up; 1 where it was not.
    """

    pixels: np.ndarray
    original: tuple[int, int]
    scaled: tuple[int, int]
    crop: tuple[int, int]
    flipped: bool
    enlarged: float = 1.0


def picture(
    example: Example,
    size: tuple[int, int],
    *,
    crop: str = "centre",
    flip: bool = False,
    background: Color = WHITE,
    random: torch.Generator | None = None,
) -> Cut:
    """The picture of an example, scaled (Lanczos) until it just covers size (width, height), and cut to that.

    crop: "centre", or "random": anywhere. flip: half of them are mirrored.
    background: 0..255, seen through what is transparent.
    random: three numbers are drawn of it whatever is chosen, so that one choice does not change another.
    Raises DataError for a picture that cannot be read, ValueError for choices that make no sense.
    """
    if crop not in CROPS:
        raise ValueError(f"crop is {crop!r}; choose one of {', '.join(CROPS)}")
    if random is None and (flip or crop == "random"):
        raise ValueError("a random crop or flip needs a generator (random)")
    draws = torch.rand(3, generator=random, dtype=torch.float64).tolist() if random is not None else [0.5, 0.5, 1.0]
    whole = read(example.path, background)
    factor = max(size[0] / whole.width, size[1] / whole.height)
    scaled = _scaled(whole, max(size[0], round(whole.width * factor)), max(size[1], round(whole.height * factor)))
    flipped = flip and draws[2] < 0.5
    scaled = ImageOps.mirror(scaled) if flipped else scaled
    free = scaled.width - size[0], scaled.height - size[1]
    at = (free[0] // 2, free[1] // 2) if crop == "centre" else (_place(draws[0], free[0]), _place(draws[1], free[1]))
    cut = scaled.crop((*at, at[0] + size[0], at[1] + size[1]))
    return Cut(np.array(cut), whole.size, scaled.size, at, flipped, max(1.0, factor))


def mirrored(cut: Cut) -> Cut:
    """The mirror image, cut where the mirrored picture would be."""
    left = cut.scaled[0] - cut.crop[0] - cut.pixels.shape[1]
    return replace(cut, pixels=cut.pixels[:, ::-1].copy(), crop=(left, cut.crop[1]), flipped=not cut.flipped)


def enlarged(examples: Sequence[Example], sizes: Sequence[tuple[int, int]]) -> tuple[str, ...]:
    """A sentence for each picture that is smaller than its bucket (width, height), and so is scaled up."""
    return tuple(
        f"{e.path.name} is {e.size[0]} x {e.size[1]}, smaller than {size[0]} x {size[1]}, so it is enlarged and "
        "blurry; use a larger picture or train at a smaller size"
        for e, size in zip(examples, sizes, strict=True)
        if e.size[0] < size[0] or e.size[1] < size[1]
    )


def _scaled(image: Image.Image, width: int, height: int) -> Image.Image:
    return image if image.size == (width, height) else image.resize((width, height), Image.Resampling.LANCZOS)


def _place(draw: float, free: int) -> int:
    """draw in [0, 1) -> 0..free, each as likely."""
    return min(free, int(draw * (free + 1)))


# --- reading -------------------------------------------------------------------------------------


def size_of(path: Path) -> tuple[int, int]:
    """The (width, height) of an upright picture, all of which was decoded. Raises DataError if it cannot be."""
    return read(path).size


def read(path: Path, background: Color = WHITE) -> Image.Image:
    """A picture as opaque RGB, turned as its EXIF data says; of an animation the first frame.

    Raises DataError for what is no whole picture or is too large.
    """
    try:
        with Image.open(path, formats=_formats()) as image:
            if image.width * image.height > MOST_PIXELS:
                raise ValueError(
                    f"it has {image.width} x {image.height} pixels, and {MOST_PIXELS} together are the most"
                )
            return _opaque(_eight_bits(ImageOps.exif_transpose(image)), background)
    except (UnidentifiedImageError, FileNotFoundError) as error:
        told = "it is not there" if isinstance(error, FileNotFoundError) else "it is no picture of a known kind"
        raise DataError(f"{path.name} cannot be read: {told}; save it anew as PNG") from None
    except Exception as error:  # decoders raise whatever the bytes provoke
        raise DataError(f"{path.name} cannot be read as a picture: {error}; save it anew as PNG") from error


def _formats() -> list[str]:
    """Of the known FORMATS those that this Pillow has; some of its others run programs."""
    Image.init()
    return [name for name in FORMATS if name in Image.OPEN]


def _eight_bits(image: Image.Image) -> Image.Image:
    """Grey of 16 bits, or of floats in 0..1, in 8 bits; others as they are."""
    if image.mode not in ("I", "F") and not image.mode.startswith("I;16"):
        return image
    values = np.asarray(image).astype(np.float64)
    most = 1 if image.mode == "F" else 65535  # old Pillows call 16 bits "I"
    if not (np.isfinite(values).all() and values.min() >= 0 and values.max() <= most):
        raise ValueError(f"its values are not in 0..{most}")
    return Image.fromarray((values * (255 / most)).round().astype(np.uint8))


def _opaque(image: Image.Image, background: Color) -> Image.Image:
    if not image.has_transparency_data:
        return image.convert("RGB")
    clear = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", clear.size, (*background, 255)), clear).convert("RGB")
