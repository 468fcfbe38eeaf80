"""A tiny decoder of latents, for previews, learns from pictures and the VAE that coded them (TAESD, Bohan 2023).

b batch, c channels, h w latent size. All pictures here are in -1..1, latents at the scale of the denoising network.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor, nn

from diffusion import taesd
from diffusion.model import LatentFormat
from diffusion.tensor_files import TensorFile, stored
from diffusion.training.draws import generator
from diffusion.training.first_stage import Terms, reconstruction, rivalry
from diffusion.training.parallel import Question
from diffusion.vae import Autoencoder

Pairs = Callable[[Sequence[int], torch.Generator], tuple[Tensor, Tensor]]
"""Of some examples the latents (b, c, h, w) and the pictures (b, 3, 8h, 8w)."""


def new(channels: int, seed: int) -> nn.Sequential:
    """A decoder with weights that the seed decides: uniform by the fan-in, biases zero, so that residual branches
    begin small."""
    network, random = taesd.decoder(channels), generator(seed, 0, "tiny decoder")
    with torch.no_grad():
        for parameter in network.parameters():
            bound = parameter[0].numel() ** -0.5 if parameter.dim() > 1 else 0.0
            parameter.uniform_(-bound, bound, generator=random)
    return network


class Decoding:
    """modules: `decoder`; `vae`, frozen, where what it decodes counts; `discriminator` where its term of the loss does.

    decoded: how much of the loss is against what the VAE itself decodes, 0..1; the rest is against the picture. What
    the VAE would show is what a preview is to show, also of latents that no picture has.
    """

    def __init__(
        self, modules: nn.ModuleDict, latent_format: LatentFormat, pairs: Pairs, terms: Terms, decoded: float = 0.0
    ):
        if bool(terms.adversarial) != ("discriminator" in modules):
            raise ValueError("a discriminator goes with the adversarial term, and only with it")
        if bool(decoded) != ("vae" in modules):
            raise ValueError("a VAE goes with what it decodes, and only with it")
        self.modules, self.format, self.pairs, self.terms, self.decoded = modules, latent_format, pairs, terms, decoded
        self.device = next(modules.parameters()).device

    def question(self, batch: Sequence[int], random: torch.Generator) -> dict[str, Tensor]:
        latent, x = self.pairs(batch, random)
        return {"latent": latent.to(self.device), "x": x.to(self.device)}

    def loss(self, modules: nn.ModuleDict, question: Question) -> Tensor:
        latent, x = question["latent"], question["x"]
        y = modules["decoder"](latent).float() * 2 - 1
        total = (1 - self.decoded) * reconstruction(y, x, self.terms)
        if self.decoded:
            vae: Autoencoder = modules["vae"]  # type: ignore[assignment]
            with torch.no_grad():
                kept = next(vae.parameters()).dtype
                own = vae.decode(self.format.decode(latent).to(kept)).float().clamp(-1, 1)
            total = total + self.decoded * reconstruction(y, own, self.terms)
        if self.terms.adversarial:
            total = total + rivalry(modules["discriminator"], y, x, self.terms.adversarial)
        return total


def file(decoder: nn.Module, told: Mapping[str, str]) -> TensorFile:
    """As TAESD's author publishes it, in 16 bits. told: kept as metadata."""
    tensors = {name: stored(p.detach()) for name, p in decoder.state_dict().items()}
    return TensorFile(tensors, told).in_type(torch.float16)
