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
from diffusion.text import Encoder
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


TEXTS = ("text", "text_2")
"""The text networks among the modules of a task, in the order of a `Clip`'s encoders."""


def contexts(
    text: nn.Module, tokens: Tensor, layer: int = -1, norm: bool = True, project: bool = False
) -> tuple[Tensor, Tensor]:
    """The states (b, t, w) of tokens (b, t), and their pooled text (b, w), with gradients; by default as Stable
    Diffusion 1 takes them.

    layer: whose states, from the end. norm: whether the final layer norm is applied to them. project: whether the
    pooled text is projected.
    """
    nothing = torch.zeros_like(tokens, dtype=torch.bool)
    count: int = len(text.text_model.encoder.layers)  # type: ignore[arg-type, union-attr]
    depth = count if -layer > count else count + 1 + layer
    return text(tokens, nothing, tokens.new_empty(0), layer=depth, norm=norm, project=project)


def read(encoders: Sequence[Encoder], modules: nn.ModuleDict, tokens: Tensor) -> dict[str, Tensor]:
    """What `Clip.encode` says, of tokens (b, encoders, 77) and with gradients: `context`, the states of all encoders
    side by side, and `pooled`, that of the last."""
    found = [
        contexts(modules[name], tokens[:, i], encoder.layer, encoder.norm, encoder.project)
        for i, (name, encoder) in enumerate(zip(TEXTS, encoders, strict=False))
    ]
    return {"context": torch.cat([states for states, _ in found], -1), "pooled": found[-1][1]}


class Denoising:
    """A UNet learns to take noise away, and text encoders with it where they are in `modules`.

    modules: `unet`, and perhaps those of TEXTS. examples: `latent` (variants, c, h, w) of each as the network sees
    latents, and what else it takes by the same number of variants, such as `concat`, or `numbers`: what follows the
    pooled text in `y`. told: what is said of them, such as `context` (b, t, d) and `pooled` (b, w), or `tokens`
    (b, encoders, 77) for the text encoders. prior: which examples only keep what the model knew. encoders: how the text
    encoders among the modules are used.
    """

    def __init__(
        self,
        modules: nn.ModuleDict,
        prediction: Prediction,
        examples: Sequence[Mapping[str, Tensor]],
        told: Told,
        how: Objective,
        prior: Sequence[bool] = (),
        encoders: Sequence[Encoder] = (),
    ):
        self.modules, self.prediction, self.examples, self.told, self.how = modules, prediction, examples, told, how
        self.weights = torch.tensor([how.prior_weight if p else 1.0 for p in prior]) if any(prior) else None
        self.encoders = encoders
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

    def conditions(self, modules: nn.ModuleDict, question: Question) -> dict[str, Tensor]:
        """What the UNet is given beside the latent and the time."""
        given = {n: t for n, t in question.items() if n not in ("x0", "noise", "sigma", "weights")}
        if "tokens" in given:
            given |= read(self.encoders, modules, given.pop("tokens"))
        pooled = [given.pop("pooled")] if "pooled" in given else []
        if "numbers" in given:
            given["y"] = torch.cat((*pooled, given.pop("numbers")), -1)
        return given

    def loss(self, modules: nn.ModuleDict, question: Question) -> Tensor:
        asked = objective.Question(question["x0"], question["noise"], question["sigma"])
        return objective.loss(
            modules["unet"],
            self.prediction,
            asked,
            self.conditions(modules, question),
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
