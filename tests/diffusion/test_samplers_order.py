"""Order of convergence: against the exact solution for Gaussian data, half the step divides the error by 2^order."""

import math
from typing import Any

import pytest
import torch

from tests.diffusion.solving import Gaussian, schedule, solve, start_of

NO_NOISE: dict[str, Any] = {"eta": 0.0}
ORDERS: list[tuple[str, float, dict[str, Any]]] = [
    ("euler", 1, {}),
    ("euler_cfg_pp", 1, {}),
    ("ddim", 1, {}),
    ("gradient_estimation", 1, {}),
    ("gradient_estimation_cfg_pp", 1, {}),
    ("euler_ancestral", 1, NO_NOISE),
    ("euler_ancestral_cfg_pp", 1, NO_NOISE),
    ("er_sde", 1, {"solver_type": "ODE", "max_stage": 1}),
    ("sa_solver", 1, NO_NOISE | {"predictor_order": 1, "corrector_order": 0}),
    ("heun", 2, {}),
    ("dpm_2", 2, {}),
    ("dpm_fast", 2, {}),
    ("dpmpp_2m", 2, {}),
    ("dpmpp_2m_cfg_pp", 2, {}),
    ("res_multistep", 2, {}),
    ("res_multistep_cfg_pp", 2, {}),
    ("uni_pc", 2, {}),  # the last step, which is not corrected, is of local order 2
    ("uni_pc_bh2", 2, {}),
    ("dpm_2_ancestral", 2, NO_NOISE),
    ("dpmpp_2s_ancestral", 2, NO_NOISE),
    ("dpmpp_sde", 2, NO_NOISE),
    ("dpmpp_2m_sde", 2, NO_NOISE),
    ("dpmpp_2m_sde_heun", 2, NO_NOISE),
    ("seeds_2", 2, NO_NOISE),
    ("lms", 2, {}),  # these begin with a step of local order 2, which is all that is left of the error in the end
    ("ipndm", 2, {}),
    ("ipndm_v", 2, {}),
    ("deis", 2, {}),
    ("dpmpp_3m_sde", 2, NO_NOISE),
    ("er_sde", 2, {"solver_type": "ODE", "max_stage": 2}),
    ("er_sde", 2, {"solver_type": "ODE"}),
    ("seeds_3", 3, NO_NOISE),
    ("sa_solver", 3, NO_NOISE),
    ("sa_solver_pece", 3, NO_NOISE),
]


def error(name: str, n: int, *, flow: bool, **options: Any) -> float:
    denoise = Gaussian(0.2, 0.8, flow=flow)
    sigmas = schedule(n, 0.95, 0.2) if flow else schedule(n)
    x = start_of(sigmas, 1, 1, 4, 4, flow=flow)
    y = solve(name, denoise, x, sigmas, flow=flow, **options)
    return float((y - denoise.solution(x, sigmas[0], sigmas[-1])).abs().max())


@pytest.mark.parametrize("flow", [False, True], ids=["eps", "flow"])
@pytest.mark.parametrize(("name", "order", "options"), ORDERS)
def test_order_of_convergence(name: str, order: float, options: dict[str, Any], flow: bool):
    coarse, fine = (error(name, n, flow=flow, **options) for n in (48, 96))
    assert math.log2(coarse / fine) > order - 0.3
    assert fine < 0.03


def test_heunpp2_is_between_euler_and_heun():
    euler, heunpp2, heun = (error(name, 48, flow=False) for name in ("euler", "heunpp2", "heun"))
    assert heun < heunpp2 < euler


@pytest.mark.parametrize("order", [2, 3])
def test_dpm_adaptive_keeps_its_tolerance(order: int):
    errors = [
        error("dpm_adaptive", 2, flow=False, rtol=tolerance, atol=tolerance, order=order)
        for tolerance in (1e-2, 1e-4, 1e-6)
    ]
    assert errors[0] > errors[1] > errors[2]
    assert errors[2] < 1e-4


def test_dpm_adaptive_gives_up_on_an_impossible_tolerance():
    with pytest.raises(ValueError, match="raise rtol"):
        error("dpm_adaptive", 2, flow=False, rtol=0.0, atol=1e-300)


@pytest.mark.parametrize(
    ("controller", "most"), [(dict[str, Any](), 30), ({"pcoeff": 0.2, "icoeff": 0.8, "dcoeff": 0.05}, 30)]
)
def test_dpm_adaptive_takes_few_steps(controller: dict[str, Any], most: int):
    calls = 0

    class Counting(Gaussian):
        def __call__(self, x: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
            nonlocal calls
            calls += 1
            return super().__call__(x, sigma)

    sigmas = schedule(2)
    solve("dpm_adaptive", Counting(), start_of(sigmas, 1, 1, 4, 4), sigmas, **controller)
    assert 6 < calls < 3 * most
