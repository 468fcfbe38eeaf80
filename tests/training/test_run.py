"""The loop: what it learns, keeps, shows and says; that to stop and to go on changes nothing."""

from __future__ import annotations

import csv
import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from diffusion.checkpoint import load
from tests.training.conftest import PIXELS, Told, of
from training import events
from training.config import Config
from training.files import NotWritten
from training.report import TensorBoard
from training.run import TrainingError

Configured = Callable[..., Config]
Trained = Callable[..., Told]
SHOWN = PIXELS + '[samples]\nprompts = ["a red circle", "a blue square"]\nsteps = 2\nevery = 3\n'


def test_a_denoiser_learns_and_opens(base: Path, configured: Configured, trained: Trained):
    told = trained(configured(SHOWN, steps=40, learning_rate=2e-3))
    losses = [e.loss for e in of(told, events.Stepped)]
    assert len(losses) == 40
    assert sum(losses[-10:]) < 0.8 * sum(losses[:10])
    model, clip, vae = load(base / "models/checkpoints/it.safetensors")
    assert (model.latent_format.channels, vae.factor, len(clip.encoders)) == (3, 1, 1)
    assert told[-1] == events.Ended(40, 40, "")


def test_sheets_curves_and_states_are_written(base: Path, configured: Configured, trained: Trained):
    told = trained(configured(SHOWN))
    assert [e.step for e in of(told, events.Sampled)] == [3, 6, 6]
    assert all(size(e.path)[0] > 32 for e in of(told, events.Sampled))
    rows = list(csv.reader((base / "state/loss.csv").read_text().splitlines()))
    assert rows[0] == ["step", "loss"]
    assert [float(loss) for _, loss in rows[1:]] == [e.loss for e in of(told, events.Stepped)]
    assert size(base / "state/loss.png") == (640, 400)


def size(path: Path) -> tuple[int, int]:
    with Image.open(path) as picture:
        return picture.size


def weights(base: Path) -> dict[str, torch.Tensor]:
    return load_file(base / "models/checkpoints/it.safetensors")


@pytest.mark.parametrize("optimizer", ["AdamW", "Muon", "SGD"])
def test_to_stop_and_to_go_on_changes_no_bit(base: Path, configured: Configured, trained: Trained, optimizer: str):
    more = f'steps = 6\noptimizer = "{optimizer}"\nema = 0.9\nwarmup = 2\nschedule = "cosine"\naccumulation = 2'
    text = PIXELS.replace("steps = 6", more)
    straight = trained(configured(text))
    whole = weights(base)
    trained(configured(text), stop_at=2)
    halves = trained(configured(text), resume=True)
    assert [e.loss for e in of(halves, events.Stepped)] == [e.loss for e in of(straight, events.Stepped)][2:]
    assert all(torch.equal(tensor, whole[name]) for name, tensor in weights(base).items())
    assert len((base / "state/loss.csv").read_text().splitlines()) == 7


def test_it_goes_on_from_any_state_that_was_kept(base: Path, configured: Configured, trained: Trained):
    config = configured(PIXELS.replace("steps = 6", "steps = 6\nkeep_every = 2"))
    straight = of(trained(config), events.Stepped)
    assert [p.name for p in sorted((base / "state/states").glob("*"))] == [
        f"step_{step:06}.safetensors" for step in (2, 4, 6)
    ]
    again = of(trained(config, resume=base / "state/states/step_000002.safetensors"), events.Stepped)
    assert [e.loss for e in again] == [e.loss for e in straight][2:]


def test_tensorboard_hears_of_it(base: Path, configured: Configured):
    report = TensorBoard(base / "board")
    for event in (events.Stepped(1, 2, 0.5, 1e-3, 1.0), events.Stepped(2, 2, 0.25, 1e-3, 0.0), events.Ended(2, 2, "")):
        report(event)
    found = EventAccumulator(str(base / "board"))
    found.Reload()
    assert [(e.step, e.value) for e in found.Scalars("loss")] == [(1, 0.5), (2, 0.25)]


def test_threads_change_no_more_than_rounding(base: Path, configured: Configured, trained: Trained):
    one = trained(configured(PIXELS.replace("steps = 6", "steps = 6\nthreads = 1")))
    three = trained(configured(PIXELS.replace("steps = 6", "steps = 6\nthreads = 3")))
    losses = [[e.loss for e in of(told, events.Stepped)] for told in (one, three)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-4)


def test_a_loss_that_is_no_number_ends_it_and_keeps_the_last_state(
    base: Path, configured: Configured, trained: Trained
):
    trained(configured(), stop_at=3)
    kept = (base / "state/state.safetensors").read_bytes()
    wild = configured(PIXELS.replace("steps = 6", "steps = 90\nclip = 0"), learning_rate=1e12)
    with pytest.raises(TrainingError, match=r"(loss|gradient) of step \d+ is .*learning_rate below 1e\+12.*--resume"):
        trained(wild, resume=True)
    assert (base / "state/state.safetensors").read_bytes() == kept


def test_a_full_disk_leaves_the_state_of_before(
    base: Path, configured: Configured, trained: Trained, monkeypatch: pytest.MonkeyPatch
):
    trained(configured(), stop_at=3)
    kept = (base / "state/state.safetensors").read_bytes()

    def full(file: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(NotWritten, match=r"state\.safetensors cannot be written: No space left.*free some space"):
        trained(configured(), resume=True)
    assert (base / "state/state.safetensors").read_bytes() == kept
    assert not list((base / "state").glob("*.part"))


def test_what_cannot_be_resumed_is_said(base: Path, configured: Configured, trained: Trained):
    with pytest.raises(TrainingError, match=r"nothing to resume: .*state\.safetensors does not exist"):
        trained(configured(), resume=True)
    trained(configured(), stop_at=1)
    with pytest.raises(TrainingError, match=r"does not fit this training: .* weights differ, such as"):
        trained(configured(context=32), resume=True)
    path = base / "state/state.safetensors"
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(TrainingError, match=r"state\.safetensors does not fit this training"):
        trained(configured(), resume=True)
