"""What a training of one kind asks and learns: its networks, a batch as a question, and the loss of the answer.

A question is drawn whole before it is cut over threads, so that their number changes nothing but rounding.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor, nn

from diffusion.prediction import Prediction
from diffusion.training import objective
from diffusion.training.parallel import Question


class Task(Protocol):
    modules: nn.ModuleDict
    """All that computes; what is learnt wants gradients."""

    def question(self, batch: Sequence[int], random: torch.Generator) -> dict[str, Tensor]:
        """What is asked of some examples, (b, ...) each."""
        ...

    def loss(self, modules: nn.ModuleDict, question: Question) -> Tensor:
        """A scalar, the mean over the rows of the question. modules: ours, or a replica of them."""
        ...


def learnt(modules: nn.ModuleDict) -> dict[str, nn.Parameter]:
    """The parameters that a training changes, by name."""
    return {name: p for name, p in modules.named_parameters() if p.requires_grad}


@dataclass(frozen=True, kw_only=True)
class Objective:
    """What is asked of a denoiser, and how its answers count."""

    loss: str = "MSE"  # a key of `objective.LOSSES`
    min_snr: float = 0.0  # gamma of `objective.snr_weight`; 0 = none
    offset_noise: float = 0.0
    levels: tuple[float, float] = (0.0, 1.0)  # the part of the noise scale that is trained
    prior_weight: float = 1.0  # how much an example of the prior counts (Ruiz et al. 2023)


Told = Callable[[Sequence[int], torch.Generator], dict[str, Tensor]]


def contexts(text: nn.Module, tokens: Tensor, layer: int = -1, norm: bool = True) -> Tensor:
    """The states (b, t, w) of tokens (b, t), with gradients; by default as Stable Diffusion 1 takes them.

    layer: whose states, from the end. norm: whether the final layer norm is applied to them.
    """
    nothing = torch.zeros_like(tokens, dtype=torch.bool)
    count: int = len(text.text_model.encoder.layers)  # type: ignore[arg-type, union-attr]
    depth = count if -layer > count else count + 1 + layer
    states, _ = text(tokens, nothing, tokens.new_empty(0), layer=depth, norm=norm, project=False)
    return states


class Denoising:
    """A UNet learns to take noise away, and a text encoder with it where it is in `modules`.

    modules: `unet`, and perhaps `text`. examples: `latent` (variants, c, h, w) of each as the network sees latents, and
    what else it takes by the same number of variants, such as `concat`. told: what is said of them, such as `context`
    (b, t, d), or `tokens` (b, 77) for `text`. prior: which examples only keep what the model knew.
    """

    def __init__(
        self,
        modules: nn.ModuleDict,
        prediction: Prediction,
        examples: Sequence[Mapping[str, Tensor]],
        told: Told,
        how: Objective,
        prior: Sequence[bool] = (),
        contexts: Callable[[nn.Module, Tensor], Tensor] = contexts,
    ):
        self.modules, self.prediction, self.examples, self.told, self.how = modules, prediction, examples, told, how
        self.weights = torch.tensor([how.prior_weight if p else 1.0 for p in prior]) if any(prior) else None
        self.contexts = contexts
        self.device = next(modules.parameters()).device

    def question(self, batch: Sequence[int], random: torch.Generator) -> dict[str, Tensor]:
        given = self._examples(batch, random)
        told = self.told(batch, random)
        asked = objective.draw(
            given.pop("latent"),
            self.prediction,
            random,
            offset_noise=self.how.offset_noise,
            levels=self.how.levels,
        )
        found = {"x0": asked.x0, "noise": asked.noise, "sigma": asked.sigma, **given, **told}
        if self.weights is not None:
            found["weights"] = self.weights[list(batch)]
        return {name: tensor.to(self.device, non_blocking=True) for name, tensor in found.items()}

    def _examples(self, batch: Sequence[int], random: torch.Generator) -> dict[str, Tensor]:
        """One variant of each."""
        picked = [self.examples[i] for i in batch]
        which = [int(torch.randint(len(e["latent"]), (), generator=random)) for e in picked]
        return {name: torch.stack([e[name][v] for e, v in zip(picked, which, strict=True)]) for name in picked[0]}

    def loss(self, modules: nn.ModuleDict, question: Question) -> Tensor:
        conditions = {n: t for n, t in question.items() if n not in ("x0", "noise", "sigma", "weights", "tokens")}
        if "tokens" in question:
            conditions["context"] = self.contexts(modules["text"], question["tokens"])
        asked = objective.Question(question["x0"], question["noise"], question["sigma"])
        return objective.loss(
            modules["unet"],
            self.prediction,
            asked,
            conditions,
            self.how.loss,
            min_snr=self.how.min_snr,
            weights=question.get("weights"),
        )


class Texts:
    """What is told of each example: one of its captions, or now and then nothing (Ho & Salimans 2022).

    captions: of each example. table: what the network is given for each different caption, (u, ...) each, made by
    `encode` for all of them at once, the empty text first. dropout: how often nothing is told.
    """

    def __init__(
        self,
        captions: Sequence[Sequence[str]],
        encode: Callable[[Sequence[str]], Mapping[str, Tensor]],
        dropout: float = 0.0,
    ):
        different = dict.fromkeys(["", *(text for some in captions for text in some)])
        numbers = {text: i for i, text in enumerate(different)}
        self.captions = [[numbers[text] for text in some] or [0] for some in captions]
        self.table = encode(list(different))
        self.dropout = dropout

    def __call__(self, batch: Sequence[int], random: torch.Generator) -> dict[str, Tensor]:
        rows = [self._row(self.captions[i], random) for i in batch]
        return {name: tensor[rows] for name, tensor in self.table.items()}

    def _row(self, captions: Sequence[int], random: torch.Generator) -> int:
        dropped, which = torch.rand(2, generator=random).tolist()
        return 0 if dropped < self.dropout else captions[int(which * len(captions))]
