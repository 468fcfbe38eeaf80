"""The training of a VAE: pictures in, the same pictures out, through a small latent."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import torch
from torch import Tensor, nn

from diffusion import checkpoint, coding, placement, saving
from diffusion.training.first_stage import Discriminator, FirstStage, Terms, whiten
from diffusion.vae import Autoencoder
from executor.files import Files
from training import data
from training.config import Config
from training.data.examples import Example
from training.data.ordering import order
from training.data.pictures import picture
from training.events import Tell
from training.kinds import prepared
from training.kinds.networks import in_its_type, new_vae, own, seeded, vae_of
from training.subject import Sheet, Subject

SHOWN = 8
MEASURED = 256
"""Pictures by which the latents are measured."""


def subject(config: Config, files: Files, tell: Tell) -> Subject:
    found = data.read_folder(files.base / config.data.folder, captions="none")
    examples = prepared.spread(found.examples, config.data.most)
    part = config.vae
    with seeded(config.training.seed):
        vae = _vae(config, files)
        modules = nn.ModuleDict({"vae": vae})
        if part.adversarial:
            modules["discriminator"] = Discriminator().to(placement.device())
    size = (config.data.size, config.data.size)
    terms = Terms(l1=part.l1, mse=part.mse, scales=part.scales, kl=part.kl, adversarial=part.adversarial)
    pictures = partial(_pictures, examples, size, part.crop or config.data.size, config.data.flip)
    course, count = config.training, len(examples)
    few = prepared.spread(examples, MEASURED)
    return Subject(
        task=FirstStage(modules, pictures, terms),
        examples=count,
        order=order([0] * count, [1] * count, course.batch_size, course.seed),
        file=lambda facts: in_its_type(saving.vae(vae_of(vae), facts), config),
        sheet=partial(_sheet, vae, _whole(prepared.spread(examples, SHOWN), size)),
        before_save=partial(_standard, vae, few, size, part.scale) if part.encoder else lambda: None,
        notes=(*found.skipped, *found.notes),
    )


def _vae(config: Config, files: Files) -> Autoencoder:
    if not config.model.base:
        return new_vae(config.network)
    coder = checkpoint.load(files.model("checkpoints", config.model.base))[2].coder
    assert isinstance(coder, coding.Placed)
    vae: Autoencoder = own(coder.network, learns=True)
    for frozen in (vae.encoder, vae.quant_conv) if not config.vae.encoder else ():
        frozen.requires_grad_(False)
    return vae


def _pictures(
    examples: Sequence[Example],
    size: tuple[int, int],
    crop: int,
    flip: bool,
    batch: Sequence[int],
    random: torch.Generator,
) -> Tensor:
    """Square pieces of some pictures, (b, 3, crop, crop) in -1..1."""
    found: list[Tensor] = []
    for i in batch:
        whole = torch.from_numpy(picture(examples[i], size, flip=flip, random=random).pixels)
        places = (torch.rand(2, generator=random) * (torch.tensor(whole.shape[:2]) - crop + 1)).long().tolist()
        y, x = places
        found.append(whole[y : y + crop, x : x + crop])
    return torch.stack(found).permute(0, 3, 1, 2).float() / 127.5 - 1


def _whole(examples: Sequence[Example], size: tuple[int, int]) -> Tensor:
    """(n, h, w, 3) in 0..1."""
    return torch.stack([torch.from_numpy(picture(e, size).pixels) for e in examples]).float() / 255


def _sheet(vae: Autoencoder, pictures: Tensor) -> Sheet:
    coder = vae_of(vae)
    again = coder.decode(coder.encode(pictures)).cpu()
    noise = -10 * ((again - pictures) ** 2).flatten(1).mean(1).log10()
    labels = [f"{db:.1f} dB" for db in noise.tolist()]
    return Sheet(pictures=torch.cat([pictures, again]), labels=[*[""] * len(pictures), *labels])


def _standard(vae: Autoencoder, examples: Sequence[Example], size: tuple[int, int], scale: float) -> None:
    """Latents come out as standard code expects them."""
    device = next(vae.parameters()).device
    latents = torch.cat([vae_of(vae).encode(_whole([e], size)) for e in examples]).to(device)
    flat = latents.transpose(0, 1).flatten(1)
    whiten(vae, flat.mean(1), flat.std(1), scale)
