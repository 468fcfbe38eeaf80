"""Noise step by step: the levels that are chosen and told, and a run that is watched is the run itself."""

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from diffusion import guidance
from diffusion.noise import Noise
from diffusion.samplers import SAMPLERS, Sampler
from diffusion.sampling import sample
from diffusion.schedules import schedule
from diffusion.strips import noised_latents, noised_pixels, signal_to_noise, spread, watched_run
from tests.replay.toys import MODELS

PROMPT = [(torch.full((1, 7, 8), 0.3), {})]


def decode(latent: Tensor) -> Tensor:
    return latent[:, :3].movedim(1, -1).repeat_interleave(8, 1).repeat_interleave(8, 2)


def test_steps_are_chosen_evenly_with_both_ends():
    assert spread(21, 5) == [0, 5, 10, 15, 20]
    assert spread(3, 8) == [0, 1, 2]
    assert spread(1, 4) == [0]
    for count in range(2, 40):
        found = spread(count, 6)
        assert found == sorted(set(found))
        assert (found[0], found[-1]) == (0, count - 1)


def test_the_ratio_of_signal_and_noise():
    assert signal_to_noise(1.0, False) == 0
    assert signal_to_noise(0.5, True) == 0
    assert math.isclose(signal_to_noise(0.1, False), 20)
    assert signal_to_noise(0, False) == math.inf
    assert signal_to_noise(1, True) == -math.inf


@pytest.mark.parametrize("flow", [False, True])
def test_pixels_gain_noise(flow: bool):
    image = torch.rand(2, 40, 48, 3) * 0.2 + 0.4
    top = 1.0 if flow else 14.6
    made = noised_pixels(image, [0.0, 0.4 * top, top], Noise(1), flow, 0, "light")
    assert made.frames.shape == (3, 40, 48, 3)
    torch.testing.assert_close(made.frames[0], image[0])
    assert made.frames[0].std() < made.frames[1].std() <= made.frames[2].std() + 0.02
    again = noised_pixels(image, [top], Noise(1), flow, 0, "light").frames
    torch.testing.assert_close(again[0], made.frames[2])
    assert made.picture.shape[2] > 3 * 48


def test_latents_gain_the_models_noise():
    toy: Any = MODELS["sd15"]()
    samples = torch.randn(1, 4, 4, 4)
    made = noised_latents(samples, [0.0, 2.0], Noise(5), toy, lambda x: decode(x).abs() / 40, 0, "light")
    clean = toy.latent_format.encode(samples)
    noisy = toy.latent_format.decode((clean + 2 * Noise(5).of(clean)) / math.sqrt(5))
    torch.testing.assert_close(made.frames[1:], (decode(noisy).abs() / 40).clamp(0, 1))
    torch.testing.assert_close(made.frames[:1], (decode(samples).abs() / 40).clamp(0, 1))


def watch(name: str, sampler: str = "euler", steps: int = 6, wanted: int = 4, told: list[int] | None = None) -> Any:
    toy: Any = MODELS[name]()
    guider = guidance.cfg(toy, PROMPT, PROMPT, 2.0)
    latent = {"samples": torch.zeros(2, toy.latent_format.channels, 4, 4)}
    sigmas = schedule("normal", toy.prediction, steps)
    given: dict[str, Any] = {"sampler": Sampler(sampler), "sigmas": sigmas, "noise": Noise(3)}
    plain, _ = sample(guider, latent, **given)
    run = watched_run(
        guider,
        latent,
        decode=lambda x: decode(x) / 20 + 0.5,
        wanted=wanted,
        side=0,
        theme="light",
        on_step=lambda i, n, x0: (told if told is not None else []).append(i),
        check=lambda: None,
        **given,
    )
    return run, plain


@pytest.mark.parametrize("name", MODELS)
def test_a_run_that_is_watched_is_the_run_itself(name: str):
    told: list[int] = []
    run, plain = watch(name, told=told)
    assert run.latent["samples"].equal(plain["samples"])
    assert told == list(range(6))
    assert run.frames.shape[1:] == (32, 32, 3)
    assert 2 <= len(run.frames) <= 4


@pytest.mark.parametrize("sampler", [s for s in SAMPLERS if s not in ("dpm_fast", "dpm_adaptive")])
def test_every_sampler_that_keeps_to_its_steps_can_be_watched(sampler: str):
    run, plain = watch("sd15", sampler)
    assert run.latent["samples"].equal(plain["samples"])
    assert len(run.frames) == 4


def test_the_last_picture_is_the_end_of_the_run():
    run, plain = watch("sd15", wanted=6)
    torch.testing.assert_close(run.frames[-1:], (decode(plain["samples"][:1]) / 20 + 0.5).clamp(0, 1))


def test_no_step_is_told():
    toy: Any = MODELS["sd15"]()
    with pytest.raises(ValueError, match="sigmas holds no step"):
        watch_nothing(toy)


def watch_nothing(toy: Any) -> None:
    watched_run(
        guidance.cfg(toy, PROMPT, PROMPT, 2.0),
        {"samples": torch.zeros(1, 4, 4, 4)},
        Sampler("euler"),
        torch.zeros(1),
        Noise(1),
        decode,
        wanted=3,
        side=0,
        theme="light",
        on_step=lambda i, n, x0: None,
        check=lambda: None,
    )
