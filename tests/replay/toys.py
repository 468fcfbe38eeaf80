"""The closed-form models of the recorded data: two normal distributions around what the conditioning says."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from diffusion.model import SD3, SD15, LatentFormat, Model
from diffusion.prediction import Prediction, discrete, flow, flux


@dataclass(frozen=True, kw_only=True, eq=False)
class Toy(Model):
    """Data from 0.5 N(m + 1, 0.25) + 0.5 N(m - 1, 0.25), m the mean of the context: x0 is known exactly."""

    def x0(self, x: Tensor, sigma: Tensor, conditions: Mapping[str, Tensor]) -> Tensor:
        m = conditions["context"].mean(dim=(1, 2)).reshape(-1, 1, 1, 1)
        s = sigma.reshape(-1, 1, 1, 1)
        a = 1 - s if self.prediction.flow else torch.ones(())
        v = (a / 2) ** 2 + s**2
        g = a / 4 / v
        w = torch.sigmoid(((x - a * (m - 1)) ** 2 - (x - a * (m + 1)) ** 2) / (2 * v))
        return w * ((m + 1) + g * (x - a * (m + 1))) + (1 - w) * ((m - 1) + g * (x - a * (m - 1)))


def toy(prediction: Prediction, latent_format: LatentFormat = SD15) -> Toy:
    def network(*_: Any, **__: Any) -> Tensor:
        raise AssertionError("a toy has no network")

    return Toy(network=network, prediction=prediction, latent_format=latent_format)


MODELS: dict[str, Callable[[], Toy]] = {
    "sd15": lambda: toy(discrete("eps")),
    "sdv": lambda: toy(discrete("v")),
    "flow": lambda: toy(flow(3.0), SD3),
    "flux": lambda: toy(flux(1.15)),
}
