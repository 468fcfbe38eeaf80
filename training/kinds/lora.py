"""The training of an adapter: a few small weights beside those of a checkpoint, which stay as they are."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import cast

import torch
from torch import nn

from diffusion.placement import Resident
from diffusion.tensor_files import TensorFile
from diffusion.training.adapter_files import Told, adapter_file, tag_counts
from diffusion.training.adapters import Adapters
from diffusion.training.draws import generator
from diffusion.training.tasks import TEXTS, Denoising, Texts
from executor.files import Files
from training.config import Config
from training.data.examples import Example
from training.events import Tell
from training.kinds import prepared
from training.kinds.denoiser import encoding, examples_of, extra, objective, parts_of
from training.kinds.networks import Direct, frozen_type, own, using
from training.kinds.sheets import sheet
from training.subject import Subject


def subject(config: Config, files: Files, tell: Tell) -> Subject:
    """Raises ConfigError, DataError and ModelFileError."""
    pictures = prepared.read(config, files)
    parts = parts_of(config, files)
    shapes = cast("Resident", parts.model.network).shapes
    wants = examples_of(config, files, pictures, parts, tell, extra(config))
    dtype, examples = frozen_type(config.training.precision), pictures.found.examples
    modules, clip = nn.ModuleDict(), parts.clip
    texts = Texts([e.captions for e in examples], encoding(config, files, parts), config.objective.caption_dropout)
    modules["unet"] = own(parts.model.network, learns=False, dtype=dtype)
    modules["unet_adapter"] = _adapters(config, modules["unet"], "")
    if config.model.text == "train":
        for name, encoder in zip(TEXTS, clip.encoders, strict=False):
            modules[name] = own(encoder.network, learns=False, dtype=dtype)
            modules[f"{name}_adapter"] = _adapters(config, modules[name], encoder.name)
        clip = using(clip, [Direct(modules[name], dtype) for name in TEXTS if name in modules])
    model = replace(parts.model, network=Direct(modules["unet"], dtype))
    prior = [e.prior for e in examples]
    return Subject(
        task=Denoising(modules, model.prediction, wants, texts, objective(config), prior, clip.encoders),
        examples=len(examples),
        order=pictures.order,
        file=partial(_file, config, modules, shapes, parts.model.prediction.kind, examples, time.time()),
        sheet=partial(sheet, config.samples, model, clip, parts.vae, pictures.sizes[0]),
        rates={"text": config.training.text_rate},
        around=partial(_applied, modules),
        notes=pictures.notes,
    )


def _adapters(config: Config, network: nn.Module, encoder: str) -> Adapters:
    part = config.adapter
    where = ("attention", "convolution") if part.convolution and not encoder else ("attention",)
    random = generator(config.training.seed, 0, f"adapter {encoder}")
    return Adapters(
        network,
        part.algorithm,
        part.rank,
        torch.float32,
        random,
        where=where,
        convolution_rank=part.convolution or None,
        alpha=part.alpha or None,
        encoder=encoder,
    )


def _all_of(modules: nn.ModuleDict) -> list[Adapters]:
    return [module for module in modules.values() if isinstance(module, Adapters)]


@contextmanager
def _applied(modules: nn.ModuleDict) -> Iterator[None]:
    with ExitStack() as stack:
        for adapters in _all_of(modules):
            stack.enter_context(adapters.applied())
        yield


def _file(
    config: Config,
    modules: nn.ModuleDict,
    shapes: Mapping[str, tuple[int, ...]],
    prediction: str,
    examples: Sequence[Example],
    started: float,
    facts: Mapping[str, str],
) -> TensorFile:
    tensors = {name: tensor for a in _all_of(modules) for name, tensor in a.tensors().items()}
    return adapter_file(tensors, shapes, told(config, prediction, examples, started, facts), torch.float16)


def told(
    config: Config, prediction: str, examples: Sequence[Example], started: float, facts: Mapping[str, str]
) -> Told:
    """What the file tells of its training, in the words of kohya's scripts."""
    part, course = config.adapter, config.training
    lora = config.model.kind == "lora"
    learnt = [e for e in examples if not e.prior]
    captions = [caption for e in learnt for caption in e.captions]
    return Told(
        name=Path(config.model.save).stem,
        algorithm=part.algorithm if lora else "",
        rank=part.rank if lora and part.algorithm != "OFT" else None,
        alpha=part.alpha or None,
        convolution_rank=part.convolution or None,
        prediction=prediction,
        model=config.model.base,
        learning_rate=course.learning_rate,
        steps=course.steps,
        max_steps=course.steps,
        seed=course.seed,
        images=sum(e.repeat for e in learnt),
        prior_images=sum(e.repeat for e in examples if e.prior) or None,
        batch_size=course.batch_size * course.accumulation,
        size=(config.data.size, config.data.size),
        started=started,
        finished=time.time(),
        tags={Path(config.data.folder).name: tag_counts(captions)},
        trigger=config.data.trigger,
        more=facts,
    )
