"""What control networks look at, made from pictures by plain mathematics, as the field's preprocessors make it.

Pictures are (b, h, w, 3) in 0..1, computed in steps of 1/255. Those of comfyui_controlnet_aux, with OpenCV's ways of
resizing and smoothing, are the model; `diffusion.canny` finds edges.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor
from torch.nn import functional

PAD = 64  # sides are filled up to multiples of this while a picture is computed
SMALLEST_MEDIAN = 16.0  # of lines, so that noise on a bare picture stays dark
RED, GREEN, BLUE = 0.072169, 0.715160, 0.212671
"""Of the luminance. Red and blue have changed places there, and so in what the field's models were shown."""

Change = Callable[[np.ndarray], np.ndarray]  # (h, w, 3) of 0..255 -> (h, w) or (h, w, 3)


def hidden(images: Tensor, mask: Tensor, masked: float) -> Tensor:
    """Pictures with `masked` where mask (b, h, w) is above 0.5: -1 for ControlNet 1.1's inpainting, 0 for xinsir's."""
    mask = mask.reshape(-1, 1, *mask.shape[-2:]).to(images)
    fitted = functional.interpolate(mask, size=images.shape[1:3], mode="bilinear").movedim(1, -1)
    return torch.where(fitted > 0.5, masked, images)


def lines(images: Tensor, side: int, sigma: float, threshold: int) -> Tensor:
    """Light lines where a picture is darker than what is around it. sigma: of what is around it, in pixels.

    threshold: of 255; what is weaker does not count when the lines' strength is measured.
    """

    def change(pixels: np.ndarray) -> np.ndarray:
        around = ndimage.gaussian_filter(pixels, sigma=(sigma, sigma, 0), mode="mirror")
        darker = (around - pixels).min(2).clip(0, 255)
        strong = darker[darker > threshold]
        return darker * (127 / max(SMALLEST_MEDIAN, float(np.median(strong)) if len(strong) else 0))

    return _each(images, side, change)


def luminance(images: Tensor, side: int, gamma: float) -> Tensor:
    """How light each place looks (L of CIE Lab), to the power of gamma: what recolouring networks keep."""

    def change(pixels: np.ndarray) -> np.ndarray:
        light = _linear(pixels / 255) @ np.array([RED, GREEN, BLUE], np.float32)
        lightness = np.where(light > 0.008856, 1.16 * np.cbrt(light) - 0.16, 9.033 * light)
        return _power(lightness, gamma)

    return _each(images, side, change)


def intensity(images: Tensor, side: int, gamma: float) -> Tensor:
    """The largest of the three colours at each place, to the power of gamma."""
    return _each(images, side, lambda pixels: _power(pixels.max(2) / 255, gamma))


def tile(images: Tensor, side: int, halvings: int) -> Tensor:
    """A picture without its details: halved as often as said, then doubled smoothly."""

    def change(pixels: np.ndarray) -> np.ndarray:
        height, width = (max(1, n >> halvings) for n in pixels.shape[:2])
        small = torch.from_numpy(_area(pixels, height, width).round())
        for _ in range(halvings):
            small = _doubled(_doubled(small, 0), 1).round()
        return small.numpy()

    return _each(images, side, change)


def _power(values: np.ndarray, gamma: float) -> np.ndarray:
    steps = (values * 255).round() / 255  # 8 bits
    return steps**gamma * 255


def _linear(values: np.ndarray) -> np.ndarray:
    """sRGB -> light."""
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4).astype(np.float32)


def _doubled(x: Tensor, axis: int) -> Tensor:
    """One axis twice as long (Burt & Adelson 1983); its beginning is mirrored, its end continued, as in OpenCV."""
    x = x.movedim(axis, 0)
    before, after = torch.cat((x[1:2] if len(x) > 1 else x[:1], x[:-1])), torch.cat((x[1:], x[-1:]))
    return torch.stack(((before + 6 * x + after) / 8, (x + after) / 2), 1).flatten(0, 1).movedim(0, axis)


# --- resizing ------------------------------------------------------------------------------------


def _each(images: Tensor, side: int, change: Change) -> Tensor:
    """Each picture with its shorter side as long as `side`, changed; grey ones get three channels."""
    made: list[Tensor] = []
    for image in images.detach().float().cpu():
        pixels = _resized((image[..., :3] * 255).clamp(0, 255).floor().numpy(), side)
        height, width = pixels.shape[:2]
        filled = np.pad(pixels, ((0, -height % PAD), (0, -width % PAD), (0, 0)), "edge")
        changed = torch.from_numpy(change(filled)[:height, :width]).clamp(0, 255).floor() / 255
        made.append(changed if changed.dim() == 3 else changed[..., None].expand(-1, -1, 3))
    return torch.stack(made).to(images)


def _resized(pixels: np.ndarray, side: int) -> np.ndarray:
    """pixels (h, w, 3): bicubic if it becomes larger, else the mean of each area."""
    factor = side / min(pixels.shape[:2])
    height, width = (round(n * factor) for n in pixels.shape[:2])
    if factor <= 1:
        return _area(pixels, height, width).round()
    x = torch.from_numpy(pixels).movedim(-1, 0)[None]
    return (
        functional.interpolate(x, size=(height, width), mode="bicubic")[0].movedim(0, -1).round().clamp(0, 255).numpy()
    )


def _area(pixels: np.ndarray, height: int, width: int) -> np.ndarray:
    """The mean of the area that each new pixel covers, parts of pixels counting in part."""
    rows, columns = _shares(pixels.shape[0], height), _shares(pixels.shape[1], width)
    return np.einsum("yh,xw,hwc->yxc", rows, columns, pixels, optimize=True).astype(np.float32)


def _shares(old: int, new: int) -> np.ndarray:
    """(new, old): how much of each new sample each old one is."""
    edges = np.arange(new + 1) * (old / new)
    at = np.arange(old)
    shares = np.minimum(at + 1, edges[1:, None]) - np.maximum(at, edges[:-1, None])
    return (shares.clip(0) * (new / old)).astype(np.float32)
