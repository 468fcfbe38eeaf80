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


def draw(
    x0: Tensor,
    prediction: Prediction,
    random: torch.Generator,
    *,
    offset_noise: float = 0.0,
    levels: tuple[float, float] = (0.0, 1.0),
) -> Question:
    """Noise and a level of it for each latent (b, c, h, w), every level of the model's scale as likely.

    random: on the CPU, so that a seed means one training everywhere. offset_noise: how much of one number for each
    channel is added to its noise, so that brightness is learnt (Guttenberg 2023). levels: the part of the scale that
    is drawn from, 0 the cleanest and 1 the noisiest.
    """
    table = prediction.sigmas
    first = min(round(levels[0] * len(table)), len(table) - 1)
    at = torch.randint(first, max(round(levels[1] * len(table)), first + 1), (len(x0),), generator=random)
    noise = torch.randn(x0.shape, generator=random)
    if offset_noise:
        shape = (*x0.shape[:2], *[1] * (x0.dim() - 2))
        noise = noise + offset_noise * torch.randn(shape, generator=random)
    return Question(x0, noise.to(x0.device), table[at].to(x0.device))


def loss(
    network: Network,
    prediction: Prediction,
    question: Question,
    conditions: Mapping[str, Tensor],
    kind: str = "MSE",
    *,
    min_snr: float = 0.0,
    weights: Tensor | None = None,
) -> Tensor:
    """The mean loss of the network's answers, a scalar with a gradient.

    conditions: what the network takes beside x and the time, (b, ...) each. kind: a key of LOSSES. min_snr: gamma of
    `snr_weight`, 0 for none. weights: (b,), of each latent.
    """
    sigma = question.sigma.view(-1, *[1] * (question.x0.dim() - 1))
    x = prediction.add_noise(question.x0, question.noise, sigma, False)
    answer = network(prediction.scale_input(x, question.sigma), prediction.timestep(question.sigma), **conditions)
    target = prediction.target(question.x0, question.noise, question.sigma)
    each = LOSSES[kind](answer.float(), target).flatten(1).mean(1)
    if min_snr:
        each = each * snr_weight(prediction, question.sigma, min_snr)
    return (each * weights if weights is not None else each).mean()


def snr_weight(prediction: Prediction, sigma: Tensor, gamma: float) -> Tensor:
    """How much a level of noise counts, (b,): min(SNR, gamma) in terms of x0 (Hang et al. 2023).

    The clean levels, which are easy and many, then do not outweigh the others.
    """
    snr = signal_to_noise(prediction, sigma)
    one = torch.ones_like(snr)
    most = torch.minimum(snr, gamma * one)
    kinds = {"eps": snr, "v": snr + 1, "edm": snr + 1, "x0": one}
    if prediction.kind not in kinds:
        raise ValueError(f"min_snr has no meaning for a model of the kind {prediction.kind!r}; set it to 0")
    return most / kinds[prediction.kind]


def signal_to_noise(prediction: Prediction, sigma: Tensor) -> Tensor:
    """The ratio of the variances of signal and noise at sigma, for data of variance 1."""
    return ((1 - sigma) / sigma) ** 2 if prediction.flow else prediction.data**2 / sigma**2
