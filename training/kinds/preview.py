"""The training of a tiny decoder: latents in, about the pictures that they are of out, for previews."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from diffusion import placement
from diffusion.model import LatentFormat
from diffusion.previews import PIXELS
from diffusion.training import tiny_decoder
from diffusion.training.first_stage import Discriminator, Terms
from diffusion.vae import Autoencoder
from executor.files import Files
from training.config import Config, ConfigError
from training.events import Tell
from training.kinds import prepared
from training.kinds.denoiser import Parts, parts_of
from training.kinds.networks import frozen_type, own
from training.subject import Sheet, Subject

DECODED = 0.5
"""How much of the loss is against what the VAE decodes."""

SHOWN = 12


@dataclass(frozen=True)
class Coded:
    """Pictures with their latents: `latent` (v, c, h, w) of each example, at the network's scale.

    crop: pixels of square pieces that are learnt from, a multiple of PIXELS; 0 = whole pictures.
    """

    config: Config
    pictures: prepared.Pictures
    latents: Sequence[Mapping[str, Tensor]]
    crop: int = 0

    def __call__(self, batch: Sequence[int], random: torch.Generator) -> tuple[Tensor, Tensor]:
        """Pieces of some: latents (b, c, h, w), and pixels (b, 3, 8h, 8w) in -1..1."""
        pairs = [self._piece(i, torch.rand(3, generator=random).tolist()) for i in batch]
        return torch.stack([latent for latent, _ in pairs]), torch.stack([pixels for _, pixels in pairs])

    def _piece(self, i: int, draws: Sequence[float]) -> tuple[Tensor, Tensor]:
        latents = self.latents[i]["latent"]
        variant = int(draws[0] * len(latents))
        sides = [min(self.crop // PIXELS, n) or n for n in latents.shape[2:]]
        starts = [int(draw * (n - side + 1)) for draw, n, side in zip(draws[1:], latents.shape[2:], sides, strict=True)]
        (y, h), (x, w) = zip(starts, sides, strict=True)
        pixels = self.pixels(i, variant)[:, PIXELS * y : PIXELS * (y + h), PIXELS * x : PIXELS * (x + w)]
        return latents[variant, :, y : y + h, x : x + w], pixels

    def pixels(self, i: int, variant: int) -> Tensor:
        """(3, H, W) in -1..1, of which a latent was made."""
        crop, mirrored = divmod(variant, 2) if self.config.data.flip else (variant, 0)
        found = prepared.pixels_of(
            self.config, self.pictures.found.examples[i], self.pictures.sizes[i], crop, bool(mirrored)
        )
        return found.permute(2, 0, 1) * 2 - 1


def subject(config: Config, files: Files, tell: Tell) -> Subject:
    """Raises ConfigError, DataError and ModelFileError."""
    if config.vae.crop % PIXELS:
        raise ConfigError(f"vae.crop is {config.vae.crop}; it should be a multiple of {PIXELS}")
    config = replace(config, data=replace(config.data, captions="none"))
    pictures = prepared.read(config, files)
    parts = parts_of(config, files)
    if parts.vae.factor != PIXELS:
        raise ConfigError(
            f"the VAE of {config.model.base} has {parts.vae.factor} pixels an element of the latent; tiny decoders "
            f"have {PIXELS}, so take a base like that"
        )
    latent_format = parts.model.latent_format
    latents = prepared.latents(config, files, pictures, parts.vae, latent_format, parts.files, tell)
    modules, terms = _modules(config, parts)
    pairs = Coded(config, pictures, latents, config.vae.crop)
    vae: Any = modules["vae"]
    return Subject(
        task=tiny_decoder.Decoding(modules, latent_format, pairs, terms, DECODED),
        examples=len(pictures.sizes),
        order=pictures.order,
        file=partial(tiny_decoder.file, modules["decoder"]),
        sheet=partial(_sheet, modules["decoder"], vae, latent_format, pairs),
        notes=pictures.notes,
    )


def _modules(config: Config, parts: Parts) -> tuple[nn.ModuleDict, Terms]:
    part = config.vae
    vae = own(parts.vae.network, learns=False, dtype=frozen_type(config.training.precision))
    decoder = tiny_decoder.new(parts.model.latent_format.channels, config.training.seed).to(placement.device())
    modules = nn.ModuleDict({"decoder": decoder, "vae": vae})
    if part.adversarial:
        modules["discriminator"] = Discriminator().to(placement.device())
    return modules, Terms(l1=part.l1, mse=part.mse, scales=part.scales, adversarial=part.adversarial)


@torch.no_grad()
def _sheet(decoder: nn.Module, vae: Autoencoder, latent_format: LatentFormat, pairs: Coded) -> Sheet:
    """Pictures, each followed by what the VAE and the tiny decoder make of its latent, with their distance from it."""
    weight = next(vae.parameters())
    found: list[Tensor] = []
    labels: list[str] = []
    first = pairs.pictures.sizes[0]
    alike = [i for i, size in enumerate(pairs.pictures.sizes) if size == first][:SHOWN]
    for i in alike:
        latent = pairs.latents[i]["latent"][:1].to(weight.device)
        whole = vae.decode(latent_format.decode(latent).to(weight.dtype)).float().cpu()
        versions = torch.cat((pairs.pixels(i, 0)[None], whole, decoder(latent.float()).cpu() * 2 - 1))
        versions = ((versions + 1) / 2).clamp(0, 1)
        vaes, tiny = (-10 * ((versions[1:] - versions[:1]) ** 2).flatten(1).mean(1).log10()).tolist()
        found.append(versions)
        labels += ["", f"VAE {vaes:.1f} dB", f"tiny {tiny:.1f} dB"]
    return Sheet(pictures=torch.cat(found).permute(0, 2, 3, 1), labels=labels)
