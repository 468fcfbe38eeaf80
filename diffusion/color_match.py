"""The colours of one picture given to another, (b, h, w, c) in 0..1."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from diffusion.labels import require_pictures

# ITU-R BT.709 primaries and the white D65, as CIE 15 and IEC 61966-2-1 (sRGB) have them
TO_XYZ = (
    (0.412453, 0.357580, 0.180423),
    (0.212671, 0.715160, 0.072169),
    (0.019334, 0.119193, 0.950227),
)
WHITE = (0.95047, 1.0, 1.08883)
SMALL = (6 / 29) ** 3


def matched(image: Tensor, reference: Tensor, method: str, strength: float) -> Tensor:
    """Pictures with the colours of a reference: METHODS by name, `strength` of the way (0..1), cut to 0..1.

    reference: one picture for all, or one for each. Alpha stays. Raises ValueError for another number, or for none.
    """
    require_pictures(image, "image")
    require_pictures(reference, "reference")
    if len(reference) not in (1, len(image)):
        raise ValueError(f"reference holds {len(reference)} pictures for {len(image)}; give one, or one for each")
    change = METHODS[method]
    found: list[Tensor] = []
    for i, one in enumerate(image):
        of = reference[i if len(reference) > 1 else 0]
        colors = one[..., :3].expand(*one.shape[:2], 3)
        made = change(colors.double().flatten(0, 1), _colors(of)).to(one).unflatten(0, one.shape[:2])
        found.append(torch.cat((torch.lerp(colors, made, strength).clamp(0, 1), one[..., 3:]), -1))
    return torch.stack(found)


def _colors(picture: Tensor) -> Tensor:
    """(h, w, c) -> (n, 3)"""
    return picture[..., :3].expand(*picture.shape[:2], 3).double().flatten(0, 1)


# --- methods: colours (n, 3) and those of the reference (m, 3) -> (n, 3) -------------------------


def mean_and_spread(colors: Tensor, reference: Tensor) -> Tensor:
    """Reinhard et al. 2001, in CIELAB: the mean and the standard deviation of each axis become the reference's."""
    x, y = to_lab(colors), to_lab(reference)
    scale = y.std(0, correction=0) / x.std(0, correction=0).clamp(min=1e-6)
    return from_lab((x - x.mean(0)) * scale + y.mean(0))


def covariance(colors: Tensor, reference: Tensor) -> Tensor:
    """The linear Monge-Kantorovich solution of Pitie and Kokaram 2007: the mean and the covariance of red, green and
    blue become the reference's, by the map that moves colours least."""
    a, b = _covariance(colors), _covariance(reference)
    root, inverse = _power(a, 0.5), _power(a, -0.5)
    change = inverse @ _power(root @ b @ root, 0.5) @ inverse
    return (colors - colors.mean(0)) @ change + reference.mean(0)


def histogram(colors: Tensor, reference: Tensor) -> Tensor:
    """Each channel's histogram becomes the reference's (Gonzalez and Woods, Digital Image Processing, 3.3)."""
    return torch.stack([_histogram(colors[:, i], reference[:, i]) for i in range(3)], -1)


METHODS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "mean and spread": mean_and_spread,
    "covariance": covariance,
    "histogram": histogram,
}


def _histogram(values: Tensor, reference: Tensor) -> Tensor:
    x, y = values.cpu().numpy(), reference.cpu().numpy()
    _, places, counts = np.unique(x, return_inverse=True, return_counts=True)
    levels, wanted = np.unique(y, return_counts=True)
    made = np.interp(counts.cumsum() / x.size, wanted.cumsum() / y.size, levels)
    return torch.from_numpy(made[places.reshape(-1)]).to(values)


def _covariance(colors: Tensor) -> Tensor:
    centred = colors - colors.mean(0)
    return centred.T @ centred / len(colors) + 1e-8 * torch.eye(3).to(colors)


def _power(matrix: Tensor, exponent: float) -> Tensor:
    values, vectors = torch.linalg.eigh(matrix)
    return vectors @ torch.diag(values.clamp(min=1e-12) ** exponent) @ vectors.T


# --- CIELAB --------------------------------------------------------------------------------------


def to_lab(colors: Tensor) -> Tensor:
    """sRGB (n, 3) in 0..1 -> L* (0..100), a*, b*"""
    light = torch.where(colors <= 0.04045, colors / 12.92, ((colors.clamp(min=0) + 0.055) / 1.055) ** 2.4)
    t = light @ colors.new_tensor(TO_XYZ).T / colors.new_tensor(WHITE)
    f = torch.where(t > SMALL, t.clamp(min=SMALL) ** (1 / 3), t / (3 * (6 / 29) ** 2) + 4 / 29)
    x, y, z = f.unbind(-1)
    return torch.stack((116 * y - 16, 500 * (x - y), 200 * (y - z)), -1)


def from_lab(lab: Tensor) -> Tensor:
    """L*, a*, b* (n, 3) -> sRGB, cut to 0..1"""
    y = (lab[:, 0] + 16) / 116
    f = torch.stack((y + lab[:, 1] / 500, y, y - lab[:, 2] / 200), -1)
    t = torch.where(f > 6 / 29, f**3, 3 * (6 / 29) ** 2 * (f - 4 / 29))
    light = t * lab.new_tensor(WHITE) @ torch.linalg.inv(lab.new_tensor(TO_XYZ)).T
    light = light.clamp(0, 1)
    return torch.where(light <= 0.0031308, light * 12.92, 1.055 * light.clamp(min=1e-9) ** (1 / 2.4) - 0.055).clamp(
        0, 1
    )
