"""A tiny decoder, trained from pictures to its file, which then makes previews."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from torch.nn import functional

from diffusion import checkpoint, previews, settings, taesd
from diffusion.placement import Place
from executor.files import Files
from tests import make_models
from training import events
from training.config import Config, ConfigError, DataPart, ModelPart, TrainingPart, VaePart
from training.kinds import prepared, preview
from training.run import Limits, Training

STEPS = 12


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An installation with a narrow checkpoint and four pictures of 32 x 32."""
    folder = tmp_path_factory.mktemp("base")
    make_models.write("sd1", folder / "models/checkpoints")
    (folder / "pictures").mkdir()
    x = torch.linspace(0, 255, 32)
    for i, color in enumerate(((255, 40, 0), (0, 200, 90), (60, 60, 255), (250, 220, 30))):
        ramp = x[None, :, None] * torch.tensor(color) / 255
        pixels = ramp.expand(32, 32, 3).to(torch.uint8).roll(8 * i, 1)
        Image.fromarray(pixels.numpy()).save(folder / f"pictures/{i}.png")
    return folder


@pytest.fixture(autouse=True)
def on_the_cpu() -> None:
    settings.use(settings.Settings("fp32", "cpu"))


def config(**changes: object) -> Config:
    whole = Config(
        model=ModelPart(kind="preview", base="sd1.safetensors", save="models/vae_approx/taesd_decoder.safetensors"),
        data=DataPart(folder="pictures", size=32),
        training=TrainingPart(steps=STEPS, batch_size=2, learning_rate=2e-3, threads=1, seed=7),
        vae=VaePart(scales=1, crop=16),
    )
    return replace(whole, **changes)


def training(base: Path, out: Path, config: Config, tell: events.Tell = lambda event: None) -> Training:
    files = Files(base)
    return Training(config, preview.subject(config, files, tell), out, out / "taesd_decoder.safetensors", tell)


def test_from_pictures_to_a_file_that_makes_previews(base: Path, tmp_path: Path):
    told: list[events.Event] = []
    run = training(base, tmp_path, config(), told.append)
    assert run.run(Limits()) == ""
    assert sum(run.losses[-3:]) < 0.8 * sum(run.losses[:3])
    assert [e for e in told if isinstance(e, events.Prepared)] == [events.Prepared(4, 4)]

    tensors = load_file(run.save)
    assert {t.dtype for t in tensors.values()} == {torch.float16}
    assert set(tensors) == set(taesd.decoder(4).state_dict())
    assert run.save.stat().st_size < 2.6e6

    model, _, vae = checkpoint.load(base / "models/checkpoints/sd1.safetensors")
    latent = model.latent_format.encode(vae.encode(torch.rand(1, 32, 32, 3)))
    want = taesd.load(run.save, Place(torch.device("cpu"), torch.float32))(latent)[0]
    made = previews.draw(latent, model, Wanted("taesd", run.save))
    assert made is not None
    got = torch.tensor(list(Image.open(io.BytesIO(made)).tobytes())).view(32, 32, 3) / 255
    assert (got.movedim(-1, 0) - want.clamp(0, 1)).abs().mean() < 0.05  # it is a JPEG


@dataclass(frozen=True)
class Wanted:
    """What the engine asks of `previews`."""

    method: str
    path: Path
    size: int = 512
    begin: Callable[[], None] = lambda: None
    warn: Callable[[str], None] = pytest.fail

    def model(self, folder: str, stem: str, /) -> Path | None:
        return self.path if (folder, stem) == ("vae_approx", self.path.stem) else None


def test_a_seed_means_one_training_and_a_stopped_one_goes_on_to_the_same_weights(base: Path, tmp_path: Path):
    wanted = config(training=replace(config().training, steps=4, optimizer="Muon", ema=0.9))
    whole = training(base, tmp_path / "whole", wanted)
    assert whole.run(Limits()) == ""
    part = training(base, tmp_path / "part", wanted)
    assert part.run(Limits(stop=lambda: "enough" if part.learning.done == 2 else "")) == "enough"
    again = training(base, tmp_path / "part", wanted)
    again.resume()
    assert again.learning.done == 2
    assert again.run(Limits()) == ""
    assert again.save.read_bytes() == whole.save.read_bytes()


def test_the_sheet_compares_it_with_the_vae(base: Path):
    sheet = preview.subject(config(), Files(base), lambda event: None).sheet()
    assert sheet is not None
    assert sheet.pictures.shape == (12, 32, 32, 3)
    assert [label.split()[0] if label else "" for label in sheet.labels] == ["", "VAE", "tiny"] * 4
    with Image.open(base / "pictures/1.png") as picture:
        assert torch.equal((sheet.pictures[3] * 255).round(), torch.tensor(np.asarray(picture)).float())


def test_pieces_of_latents_and_of_pictures_are_of_the_same_place(base: Path, tmp_path: Path):
    """Where a latent is what the picture has on average in its 8 x 8 pixels, that holds of every piece."""
    (tmp_path / "pictures").mkdir()
    for path in sorted((base / "pictures").iterdir()):
        Image.open(path).resize((64, 32)).save(tmp_path / "pictures" / path.name)
    part = replace(config().data, captions="none", flip=True, crop="random", variants=2, size=24, buckets=False)
    wanted = config(data=part)
    pictures = prepared.read(wanted, Files(tmp_path))
    whole = preview.Coded(wanted, pictures, [])
    latents = [
        {"latent": torch.stack([functional.avg_pool2d(whole.pixels(i, v), 8) for v in range(4)])} for i in range(4)
    ]
    assert len({tuple(t.flatten().tolist()) for t in latents[0]["latent"]}) == 4
    for crop, side in ((16, 2), (0, 3)):
        latent, pixels = preview.Coded(wanted, pictures, latents, crop)(
            [0, 1, 2, 3] * 8, torch.Generator().manual_seed(1)
        )
        assert latent.shape == (32, 3, side, side)
        assert torch.allclose(functional.avg_pool2d(pixels, 8), latent, atol=1e-6)
        assert len({tuple(row.flatten().tolist()) for row in latent}) > 12


def test_a_mirrored_picture_has_a_latent_of_its_own(base: Path):
    wanted = config(data=replace(config().data, flip=True), vae=VaePart(scales=1))
    latent, pixels = preview.subject(wanted, Files(base), lambda event: None).task.pairs([0] * 8, random())  # type: ignore[attr-defined]
    assert len({tuple(row.flatten().tolist()) for row in latent}) == 2
    assert {torch.equal(p, pixels[0]) or torch.equal(p.flip(2), pixels[0]) for p in pixels} == {True}


def random() -> torch.Generator:
    return torch.Generator().manual_seed(1)


def test_pieces_are_whole_elements_of_the_latent(base: Path):
    with pytest.raises(ConfigError, match=r"vae\.crop is 12; it should be a multiple of 8"):
        preview.subject(config(vae=VaePart(crop=12)), Files(base), lambda event: None)


def test_a_base_of_another_kind_is_refused(tmp_path: Path, base: Path):
    tensors = make_models.unet(make_models.sd1_config()) | make_models.vae(4) | make_models.text(64, TEXT)
    (tmp_path / "models/checkpoints").mkdir(parents=True)
    save_file(tensors, tmp_path / "models/checkpoints/sd1.safetensors")
    (tmp_path / "pictures").symlink_to(base / "pictures")
    with pytest.raises(ConfigError, match=r"the VAE of sd1\.safetensors has 4 pixels .* tiny decoders have 8"):
        preview.subject(config(), Files(tmp_path), lambda event: None)


TEXT = "cond_stage_model.transformer."
