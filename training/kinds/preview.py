"""The training of a tiny decoder: latents in, about the pictures that they are of out, for previews."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn

from diffusion import checkpoint, coding, placement
from diffusion.model import LatentFormat
from diffusion.previews import PIXELS
from diffusion.training import tiny_decoder
from diffusion.training.first_stage import Discriminator, Terms
from diffusion.vae import Autoencoder
from executor.files import Files
from training.config import Config, ConfigError
from training.data.examples import Example
from training.data.folder import read_folder
from training.data.ordering import order
from training.data.pictures import picture
from training.events import Prepared, Tell
from training.kinds.networks import own
from training.subject import Sheet, Subject

DECODED = 0.5
"""How much of the loss is against what the VAE decodes."""

AT_ONCE = 8
SHOWN = 12


@dataclass(frozen=True)
class Coded:
    """Pictures and their latents. latents: (n, v, c, h, w), at the network's scale; the second variant is mirrored.

    crop: pixels of square pieces, a multiple of those of an element of the latent.
    """

    examples: Sequence[Example]
    size: int
    crop: int
    latents: Tensor

    def __call__(self, batch: Sequence[int], random: torch.Generator) -> tuple[Tensor, Tensor]:
        """Pieces of some: latents (b, c, h, w), and pixels (b, 3, 8h, 8w) in -1..1."""
        n, piece = self.latents.shape[-1], self.crop // PIXELS
        latents: list[Tensor] = []
        pictures: list[Tensor] = []
        for i in batch:
            draws = torch.rand(3, generator=random)
            y, x = (int(draw * (n - piece + 1)) for draw in draws[:2])
            variant = int(draws[2] * self.latents.shape[1])
            latents.append(self.latents[i, variant, :, y : y + piece, x : x + piece])
            whole = pixels(self.examples[i], self.size, mirrored=bool(variant))
            pictures.append(whole[:, PIXELS * y :, PIXELS * x :][:, : self.crop, : self.crop])
        return torch.stack(latents), torch.stack(pictures)


def subject(config: Config, files: Files, tell: Tell) -> Subject:
    crop = config.vae.crop or config.data.size
    for name, value in (("data.size", config.data.size), ("vae.crop", crop)):
        if value % PIXELS:
            raise ConfigError(f"{name} is {value}; it should be a multiple of {PIXELS}")
    found = read_folder(Path(files.base / config.data.folder), captions="none")
    vae, latent_format = base(config, files)
    latents = encoded(vae, latent_format, found.examples, config, tell)
    pairs = Coded(found.examples, config.data.size, min(crop, config.data.size), latents)
    part = config.vae
    decoder = tiny_decoder.new(latent_format.channels, config.training.seed).to(placement.device())
    modules = nn.ModuleDict({"decoder": decoder, "vae": vae})
    if part.adversarial:
        modules["discriminator"] = Discriminator().to(placement.device())
    terms = Terms(l1=part.l1, mse=part.mse, scales=part.scales, adversarial=part.adversarial)
    count = len(found.examples)
    return Subject(
        task=tiny_decoder.Decoding(modules, latent_format, pairs, terms, DECODED),
        examples=count,
        order=order([0] * count, [1] * count, config.training.batch_size, config.training.seed),
        file=lambda facts: tiny_decoder.file(decoder, dict(facts)),
        sheet=partial(_sheet, decoder, vae, latent_format, pairs),
        notes=(*found.skipped, *found.notes),
    )


def base(config: Config, files: Files) -> tuple[Autoencoder, LatentFormat]:
    """The frozen VAE of `model.base`, and how its network sees latents. Raises ConfigError if it does not fit."""
    model, _, handle = checkpoint.load(files.model("checkpoints", config.model.base))
    if handle.factor != PIXELS:
        raise ConfigError(
            f"model.base is {config.model.base}, whose VAE has {handle.factor} pixels an element of the latent; "
            f"tiny decoders have {PIXELS}, so take a base like that"
        )
    assert isinstance(handle.coder, coding.Placed)
    return own(handle.coder.network, learns=False), model.latent_format


def pixels(example: Example, size: int, *, mirrored: bool = False) -> Tensor:
    """A picture (3, size, size) in -1..1."""
    whole = torch.from_numpy(picture(example, (size, size)).pixels).permute(2, 0, 1).float() / 127.5 - 1
    return whole.flip(2) if mirrored else whole


@torch.no_grad()
def encoded(
    vae: Autoencoder, latent_format: LatentFormat, examples: Sequence[Example], config: Config, tell: Tell
) -> Tensor:
    """The latents of pictures, and of them mirrored where the data may be, (n, v, c, h, w)."""
    device, found = next(vae.parameters()).device, list[Tensor]()
    sides = (False, True) if config.data.flip else (False,)
    for start in range(0, len(examples), AT_ONCE):
        some = examples[start : start + AT_ONCE]
        x = torch.stack([pixels(e, config.data.size, mirrored=side) for e in some for side in sides])
        latents = latent_format.encode(vae.encode(x.to(device))).cpu()
        found.append(latents.unflatten(0, (len(some), len(sides))))
        tell(Prepared(start + len(some), len(examples)))
    return torch.cat(found)


def _sheet(decoder: nn.Module, vae: Autoencoder, latent_format: LatentFormat, pairs: Coded) -> Sheet:
    """Pictures, each followed by what the VAE and the tiny decoder make of its latent, with their distance from it."""
    device, some = next(decoder.parameters()).device, slice(0, SHOWN)
    latents = pairs.latents[some, 0].to(device)
    x = torch.stack([pixels(e, pairs.size) for e in pairs.examples[some]])
    versions = (x, vae.decode(latent_format.decode(latents)).cpu(), decoder(latents).cpu() * 2 - 1)
    triples = torch.stack([((v + 1) / 2).clamp(0, 1) for v in versions], 1)  # n 3 c h w
    noise = -10 * ((triples[:, 1:] - triples[:, :1]) ** 2).flatten(2).mean(2).log10()
    labels = [label for own, tiny in noise.tolist() for label in ("", f"VAE {own:.1f} dB", f"tiny {tiny:.1f} dB")]
    return Sheet(pictures=triples.flatten(0, 1).permute(0, 2, 3, 1), labels=labels)
