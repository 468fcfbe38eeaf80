"""The training of a denoiser: noise is added to latents, and a UNet learns to take it away."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn

from diffusion import checkpoint, inputs, saving
from diffusion.coding import Vae, pixels
from diffusion.model import PIXELS, SD15, LatentFormat, Model
from diffusion.tensor_files import TensorFile
from diffusion.text import Clip
from diffusion.training.tasks import TEXTS, Denoising, Objective, Texts
from executor.files import Files
from training.config import Config, ConfigError, NetworkPart
from training.events import Tell
from training.kinds import prepared
from training.kinds.networks import (
    Direct,
    clip_of,
    in_its_type,
    new_text,
    new_unet,
    own,
    predicting,
    seeded,
    seen,
    using,
)  # fmt: skip
from training.kinds.prepared import Pictures
from training.kinds.sheets import sheet
from training.subject import Subject

IN_PIXELS = "pixels"  # in place of the name of a VAE
MASKED = 5  # channels beside the latent's: the mask, and the latent of what is left


@dataclass(frozen=True)
class Parts:
    """What the training begins with. files: that the latents follow from."""

    model: Model
    clip: Clip
    vae: Vae
    files: Sequence[Path]


def subject(config: Config, files: Files, tell: Tell) -> Subject:
    pictures = prepared.read(config, files)
    parts = parts_of(config, files)
    wants = examples_of(config, files, pictures, parts, tell, extra(config))
    unet = own(parts.model.network, learns=True)
    modules = nn.ModuleDict({"unet": unet})
    clip, encode = parts.clip, encoding(config, files, parts)
    if config.model.text == "train":
        modules.update({n: own(e.network, learns=True) for n, e in zip(TEXTS, clip.encoders, strict=False)})
        clip = using(clip, [Direct(modules[name]) for name in TEXTS if name in modules])
    model = replace(parts.model, network=Direct(unet))
    examples = pictures.found.examples
    texts = Texts([e.captions for e in examples], encode, config.objective.caption_dropout)
    prior = [e.prior for e in examples]
    return Subject(
        task=Denoising(modules, model.prediction, wants, texts, objective(config), prior, clip.encoders),
        examples=len(examples),
        order=pictures.order,
        file=partial(_file, config, parts, modules),
        sheet=partial(sheet, config.samples, model, clip, parts.vae, pictures.sizes[0]),
        rates={"text": config.training.text_rate},
        notes=pictures.notes,
    )


def examples_of(
    config: Config, files: Files, pictures: Pictures, parts: Parts, tell: Tell, extra: prepared.Extra | None
) -> list[dict[str, Tensor]]:
    """The latents of the pictures, and what else the network takes of them. Raises DataError and ValueError."""
    latent_format = parts.model.latent_format
    found = prepared.latents(config, files, pictures, parts.vae, latent_format, parts.files, tell, extra)
    return prepared.whole(parts.model, parts.clip, found)


def encoding(config: Config, files: Files, parts: Parts) -> Callable[[Sequence[str]], dict[str, Tensor]]:
    """What `Denoising` is told of texts: their tokens where the text encoders learn, or else what they mean."""
    if config.model.text == "train":
        return partial(prepared.tokens, parts.clip)
    return partial(prepared.meanings, parts.clip, prepared.text_cache(config, files, parts.files))


def objective(config: Config) -> Objective:
    part = config.objective
    return Objective(
        loss=part.loss,
        min_snr=part.min_snr,
        offset_noise=part.offset_noise,
        levels=part.levels,
        prior_weight=part.prior_weight,
    )


def parts_of(config: Config, files: Files) -> Parts:
    """Raises ConfigError for what does not go together."""
    parts = _of_base(config, files) if config.model.base else _new(config, files)
    if config.model.prediction:
        parts = replace(parts, model=replace(parts.model, prediction=predicting(config.model.prediction)))
    return parts


def _of_base(config: Config, files: Files) -> Parts:
    path = files.model("checkpoints", config.model.base)
    model, clip, vae = checkpoint.load(path)
    used = [path]
    if config.model.vae:
        used.append(files.model("vae", config.model.vae))
        vae = checkpoint.load_vae(used[-1])
    if config.model.network == "new":
        model = _new_model(replace(config.network, context=_width(clip)), config, vae, model.latent_format)
    return Parts(model, clip, vae, used)


def _width(clip: Clip) -> int:
    return sum(encoder.config.width for encoder in clip.encoders)


def _new_model(part: NetworkPart, config: Config, vae: Vae, latent_format: LatentFormat) -> Model:
    shown = config.model.inpainting
    with seeded(config.training.seed):
        unet = new_unet(part, vae.channels + (MASKED if shown else 0), vae.channels)
    return Model(
        network=seen(unet),
        prediction=predicting("eps"),
        latent_format=latent_format,
        inputs=inputs.inpainting if shown else inputs.nothing,
        name=Path(config.model.save).name,
    )


def _new(config: Config, files: Files) -> Parts:
    if not config.model.vae:
        raise ConfigError(
            "model.base and model.vae are both missing: name a checkpoint to go on from, or a file of models/vae whose "
            'latents a new denoiser learns, or "pixels"'
        )
    if config.model.text == "frozen":
        raise ConfigError('a new denoiser comes with a new text encoder: set model.text = "train", or name model.base')
    used = [] if config.model.vae == IN_PIXELS else [files.model("vae", config.model.vae)]
    vae = checkpoint.load_vae(used[0]) if used else pixels()
    model = _new_model(config.network, config, vae, SD15 if used else PIXELS)
    with seeded(config.training.seed):
        clip = clip_of(new_text(config.network), config.network)
    return Parts(model, clip, vae, used)


def _file(config: Config, parts: Parts, modules: nn.ModuleDict, facts: Mapping[str, str]) -> TensorFile:
    """A whole checkpoint; the denoiser alone where all else is the base's."""
    model = replace(parts.model, network=seen(modules["unet"]))
    if config.model.network == "new":
        return in_its_type(saving.unet(model, facts), config)
    texts = [seen(modules[name]) for name in TEXTS if name in modules]
    clip = using(parts.clip, texts) if texts else parts.clip
    return in_its_type(saving.checkpoint(model, clip, parts.vae, facts), config)


# --- inpainting ----------------------------------------------------------------------------------


def extra(config: Config) -> prepared.Extra | None:
    return masked if config.model.inpainting else None


def masked(pixels: Tensor, vae: Vae, latent_format: LatentFormat, random: torch.Generator) -> dict[str, Tensor]:
    """`concat` (b, 5, h, w): a mask, 1 where the picture is unknown, and the latent of the rest on grey, as Stable
    Diffusion's inpainting is trained (Rombach et al. 2022)."""
    b, height, width, _ = pixels.shape
    size = height // vae.factor, width // vae.factor
    mask = torch.stack([shape(size, random) for _ in range(b)])[:, None]
    hidden = mask.repeat_interleave(vae.factor, 2).repeat_interleave(vae.factor, 3).movedim(1, -1)
    left = latent_format.encode(vae.encode(pixels * (1 - hidden) + 0.5 * hidden))
    return {"concat": torch.cat([mask, left], 1)}


def shape(size: tuple[int, int], random: torch.Generator) -> Tensor:
    """A mask (h, w) of one box or ellipse, of a fifth to all of each side; now and then everything."""
    draws = torch.rand(6, generator=random).tolist()
    if draws[4] < 0.1:
        return torch.ones(size)
    sides = [max(1, round(n * (0.2 + 0.8 * d))) for n, d in zip(size, draws, strict=False)]
    places = [int(d * (n - s + 1)) for n, s, d in zip(size, sides, draws[2:], strict=False)]
    at = [torch.arange(n)[:, None] if i == 0 else torch.arange(n)[None] for i, n in enumerate(size)]
    way = [(a - p - (s - 1) / 2) / (s / 2) for a, p, s in zip(at, places, sides, strict=True)]
    round_ = way[0] ** 2 + way[1] ** 2 <= 1
    box = (way[0].abs() <= 1) & (way[1].abs() <= 1)
    return (round_ if draws[5] < 0.5 else box).float()
