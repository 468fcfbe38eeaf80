"""Training an adapter: questions in turn, gradients of several of them together, one change of the weights a step."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from diffusion.adapters.load import LoraModel
from diffusion.inputs import Scene
from diffusion.model import Model, module_of
from diffusion.placement import Resident
from diffusion.regions import Conditioning, resolve
from diffusion.training.adapters import Adapters
from diffusion.training.objective import draw, loss
from diffusion.unet import ResBlock, TransformerBlock

OPTIMIZERS: dict[str, Callable[..., torch.optim.Optimizer]] = {
    "AdamW": torch.optim.AdamW,
    "Adam": torch.optim.Adam,
    "SGD": torch.optim.SGD,
    "RMSprop": torch.optim.RMSprop,
}
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
    optimizer: str = "AdamW"  # a key of OPTIMIZERS
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
    network, conditions = _network(model, course), _conditions(model, latents, positive)
    module, random = network.ready(), torch.Generator().manual_seed(course.seed)
    adapters = Adapters(module, course.algorithm, course.rank, DTYPES[course.adapter_dtype], random)
    if existing is not None:
        adapters.restore(existing)
    x0 = model.latent_format.encode(latents.float()).to(network.place.device)
    ask = partial(_ask, network, model, x0, conditions, course, random)
    with torch.enable_grad(), adapters.applied(), _checkpointed(module, course.checkpointing):
        losses = list(_steps(adapters, ask, course, _batches(len(x0), course, random), on_step))
    return Learnt(LoraModel("the trained adapter", adapters.tensors()), losses)


def _network(model: Model, course: Course) -> Resident:
    if not isinstance(model.network, Resident) or module_of(model.network) is None:
        raise ValueError(f"{model.name or 'this model'} has no weights that an adapter could be trained for")
    return model.network.computing_in(DTYPES[course.training_dtype])


def _conditions(model: Model, latents: Tensor, positive: Conditioning) -> list[dict[str, Tensor]]:
    """What the network is told of each latent, (1, ...) each; one for all where there is one conditioning."""
    if not len(latents):
        raise ValueError("there are no latents to learn from; give the latent of one picture at least")
    shape = (1, *latents.shape[1:])
    scene = Scene(shape, "positive", model.latent_format)
    found = [dict(r.conditions) for r in resolve(positive, model.prediction, shape, partial(model.inputs, scene))]
    if len(found) not in (1, len(latents)):
        raise ValueError(
            f"there are {len(found)} conditionings for {len(latents)} latents; give one for all, or one for each"
        )
    return found


def _batches(n: int, course: Course, random: torch.Generator) -> Iterator[list[int]]:
    """Indices of latents: all in a new order, then all again, and so on."""
    waiting: list[int] = []
    while True:
        while len(waiting) < course.batch_size:
            waiting += torch.randperm(n, generator=random).tolist()
        yield waiting[: course.batch_size]
        del waiting[: course.batch_size]


def _ask(
    network: Resident,
    model: Model,
    x0: Tensor,
    conditions: Sequence[Mapping[str, Tensor]],
    course: Course,
    random: torch.Generator,
    batch: list[int],
) -> Tensor:
    """The loss of one batch."""
    told = [conditions[i if len(conditions) > 1 else 0] for i in batch]
    given = {name: torch.cat([t[name] for t in told]).to(x0.device) for name in told[0]}
    return loss(network, model.prediction, draw(x0[batch], model.prediction, random), given, course.loss)


def _steps(
    adapters: Adapters, ask: Callable[[list[int]], Tensor], course: Course, batches: Iterator[list[int]], told: OnStep
) -> Iterator[float]:
    """Change the adapters step by step, and give the loss of each."""
    optimizer = OPTIMIZERS[course.optimizer](adapters.learnt(), lr=course.learning_rate)
    for done in range(1, course.steps + 1):
        optimizer.zero_grad(set_to_none=True)
        total = 0.0
        for _ in range(course.accumulation):
            part = ask(next(batches)) / course.accumulation
            part.backward()
            total += float(part.detach())
        if not math.isfinite(total):
            raise ValueError(
                f"the loss of step {done} is {total}: take a smaller learning_rate, or fp32 for both types"
            )
        optimizer.step()
        told(done, total)
        yield total


@contextmanager
def _checkpointed(network: nn.Module, wanted: bool) -> Iterator[None]:
    """Within it the blocks of the network keep their inputs alone, and compute the rest again for the gradients
    (Chen et al. 2016)."""
    blocks = [m for m in network.modules() if wanted and isinstance(m, TransformerBlock | ResBlock)]

    def again(forward: Callable[..., Any]) -> Callable[..., Any]:
        return lambda *inputs: checkpoint(forward, *inputs, use_reentrant=False)

    for block in blocks:
        block.forward = again(block.forward)
    try:
        yield
    finally:
        for block in blocks:
            del block.forward
