"""Training an adapter on latents and conditionings that are there: what nodes do. See `training/` for the command."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

import torch
from torch import Tensor, nn

from diffusion.adapters.load import LoraModel
from diffusion.inputs import Scene
from diffusion.model import Model, module_of
from diffusion.placement import Resident
from diffusion.regions import Conditioning, resolve
from diffusion.training.adapters import Adapters
from diffusion.training.draws import generator
from diffusion.training.optimize import Diverged, Learning, Optimization
from diffusion.training.parallel import Workers
from diffusion.training.tasks import Denoising, Objective

DTYPES = {"bf16": torch.bfloat16, "fp32": torch.float32}
OnStep = Callable[[int, float], None]  # (steps done, the loss of the last), called after each step


@dataclass(frozen=True, kw_only=True)
class Course:
    """How an adapter is trained. A step is `accumulation` batches, whose gradients are averaged."""

    steps: int
    batch_size: int = 1
    accumulation: int = 1
    learning_rate: float = 5e-4
    rank: int = 8  # or the number of blocks, for OFT
    algorithm: str = "LoRA"  # a key of `adapters.ALGORITHMS`
    optimizer: str = "AdamW"  # a key of `optimize.OPTIMIZERS`
    loss: str = "MSE"  # a key of `objective.LOSSES`
    seed: int = 0
    training_dtype: Literal["bf16", "fp32"] = "fp32"  # in which the network computes
    adapter_dtype: Literal["bf16", "fp32"] = "fp32"  # in which the adapter is kept
    checkpointing: bool = True  # activations are computed again for the gradients, not kept


@dataclass(frozen=True, eq=False)
class Learnt:
    """An adapter, and the loss of each step on the way to it."""

    adapter: LoraModel
    losses: list[float]


def train_adapter(
    model: Model,
    latents: Tensor,
    positive: Conditioning,
    course: Course,
    *,
    existing: Mapping[str, Tensor] | None = None,
    on_step: OnStep = lambda done, loss: None,
) -> Learnt:
    """Teach an adapter of `model` what `latents` show.

    latents: (n, c, h, w), as LATENT sockets carry them. positive: one conditioning for all of them, or one for each.
    existing: the tensors of an adapter of the same kind, to go on from. What `on_step` raises ends the training.
    Raises ValueError for what does not fit together, and where the loss is no number any more.
    """
    network, told = _network(model, course), _told(model, latents, positive)
    module, random = network.ready(), generator(course.seed, 0, "adapter")
    adapters = Adapters(module, course.algorithm, course.rank, DTYPES[course.adapter_dtype], random)
    if existing is not None:
        adapters.restore(existing)
    modules = nn.ModuleDict({"unet": module, "adapters": adapters})
    x0 = model.latent_format.encode(latents.float())
    examples = [{"latent": x[None]} for x in x0]
    task = Denoising(modules, model.prediction, examples, told, Objective(loss=course.loss))
    with torch.enable_grad(), adapters.applied():
        workers = Workers(modules, dtype=DTYPES[course.training_dtype], checkpointing=course.checkpointing)
        with workers.working():
            losses = list(_steps(task, adapters, workers, course, len(x0), on_step))
    return Learnt(LoraModel("the trained adapter", adapters.tensors()), losses)


def _network(model: Model, course: Course) -> Resident:
    if not isinstance(model.network, Resident) or module_of(model.network) is None:
        raise ValueError(f"{model.name or 'this model'} has no weights that an adapter could be trained for")
    return model.network.computing_in(DTYPES[course.training_dtype])


def _told(
    model: Model, latents: Tensor, positive: Conditioning
) -> Callable[[Sequence[int], torch.Generator], dict[str, Tensor]]:
    """What the network is told of some latents, (b, ...) each; the same of all where there is one conditioning."""
    if not len(latents):
        raise ValueError("there are no latents to learn from; give the latent of one picture at least")
    shape = (1, *latents.shape[1:])
    scene = Scene(shape, "positive", model.latent_format)
    found = [dict(r.conditions) for r in resolve(positive, model.prediction, shape, partial(model.inputs, scene))]
    if len(found) not in (1, len(latents)):
        raise ValueError(
            f"there are {len(found)} conditionings for {len(latents)} latents; give one for all, or one for each"
        )

    def told(batch: Sequence[int], random: torch.Generator) -> dict[str, Tensor]:
        some = [found[i if len(found) > 1 else 0] for i in batch]
        return {name: torch.cat([one[name] for one in some]) for name in some[0]}

    return told


def _batches(n: int, course: Course) -> Iterator[list[int]]:
    """Indices of latents: all in a new order, then all again, and so on."""
    waiting: list[int] = []
    random = generator(course.seed, 0, "order")
    while True:
        while len(waiting) < course.batch_size:
            waiting += torch.randperm(n, generator=random).tolist()
        yield waiting[: course.batch_size]
        del waiting[: course.batch_size]


def _steps(
    task: Denoising, adapters: Adapters, workers: Workers, course: Course, count: int, told: OnStep
) -> Iterator[float]:
    """Change the adapters step by step, and give the loss of each."""
    how = Optimization(
        steps=course.steps,
        optimizer=course.optimizer,
        learning_rate=course.learning_rate,
        accumulation=course.accumulation,
        clip=0.0,
    )
    learning = Learning({n: p for n, p in adapters.named_parameters() if p.requires_grad}, how)
    batches = _batches(count, course)

    def backward(i: int, scale: Callable[[Tensor], Tensor]) -> float:
        random = generator(course.seed, learning.done, f"question {i}")
        question = task.question(next(batches), random)
        return workers.gradients(task.loss, question, scale)

    while learning.done < course.steps:
        try:
            loss = learning.step(backward)
        except Diverged as error:
            raise ValueError(f"{error}: take a smaller learning_rate, or fp32 for both types") from None
        told(learning.done, loss)
        yield loss
