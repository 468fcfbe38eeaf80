"""Textual inversion: a word for what the pictures show, all else stays as it is (Gal et al. 2022)."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import cast

from torch import Tensor, nn

from diffusion.placement import Resident
from diffusion.regions import Conditioning
from diffusion.tensor_files import TensorFile
from diffusion.training.inversion import Inversion, embedding_file
from diffusion.training.tasks import Denoising, Texts
from executor.files import Files
from training.config import Config, ConfigError
from training.data.examples import Example
from training.events import Tell
from training.kinds import prepared
from training.kinds.denoiser import extra, objective, parts_of
from training.kinds.lora import told
from training.kinds.networks import Direct, frozen_type, own
from training.kinds.sheets import sheet_of
from training.subject import Subject


def subject(config: Config, files: Files, tell: Tell) -> Subject:
    """Raises ConfigError, DataError, ModelFileError and ValueError."""
    pictures = prepared.read(config, files)
    parts = parts_of(config, files)
    if len(parts.clip.encoders) != 1:
        raise ConfigError("an embedding can be trained for models with one text encoder; take a LoRA for this one")
    shapes = cast("Resident", parts.model.network).shapes
    wants = prepared.latents(
        config, files, pictures, parts.vae, parts.model.latent_format, parts.files, tell, extra(config)
    )
    dtype, examples = frozen_type(config.training.precision), pictures.found.examples
    encoder = parts.clip.encoders[0]
    text = own(encoder.network, learns=False)
    part = config.adapter
    inversion = Inversion(replace(encoder, network=text), part.placeholder, part.vectors, part.begin)
    modules = nn.ModuleDict({"unet": own(parts.model.network, learns=False, dtype=dtype), "text": inversion})
    texts = Texts([e.captions for e in examples], lambda texts: {"tokens": inversion.tokens(texts)})
    model = replace(parts.model, network=Direct(modules["unet"], dtype))

    def meaning(text: str) -> Conditioning:
        return [(inversion.contexts(inversion.tokens([text], required=False))[0], {})]

    return Subject(
        task=Denoising(modules, model.prediction, wants, texts, objective(config), contexts=_contexts),
        examples=len(examples),
        order=pictures.order,
        file=partial(_file, config, inversion, shapes, parts.model.prediction.kind, examples, time.time()),
        sheet=partial(sheet_of, config.samples, model, meaning, parts.vae, pictures.sizes[0]),
        notes=pictures.notes,
    )


def _contexts(text: nn.Module, tokens: Tensor) -> Tensor:
    """The states of texts, which need not have the word, but always a gradient for it."""
    inversion = cast("Inversion", text)
    return inversion.contexts(tokens)[0] + 0 * inversion.embedding.sum()


def _file(
    config: Config,
    inversion: Inversion,
    shapes: Mapping[str, tuple[int, ...]],
    prediction: str,
    examples: Sequence[Example],
    started: float,
    facts: Mapping[str, str],
) -> TensorFile:
    return embedding_file([inversion], shapes, told(config, prediction, examples, started, facts))
