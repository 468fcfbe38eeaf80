"""Textual inversion: a word for what the pictures show, all else stays as it is (Gal et al. 2022)."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import cast

import torch
from torch import Tensor, nn

from diffusion.placement import Resident
from diffusion.regions import Conditioning
from diffusion.tensor_files import TensorFile
from diffusion.training.inversion import Inversion, embedding_file
from diffusion.training.tasks import TEXTS, Denoising, Texts, read
from executor.files import Files
from training.config import Config
from training.data.examples import Example
from training.events import Tell
from training.kinds import prepared
from training.kinds.denoiser import examples_of, extra, objective, parts_of
from training.kinds.lora import told
from training.kinds.networks import Direct, frozen_type, own, using
from training.kinds.sheets import sheet_of
from training.subject import Subject


def subject(config: Config, files: Files, tell: Tell) -> Subject:
    """Raises ConfigError, DataError, ModelFileError and ValueError."""
    pictures = prepared.read(config, files)
    parts = parts_of(config, files)
    shapes = cast("Resident", parts.model.network).shapes
    wants = examples_of(config, files, pictures, parts, tell, extra(config))
    dtype, examples = frozen_type(config.training.precision), pictures.found.examples
    encoders = using(parts.clip, [own(e.network, learns=False) for e in parts.clip.encoders]).encoders
    part = config.adapter
    words = [Inversion(encoder, part.placeholder, part.vectors, part.begin) for encoder in encoders]
    modules = nn.ModuleDict({"unet": own(parts.model.network, learns=False, dtype=dtype)})
    modules.update(dict(zip(TEXTS, words, strict=False)))
    texts = Texts([e.captions for e in examples], partial(_tokens, words))
    model = replace(parts.model, network=Direct(modules["unet"], dtype))

    def meaning(text: str) -> Conditioning:
        told = read(encoders, modules, _tokens(words, [text], required=False)["tokens"].to(words[0].embedding.device))
        return [(told["context"].cpu(), {"pooled_output": told["pooled"].cpu()})]

    return Subject(
        task=Denoising(modules, model.prediction, wants, texts, objective(config), encoders=encoders),
        examples=len(examples),
        order=pictures.order,
        file=partial(_file, config, words, shapes, parts.model.prediction.kind, examples, time.time()),
        sheet=partial(sheet_of, config.samples, model, meaning, parts.vae, pictures.sizes[0]),
        notes=pictures.notes,
    )


def _tokens(words: Sequence[Inversion], texts: Sequence[str], *, required: bool = True) -> dict[str, Tensor]:
    """(u, encoders, 77) of texts. required: whether one of them must have the word."""
    return {"tokens": torch.stack([word.tokens(texts, required=required) for word in words], 1)}


def _file(
    config: Config,
    words: Sequence[Inversion],
    shapes: Mapping[str, tuple[int, ...]],
    prediction: str,
    examples: Sequence[Example],
    started: float,
    facts: Mapping[str, str],
) -> TensorFile:
    return embedding_file(words, shapes, told(config, prediction, examples, started, facts))
