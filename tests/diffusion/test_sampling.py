"""Whole runs: what goes in and out, and laws of runs that are cut, masked or seeded."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from diffusion import guidance
from diffusion.model import SD15, Model, interruptible
from diffusion.noise import Noise
from diffusion.prediction import discrete
from diffusion.samplers import Sampler
from diffusion.sampling import add_noise, mask_for, run_schedule, sample
from diffusion.schedules import schedule
from tests.replay.toys import MODELS, Toy

POSITIVE = [(torch.full((1, 7, 8), 0.3), {})]
NEGATIVE = [(torch.full((1, 7, 8), -0.2), {})]


def picture(batch: int = 1, channels: int = 4) -> Tensor:
    return torch.randn(batch, channels, 4, 4, generator=torch.Generator().manual_seed(9)) * 4


def run(model: Toy | None = None, samples: Tensor | None = None, **options: Any) -> Tensor:
    model = model or MODELS["sd15"]()
    latent = {
        "samples": torch.zeros(1, model.latent_format.channels, 4, 4) if samples is None else samples,
        **options.pop("latent", {}),
    }
    given = {"noise": Noise(3), "steps": 6, "cfg": 3.0, "sampler": "euler", "schedule": "normal", **options}
    return run_schedule(model, POSITIVE, NEGATIVE, latent, **given)["samples"]


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("at", [1, 3, 5])
def test_a_run_cut_in_two_is_the_whole_run(model: str, at: int):
    toy = MODELS[model]()
    first = run(toy, end=at, keep_noise=True)
    second = run(toy, first, start=at, noise=Noise(3, add=False))
    assert_close(second, run(toy), atol=1e-3, rtol=1e-4)


def test_without_leftover_noise_a_part_ends_at_a_clean_picture():
    toy = MODELS["sd15"]()
    sigmas = schedule("normal", toy.prediction, 6)
    ended = torch.cat([sigmas[:3], torch.zeros(1)])
    guider = guidance.cfg(toy, POSITIVE, NEGATIVE, 3.0)
    latent = {"samples": torch.zeros(1, 4, 4, 4)}
    want, _ = sample(guider, latent, sampler=Sampler("euler"), sigmas=ended, noise=Noise(3))
    assert_close(run(toy, end=3), want["samples"])


def test_no_steps_change_nothing():
    given = picture()
    assert_close(run(samples=given, denoise=0.0), given)
    assert_close(run(samples=given, start=6), given)
    latent = {"samples": given, "batch_index": [4]}
    outputs = sample(
        guidance.basic(MODELS["sd15"](), POSITIVE),
        latent,
        sampler=Sampler("euler"),
        sigmas=torch.empty(0),
        noise=Noise(3),
    )
    assert all(output == latent for output in outputs)


def test_the_same_seed_is_the_same_picture_and_another_is_not():
    assert_close(run(), run(), rtol=0, atol=0)
    assert not torch.allclose(run(), run(noise=Noise(4)))


def test_inputs_stay_as_they_are():
    given = {"samples": picture(), "noise_mask": torch.ones(1, 1, 8, 8), "batch_index": [2], "type": "mine"}
    kept = {k: v.clone() if isinstance(v, Tensor) else v for k, v in given.items()}
    result = run_schedule(
        MODELS["sd15"](),
        POSITIVE,
        NEGATIVE,
        given,
        noise=Noise(1),
        steps=3,
        cfg=3.0,
        sampler="euler",
        schedule="normal",
    )
    for key, value in kept.items():
        assert_close(given[key], value) if isinstance(value, Tensor) else None
        if key != "samples":
            assert result[key] is given[key]


def test_batch_indices_choose_the_noise():
    alone = run(samples=torch.zeros(3, 4, 4, 4), latent={"batch_index": [0, 5, 5]})
    assert_close(alone[1], alone[2])
    five = run(samples=torch.zeros(1, 4, 4, 4), latent={"batch_index": [5]})
    assert_close(alone[1:2], five)
    assert_close(alone[:1], run())  # 64 elements an item: both ways to draw agree


@pytest.mark.parametrize("model", ["sd15", "flow"])
@pytest.mark.parametrize("sampler", ["euler", "ddim", "dpmpp_2m", "euler_ancestral"])
def test_a_mask_keeps_the_picture_where_it_is_0(model: str, sampler: str):
    toy = MODELS[model]()
    given = picture(channels=toy.latent_format.channels)
    mask = torch.zeros(1, 1, 32, 32)
    mask[..., 16:] = 1
    got = run(toy, given, latent={"noise_mask": mask}, sampler=sampler)
    assert_close(got[..., :2], given[..., :2], atol=1e-5, rtol=1e-5)
    assert not torch.isclose(got[..., 2:], given[..., 2:]).any()


def test_a_mask_of_ones_is_none():
    given = picture()
    assert_close(run(samples=given, latent={"noise_mask": torch.ones(1, 8, 8)}), run(samples=given))


def test_masks_take_the_batch_and_size_of_the_latent():
    samples = torch.zeros(3, 4, 4, 4)
    assert mask_for(torch.rand(2, 1, 32, 32), samples).shape == (3, 1, 4, 4)
    assert_close(mask_for(torch.full((1, 9, 7), 0.5), samples), torch.full((3, 1, 4, 4), 0.5))


def test_the_last_estimate_is_the_result_of_a_run_to_the_end():
    toy = MODELS["flow"]()
    guider = guidance.cfg(toy, POSITIVE, NEGATIVE, 3.0)
    given = {"samples": torch.zeros(1, 16, 4, 4)}
    sigmas = schedule("simple", toy.prediction, 5)
    result, estimate = sample(guider, given, sampler=Sampler("euler"), sigmas=sigmas, noise=Noise(3))
    assert_close(result["samples"], estimate["samples"])
    result, estimate = sample(guider, given, sampler=Sampler("euler"), sigmas=sigmas[:3], noise=Noise(3))
    assert float(result["samples"].std()) > 1.1 * float(estimate["samples"].std())


def test_an_empty_latent_of_another_model_fits_and_a_picture_does_not():
    toy = MODELS["flow"]()
    assert_close(run(toy, torch.zeros(1, 4, 4, 4)), run(toy))
    with pytest.raises(ValueError, match="4 channels and the model takes 16"):
        run(toy, picture())


def test_noise_is_added_on_the_models_scale():
    toy = MODELS["sd15"]()
    noise, given = Noise(7), picture()
    got = add_noise(toy, noise, torch.tensor([5.0, 2.0]), {"samples": given})["samples"]
    assert_close(got, given + 3 * noise.of(given) / SD15.scale)
    assert_close(add_noise(toy, noise, torch.empty(0), {"samples": given})["samples"], given)


def test_steps_are_told():
    told: list[tuple[int, int]] = []
    run(on_step=lambda i, n, x0: told.append((i, n)))
    assert told == [(i, 6) for i in range(6)]


# --- a network -----------------------------------------------------------------------------------


class Network(nn.Module):
    """Two parts, as a UNet has blocks."""

    def __init__(self):
        super().__init__()
        self.parts = nn.ModuleList(nn.Sequential(nn.Conv2d(4, 4, 1), nn.SiLU()) for _ in range(2))

    def forward(self, x: Tensor, timesteps: Tensor, context: Tensor) -> Tensor:
        assert timesteps.shape == x.shape[:1] == context.shape[:1]
        for part in self.parts:
            x = part(x)
        return x


class Stopped(BaseException):
    pass


def test_a_call_is_stopped_between_the_blocks():
    network = Network()
    model = Model(network=network, prediction=discrete("eps"), latent_format=SD15, name="small")
    checks = 0

    def check() -> None:
        nonlocal checks
        checks += 1
        if checks == 5:  # the whole network and its two parts are three; this is in the second step
            raise Stopped

    guider = guidance.basic(model, POSITIVE)
    options: dict[str, Any] = {"sampler": Sampler("euler"), "sigmas": torch.tensor([3.0, 2.0, 1.0, 0.0])}
    with pytest.raises(Stopped):
        sample(guider, {"samples": torch.zeros(1, 4, 4, 4)}, noise=Noise(1), check=check, **options)
    assert checks == 5
    result, _ = sample(guider, {"samples": torch.zeros(1, 4, 4, 4)}, noise=Noise(1), **options)
    assert checks == 5  # nothing is left behind
    assert not result["samples"].requires_grad
    assert model.nbytes == sum(p.nbytes for p in network.parameters())
    assert model.device.type == "cpu"


def test_a_function_is_a_network_too():
    with interruptible(lambda x: x, lambda: None):
        pass
    toy = MODELS["sd15"]()
    assert toy.nbytes == 0
