"""A whole training step, of UNet and text encoder together, against diffusers' and transformers' from the same weights:
the gradient of every parameter, for every kind of prediction and weighting."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest
import torch
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from diffusers.schedulers.scheduling_ddpm import DDPMScheduler
from diffusers.schedulers.scheduling_flow_match_euler_discrete import FlowMatchEulerDiscreteScheduler
from diffusers.training_utils import compute_snr
from torch import Tensor, nn
from transformers import CLIPTextModelWithProjection

from diffusion import layouts
from diffusion.clip import ClipConfig, ClipText
from diffusion.prediction import Prediction, discrete, flow
from diffusion.text import stable_diffusion_1
from diffusion.training.parallel import Question, Workers
from diffusion.training.tasks import Denoising, Objective, learnt
from diffusion.unet import UNet
from tests.diffusion import test_clip
from tests.diffusion.test_unet import error, narrow

WORDS = ClipConfig(24, 2, 2, 48, 77, 49408, True, None)


class Both(NamedTuple):
    """The same weights in our networks and in theirs."""

    unet: UNet
    text: ClipText
    his_unet: UNet2DConditionModel
    his_text: CLIPTextModelWithProjection


def both() -> Both:
    ours, his = narrow("SD 1")
    text = test_clip.network(WORDS)
    his_text = test_clip.reference(WORDS, dict(text.state_dict()))
    return Both(*(network.requires_grad_(True) for network in (ours, text, his, his_text)))  # type: ignore[arg-type]


def asked(own: Both, prediction: Prediction, how: Objective) -> tuple[Denoising, Question]:
    """A question about three latents, drawn by the task itself."""
    torch.manual_seed(1)
    tokens = test_clip.tokens()
    task = Denoising(
        nn.ModuleDict({"unet": own.unet, "text": own.text}),
        prediction,
        [{"latent": torch.randn(1, 4, 8, 8)} for _ in range(3)],
        lambda batch, random: {"tokens": tokens[list(batch), None]},
        how,
        encoders=[stable_diffusion_1(own.text, WORDS)],
    )
    return task, task.question([0, 1, 2], torch.Generator().manual_seed(5))


def backward_of_theirs(own: Both, kind: str, question: Question, times: Tensor, gamma: float) -> None:
    """The step as diffusers' examples of training write it."""
    x0, noise = question["x0"], question["noise"]
    states = own.his_text.text_model(question["tokens"][:, 0]).last_hidden_state
    if kind == "flow":
        schedule: Any = FlowMatchEulerDiscreteScheduler(1000)
        noisy, target = schedule.scale_noise(x0, times, noise), noise - x0
    else:
        schedule = DDPMScheduler(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear")
        noisy = schedule.add_noise(x0, noise, times)
        target = noise if kind == "eps" else schedule.get_velocity(x0, noise, times)
    answer: Any = own.his_unet(noisy, times, states)
    each = nn.functional.mse_loss(answer.sample, target, reduction="none").mean((1, 2, 3))
    if gamma:
        snr = compute_snr(schedule, times)
        each = each * torch.minimum(snr, gamma * torch.ones_like(snr)) / (snr + (kind == "v"))
    each.mean().backward()


def times_of(prediction: Prediction, sigma: Tensor) -> Tensor:
    """The timesteps that diffusers' schedules know these sigmas by."""
    if prediction.flow:
        return sigma * 1000
    return torch.searchsorted(prediction.sigmas, sigma)


STEPS = [("eps", 0.0), ("eps", 5.0), ("v", 0.0), ("v", 5.0), ("flow", 0.0)]


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize(("kind", "gamma"), STEPS)
def test_every_gradient_is_that_of_diffusers(kind: str, gamma: float, threads: int):
    own = both()
    prediction = flow(1.0) if kind == "flow" else discrete(kind)
    task, question = asked(own, prediction, Objective(min_snr=gamma))
    workers = Workers(task.modules, threads)
    with workers.working():
        workers.gradients(task.loss, question, lambda loss: loss)
    backward_of_theirs(own, kind, question, times_of(prediction, question["sigma"]), gamma)

    names = layouts.unet_names({name: tuple(t.shape) for name, t in own.his_unet.state_dict().items()})
    theirs = {f"unet.{names[name]}": p.grad for name, p in own.his_unet.named_parameters() if p.grad is not None}
    theirs |= {f"text.{name}": p.grad for name, p in own.his_text.named_parameters() if p.grad is not None}
    mine = {name: p.grad for name, p in learnt(task.modules).items() if p.grad is not None}
    assert len(mine) == len(learnt(task.modules))
    assert set(mine) == set(theirs)
    # What a softmax or a norm takes away again has no gradient but rounding: the bias of an attention's keys, and where
    # a group of the norm is one channel, what is added to all of it.
    whole = torch.stack([g.norm() for g in theirs.values()]).norm()
    errors = {n: error(mine[n], g) for n, g in theirs.items() if g.norm() > 1e-6 * whole}
    assert max(errors.values()) < 1e-4, max(errors, key=lambda name: errors[name])
    nothing = mine.keys() - errors.keys()
    assert all(mine[n].norm() < 1e-5 * whole for n in nothing)
    assert len(nothing) < 0.05 * len(mine)
