"""How weights change: the optimiser, its rates over time, clipping, and the running mean of the weights.

One `Learning` is all that a training must remember beside its weights, as tensors by name: to stop and to go on is
`state` and `restore`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

from diffusion.training.muon import Muon

Schedule = Literal["constant", "linear", "cosine"]


class Diverged(ValueError):
    """The loss or the gradient is no number any more. The weights are those before the step."""


@dataclass(frozen=True, kw_only=True)
class Optimization:
    """A step is `accumulation` batches, whose gradients are averaged."""

    steps: int
    optimizer: str = "AdamW"  # a key of OPTIMIZERS
    learning_rate: float = 1e-4
    weight_decay: float = 0.01  # of matrices and convolutions; biases, norms and embeddings do not decay
    betas: tuple[float, float] = (0.9, 0.999)  # of the Adams
    warmup: int = 0  # steps in which the rate rises from zero, linearly
    schedule: Schedule = "constant"  # how it goes on from there to `last`
    last: float = 0.0  # the rate at the end, as a part of `learning_rate`; not for "constant"
    clip: float = 1.0  # the largest norm of a gradient; 0 = any
    accumulation: int = 1
    ema: float = 0.0  # how much of the running mean of the weights stays at a step, such as 0.999; 0 = no mean
    scaled: bool = False  # losses are scaled up, as fp16 needs it (Micikevicius et al. 2018)

    def rate(self, step: int) -> float:
        """The factor of the learning rate at `step`, from 0."""
        if step < self.warmup:
            return (step + 1) / (self.warmup + 1)
        if self.schedule == "constant":
            return 1.0
        way = min(1.0, (step - self.warmup) / max(1, self.steps - self.warmup))
        left = 1 - way if self.schedule == "linear" else (1 + math.cos(math.pi * way)) / 2
        return self.last + (1 - self.last) * left


class Learning:
    """Weights that learn, by name; rates: factors of the learning rate for names that begin so."""

    def __init__(self, learnt: Mapping[str, nn.Parameter], how: Optimization, rates: Mapping[str, float] | None = None):
        if not learnt:
            raise ValueError("nothing is to be learnt: every weight is frozen")
        self.how, self.learnt, self.done = how, dict(learnt), 0
        self.optimizer = OPTIMIZERS[how.optimizer](_groups(self.learnt, how, rates or {}), how)
        for group in self.optimizer.param_groups:
            group["full"] = group["lr"]
        self.mean = {name: p.detach().clone() for name, p in learnt.items()} if how.ema else {}
        self.scaler = torch.amp.GradScaler(next(iter(learnt.values())).device.type, enabled=how.scaled)

    def step(self, backward: Callable[[int, Callable[[Tensor], Tensor]], float]) -> float:
        """Change the weights once; the mean loss of the step.

        backward: adds the gradients of the loss of one batch, of `accumulation` of them, and returns it. It scales
        the loss by the function that it is given. Raises Diverged.
        """
        count = self.how.accumulation
        total = sum(backward(i, lambda loss: self.scaler.scale(loss / count)) for i in range(count)) / count
        if not math.isfinite(total):
            raise Diverged(f"the loss of step {self.done + 1} is {total}")
        self._clip()
        for group in self.optimizer.param_groups:
            group["lr"] = group["full"] * self.how.rate(self.done)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self.optimizer.zero_grad(set_to_none=True)
        self.done += 1
        self._average()
        return total

    def _clip(self) -> None:
        with_gradient = [p for p in self.learnt.values() if p.grad is not None]
        self.scaler.unscale_(self.optimizer)
        most = self.how.clip or math.inf
        norm = float(torch.nn.utils.clip_grad_norm_(with_gradient, most, foreach=True))
        if not math.isfinite(norm) and not self.how.scaled:  # the scaler leaves such a step out by itself
            raise Diverged(f"the gradient of step {self.done + 1} is {norm}")

    @torch.no_grad()
    def _average(self) -> None:
        """The mean begins with short memory, so that the first weights are soon forgotten."""
        if self.mean:
            kept = min(self.how.ema, (1 + self.done) / (10 + self.done))
            for name, mean in self.mean.items():
                mean.lerp_(self.learnt[name].data, 1 - kept)

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """Within it the weights are their running mean, where there is one."""
        self._exchange()
        try:
            yield
        finally:
            self._exchange()

    @torch.no_grad()
    def _exchange(self) -> None:
        for name, mean in self.mean.items():
            now = self.learnt[name].detach().clone()
            self.learnt[name].data.copy_(mean)
            mean.copy_(now)

    def state(self) -> dict[str, Tensor]:
        """Weights, their mean, what the optimiser remembers, and how many steps are done."""
        told = {f"weights.{name}": p.detach() for name, p in self.learnt.items()}
        told |= {f"mean.{name}": mean for name, mean in self.mean.items()}
        for name, parameter in self.learnt.items():
            remembered = self.optimizer.state.get(parameter, {})
            told |= {f"optimizer.{k}.{name}": torch.as_tensor(v) for k, v in remembered.items() if v is not None}
        scale = {f"scaler.{name}": torch.tensor(float(v)) for name, v in self.scaler.state_dict().items()}
        kind = torch.tensor(list(self.how.optimizer.encode()), dtype=torch.uint8)
        return told | scale | {"done": torch.tensor(self.done), "kind": kind}

    @torch.no_grad()
    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Go on from what `state` gave. Raises ValueError if it was another training's.

        What is of another kind of optimiser begins anew, and what was not kept begins with the weights.
        """
        weights = {name.removeprefix("weights."): t for name, t in state.items() if name.startswith("weights.")}
        wrong = {n for n in {*weights, *self.learnt} if n not in weights or n not in self.learnt} or {
            n for n, t in weights.items() if t.shape != self.learnt[n].shape
        }
        if wrong:
            raise ValueError(
                f"what was saved is of another training: {len(wrong)} of {len(self.learnt)} weights differ, "
                f"such as {min(wrong)}"
            )
        same = "kind" not in state or bytes(state["kind"].tolist()).decode() == self.how.optimizer
        fused = bool(self.optimizer.defaults.get("fused"))
        for name, parameter in self.learnt.items():
            parameter.data.copy_(weights[name])
            if name in self.mean:
                self.mean[name].copy_(state.get(f"mean.{name}", weights[name]))
            remembered = _remembered(state, name) if same else {}
            if remembered:
                self.optimizer.state[parameter] = {k: _like(v, parameter, fused) for k, v in remembered.items()}
        if scale := _scaler(state):
            self.scaler.load_state_dict(scale)
        self.done = int(state["done"])


def _remembered(state: Mapping[str, Tensor], name: str) -> dict[str, Tensor]:
    keys = {n.removeprefix("optimizer.").partition(".")[0] for n in state if n.startswith("optimizer.")}
    return {key: state[f"optimizer.{key}.{name}"] for key in keys if f"optimizer.{key}.{name}" in state}


def _like(value: Tensor, parameter: Tensor, fused: bool) -> Tensor:
    """Where the optimiser has it: beside the parameter, but for numbers of steps where those are not computed there."""
    return value.to(parameter.device, copy=True) if value.dim() or fused else value.clone()


def _scaler(state: Mapping[str, Tensor]) -> dict[str, float]:
    found = {n.removeprefix("scaler."): float(t) for n, t in state.items() if n.startswith("scaler.")}
    return {n: int(v) if n in ("growth_interval", "_growth_tracker") else v for n, v in found.items()}


def _groups(learnt: Mapping[str, nn.Parameter], how: Optimization, rates: Mapping[str, float]) -> list[dict[str, Any]]:
    """Parameters by their rate, and by whether they decay."""
    groups: dict[tuple[float, bool], list[nn.Parameter]] = {}
    for name, parameter in learnt.items():
        factor = max(((len(p), f) for p, f in rates.items() if name.startswith(p)), default=(0, 1.0))[1]
        decays = parameter.dim() > 1 and "embedding" not in name
        groups.setdefault((factor, decays), []).append(parameter)
    return [
        {"params": some, "lr": how.learning_rate * factor, "weight_decay": how.weight_decay if decays else 0.0}
        for (factor, decays), some in groups.items()
    ]


# --- the optimisers ------------------------------------------------------------------------------

Make = Callable[[list[dict[str, Any]], Optimization], torch.optim.Optimizer]


def _adamw(groups: list[dict[str, Any]], how: Optimization) -> torch.optim.Optimizer:
    return torch.optim.AdamW(groups, betas=how.betas, fused=True)


def _adam(groups: list[dict[str, Any]], how: Optimization) -> torch.optim.Optimizer:
    return torch.optim.Adam([{**g, "weight_decay": 0.0} for g in groups], betas=how.betas, fused=True)


def _sgd(groups: list[dict[str, Any]], how: Optimization) -> torch.optim.Optimizer:
    return torch.optim.SGD([{**g, "weight_decay": 0.0} for g in groups], lr=how.learning_rate, foreach=True)


def _rmsprop(groups: list[dict[str, Any]], how: Optimization) -> torch.optim.Optimizer:
    return torch.optim.RMSprop([{**g, "weight_decay": 0.0} for g in groups], lr=how.learning_rate, foreach=True)


def _adamw_8bit(groups: list[dict[str, Any]], how: Optimization) -> torch.optim.Optimizer:
    try:
        from bitsandbytes.optim import AdamW8bit  # type: ignore[import-not-found]
    except ImportError:
        raise ValueError('AdamW8bit needs bitsandbytes: pip install "mezzotint[8bit]", or take AdamW') from None
    return AdamW8bit(groups, betas=how.betas)


def _muon(groups: list[dict[str, Any]], how: Optimization) -> torch.optim.Optimizer:
    return Muon(groups, betas=how.betas)


OPTIMIZERS: dict[str, Make] = {
    "AdamW": _adamw,
    "Adam": _adam,
    "SGD": _sgd,
    "RMSprop": _rmsprop,
    "AdamW8bit": _adamw_8bit,
    "Muon": _muon,
}
