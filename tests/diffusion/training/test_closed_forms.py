"""Data whose best denoiser is known: a small network trained on them reaches its loss, and samples are the data again.

b batch; a point of the plane is a latent (b, 2, 1, 1).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from diffusion.model import LatentFormat, Model
from diffusion.noise import Noise
from diffusion.prediction import Prediction, discrete, flow
from diffusion.sampling import run_schedule
from diffusion.training.draws import generator
from diffusion.training.objective import Question, draw, loss
from diffusion.training.optimize import Learning, Optimization
from diffusion.training.parallel import Workers
from diffusion.unet import timestep_embedding

KINDS: dict[str, Prediction] = {"eps": discrete("eps"), "v": discrete("v"), "flow": flow(1.0)}
STEPS, BATCH, WIDTH = 1500, 512, 96

# --- the data ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Data:
    """draw: points (b, 2). x0: their mean (b, 2), given how they are seen (b, 2) through noise of deviation s (b,)."""

    draw: Callable[[int, torch.Generator], Tensor]
    x0: Callable[[Tensor, Tensor], Tensor]


MEAN = torch.tensor([0.7, -0.5])
COVARIANCE = torch.tensor([[0.9, 0.4], [0.4, 0.5]])


def gaussian() -> Data:
    """N(m, C). Seen as y = x0 + s n, (x0, y) is Gaussian with the covariances C, C and C + s^2 I, and so
    E[x0 | y] = m + C (C + s^2 I)^-1 (y - m), and what stays unknown has the covariance C - C (C + s^2 I)^-1 C."""
    root = torch.linalg.cholesky(COVARIANCE)

    def posterior(y: Tensor, s: Tensor) -> Tensor:
        covariance = COVARIANCE.double()
        whole = covariance + s.double()[:, None, None] ** 2 * torch.eye(2)
        return MEAN + (covariance @ torch.linalg.solve(whole, (y - MEAN).double()[:, :, None]))[:, :, 0].float()

    return Data(lambda n, random: MEAN + torch.randn(n, 2, generator=random) @ root.T, posterior)


POINTS = torch.tensor([[1.2, 0.4], [-0.6, -1.0]])
SHARE = 0.7  # of the first one


def two_points() -> Data:
    """One of two points a and b. By Bayes the first was it with w = p N(y; a, s^2) / (p N(y; a, s^2) + (1 - p)
    N(y; b, s^2)), a sigmoid of the difference of the logarithms, and E[x0 | y] = w a + (1 - w) b."""
    odds = torch.log(torch.tensor(SHARE / (1 - SHARE)))

    def posterior(y: Tensor, s: Tensor) -> Tensor:
        far = (y[:, None] - POINTS).pow(2).sum(2)  # b 2
        first = torch.sigmoid(odds + (far[:, 1] - far[:, 0]) / (2 * s**2))[:, None]
        return first * POINTS[0] + (1 - first) * POINTS[1]

    return Data(lambda n, random: POINTS[(torch.rand(n, generator=random) >= SHARE).long()], posterior)


DATA = {"gaussian": gaussian(), "two points": two_points()}


def best(data: Data, prediction: Prediction, question: Question) -> Tensor:
    """The answer (b, 2, 1, 1) of the least expected square: targets are linear in x0 and noise, and so it is the target
    of E[x0 | x] and of the noise that is left, E[n | x] = (x - signal E[x0 | x]) / sigma."""
    sigma = question.sigma.view(-1, 1, 1, 1)
    x = prediction.add_noise(question.x0, question.noise, sigma, False)
    signal = (1 - sigma).clamp(min=1e-6) if prediction.flow else torch.ones_like(sigma)
    x0 = data.x0((x / signal)[:, :, 0, 0], (sigma / signal).flatten())[:, :, None, None]
    return prediction.target(x0, (x - signal * x0) / sigma, question.sigma)


# --- the network ---------------------------------------------------------------------------------


class Denoiser(nn.Module):
    """A point and the time -> an answer, by a perceptron."""

    def __init__(self) -> None:
        super().__init__()
        sizes = (2 + 16, WIDTH, WIDTH, WIDTH)
        layers = [m for a, b in pairwise(sizes) for m in (nn.Linear(a, b), nn.SiLU())]
        self.layers = nn.Sequential(*layers, nn.Linear(WIDTH, 2))

    def forward(self, x: Tensor, timesteps: Tensor, **_: Any) -> Tensor:
        """x (b, 2, 1, 1), timesteps (b,) -> (b, 2, 1, 1)."""
        time = timestep_embedding(timesteps / 40, 16)
        return self.layers(torch.cat((x.flatten(1), time), 1))[:, :, None, None]


@cache
def trained(name: str, kind: str) -> Denoiser:
    """By what the trainer itself is made of: questions, threads and the running mean."""
    data, prediction = DATA[name], KINDS[kind]
    torch.manual_seed(1)
    modules = nn.ModuleDict({"it": Denoiser()})
    how = Optimization(steps=STEPS, learning_rate=4e-3, weight_decay=0.0, warmup=20, schedule="cosine", ema=0.99)
    learning, workers = Learning(dict(modules.named_parameters()), how), Workers(modules)

    def answer(modules: nn.ModuleDict, question: Any) -> Tensor:
        return loss(modules["it"], prediction, Question(**question), {})

    def backward(i: int, scale: Callable[[Tensor], Tensor]) -> float:
        return workers.gradients(answer, vars(asked(data, prediction, BATCH, learning.done)), scale)

    for _ in range(STEPS):
        learning.step(backward)
    network: Any = modules["it"]
    for parameter, mean in learning.mean.items():
        learning.learnt[parameter].data.copy_(mean)
    return network.requires_grad_(False)


def asked(data: Data, prediction: Prediction, count: int, step: int) -> Question:
    random = generator(1, step)
    return draw(data.draw(count, random)[:, :, None, None], prediction, random)


# --- what is known -------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_the_least_loss_of_a_gaussian_is_what_the_covariances_say(kind: str):
    """Of the noise as much stays unknown as of x0, divided by s: tr(C - C (C + s^2 I)^-1 C) / (2 s^2) an element, which
    is tr(C (C + s^2 I)^-1) / 2. What v and flow ask for is known but for noise, too, times sqrt(1 + s^2) and 1 + s."""
    prediction = KINDS[kind]
    sigmas = prediction.sigmas.double()
    s = sigmas / (1 - sigmas).clamp(min=1e-6) if kind == "flow" else sigmas
    unknown = COVARIANCE.double() @ torch.linalg.inv(COVARIANCE.double() + s[:, None, None] ** 2 * torch.eye(2))
    least = unknown.diagonal(dim1=1, dim2=2).sum(1) / 2
    share = {"eps": torch.ones_like(s), "v": 1 + s**2, "flow": (1 + s) ** 2}[kind]
    question = asked(DATA["gaussian"], prediction, 200_000, 0)
    target = prediction.target(question.x0, question.noise, question.sigma)
    got = (target - best(DATA["gaussian"], prediction, question)).pow(2).mean()
    assert float(got) == pytest.approx(float((least * share).mean()), rel=0.02)


COURSES = [("gaussian", "eps"), ("gaussian", "flow"), ("two points", "v"), ("two points", "flow")]


@pytest.mark.parametrize(("name", "kind"), COURSES)
def test_a_small_network_reaches_the_least_loss(name: str, kind: str):
    """Within two hundredths of the loss of a network that answers zero."""
    data, prediction, network = DATA[name], KINDS[kind], trained(name, kind)
    question = asked(data, prediction, 50_000, STEPS + 1)
    target = prediction.target(question.x0, question.noise, question.sigma)
    answer = best(data, prediction, question)
    least, nothing = float((target - answer).pow(2).mean()), float(target.pow(2).mean())
    got = float(loss(network, prediction, question, {}))
    assert least * 0.99 < got < least + 0.02 * nothing
    assert nothing > 1.5 * least


@pytest.mark.parametrize(("name", "kind"), COURSES)
@pytest.mark.parametrize(("sampler", "steps"), [("dpmpp_2m", 40), ("dpmpp_2m_sde", 40)])
def test_samples_are_the_data_again(name: str, kind: str, sampler: str, steps: int):
    model = Model(
        network=trained(name, kind), prediction=KINDS[kind], latent_format=LatentFormat(channels=2, scale=1.0)
    )
    nothing: Any = [(torch.zeros(1, 1, 1), {})]
    made = run_schedule(
        model,
        nothing,
        nothing,
        {"samples": torch.zeros(4000, 2, 1, 1)},
        noise=Noise(3),
        steps=steps,
        cfg=1.0,
        sampler=sampler,
        schedule="simple" if kind == "flow" else "karras",
    )["samples"].flatten(1)
    if name == "gaussian":
        assert (made.mean(0) - MEAN).abs().max() < 0.06
        assert (made.T.cov() - COVARIANCE).abs().max() < 0.08
        return
    far = (made[:, None] - POINTS).norm(dim=2)  # the points are 2.3 apart
    assert (far.amin(1) < 0.15).float().mean() > 0.97
    assert float((far[:, 0] < far[:, 1]).float().mean()) == pytest.approx(SHARE, abs=0.03)
