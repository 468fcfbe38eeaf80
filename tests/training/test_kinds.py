"""Every kind of training from its file to what it is for: a first stage, a denoiser on it, adapters for that."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import Image
from safetensors import safe_open
from safetensors.torch import load_file

from diffusion.adapters.load import apply_to_model
from diffusion.checkpoint import load, load_unet, load_vae
from diffusion.noise import Noise
from diffusion.sampling import run_schedule
from executor.files import FileProblem, Files
from tests.training.conftest import PIXELS, SMALL, Told, of
from training import events
from training.command import subject_of
from training.config import Config, ConfigError
from training.data.examples import DataError

Configured = Callable[..., Config]
Trained = Callable[..., Told]

DATA = '[data]\nfolder = "pictures"\nsize = 64\n'
VAE = f"""
[model]
kind = "vae"
save = "models/vae/it.safetensors"
[vae]
crop = 32
adversarial = 0.1
[training]
steps = 3
batch_size = 4
{DATA}{SMALL}
"""
DENOISER = f"""
[model]
kind = "denoiser"
vae = "it.safetensors"
text = "train"
save = "models/checkpoints/base.safetensors"
[training]
steps = 2
batch_size = 4
{DATA}{SMALL}
"""
LORA = f"""
[model]
kind = "lora"
base = "base.safetensors"
save = "models/loras/it.safetensors"
text = "train"
[adapter]
rank = 2
convolution = 2
[training]
steps = 3
batch_size = 2
learning_rate = 1e-2
{DATA}
[samples]
prompts = ["a red circle"]
steps = 1
"""


@pytest.fixture
def checkpoint(base: Path, configured: Configured, trained: Trained) -> Path:
    """A small checkpoint, all of whose networks were begun by the trainer."""
    trained(configured(VAE, steps=1))
    trained(configured(DENOISER))
    return base / "models/checkpoints/base.safetensors"


def test_a_first_stage_learns_and_gives_standard_latents(base: Path, configured: Configured, trained: Trained):
    told = trained(configured(VAE))
    assert len(of(told, events.Stepped)) == 3
    vae = load_vae(base / "models/vae/it.safetensors")
    pictures = [torch.from_numpy(pixels(p)) for p in sorted((base / "pictures").glob("*.png"))]
    latents = vae.encode(torch.stack(pictures)) * 0.18215
    assert latents.shape == (8, 4, 8, 8)
    flat = latents.transpose(0, 1).flatten(1)
    assert flat.mean(1).abs().max() < 0.05
    assert (flat.std(1) - 1).abs().max() < 0.05


def pixels(path: Path):
    import numpy as np

    with Image.open(path) as picture:
        return np.asarray(picture.convert("RGB").resize((64, 64), Image.Resampling.LANCZOS), dtype=np.float32) / 255


def test_a_checkpoint_from_nothing_runs(checkpoint: Path):
    model, clip, vae = load(checkpoint)
    latent = {"samples": torch.zeros(1, 4, 8, 8)}
    positive, negative = clip.conditioning("a red circle"), clip.conditioning("")
    done = run_schedule(
        model, positive, negative, latent, noise=Noise(1), steps=2, cfg=3.0, sampler="euler", schedule="normal"
    )
    assert vae.decode(done["samples"]).shape == (1, 64, 64, 3)


def test_training_goes_on_from_a_checkpoint(checkpoint: Path, configured: Configured, trained: Trained, base: Path):
    text = DENOISER.replace('vae = "it.safetensors"', 'base = "base.safetensors"').replace("base.s", "more.s", 1)
    text = text.replace('base = "more.s', 'base = "base.s').replace("checkpoints/base", "checkpoints/more")
    trained(configured(text, text='"frozen"'))
    before, after = load_file(checkpoint), load_file(base / "models/checkpoints/more.safetensors")
    changed = {n.split(".")[0] for n in before if not torch.equal(before[n], after[n])}
    assert changed == {"model"}


def test_a_lora_of_all_networks_changes_what_they_say(
    checkpoint: Path, configured: Configured, trained: Trained, base: Path
):
    told = trained(configured(LORA))
    assert of(told, events.Sampled)
    path = base / "models/loras/it.safetensors"
    with safe_open(path, "pt") as file:
        names, facts = list(file.keys()), file.metadata()
    assert any(n.startswith("lora_te_text_model_encoder_layers_0_self_attn_q_proj.") for n in names)
    assert any(n.startswith("lora_unet_down_blocks_0_resnets_0_conv1.") for n in names)
    told_facts = {n: facts[f"ss_{n}"] for n in ("network_dim", "steps", "num_train_images", "sd_model_name")}
    assert told_facts == {
        "network_dim": "2", "steps": "3", "num_train_images": "8", "sd_model_name": "base.safetensors"
    }  # fmt: skip
    model = load(checkpoint)[0]
    x, sigma, context = torch.randn(1, 4, 8, 8), torch.tensor([3.0]), {"context": torch.randn(1, 77, 64)}
    with torch.no_grad():
        before, after = model.x0(x, sigma, context), apply_to_model(path, model, 1.0).x0(x, sigma, context)
    assert (after - before).abs().max() > 1e-4


def test_a_lora_on_the_wrong_base_is_refused(checkpoint: Path, configured: Configured, trained: Trained, base: Path):
    trained(configured(LORA))
    wide = VAE.replace("channels = 32\n", "channels = 64\n", 1)
    trained(configured(wide, steps=1))
    trained(
        configured(DENOISER.replace("channels = 32\n", "channels = 64\n", 1), save='"models/checkpoints/b.safetensors"')
    )
    model = load(base / "models/checkpoints/b.safetensors")[0]
    with pytest.raises(ValueError, match=r"it\.safetensors"):
        apply_to_model(base / "models/loras/it.safetensors", model, 1.0)


def test_an_embedding_learns_a_word_alone(checkpoint: Path, configured: Configured, trained: Trained, base: Path):
    text = LORA.replace('kind = "lora"', 'kind = "embedding"').replace("models/loras", "models/embeddings")
    text = text.replace("rank = 2", 'placeholder = "circle"').replace("convolution = 2", 'begin = "ball"\nvectors = 2')
    trained(configured(text, text='"frozen"'))
    table = load_file(base / "models/embeddings/it.safetensors")["emb_params"]
    assert table.shape == (2, 64)
    clip = load(checkpoint, [base / "models/embeddings"])[1]
    assert not torch.equal(clip.encode("embedding:it")[0], clip.encode("ball ball")[0])


def test_a_prior_weighs_and_comes_as_often(checkpoint: Path, configured: Configured, base: Path):
    prior = base / "prior"
    prior.mkdir()
    for i in range(2):
        Image.new("RGB", (64, 64), (i * 90, 90, 90)).save(prior / f"{i}.png")
        (prior / f"{i}.txt").write_text("a thing")
    text = LORA.replace(DATA, DATA + 'prior = "prior"\ntrigger = "zwx"\n') + "[objective]\nprior_weight = 0.5\n"
    subject = subject_of(configured(text), Files(base), lambda event: None)
    seen = [i for step in range(16) for i in subject.order.batch(step)]
    assert sum(i >= 8 for i in seen) == sum(i < 8 for i in seen)
    question = subject.task.question([0, 9], torch.Generator().manual_seed(0))
    assert question["weights"].tolist() == [1.0, 0.5]


def test_a_new_denoiser_for_inpainting_uses_the_latents_and_texts_of_its_base(
    checkpoint: Path, configured: Configured, trained: Trained, base: Path
):
    new = 'base = "base.safetensors"\nnetwork = "new"\ninpainting = true'
    text = DENOISER.replace('vae = "it.safetensors"', new).replace("checkpoints/base", "diffusion_models/inpainting")
    told = trained(configured(text + '[samples]\nprompts = ["a red circle"]\nsteps = 1\n', text='"frozen"'))
    assert of(told, events.Sampled)
    path = base / "models/diffusion_models/inpainting.safetensors"
    shapes = {name: tensor.shape for name, tensor in load_file(path).items()}
    assert {name.split(".")[0] for name in shapes} == {"model"}
    assert shapes["model.diffusion_model.input_blocks.0.0.weight"] == (32, 9, 3, 3)
    assert load_unet(path).latent_format.channels == 4


@pytest.mark.parametrize(("stored", "dtype"), [("fp32", torch.float32), ("fp8", torch.float8_e4m3fn)])
def test_weights_are_kept_as_it_is_wanted(
    configured: Configured, trained: Trained, base: Path, stored: str, dtype: torch.dtype
):
    text = PIXELS.replace("save = ", f'stored = "{stored}"\nsave = ')
    trained(configured(text, steps=1))
    path = base / "models/checkpoints/it.safetensors"
    assert {t.dtype for t in load_file(path).values() if t.dim() > 1} == {dtype}
    model, clip, _ = load(path)
    context = clip.encode("a red circle")[0]
    with torch.no_grad():
        assert model.x0(torch.randn(1, 3, 16, 16), torch.tensor([0.5]), {"context": context}).isfinite().all()


def test_what_is_encoded_is_kept_until_a_picture_changes(
    checkpoint: Path, configured: Configured, trained: Trained, base: Path
):
    config = configured(LORA)
    assert of(trained(config), events.Prepared)
    assert not of(trained(config), events.Prepared)
    Image.new("RGB", (32, 32)).save(base / "pictures/0.png")
    assert of(trained(config), events.Prepared)
    smaller = replace(config, data=replace(config.data, size=32))
    assert of(trained(smaller), events.Prepared)


def refused(config: Config, base: Path, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        subject_of(config, Files(base), lambda event: None)


def test_bad_input_is_said(checkpoint: Path, configured: Configured, base: Path):
    refused(configured(LORA, base='"none.safetensors"'), base, FileProblem, "none.safetensors")
    refused(configured(LORA, folder='"nowhere"'), base, DataError, "nowhere is not there")
    refused(configured(LORA, size=60), base, DataError, "size of 60 pixels is no multiple of 8; choose")
    refused(
        configured(DENOISER.replace('vae = "it.safetensors"', "")),
        base,
        ConfigError,
        "model.base and model.vae are both missing",
    )
    refused(configured(PIXELS, text='"frozen"'), base, ConfigError, 'set model.text = "train"')
    (base / "pictures/3.png").write_bytes(b"nothing")
    subject = subject_of(configured(LORA), Files(base), lambda event: None)
    assert any("3.png" in note for note in subject.notes)
    for path in (base / "pictures").glob("*.png"):
        path.write_bytes(b"nothing")
    refused(configured(LORA), base, DataError, "pictures")
