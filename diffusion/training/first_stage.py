"""A VAE learns to give pictures back from latents (Kingma & Welling 2014; Esser et al. 2021; Rombach et al. 2022).

b batch, h w pixels; pictures are (b, 3, h, w) in -1..1.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional as F

from diffusion.training.parallel import Question
from diffusion.vae import Autoencoder

Pictures = Callable[[Sequence[int], torch.Generator], Tensor]


@dataclass(frozen=True, kw_only=True)
class Terms:
    """How much each part of the loss counts."""

    l1: float = 1.0
    mse: float = 1.0
    scales: int = 3  # halvings of the size at which both are measured too, so that large shapes come right first
    kl: float = 1e-6
    adversarial: float = 0.0  # edges come sharp, though some pixels wrong


class Discriminator(nn.Sequential):
    """Tells for each patch of 30 pixels whether it was painted or decoded (Isola et al. 2017)."""

    def __init__(self, width: int = 32):
        layers: list[nn.Module] = [nn.Conv2d(3, width, 4, 2, 1), nn.LeakyReLU(0.2)]
        for before, after in ((width, 2 * width), (2 * width, 4 * width)):
            layers += [nn.Conv2d(before, after, 4, 2 if after == 2 * width else 1, 1), nn.GroupNorm(8, after)]
            layers += [nn.LeakyReLU(0.2)]
        super().__init__(*layers, nn.Conv2d(4 * width, 1, 3, padding=1))


class FirstStage:
    """modules: `vae`, and `discriminator` where its term counts. pictures: of some examples, (b, 3, h, w)."""

    def __init__(self, modules: nn.ModuleDict, pictures: Pictures, terms: Terms):
        if bool(terms.adversarial) != ("discriminator" in modules):
            raise ValueError("a discriminator goes with the adversarial term, and only with it")
        self.modules, self.pictures, self.terms = modules, pictures, terms
        self.device = next(modules.parameters()).device

    def question(self, batch: Sequence[int], random: torch.Generator) -> dict[str, Tensor]:
        x = self.pictures(batch, random)
        vae: Autoencoder = self.modules["vae"]  # type: ignore[assignment]
        noise = torch.randn(len(x), vae.latent, *(n // vae.factor for n in x.shape[2:]), generator=random)
        return {"x": x.to(self.device), "noise": noise.to(self.device)}

    def loss(self, modules: nn.ModuleDict, question: Question) -> Tensor:
        vae: Autoencoder = modules["vae"]  # type: ignore[assignment]
        x = question["x"]
        mean, log_variance = (t.float() for t in vae.moments(x))
        log_variance = log_variance.clamp(-30, 20)
        y = vae.decode(mean + torch.exp(log_variance / 2) * question["noise"]).float()
        total = reconstruction(y, x, self.terms) + self.terms.kl * divergence(mean, log_variance)
        if self.terms.adversarial:
            total = total + rivalry(modules["discriminator"], y, x, self.terms.adversarial)
        return total


def reconstruction(y: Tensor, x: Tensor, terms: Terms) -> Tensor:
    """The differences of two pictures, at their size and at smaller ones, each as much."""
    total = y.new_zeros(())
    for halvings in range(terms.scales + 1):
        if halvings:
            y, x = F.avg_pool2d(y, 2), F.avg_pool2d(x, 2)
        total = total + terms.l1 * F.l1_loss(y, x) + terms.mse * F.mse_loss(y, x)
    return total / (terms.scales + 1)


def divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
    """The Kullback-Leibler divergence of N(mean, variance) from N(0, 1), an element of the latent."""
    return 0.5 * (mean**2 + log_variance.exp() - 1 - log_variance).mean()


def rivalry(discriminator: nn.Module, y: Tensor, x: Tensor, weight: float) -> Tensor:
    """The decoder against the discriminator, by the hinge loss (Lim & Ye 2017), as one loss: what the decoder wants
    has no gradient for the discriminator, and what that wants has none for the decoder."""
    still = {name: p.detach() for name, p in discriminator.named_parameters()}
    fooled = -functional_call(discriminator, still, (y,)).mean()
    told = F.relu(1 - discriminator(x)).mean() + F.relu(1 + discriminator(y.detach())).mean()
    return weight * fooled + told


@torch.no_grad()
def whiten(vae: Autoencoder, mean: Tensor, deviation: Tensor, scale: float) -> None:
    """Change the 1x1 convolutions around the latent so that latents with this mean and standard deviation (c,) get the
    mean 0 and the deviation 1 / scale, and the decoder's pictures stay the same.

    Standard code multiplies latents by `scale`, and networks then see variance 1 in every channel.
    """
    factor = 1 / (deviation * scale)
    before, after = vae.quant_conv, vae.post_quant_conv
    assert before.bias is not None
    assert after.bias is not None
    after.bias += after.weight.flatten(1) @ mean
    after.weight /= factor.view(1, -1, 1, 1)
    count = len(mean)
    before.weight[:count] *= factor.view(-1, 1, 1, 1)
    before.bias[:count] = (before.bias[:count] - mean) * factor
    before.bias[count:] += 2 * factor.log()
