"""The training of a ControlNet: the edges of a picture, and a checkpoint that learns to draw along them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn

from diffusion import colors
from diffusion.coding import Vae
from diffusion.control.apply import apply
from diffusion.control.handle import NetControl
from diffusion.control.net import ControlNetConfig
from diffusion.model import LatentFormat
from diffusion.previews import PIXELS
from diffusion.regions import Conditioning
from diffusion.training import control as controls
from diffusion.training.control import Controlled
from diffusion.training.tasks import Denoising, Texts
from executor.files import Files
from training.config import Config, ConfigError
from training.events import Tell
from training.kinds import prepared
from training.kinds.denoiser import Parts, encoding, examples_of, objective, parts_of
from training.kinds.networks import frozen_type, in_its_type, own, seen
from training.kinds.sheets import sheet_of
from training.subject import Sheet, Subject


def subject(config: Config, files: Files, tell: Tell) -> Subject:
    """Raises ConfigError, DataError and ModelFileError."""
    _require_plain(config)
    pictures = prepared.read(config, files)
    parts = parts_of(config, files)
    if parts.vae.factor != PIXELS:
        raise ConfigError(
            f"the VAE of {config.model.base} has {parts.vae.factor} pixels an element of the latent; ControlNets are "
            f"made for {PIXELS}, so take a base like that"
        )
    wants = examples_of(config, files, pictures, parts, tell, hints)
    examples = pictures.found.examples
    texts = Texts([e.captions for e in examples], encoding(config, files, parts), config.objective.caption_dropout)
    network = _network(config, parts)
    prior = [e.prior for e in examples]
    return Subject(
        task=Denoising(
            nn.ModuleDict({"unet": network}), parts.model.prediction, wants, texts, objective(config), prior
        ),
        examples=len(examples),
        order=pictures.order,
        file=lambda facts: in_its_type(controls.file(network.control, facts), config),
        sheet=partial(_sheet, config, parts, network, wants),
        notes=pictures.notes,
    )


def _require_plain(config: Config) -> None:
    if config.model.text == "train":
        raise ConfigError('model.text is "train"; a ControlNet leaves the checkpoint as it is, so leave it out')
    if config.model.inpainting:
        raise ConfigError("model.inpainting is true; a ControlNet is trained with a plain base, so leave it out")


def _network(config: Config, parts: Parts) -> Controlled:
    unet = own(parts.model.network, learns=False)
    try:
        control = controls.new(unet, config.training.seed)
    except ValueError as error:
        raise ConfigError(f"model.base is {config.model.base}: {error}") from None
    return Controlled(unet.to(frozen_type(config.training.precision)), control)


def hints(pixels: Tensor, vae: Vae, latent_format: LatentFormat, random: torch.Generator) -> dict[str, Tensor]:
    """`hint` (b, 1, H, W) of pictures (b, H, W, 3) in 0..1."""
    return {"hint": controls.edges(pixels)}


def _sheet(config: Config, parts: Parts, network: Controlled, examples: Sequence[Mapping[str, Tensor]]) -> Sheet | None:
    """For each prompt the edges of one of the pictures, and what is drawn along them."""
    name = Path(config.model.save).name
    control = NetControl(name=name, network=seen(network.control), config=_config(network))
    model = replace(parts.model, network=seen(network.unet))
    found: list[Tensor] = []
    for i, prompt in enumerate(config.samples.prompts):
        hint = colors.grey(examples[i % len(examples)]["hint"][0].float())  # 1 H W 3

        def encode(text: str, hint: Tensor = hint) -> Conditioning:
            [side] = apply([parts.clip.conditioning(text)], control, hint, 1.0, 0.0, 1.0)
            return side

        size = hint.shape[2], hint.shape[1]
        drawn = sheet_of(replace(config.samples, prompts=(prompt,)), model, encode, parts.vae, size)
        assert drawn is not None
        found += [hint, drawn.pictures]
    labels = [label for prompt in config.samples.prompts for label in ("", prompt)]
    return Sheet(pictures=torch.cat(_of_one_size(found)), labels=labels) if found else None


def _config(network: Controlled) -> ControlNetConfig:
    half = network.control.config
    return ControlNetConfig(half, (*controls.HINT, half.model_channels))


def _of_one_size(pictures: Sequence[Tensor]) -> list[Tensor]:
    """Pictures (1, h, w, 3) on white of the size of the largest."""
    height, width = (max(p.shape[axis] for p in pictures) for axis in (1, 2))
    made = [p.new_ones(1, height, width, 3) for p in pictures]
    for canvas, p in zip(made, pictures, strict=True):
        canvas[:, : p.shape[1], : p.shape[2]] = p
    return made
