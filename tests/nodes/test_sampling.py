"""The sampler and sigma nodes: recorded results, and what only the nodes do."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from executor.files import Files
from executor.node import Cancelled
from executor.previews import Sketch, Wanted
from nodes.sampling import k_sampler, k_sampler_advanced, sampler_custom
from tests.replay.sigmas import replay
from tests.replay.toys import MODELS

PROMPTS: dict[str, Any] = {
    "positive": [(torch.full((1, 7, 8), 0.3), {})],
    "negative": [(torch.full((1, 7, 8), -0.2), {})],
}
NAMES: dict[str, Any] = {"sampler_name": "euler", "scheduler": "normal"}
EMPTY = {"samples": torch.zeros(1, 4, 4, 4)}


class Watch:
    """Notes progress, and cancels at a step."""

    def __init__(self, cancel_at: int = -1):
        self.told: list[tuple[int, int]] = []
        self.cancel_at = cancel_at

    def __call__(self, value: int, total: int, preview: Any = None) -> None:
        self.told.append((value, total))
        if value == self.cancel_at:
            raise Cancelled

    def check(self) -> None: ...


def test_recorded_sigmas(conformance: Path):
    records = json.loads((conformance / "nodes.json").read_text(encoding="utf-8"))["sigmas"]
    found = list(replay(records, conformance))
    assert len(found) > 200
    assert not [line for line in found if line[1]]


def test_progress_counts_the_steps_done():
    watch = Watch()
    k_sampler(model=MODELS["sd15"](), seed=1, steps=3, latent_image=EMPTY, progress=watch, **PROMPTS, **NAMES)
    assert watch.told == [(1, 3), (2, 3), (3, 3)]


def test_drawing_every_step_changes_nothing():
    pictures: list[bytes | None] = []

    class Drawing(Watch):
        def __call__(self, value: int, total: int, preview: Sketch | None = None) -> None:
            assert preview
            pictures.append(preview(Wanted("auto", 64, Files(Path("/nowhere")), lambda: None, lambda message: None)))

    given = {"model": MODELS["sd15"](), "seed": 1, "steps": 3, "latent_image": EMPTY, **PROMPTS, **NAMES}
    drawn = k_sampler(**given, progress=Drawing())
    assert torch.equal(drawn["samples"], k_sampler(**given)["samples"])
    assert [p[:3] for p in pictures if p] == [b"\xff\xd8\xff"] * 3
    assert len(set(pictures)) == 3


def test_a_cancelled_run_ends_at_once():
    watch = Watch(cancel_at=2)
    with pytest.raises(Cancelled):
        k_sampler(model=MODELS["sd15"](), seed=1, steps=9, latent_image=EMPTY, progress=watch, **PROMPTS, **NAMES)
    assert len(watch.told) == 2


def test_the_advanced_sampler_with_its_defaults_is_the_simple_one():
    model = MODELS["sd15"]()
    simple = k_sampler(model=model, seed=1, steps=4, latent_image=EMPTY, **PROMPTS, **NAMES)
    advanced = k_sampler_advanced(
        model=model,
        add_noise="enable",
        noise_seed=1,
        steps=4,
        latent_image=EMPTY,
        return_with_leftover_noise="disable",
        **PROMPTS,
        **NAMES,
    )
    assert torch.equal(simple["samples"], advanced["samples"])


def test_the_custom_sampler_is_the_simple_one_on_its_sigmas():
    from diffusion.samplers import Sampler
    from diffusion.schedules import schedule

    model = MODELS["sd15"]()
    simple = k_sampler(model=model, seed=1, steps=4, latent_image=EMPTY, **PROMPTS, **NAMES)
    sigmas = schedule("normal", model.prediction, 4)
    custom = sampler_custom(
        model=model, noise_seed=1, sampler=Sampler("euler"), sigmas=sigmas, latent_image=EMPTY, **PROMPTS
    )
    assert torch.equal(simple["samples"], custom.output["samples"])
