"""How much pictures differ, (b, h, w, c) in 0..1: error, PSNR, SSIM and LPIPS."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from diffusion.labels import require_pictures

WINDOW, DEVIATION = 11, 1.5  # pixels: the bell curve of SSIM
K1, K2 = 0.01, 0.03


def pair(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Two batches of pictures as they can be compared, in float64: one of them may hold one picture for all of the
    other. Alpha counts only where both have it.

    Raises ValueError for pictures of different sizes or numbers, and for none.
    """
    require_pictures(a, "image")
    require_pictures(b, "other")
    if a.shape[1:3] != b.shape[1:3]:
        sizes = [f"{x.shape[2]} x {x.shape[1]}" for x in (a, b)]
        raise ValueError(
            f"image has {sizes[0]} pixels and other {sizes[1]}; scale one of them to the size of the other"
        )
    if len(a) != len(b) and 1 not in (len(a), len(b)):
        raise ValueError(f"image holds {len(a)} pictures and other {len(b)}; give as many, or one for all")
    channels = 1 if a.shape[-1] == b.shape[-1] == 1 else 4 if a.shape[-1] == b.shape[-1] == 4 else 3
    count = max(len(a), len(b))
    return _as(a, channels, count), _as(b, channels, count).to(a.device)


def _as(x: Tensor, channels: int, count: int) -> Tensor:
    x = x[..., :channels] if x.shape[-1] >= channels else x[..., :1].expand(-1, -1, -1, channels)
    return x.expand(count, -1, -1, -1).double()


def squared_error(a: Tensor, b: Tensor) -> Tensor:
    """The mean squared difference of each pair: (b,)"""
    return (a - b).square().mean((1, 2, 3))


def psnr(a: Tensor, b: Tensor) -> Tensor:
    """The peak signal-to-noise ratio in dB, (b,); infinite for equal pictures."""
    return -10 * squared_error(a, b).log10()


def ssim(a: Tensor, b: Tensor) -> Tensor:
    """The structural similarity, (b,), 1 for equal pictures: Wang et al. 2004, with a bell curve of 11 pixels, the mean
    over channels and over all places where it lies within the picture. Raises ValueError for smaller pictures."""
    if min(a.shape[1:3]) < WINDOW:
        raise ValueError(
            f"SSIM needs pictures of {WINDOW} x {WINDOW} pixels, and these are {a.shape[2]} x {a.shape[1]}"
        )
    x, y = (t.movedim(-1, 1).flatten(0, 1)[:, None] for t in (a, b))  # b*c 1 h w
    mean_x, mean_y = _blurred(x), _blurred(y)
    variance = _blurred(x * x) - mean_x**2 + _blurred(y * y) - mean_y**2
    covariance = _blurred(x * y) - mean_x * mean_y
    c1, c2 = K1**2, K2**2
    similar = (2 * mean_x * mean_y + c1) * (2 * covariance + c2)
    similar /= (mean_x**2 + mean_y**2 + c1) * (variance + c2)
    return similar.mean((1, 2, 3)).unflatten(0, (len(a), -1)).mean(1)


def _blurred(x: Tensor) -> Tensor:
    """x (n, 1, h, w) under the bell curve, without the border: (n, 1, h - 10, w - 10)"""
    at = torch.arange(WINDOW, dtype=x.dtype, device=x.device) - WINDOW // 2
    curve = torch.exp(-0.5 * (at / DEVIATION) ** 2)
    curve /= curve.sum()
    return functional.conv2d(functional.conv2d(x, curve[None, None, None]), curve[None, None, :, None])


# --- LPIPS ---------------------------------------------------------------------------------------

NETWORKS = ("alex", "vgg", "squeeze")


@torch.no_grad()
def perceptual(a: Tensor, b: Tensor, network: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
    """LPIPS (Zhang et al. 2018) of each pair of colour pictures, (b,), 0 for equal ones.

    network: called with both as (b, 3, h, w) in -1..1.
    """
    x, y = (_as(t, 3, len(t)).movedim(-1, 1).float() * 2 - 1 for t in (a, b))
    return network(x, y).flatten().double()


def lpips_network(name: str) -> Any:
    """A network of the package `lpips`, one of NETWORKS. Raises ValueError if it or its weights are missing."""
    try:
        import lpips  # pyright: ignore[reportMissingImports]
    except ImportError as error:
        raise ValueError(
            f"LPIPS needs a package that is not here ({error.name}): pip install 'mezzotint[lpips]'"
        ) from error
    try:
        return lpips.LPIPS(net=name, verbose=False)
    except OSError as error:
        place = f"{torch.hub.get_dir()}/checkpoints"
        raise ValueError(
            f"the weights of {name!r}, which torchvision downloads once, are not in {place} and do not load: {error}"
        ) from error


# --- in words ------------------------------------------------------------------------------------


def report(columns: dict[str, Tensor]) -> str:
    """A table of numbers for each pair of pictures, (b,) a column; of several also their means, last."""
    lines = ["picture  " + "  ".join(f"{name:>10}" for name in columns)]
    rows = list(zip(*(values.tolist() for values in columns.values()), strict=True))
    for n, row in enumerate(rows, 1):
        lines.append(f"{n:>7}  " + "  ".join(f"{_number(v):>10}" for v in row))
    if len(rows) > 1:
        lines.append("   mean  " + "  ".join(f"{_number(float(v.mean())):>10}" for v in columns.values()))
    return "\n".join(lines)


def _number(value: float) -> str:
    return "equal" if math.isinf(value) else f"{value:.5g}"
