"""The table of samplers. Each is one function, in the form that `diffusion.solver` describes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from torch import Tensor

from diffusion.samplers.ancestral import ddpm, dpm_2_ancestral, dpmpp_2s_ancestral, euler_ancestral, lcm
from diffusion.samplers.cfg_pp import (
    dpmpp_2m_cfg_pp,
    dpmpp_2s_ancestral_cfg_pp,
    euler_ancestral_cfg_pp,
    euler_cfg_pp,
)
from diffusion.samplers.dpm_adaptive import dpm_adaptive
from diffusion.samplers.er_sde import er_sde
from diffusion.samplers.multistep import deis, dpmpp_2m, gradient_estimation, ipndm, ipndm_v, lms, res_multistep
from diffusion.samplers.ode import dpm_2, dpm_fast, euler, heun, heunpp2
from diffusion.samplers.sa_solver import sa_solver
from diffusion.samplers.sde import dpmpp_2m_sde, dpmpp_3m_sde, dpmpp_sde
from diffusion.samplers.seeds import seeds_2, seeds_3
from diffusion.samplers.unipc import uni_pc
from diffusion.samplers.upscale import lcm_upscale
from diffusion.solver import Denoise, OnStep, SamplerFunction

if TYPE_CHECKING:
    from diffusion.noise import NoiseSource
    from diffusion.prediction import Prediction

__all__ = ["SAMPLERS", "Denoise", "OnStep", "Sampler", "SamplerFunction"]

SAMPLERS: dict[str, SamplerFunction] = {
    "euler": euler,
    "euler_cfg_pp": euler_cfg_pp,
    "euler_ancestral": euler_ancestral,
    "euler_ancestral_cfg_pp": euler_ancestral_cfg_pp,
    "heun": heun,
    "heunpp2": heunpp2,
    "dpm_2": dpm_2,
    "dpm_2_ancestral": dpm_2_ancestral,
    "lms": lms,
    "dpm_fast": dpm_fast,
    "dpm_adaptive": dpm_adaptive,
    "dpmpp_2s_ancestral": dpmpp_2s_ancestral,
    "dpmpp_2s_ancestral_cfg_pp": dpmpp_2s_ancestral_cfg_pp,
    "dpmpp_sde": dpmpp_sde,
    "dpmpp_sde_gpu": partial(dpmpp_sde, noise_on_device=True),
    "dpmpp_2m": dpmpp_2m,
    "dpmpp_2m_cfg_pp": dpmpp_2m_cfg_pp,
    "dpmpp_2m_sde": dpmpp_2m_sde,
    "dpmpp_2m_sde_gpu": partial(dpmpp_2m_sde, noise_on_device=True),
    "dpmpp_2m_sde_heun": partial(dpmpp_2m_sde, solver_type="heun"),
    "dpmpp_2m_sde_heun_gpu": partial(dpmpp_2m_sde, solver_type="heun", noise_on_device=True),
    "dpmpp_3m_sde": dpmpp_3m_sde,
    "dpmpp_3m_sde_gpu": partial(dpmpp_3m_sde, noise_on_device=True),
    "ddpm": ddpm,
    "lcm": lcm,
    "ipndm": ipndm,
    "ipndm_v": ipndm_v,
    "deis": deis,
    "res_multistep": res_multistep,
    "res_multistep_cfg_pp": partial(res_multistep, cfg_pp=True),
    "res_multistep_ancestral": partial(res_multistep, eta=1.0),
    "res_multistep_ancestral_cfg_pp": partial(res_multistep, eta=1.0, cfg_pp=True),
    "gradient_estimation": gradient_estimation,
    "gradient_estimation_cfg_pp": partial(gradient_estimation, cfg_pp=True),
    "er_sde": er_sde,
    "seeds_2": seeds_2,
    "seeds_3": seeds_3,
    "sa_solver": sa_solver,
    "sa_solver_pece": partial(sa_solver, use_pece=True),
    "ddim": euler,
    "uni_pc": uni_pc,
    "uni_pc_bh2": partial(uni_pc, variant="bh2"),
}

UNLISTED: dict[str, SamplerFunction] = {"lcm_upscale": lcm_upscale}  # have a node of their own, and are in no menu


@dataclass(frozen=True)
class Sampler:
    """What a SAMPLER socket carries: a sampler of the table, and those of its options that are not the defaults."""

    name: str
    options: Mapping[str, Any] = field(default_factory=dict[str, Any])

    def __call__(
        self,
        denoise: Denoise,
        x: Tensor,
        sigmas: Tensor,
        *,
        prediction: Prediction,
        noise: NoiseSource,
        on_step: OnStep,
    ) -> Tensor:
        """x (b, c, h, w) at the first of the sigmas -> x at the last."""
        function = (SAMPLERS | UNLISTED)[self.name]
        try:
            return function(denoise, x, sigmas, prediction=prediction, noise=noise, on_step=on_step, **self.options)
        except ZeroDivisionError as error:
            if (sigmas.diff() == 0).any():
                raise ValueError(f"sigmas: {self.name} cannot take equal neighbours; take fewer steps") from error
            raise

    @property
    def redraws_masked_noise(self) -> bool:
        """Whether the kept part of a masked latent is noised with noise of its own, from the seed + 1, instead of the
        noise that the run starts with: all that tells "ddim" from "euler"."""
        return self.name == "ddim"
