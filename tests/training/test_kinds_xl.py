"""Stable Diffusion XL: both text encoders learn, and each picture is told its own size and crop."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from torch import Tensor

from diffusion import settings
from diffusion.adapters.load import apply
from diffusion.checkpoint import load
from diffusion.inputs import Scene
from diffusion.text import Clip
from diffusion.training.tasks import Denoising, learnt
from executor.files import Files
from tests.make_models import G, L, write
from tests.training.conftest import Told
from training.command import subject_of
from training.config import Config
from training.subject import Subject

Configured = Callable[..., Config]
Trained = Callable[..., Told]

CAPTIONS = ("a red circle", "fog", "a blue circle by the sea, oil on canvas")
SIZES = (160, 120), (48, 80), (64, 64)
FRAMES = {  # by hand: 160 x 120 is scaled to 75 x 56 and cut to 72 x 56; height comes first
    False: [(120, 160, 0, 1, 56, 72), (80, 48, 0, 0, 80, 48), (64, 64, 0, 0, 64, 64)],
    True: [(120, 160, 0, 2, 56, 72), (80, 48, 0, 0, 80, 48), (64, 64, 0, 0, 64, 64)],
}
TRAINING = """
[model]
kind = "lora"
base = "sdxl.safetensors"
save = "models/loras/it.safetensors"
text = "train"
inpainting = false
[data]
folder = "drawn"
size = 64
flip = false
[adapter]
rank = 2
[training]
steps = 3
batch_size = 1
learning_rate = 1e-2
text_rate = 1.0
threads = 1
[objective]
caption_dropout = 0.0
[samples]
prompts = ["a red circle"]
steps = 1
"""
EMBEDDING = TRAINING.replace('"lora"', '"embedding"').replace("models/loras", "models/embeddings")
EMBEDDING = EMBEDDING.replace("rank = 2", 'placeholder = "circle"\nbegin = "ball"\nvectors = 2')
DENOISER = TRAINING.replace('"lora"', '"denoiser"').replace("models/loras", "models/checkpoints")


@pytest.fixture(autouse=True)
def precise() -> None:
    settings.use(settings.Settings("fp32", "cpu"))


@pytest.fixture
def made(base: Path, configured: Configured) -> Callable[..., Subject]:
    """A training of three pictures of different shapes, with a narrow checkpoint of a family."""
    drawn = base / "drawn"
    drawn.mkdir()
    for i, (size, caption) in enumerate(zip(SIZES, CAPTIONS, strict=True)):
        Image.new("RGB", size, (60 * i, 90, 200 - 60 * i)).save(drawn / f"{i}.png")
        (drawn / f"{i}.txt").write_text(caption)

    def made(toml: str = TRAINING, family: str = "sdxl", **changes: Any) -> Subject:
        write(family, base / "models/checkpoints")
        config = configured(toml, base=f'"{family}.safetensors"', **changes)
        return subject_of(config, Files(base), lambda event: None)

    return made


def told(subject: Subject, i: int, seed: int = 0) -> dict[str, Tensor]:
    """What the UNet is given of one of the pictures."""
    task = subject.task
    assert isinstance(task, Denoising)
    return task.conditions(task.modules, task.question([i], torch.Generator().manual_seed(seed)))


def embedded(numbers: tuple[float, ...]) -> Tensor:
    """(1, 256 n): cosines and sines of each number, slower and slower."""
    angles = torch.tensor(numbers)[:, None] * torch.exp(-math.log(10000) * torch.arange(128) / 128)
    return torch.cat((angles.cos(), angles.sin()), 1).view(1, -1)


def halves(clip: Clip, text: str) -> tuple[Tensor, Tensor, Tensor]:
    """What each of the two encoders says, and what the second says of the whole."""
    context, options = clip.encode(text)
    return context[..., :L], context[..., L:], options["pooled_output"]


def distance(one: Tensor, other: Tensor) -> float:
    return float((one - other).abs().max().detach())


@pytest.mark.parametrize("family", ["sdxl", "refiner", "sd2_v"])
@pytest.mark.parametrize("text", ["train", "frozen"])
@pytest.mark.parametrize("hidden", [False, True])
def test_a_network_is_told_in_training_what_it_is_told_of_a_prompt(
    made: Callable[..., Subject], base: Path, family: str, text: str, hidden: bool
):
    subject = made(family=family, text=f'"{text}"', caption_dropout=float(hidden))
    model, clip, _ = load(base / f"models/checkpoints/{family}.safetensors")
    names = ("height", "width", "crop_h", "crop_w", "target_height", "target_width")
    for i, (caption, frame) in enumerate(zip(CAPTIONS, FRAMES[False], strict=True)):
        [(context, options)] = clip.conditioning("" if hidden else caption)
        scene = Scene((1, 4, 8, 8), "positive", model.latent_format)
        want = {"context": context, **model.inputs(scene, {**options, **dict(zip(names, frame, strict=True))})}
        got = {name: distance(tensor, want[name]) for name, tensor in told(subject, i).items()}
        assert set(got) == set(want)
        assert max(got.values()) < 1e-5


@pytest.mark.parametrize("text", ["train", "frozen"])
def test_each_picture_is_told_its_own_size_and_crop(made: Callable[..., Subject], text: str):
    subject = made(text=f'"{text}"', flip="true")
    for i in range(3):
        seen = torch.cat([told(subject, i, seed)["y"][:, G:].detach() for seed in range(12)])
        wanted = [embedded(FRAMES[mirrored][i]) for mirrored in (False, True)]
        nearest = torch.stack([(seen - want).abs().amax(1) for want in wanted])
        assert nearest.amin(0).max() < 1e-4
        assert nearest.amin(1).max() < 1e-4, "both variants come"


def test_gradients_reach_the_adapters_of_both_encoders(made: Callable[..., Subject]):
    subject = made()
    with torch.enable_grad(), subject.around():
        question = subject.task.question([0], torch.Generator().manual_seed(0))
        subject.task.loss(subject.task.modules, question).backward()
    moved = {n for n, p in learnt(subject.task.modules).items() if p.grad is not None and p.grad.abs().max() > 0}
    for name in ("text_adapter", "text_2_adapter"):
        assert any(n.startswith(f"{name}.") and "layers_0_mlp_fc1" in n for n in moved), name
    assert any(n.startswith("text_2_adapter.") and "layers_1_mlp_fc1" in n for n in moved), "through the pooled text"


@pytest.mark.parametrize(("family", "prefixes"), [("sdxl", {"lora_te1", "lora_te2"}), ("refiner", {"lora_te2"})])
def test_a_lora_changes_what_all_encoders_say(
    made: Callable[..., Subject],
    configured: Configured,
    trained: Trained,
    base: Path,
    family: str,
    prefixes: set[str],
):
    made(family=family)
    trained(configured(TRAINING, base=f'"{family}.safetensors"'))
    path = base / "models/loras/it.safetensors"
    names = {n.split("_text_model")[0] for n in load_file(path) if n.startswith("lora_te")}
    assert names == prefixes
    model, clip, _ = load(base / f"models/checkpoints/{family}.safetensors")
    before, after = (halves(c, "a red circle") for c in (clip, apply(path, model, clip, 1.0, 1.0)[1]))
    assert all(distance(*pair) > 1e-4 for pair in zip(before, after, strict=True))


def test_the_rate_of_texts_is_that_of_both(
    made: Callable[..., Subject], configured: Configured, trained: Trained, base: Path
):
    made()
    trained(configured(TRAINING, text_rate=0.0))
    ups = {n: t for n, t in load_file(base / "models/loras/it.safetensors").items() if n.endswith("lora_up.weight")}
    assert {n.split("_")[1] for n, t in ups.items() if t.abs().max() > 0} == {"unet"}
    assert {n.split("_")[1] for n in ups} == {"unet", "te1", "te2"}


def test_an_embedding_has_a_table_for_each_encoder(
    made: Callable[..., Subject], configured: Configured, trained: Trained, base: Path
):
    subject = made(EMBEDDING)
    subject.task.loss(subject.task.modules, subject.task.question([0], torch.Generator().manual_seed(0))).backward()
    gradients = {n: p.grad for n, p in learnt(subject.task.modules).items()}
    assert set(gradients) == {"text.embedding", "text_2.embedding"}
    assert all(g is not None and g.abs().max() > 0 for g in gradients.values())

    trained(configured(EMBEDDING))
    tables = load_file(base / "models/embeddings/it.safetensors")
    assert {n: tuple(t.shape) for n, t in tables.items()} == {"clip_l": (2, L), "clip_g": (2, G)}
    clip = load(base / "models/checkpoints/sdxl.safetensors", [base / "models/embeddings"])[1]
    learned, begun = halves(clip, "a embedding:it"), halves(clip, "a ball ball")
    assert all(distance(*pair) > 1e-4 for pair in zip(learned, begun, strict=True))


def test_a_whole_checkpoint_learns_with_both_encoders(
    made: Callable[..., Subject], configured: Configured, trained: Trained, base: Path
):
    made(DENOISER)
    trained(configured(DENOISER))
    before, after = (load_file(base / f"models/checkpoints/{name}.safetensors") for name in ("sdxl", "it"))
    changed = {".".join(n.split(".")[:3]) for n in after if not torch.equal(before[n].half(), after[n].half())}
    assert {"conditioner.embedders.0", "conditioner.embedders.1"} <= changed
    assert not any(n.startswith("first_stage_model") for n in changed)
    assert load(base / "models/checkpoints/it.safetensors")[1].encode("x")[0].shape == (1, 77, L + G)


@pytest.mark.parametrize(("toml", "part"), [(DENOISER, ""), (TRAINING, ""), (EMBEDDING, "embedding")])
def test_sheets_show_what_both_encoders_learnt(made: Callable[..., Subject], toml: str, part: str):
    subject = made(toml.replace('prompts = ["a red circle"]', 'prompts = ["a circle"]'))
    shown = [_pictures(subject)]
    for name in ("text", "text_2"):
        network: Any = subject.task.modules[name]
        weights = network.embedding if part else network.text_model.embeddings.token_embedding.weight
        weights.data.mul_(-3)
        shown.append(_pictures(subject))
    assert all(distance(one, other) > 1e-6 for one, other in pairwise(shown))


def test_a_sheet_of_an_embedding_begins_as_its_words(made: Callable[..., Subject]):
    learning, plain = (
        _pictures(made(toml.replace('prompts = ["a red circle"]', f'prompts = ["{prompt}"]')))
        for toml, prompt in ((EMBEDDING, "a circle"), (TRAINING, "a ball ball"))
    )
    assert distance(learning, plain) < 1e-5


def _pictures(subject: Subject) -> Tensor:
    sheet = subject.sheet()
    assert sheet is not None
    return sheet.pictures


# --- other networks that take more than the text -------------------------------------------------


def test_masks_are_those_of_the_pictures(made: Callable[..., Subject]):
    """A network for inpainting is shown what each picture hides, or else, nothing of a picture of its size."""
    masks = partial(made, family="sd1_inpainting", text='"frozen"')
    hidden = torch.stack([told(masks(inpainting="true"), 2)["concat"], told(masks(), 2)["concat"]])
    assert hidden.shape == (2, 1, 5, 8, 8)
    assert hidden[1, 0, 0].eq(1).all()
    assert distance(hidden[0, 0, 1:], hidden[1, 0, 1:]) > 0.01
    assert [tuple(told(masks(), i)["concat"].shape[2:]) for i in range(3)] == [(7, 9), (10, 6), (8, 8)]
