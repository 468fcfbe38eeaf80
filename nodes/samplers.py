"""Nodes that choose a sampler and its options."""

from __future__ import annotations

from typing import Annotated, Literal

import diffusion
from diffusion.names import SAMPLERS
from executor.node import Choice, Range, Widget, node
from nodes.sockets import Model, Sampler

CATEGORY = "sampling/custom_sampling/samplers"

Amount = Annotated[float, Range(0.0, 100.0, step=0.01), Widget(round=False)]
Eta = Annotated[Amount, "How much fresh noise each step adds: 0 none, 1 as much as the method foresees."]
NoiseScale = Annotated[Amount, "Multiplies the fresh noise of each step."]
Device = Annotated[
    Literal["gpu", "cpu"], "Where noise is drawn: cpu gives the same picture on every machine, gpu is faster."
]


@node("KSamplerSelect", category=CATEGORY)
def k_sampler_select(*, sampler_name: Annotated[str, Choice(SAMPLERS)]) -> Sampler:
    """A sampler by its name, with its usual options."""
    return diffusion.samplers.Sampler(sampler_name)


@node("SamplerEulerAncestral", category=CATEGORY)
def sampler_euler_ancestral(*, eta: Eta = 1.0, s_noise: NoiseScale = 1.0) -> Sampler:
    """Euler steps that add fresh noise."""
    return diffusion.samplers.Sampler("euler_ancestral", {"eta": eta, "s_noise": s_noise})


@node("SamplerEulerAncestralCFGPP", category=CATEGORY, display_name="SamplerEulerAncestralCFG++")
def sampler_euler_ancestral_cfg_pp(
    *,
    eta: Annotated[
        float, Range(0.0, 1.0, step=0.01), Widget(round=False), "How much fresh noise each step adds."
    ] = 1.0,
    s_noise: Annotated[float, Range(0.0, 10.0, step=0.01), Widget(round=False), "Multiplies the fresh noise."] = 1.0,
) -> Sampler:
    """Euler steps with CFG++ guidance that add fresh noise. Meant for a low cfg, below 2."""
    return diffusion.samplers.Sampler("euler_ancestral_cfg_pp", {"eta": eta, "s_noise": s_noise})


@node("SamplerEulerCFGpp", category="_for_testing", display_name="SamplerEulerCFG++", experimental=True)
def sampler_euler_cfg_pp(*, version: Literal["regular", "alternative"]) -> Sampler:
    """Euler steps with CFG++ guidance. Meant for a low cfg, below 2."""
    return diffusion.samplers.Sampler("euler_cfg_pp", {"version": version})


@node("SamplerLMS", category=CATEGORY)
def sampler_lms(
    *, order: Annotated[int, Range(1, 100), "How many steps are remembered; above 4 rarely helps."] = 4
) -> Sampler:
    """Linear multistep."""
    return diffusion.samplers.Sampler("lms", {"order": order})


@node("SamplerDPMPP_2S_Ancestral", category=CATEGORY)
def sampler_dpmpp_2s_ancestral(*, eta: Eta = 1.0, s_noise: NoiseScale = 1.0) -> Sampler:
    """DPM-Solver++ with two evaluations a step, and fresh noise."""
    return diffusion.samplers.Sampler("dpmpp_2s_ancestral", {"eta": eta, "s_noise": s_noise})


@node("SamplerDPMPP_SDE", category=CATEGORY)
def sampler_dpmpp_sde(
    *,
    eta: Eta = 1.0,
    s_noise: NoiseScale = 1.0,
    r: Annotated[Amount, "Where in a step the second evaluation lies, from 0 to 1; it cannot be 0."] = 0.5,
    noise_device: Device,
) -> Sampler:
    """DPM-Solver++ for the stochastic equation, with two evaluations a step."""
    return diffusion.samplers.Sampler(
        "dpmpp_sde", {"eta": eta, "s_noise": s_noise, "r": r, "noise_on_device": noise_device == "gpu"}
    )


@node("SamplerDPMPP_2M_SDE", category=CATEGORY)
def sampler_dpmpp_2m_sde(
    *,
    solver_type: Annotated[Literal["midpoint", "heun"], "How the estimate of the last step enters."],
    eta: Eta = 1.0,
    s_noise: NoiseScale = 1.0,
    noise_device: Device,
) -> Sampler:
    """DPM-Solver++ for the stochastic equation, one evaluation a step, remembering the last one."""
    return diffusion.samplers.Sampler(
        "dpmpp_2m_sde",
        {"solver_type": solver_type, "eta": eta, "s_noise": s_noise, "noise_on_device": noise_device == "gpu"},
    )


@node("SamplerDPMPP_3M_SDE", category=CATEGORY)
def sampler_dpmpp_3m_sde(*, eta: Eta = 1.0, s_noise: NoiseScale = 1.0, noise_device: Device) -> Sampler:
    """DPM-Solver++ for the stochastic equation, one evaluation a step, remembering the last two."""
    return diffusion.samplers.Sampler(
        "dpmpp_3m_sde", {"eta": eta, "s_noise": s_noise, "noise_on_device": noise_device == "gpu"}
    )


@node("SamplerDPMAdaptative", category=CATEGORY)
def sampler_dpm_adaptive(
    *,
    order: Annotated[int, Range(2, 3), "The order of the solver."] = 3,
    rtol: Annotated[Amount, "The error that is allowed in a step, relative to the latent."] = 0.05,
    atol: Annotated[Amount, "The error that is always allowed in a step."] = 0.0078,
    h_init: Annotated[Amount, "The width of the first step, in the logarithm of sigma."] = 0.05,
    pcoeff: Annotated[Amount, "How the width follows the error: proportional part."] = 0.0,
    icoeff: Annotated[Amount, "How the width follows the error: integral part."] = 1.0,
    dcoeff: Annotated[Amount, "How the width follows the error: differential part."] = 0.0,
    accept_safety: Annotated[Amount, "A step stands if the width may stay above this part of itself."] = 0.81,
    eta: Eta = 0.0,
    s_noise: NoiseScale = 1.0,
) -> Sampler:
    """DPM-Solver that finds the widths of its steps; only the ends of the sigmas matter."""
    options = {
        "order": order,
        "rtol": rtol,
        "atol": atol,
        "h_init": h_init,
        "pcoeff": pcoeff,
        "icoeff": icoeff,
        "dcoeff": dcoeff,
        "accept_safety": accept_safety,
        "eta": eta,
        "s_noise": s_noise,
    }
    return diffusion.samplers.Sampler("dpm_adaptive", options)


@node("SamplerER_SDE", category=CATEGORY)
def sampler_er_sde(
    *,
    solver_type: Annotated[
        Literal["ER-SDE", "Reverse-time SDE", "ODE"], "The equation that is solved; ODE adds no noise."
    ],
    max_stage: Annotated[int, Range(1, 3), "The order of the solver."] = 3,
    eta: Annotated[Amount, "The strength of the noise of the reverse-time SDE; the others do not use it."] = 1.0,
    s_noise: NoiseScale = 1.0,
) -> Sampler:
    """The extended reverse-time SDE solver."""
    return diffusion.samplers.Sampler(
        "er_sde", {"solver_type": solver_type, "max_stage": max_stage, "eta": eta, "s_noise": s_noise}
    )


@node("SamplerSASolver", category=CATEGORY)
def sampler_sa_solver(
    *,
    model: Model,
    eta: Annotated[float, Range(0.0, 10.0, step=0.01), Widget(round=False), "How much fresh noise is added."] = 1.0,
    sde_start_percent: Annotated[float, Range(0.0, 1.0, step=0.001), "Where in the run noise begins."] = 0.2,
    sde_end_percent: Annotated[float, Range(0.0, 1.0, step=0.001), "Where in the run noise ends."] = 0.8,
    s_noise: NoiseScale = 1.0,
    predictor_order: Annotated[int, Range(1, 6), "How many estimates a step is predicted from."] = 3,
    corrector_order: Annotated[int, Range(0, 6), "How many estimates a step is corrected from; 0 corrects none."] = 4,
    use_pece: Annotated[bool, "Evaluate once more after each correction."],
    simple_order_2: Annotated[bool, "Use the shorter formulas where two estimates are used."],
) -> Sampler:
    """Stochastic Adams: predicts each step and corrects it, with fresh noise in the middle of the run."""
    percents = sde_start_percent, sde_end_percent
    options = {
        "eta": eta,
        "noisy_sigmas": tuple(model.prediction.percent_to_sigma(p) for p in percents),
        "s_noise": s_noise,
        "predictor_order": predictor_order,
        "corrector_order": corrector_order,
        "use_pece": use_pece,
        "simple_order_2": simple_order_2,
    }
    return diffusion.samplers.Sampler("sa_solver", options)


@node("SamplerLCMUpscale", category=CATEGORY)
def sampler_lcm_upscale(
    *,
    scale_ratio: Annotated[float, Range(0.1, 20.0, step=0.01), "How much larger the latent becomes."] = 1.0,
    scale_steps: Annotated[int, Range(-1, 1000, step=1), "In how many steps it grows; -1 means half of them."] = -1,
    upscale_method: Literal["bislerp", "nearest-exact", "bilinear", "area", "bicubic"],
) -> Sampler:
    """Latent consistency sampling that enlarges the latent on its way."""
    return diffusion.samplers.Sampler(
        "lcm_upscale", {"scale_ratio": scale_ratio, "scale_steps": scale_steps, "upscale_method": upscale_method}
    )
