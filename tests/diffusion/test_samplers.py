"""Laws that every sampler keeps."""

from collections.abc import Sequence
from typing import Any

import pytest
import torch
from torch import Tensor

from diffusion import names
from diffusion.noise import NoiseSource
from diffusion.samplers import SAMPLERS, Sampler
from tests.diffusion.solving import ODD, Gaussian, Mixture, normal, scale, schedule, solve, start_of

NOISY = tuple(n for n in SAMPLERS if any(w in n for w in ("ancestral", "sde", "seeds", "sa_solver", "ddpm", "lcm")))
CALM = tuple(n for n in SAMPLERS if n not in NOISY)
SINGLE_STEP = ("euler", "euler_cfg_pp", "heun", "dpm_2", "ddim")
SINGLE_STEP_WITHOUT_NOISE = (
    "euler_ancestral",
    "dpm_2_ancestral",
    "dpmpp_2s_ancestral",
    "dpmpp_sde",
    "seeds_2",
    "seeds_3",
)
CASES = [(name, flow) for name in SAMPLERS for flow in (False, True)]


def ends(flow: bool, n: int, *, zero: bool = True) -> Tensor:
    return schedule(n, 1.0 if flow else 14.6, 0.05 if flow else 0.03, zero=zero)


class Point:
    """All data is one picture."""

    def __init__(self, picture: Tensor):
        self.picture = picture

    def __call__(self, x: Tensor, sigma: Tensor) -> Tensor:
        return self.picture

    def both(self, x: Tensor, sigma: Tensor) -> tuple[Tensor, Tensor]:
        return self.picture, self.picture


def test_the_menu_is_the_table():
    assert tuple(SAMPLERS) == names.SAMPLERS


@pytest.mark.parametrize(("name", "flow"), CASES)
def test_a_known_picture_is_reached(name: str, flow: bool):
    picture, sigmas = normal(1, 2, 4, 4, seed=5), ends(flow, 8)
    y = solve(name, Point(picture), start_of(sigmas, 1, 2, 4, 4, flow=flow), sigmas, flow=flow)
    close = 0.4 if name in ODD else 0.01 if name.startswith("uni_pc") else 1e-9  # where the last sigma is not 0
    torch.testing.assert_close(y, picture, rtol=0, atol=close)


@pytest.mark.parametrize(("name", "flow"), CASES)
def test_same_seed_same_result_in_a_batch_and_without_touching_the_start(name: str, flow: bool):
    sigmas = ends(flow, 5)
    x = start_of(sigmas, 2, 2, 4, 4, flow=flow)
    kept, denoise = x.clone(), Mixture(flow=flow)
    one, again, other = (solve(name, denoise, x, sigmas, flow=flow, seed=seed) for seed in (1, 1, 2))
    assert torch.equal(x, kept)
    assert torch.equal(one, again)
    assert torch.equal(one, other) == (name in CALM)
    assert one.isfinite().all()


@pytest.mark.parametrize("name", CALM)
def test_the_order_of_a_batch_does_not_matter(name: str):
    sigmas, swap = ends(False, 5), [2, 0, 1]
    x = start_of(sigmas, 3, 2, 4, 4)
    y, swapped = solve(name, Mixture(), x, sigmas), solve(name, Mixture(), x[swap], sigmas)
    torch.testing.assert_close(swapped, y[swap], rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("flow", [False, True], ids=["eps", "flow"])
@pytest.mark.parametrize(
    ("name", "options"),
    [(n, dict[str, Any]()) for n in SINGLE_STEP] + [(n, {"eta": 0.0}) for n in SINGLE_STEP_WITHOUT_NOISE],
)
def test_a_schedule_may_be_split(name: str, options: dict[str, Any], flow: bool):
    sigmas = schedule(8, 0.9 if flow else 14.6, 0.05, zero=True)
    x = start_of(sigmas, 1, 2, 4, 4, flow=flow)
    whole = solve(name, Mixture(flow=flow), x, sigmas, flow=flow, **options)
    middle = solve(name, Mixture(flow=flow), x, sigmas[:5], flow=flow, **options)
    parts = solve(name, Mixture(flow=flow), middle, sigmas[4:], flow=flow, **options)
    torch.testing.assert_close(parts, whole, rtol=1e-9, atol=1e-9)


# Not lcm, which is no solver, nor the cfg_pp form of 2S, whose correction by two negative estimates at different sigmas
# has another limit; for flow models not those that add the noise of x = x0 + sigma n to all, as in the standard.
SPREAD = tuple(n for n in NOISY if not n.endswith("_gpu") and n not in ("lcm", "dpmpp_2s_ancestral_cfg_pp"))
SPREAD_FLOW = tuple(n for n in SPREAD if n != "ddpm" and not n.startswith("res_multistep"))


@pytest.mark.parametrize(("name", "flow"), [(n, False) for n in SPREAD] + [(n, True) for n in SPREAD_FLOW])
def test_added_noise_keeps_the_distribution(name: str, flow: bool):
    denoise, sigmas = Gaussian(0.5, 0.5, flow=flow), schedule(60, 0.999 if flow else 40.0, 0.02, zero=True)
    y = solve(name, denoise, start_of(sigmas, 1, 4, 64, 64, flow=flow), sigmas, flow=flow, seed=3)
    assert abs(float(y.mean()) - 0.5) < 0.03
    assert abs(float(y.std()) - 0.5) < 0.04


@pytest.mark.parametrize("name", [n for n in SAMPLERS if n not in ODD])
@pytest.mark.parametrize("zero", [True, False], ids=["to zero", "with leftover noise"])
def test_each_step_is_reported_once(name: str, zero: bool):
    sigmas, seen = ends(False, 4, zero=zero), list[tuple[int, int]]()

    def on_step(i: int, n: int, x0: Tensor) -> None:
        assert x0.shape == (1, 2, 3, 3)
        seen.append((i, n))

    x = start_of(sigmas, 1, 2, 3, 3)
    SAMPLERS[name](Mixture(), x, sigmas, prediction=scale(False), noise=NoiseSource(0), on_step=on_step)
    n = len(sigmas) - 1
    assert seen == [(i, n) for i in range(n)]


@pytest.mark.parametrize("name", SAMPLERS)
def test_a_report_may_end_the_run(name: str):
    class Enough(Exception): ...

    def on_step(i: int, n: int, x0: Tensor) -> None:
        raise Enough

    sigmas = ends(False, 4)
    with pytest.raises(Enough):
        SAMPLERS[name](
            Mixture(),
            start_of(sigmas, 1, 2, 3, 3),
            sigmas,
            prediction=scale(False),
            noise=NoiseSource(0),
            on_step=on_step,
        )


@pytest.mark.parametrize(("name", "flow"), CASES)
@pytest.mark.parametrize("n", [1, 2])
def test_few_steps(name: str, flow: bool, n: int):
    sigmas = ends(flow, n)[-1 - n :]
    y = solve(name, Mixture(flow=flow), start_of(sigmas, 1, 2, 3, 3, flow=flow), sigmas, flow=flow)
    assert y.isfinite().all()


@pytest.mark.parametrize("name", SAMPLERS)
@pytest.mark.parametrize("sigmas", [[], [14.6]])
def test_without_steps_nothing_happens(name: str, sigmas: list[float]):
    x = normal(1, 2, 3, 3)
    assert torch.equal(solve(name, Mixture(), x, torch.tensor(sigmas)), x)


def test_a_zero_before_the_end_is_refused():
    with pytest.raises(ValueError, match="end the list at the first zero"):
        solve("euler", Mixture(), normal(1, 2, 3, 3), torch.tensor([1.0, 0.0, 0.5]))


@pytest.mark.parametrize("name", SAMPLERS)
def test_single_precision_stays_single(name: str):
    sigmas = ends(False, 4).float()
    y = solve(name, Mixture(), start_of(sigmas, 1, 2, 3, 3).float(), sigmas)
    assert y.dtype == torch.float32


@pytest.mark.parametrize("name", [n for n in SAMPLERS if n != "dpm_adaptive"])
def test_no_value_of_the_latent_is_read(name: str):
    """On a GPU each reading would wait for all that was begun. A meta tensor has no values at all."""

    class Quiet:
        def normal(self, like: Tensor) -> Any:
            return lambda *_: torch.zeros_like(like)

        def brownian(self, like: Tensor, sigmas: Sequence[float], **_: bool) -> Any:
            return self.normal(like)

    class Half:
        def __call__(self, x: Tensor, sigma: Tensor) -> Tensor:
            return x / 2

        def both(self, x: Tensor, sigma: Tensor) -> tuple[Tensor, Tensor]:
            return x / 2, x / 2

    x, sigmas = torch.empty(1, 2, 3, 3, device="meta"), ends(False, 6)
    y = SAMPLERS[name](Half(), x, sigmas, prediction=scale(False), noise=Quiet(), on_step=lambda i, n, x0: None)
    assert y.shape == x.shape


def test_repeated_sigmas_are_named_where_they_cannot_be_taken():
    sigmas = torch.tensor([2.0, 1.0, 1.0, 0.5], dtype=torch.float64)
    x = normal(1, 2, 3, 3)
    assert run(Sampler("euler"), sigmas, x, Mixture()).isfinite().all()
    with pytest.raises(ValueError, match="lms cannot take equal neighbours"):
        run(Sampler("lms"), sigmas, x, Mixture())


def run(sampler: Sampler, sigmas: Tensor, x: Tensor, denoise: Any) -> Tensor:
    def on_step(i: int, n: int, x0: Tensor) -> None: ...

    return sampler(denoise, x, sigmas, prediction=scale(False), noise=NoiseSource(4), on_step=on_step)


def test_a_handle_runs_its_sampler_with_its_options():
    sigmas = ends(False, 5)
    x = start_of(sigmas, 1, 2, 4, 4)
    plain = solve("euler", Mixture(), x, sigmas)
    assert torch.equal(run(Sampler("euler"), sigmas, x, Mixture()), plain)
    calm = run(Sampler("euler_ancestral", {"eta": 0.0}), sigmas, x, Mixture())
    torch.testing.assert_close(calm, plain, rtol=1e-12, atol=1e-12)
    assert [n for n in SAMPLERS if Sampler(n).redraws_masked_noise] == ["ddim"]


@pytest.mark.parametrize(("steps", "sizes"), [(-1, [4, 8, 12, 12]), (1, [4, 12, 12, 12]), (3, [4, 7, 9, 12])])
def test_lcm_upscale_grows_in_its_first_steps(steps: int, sizes: Sequence[int]):
    seen = list[int]()

    class Watching(Gaussian):
        def __call__(self, x: Tensor, sigma: Tensor) -> Tensor:
            seen.append(x.shape[-1])
            return super().__call__(x, sigma)

    options = {"scale_ratio": 3.0, "scale_steps": steps, "upscale_method": "bilinear"}
    sigmas = schedule(3, zero=True)
    y = run(Sampler("lcm_upscale", options), sigmas, start_of(sigmas, 1, 2, 4, 4), Watching())
    assert seen == sizes
    assert y.shape == (1, 2, 12, 12)


def test_the_alternative_of_euler_cfg_pp_follows_the_moved_slope():
    x, sigmas = normal(1, 2, 3, 3), torch.tensor([2.0, 0.5], dtype=torch.float64)
    x0, negative = Mixture().both(x, sigmas[0])
    y = solve("euler_cfg_pp", Mixture(), x, sigmas, version="alternative")
    torch.testing.assert_close(y, x + (x - x0 + negative - x0) / 2.0 * (0.5 - 2.0))


def test_sa_solver_adds_noise_only_between_its_sigmas():
    sigmas = ends(False, 6)
    x = start_of(sigmas, 1, 2, 4, 4)
    never: dict[str, Any] = {"noisy_sigmas": (0.0, 0.0)}
    assert torch.equal(
        solve("sa_solver", Mixture(), x, sigmas, seed=1, **never), solve("sa_solver", Mixture(), x, sigmas, eta=0.0)
    )


@pytest.mark.parametrize(
    "order", [{"predictor_order": 2, "corrector_order": 2}, {"predictor_order": 2, "corrector_order": 0}]
)
def test_the_short_factors_of_sa_solver_are_of_the_same_order(order: dict[str, int]):
    sigmas, denoise = schedule(64), Gaussian(0.2, 0.8)
    x = start_of(sigmas, 1, 1, 4, 4)
    options: dict[str, Any] = order | {"simple_order_2": True, "eta": 0.0}
    y = solve("sa_solver", denoise, x, sigmas, **options)
    torch.testing.assert_close(y, denoise.solution(x, sigmas[0], sigmas[-1]), rtol=0, atol=2e-3)


def test_dpmpp_sde_needs_a_second_evaluation():
    with pytest.raises(ValueError, match="above 0"):
        solve("dpmpp_sde", Mixture(), normal(1, 2, 3, 3), ends(False, 3), r=0.0)
