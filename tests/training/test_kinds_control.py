"""A ControlNet for edges, trained from pictures to its file, which then steers the checkpoint."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from diffusion import checkpoint, settings
from diffusion.control import load
from diffusion.control.apply import apply
from diffusion.noise import Noise
from diffusion.sampling import run_schedule
from executor.files import Files
from tests import make_models
from training import events
from training.config import Config, ConfigError, DataPart, ModelPart, SamplesPart, TrainingPart
from training.kinds import control
from training.run import Limits, Training

STEPS = 4


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An installation with a narrow checkpoint and three pictures of boxes, of two shapes."""
    folder = tmp_path_factory.mktemp("base")
    make_models.write("sd1", folder / "models/checkpoints")
    make_models.write("sd1_inpainting", folder / "models/checkpoints")
    (folder / "pictures").mkdir()
    for i, size in enumerate(((64, 64), (64, 64), (96, 48))):
        picture = Image.new("RGB", size, (255, 255, 255))
        picture.paste((200, 30 * i, 0), (12 + 4 * i, 10, 40 + 4 * i, 34))
        picture.save(folder / f"pictures/{i}.png")
        (folder / f"pictures/{i}.txt").write_text(f"box number {i}")
    return folder


@pytest.fixture(autouse=True)
def on_the_cpu() -> None:
    settings.use(settings.Settings("fp32", "cpu"))


def config(**changes: object) -> Config:
    whole = Config(
        model=ModelPart(kind="control", base="sd1.safetensors", save="models/controlnet/edges.safetensors"),
        data=DataPart(folder="pictures", size=64),
        training=TrainingPart(steps=STEPS, batch_size=2, learning_rate=1e-3, threads=1, seed=7),
        samples=SamplesPart(prompts=("a box", "another"), steps=2),
    )
    return replace(whole, **changes)


def training(base: Path, out: Path, config: Config, tell: events.Tell = lambda event: None) -> Training:
    files = Files(base)
    return Training(config, control.subject(config, files, tell), out, out / "edges.safetensors", tell)


def test_from_pictures_to_a_file_that_steers(base: Path, tmp_path: Path):
    run = training(base, tmp_path, config())
    assert run.run(Limits()) == ""
    with Image.open(tmp_path / f"samples/step_{STEPS:06}.png") as sheet:
        assert min(sheet.size) > 128
    names = load_file(run.save)
    assert all(name.startswith("control_model.") for name in names)
    assert names["control_model.zero_convs.0.0.weight"].any()

    model, clip, vae = checkpoint.load(base / "models/checkpoints/sd1.safetensors")
    steering = load.load(run.save)
    edges = torch.zeros(1, 64, 64, 3)
    edges[:, 20, 10:50] = 1
    text, nothing = clip.conditioning("a box"), clip.conditioning("")
    steered, _ = apply([text, nothing], steering, edges, 1.0, 0.0, 1.0)
    drawn = [
        run_schedule(
            model, side, nothing, {"samples": torch.zeros(1, vae.channels, 8, 8)}, noise=Noise(1), steps=2, cfg=2.0,
            sampler="euler", schedule="normal",
        )["samples"]
        for side in (text, steered)
    ]  # fmt: skip
    assert drawn[0].isfinite().all()
    assert not torch.allclose(drawn[0], drawn[1], atol=1e-4)


def test_the_checkpoint_stays_as_it_is_and_the_control_learns(base: Path, tmp_path: Path):
    run = training(base, tmp_path, config())
    assert all(name.startswith("unet.control.") for name in run.learning.learnt)
    before = {name: p.detach().clone() for name, p in run.subject.task.modules.named_parameters()}
    run.run(Limits())
    changed = {name for name, p in run.subject.task.modules.named_parameters() if not torch.equal(p, before[name])}
    assert changed
    assert all(name.startswith("unet.control.") for name in changed)
    assert any("input_hint_block.0" in name for name in changed)


def test_a_stopped_training_goes_on_to_the_same_file(base: Path, tmp_path: Path):
    wanted = config(samples=SamplesPart())
    whole = training(base, tmp_path / "whole", wanted)
    whole.run(Limits())
    part = training(base, tmp_path / "part", wanted)
    assert part.run(Limits(stop=lambda: "enough" if part.learning.done == 2 else "")) == "enough"
    again = training(base, tmp_path / "part", wanted)
    again.resume()
    again.run(Limits())
    mine, theirs = load_file(again.save), load_file(whole.save)
    assert all(torch.equal(mine[name], theirs[name]) for name in theirs)


def test_half_precision_and_threads(base: Path, tmp_path: Path):
    part = replace(config().training, steps=2, precision="bf16", threads=2, checkpointing=True)
    run = training(base, tmp_path, config(training=part, samples=SamplesPart()))
    run.run(Limits())
    assert all(t.isfinite().all() for t in load_file(run.save).values())


def test_what_does_not_go_together_is_refused(base: Path):
    def refused(said: str, **model: object) -> None:
        with pytest.raises(ConfigError, match=said):
            control.subject(config(model=replace(config().model, **model)), Files(base), lambda event: None)

    refused("a ControlNet leaves the checkpoint as it is", text="train")
    refused("a ControlNet is trained with a plain base", inpainting=True)
    refused(r"sd1_inpainting\.safetensors: its UNet takes in 9 channels and gives 4", base="sd1_inpainting.safetensors")
