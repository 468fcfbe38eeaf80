"""Several picture files as one batch."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from diffusion import image_files, images


def read(paths: Sequence[Path], way: str, width: int = -1, height: int = -1) -> Tensor:
    """The pictures (b, h, w, 3) at one size: width x height, where -1 is the first one's.

    way: Stretch, Crop (the middle of it), Pad (with black), or None. Raises ValueError with None if sizes differ.
    """
    first, *rest = (image_files.load(path)[0][:1] for path in paths)
    size = (width if width > 0 else first.shape[2], height if height > 0 else first.shape[1])
    if way == "None":
        size = first.shape[2], first.shape[1]
        odd = [p.name for p, x in zip(paths[1:], rest, strict=True) if (x.shape[2], x.shape[1]) != size]
        if odd:
            raise ValueError(
                f"{odd[0]} is of another size than {paths[0].name}, which is {size[0]} x {size[1]}: "
                "choose Stretch, Crop or Pad as resize_method"
            )
        return torch.cat([first, *rest])
    return torch.cat([_fitted(picture, *size, way) for picture in (first, *rest)])


def _fitted(picture: Tensor, width: int, height: int, way: str) -> Tensor:
    if way == "Pad":
        return images.fit(picture, width, height, 0.0, "bilinear")
    return images.scale(picture, width, height, "bilinear", "center" if way == "Crop" else "disabled")
