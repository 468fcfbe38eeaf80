"""One question to a network, and how wrong its answer is (Ho et al. 2020).

b batch, c channels, h w latent size. All in float32 but for what the network computes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from diffusion.prediction import Prediction

Network = Callable[..., Tensor]
Measure = Callable[[Tensor, Tensor], Tensor]  # (answer, target) -> the loss of each element

LOSSES: dict[str, Measure] = {
    "MSE": lambda answer, target: F.mse_loss(answer, target, reduction="none"),
    "L1": lambda answer, target: F.l1_loss(answer, target, reduction="none"),
    "Huber": lambda answer, target: F.huber_loss(answer, target, reduction="none"),
    "SmoothL1": lambda answer, target: F.smooth_l1_loss(answer, target, reduction="none"),
}


@dataclass(frozen=True)
class Question:
    """Latents with noise, and what the network should say of them."""

    x0: Tensor  # (b, c, h, w), scaled as the network sees latents
    noise: Tensor  # (b, c, h, w)
    sigma: Tensor  # (b,)


def draw(x0: Tensor, prediction: Prediction, random: torch.Generator) -> Question:
    """Noise and a level of it for each latent (b, c, h, w), every level of the model's scale as likely.

    random: on the CPU, so that a seed means one training everywhere.
    """
    table = prediction.sigmas
    sigma = table[torch.randint(len(table), (len(x0),), generator=random)]
    noise = torch.randn(x0.shape, generator=random)
    return Question(x0, noise.to(x0.device), sigma.to(x0.device))


def loss(
    network: Network, prediction: Prediction, question: Question, conditions: Mapping[str, Tensor], kind: str = "MSE"
) -> Tensor:
    """The mean loss of the network's answers, a scalar with a gradient.

    conditions: what the network takes beside x and the time, (b, ...) each. kind: a key of LOSSES.
    """
    sigma = question.sigma.view(-1, *[1] * (question.x0.dim() - 1))
    x = prediction.add_noise(question.x0, question.noise, sigma, False)
    answer = network(prediction.scale_input(x, question.sigma), prediction.timestep(question.sigma), **conditions)
    target = prediction.target(question.x0, question.noise, question.sigma)
    return LOSSES[kind](answer.float(), target).mean()
