"""Where diffusers has the same method, both take the same steps."""

import warnings
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.diffusion.solving import Gaussian, solve

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import diffusers as _diffusers

diffusers: Any = _diffusers

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")  # diffusers' own

BETAS: dict[str, Any] = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}
DPM: dict[str, Any] = {"final_sigmas_type": "zero", "lower_order_final": True, "euler_at_final": True}
UNIPC: dict[str, Any] = {"solver_order": 3, "final_sigmas_type": "sigma_min"}
CASES: list[tuple[str, str, dict[str, Any]]] = [
    ("euler", "EulerDiscreteScheduler", {"timestep_spacing": "linspace"}),
    ("heun", "HeunDiscreteScheduler", {"timestep_spacing": "linspace"}),
    ("lms", "LMSDiscreteScheduler", {"timestep_spacing": "linspace"}),
    ("dpmpp_2m", "DPMSolverMultistepScheduler", DPM | {"use_karras_sigmas": True}),
    ("uni_pc", "UniPCMultistepScheduler", UNIPC | {"solver_type": "bh1"}),
    ("uni_pc_bh2", "UniPCMultistepScheduler", UNIPC | {"solver_type": "bh2"}),
]


def their_run(scheduler: Any, denoise: Gaussian, noise: Tensor, n: int) -> tuple[Tensor, Tensor, Tensor]:
    """Their start, in our units, their sigmas, and their result in our units."""
    scheduler.set_timesteps(n)
    x = noise * scheduler.init_noise_sigma
    in_their_units = scheduler.init_noise_sigma == 1  # x / sqrt(1 + sigma^2)
    sigmas = scheduler.sigmas.clone()
    start = x * (1 + sigmas[0] ** 2).sqrt() if in_their_units else x
    leave_out = 1 if isinstance(scheduler, diffusers.LMSDiscreteScheduler) else 0  # to 0 they extrapolate, we do not
    for t in scheduler.timesteps[: len(scheduler.timesteps) - leave_out]:
        sigma = sigmas[scheduler.step_index] if scheduler.step_index is not None else sigmas[0]
        plain = x * (1 + sigma**2).sqrt() if in_their_units else x
        eps = (plain - denoise(plain, sigma)) / sigma
        scheduler.scale_model_input(x, t)
        x = scheduler.step(eps, t, x).prev_sample
    path = torch.unique_consecutive(sigmas)  # Heun's are doubled
    return start, path[: len(path) - leave_out], x * (1 + path[-1] ** 2).sqrt() if in_their_units else x


@pytest.mark.parametrize(("name", "theirs", "options"), CASES)
def test_same_steps_as_diffusers(name: str, theirs: str, options: dict[str, Any]):
    noise, denoise = torch.randn(1, 4, 4, 4, generator=torch.Generator().manual_seed(0)), Gaussian(0.3, 0.7)
    scheduler = getattr(diffusers, theirs)(**BETAS, **options)
    start, sigmas, expected = their_run(scheduler, denoise, noise, 9)
    ours = solve(name, denoise, start, sigmas)
    torch.testing.assert_close(ours, expected, rtol=2e-5, atol=2e-6)


def test_same_ancestral_noise_as_diffusers():
    denoise, scheduler = Gaussian(0.3, 0.7), diffusers.EulerAncestralDiscreteScheduler(**BETAS)
    scheduler.set_timesteps(9)
    x = torch.randn(1, 4, 4, 4, generator=torch.Generator().manual_seed(0)) * scheduler.init_noise_sigma
    sigmas, generator = scheduler.sigmas.clone(), torch.Generator().manual_seed(7)
    ours = solve("euler_ancestral", denoise, x, sigmas, seed=7)
    for t, sigma in zip(scheduler.timesteps, sigmas, strict=False):
        scheduler.scale_model_input(x, t)
        x = scheduler.step((x - denoise(x, sigma)) / sigma, t, x, generator=generator).prev_sample
    torch.testing.assert_close(ours, x, rtol=1e-4, atol=1e-5)
