"""The models that come along: how large they are, and that each does what it is for."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from diffusion import inpainting, taesd
from diffusion.adapters.load import apply as apply_lora
from diffusion.checkpoint import load, load_unet
from diffusion.coding import Vae
from diffusion.control import load as controls
from diffusion.control.apply import apply as apply_control
from diffusion.model import Model
from diffusion.noise import Noise
from diffusion.placement import Place
from diffusion.regions import Conditioning
from diffusion.sampling import run_schedule
from diffusion.text import Clip
from diffusion.training.control import edges

ROOT = Path(__file__).parents[1]
MODELS = ROOT / "models"
STARTER = MODELS / "checkpoints/starter-emoji-128.safetensors"
SMALL = {
    "vae_approx/starter_decoder.safetensors",
    "diffusion_models/starter-inpainting.safetensors",
    "controlnet/starter-edges.safetensors",
    "loras/starter-owl.safetensors",
}
"""Models for the same base."""


@cache
def starter() -> tuple[Model, Clip, Vae]:
    return load(STARTER)


@cache
def shown(name: str) -> Tensor:
    """A picture of the input folder, (1, 128, 128, 3) in 0..1."""
    with Image.open(ROOT / "input" / name) as picture:
        small = picture.convert("RGB").resize((128, 128), Image.Resampling.LANCZOS)
    return torch.from_numpy(np.asarray(small).copy())[None].float() / 255


def drawn(positive: Conditioning, negative: Conditioning | None = None, *, model: Model | None = None) -> Tensor:
    """A picture (128, 128, 3) in 0..1 of the starter, or of a model made of it."""
    ours, _, vae = starter()
    done = run_schedule(
        model or ours,
        positive,
        negative or asked(""),
        {"samples": torch.zeros(1, 4, 16, 16)},
        noise=Noise(1),
        steps=20,
        cfg=4.0,
        sampler="euler",
        schedule="normal",
    )
    return vae.decode(done["samples"])[0]


def asked(prompt: str) -> Conditioning:
    return starter()[1].conditioning(prompt)


def decibels(one: Tensor, other: Tensor) -> float:
    """The signal-to-noise ratio of pictures in 0..1."""
    return float(-10 * ((one - other) ** 2).mean().log10())


def test_they_are_small():
    assert STARTER.stat().st_size < 60_000_000
    assert {path for path in SMALL if (MODELS / path).stat().st_size < 10_000_000} == SMALL


def test_a_picture_comes_back_from_its_latent():
    vae = starter()[2]
    assert decibels(vae.decode(vae.encode(shown("apple.png"))), shown("apple.png")) > 26


@pytest.mark.parametrize(
    ("prompt", "color"), [("a red circle", (1, 0, 0)), ("a green heart", (0, 1, 0)), ("a blue square", (0, 0, 1))]
)
def test_colours_are_obeyed(prompt: str, color: tuple[float, ...]):
    middle = drawn(asked(prompt))[48:80, 48:80].mean((0, 1))
    others = middle[torch.tensor(color) == 0]
    assert middle[torch.tensor(color) == 1] > others.max() + 0.15


def test_backgrounds_are_obeyed():
    corner = drawn(asked("a rocket on a yellow background"))[:6, :6].mean((0, 1))
    assert corner[:2].min() > corner[2] + 0.2
    assert drawn(asked("a rocket"))[:6, :6].min() > 0.9


def test_the_tiny_decoder_shows_about_what_the_vae_decodes():
    _, _, vae = starter()
    tiny = taesd.load(MODELS / "vae_approx/starter_decoder.safetensors", Place(torch.device("cpu"), torch.float32))
    latent = vae.encode(shown("apple.png"))
    fast = tiny(starter()[0].latent_format.encode(latent))[0].movedim(0, -1).clamp(0, 1)
    assert decibels(fast, vae.decode(latent)[0]) > 20


def test_the_controlnet_draws_along_edges():
    image = shown("apple.png")
    hint = edges(image).float().movedim(1, -1).expand(-1, -1, -1, 3)
    control = controls.load(MODELS / "controlnet/starter-edges.safetensors", starter()[0])
    [positive] = apply_control([asked("a lemon")], control, hint, 1.0, 0.0, 1.0)

    def apart(picture: Tensor) -> float:
        """How far the shapes are from each other: the part of the pixels that are white in one alone."""
        return float(((picture < 0.9).any(-1) != (image[0] < 0.9).any(-1)).float().mean())

    assert apart(drawn(positive)) < 0.5 * apart(drawn(asked("a lemon")))


def test_the_inpainting_model_fits_what_is_left():
    model = load_unet(MODELS / "diffusion_models/starter-inpainting.safetensors")
    image, mask = shown("apple.png"), torch.zeros(1, 128, 128)
    mask[:, 48:112, 32:96] = 1
    told, _ = inpainting.condition(starter()[2], image, mask, noise_mask=False)
    sides = [[(context, {**options, **told}) for context, options in asked(text)] for text in ("a red apple", "")]
    picture = drawn(*sides, model=model)
    outside = mask[0] == 0
    assert decibels(picture[outside], image[0][outside]) > 18
    inside = picture[60:100, 44:84].mean((0, 1))
    assert inside[0] > inside[1:].max() + 0.2


def test_the_lora_brings_its_owl():
    model, clip, _ = starter()
    teal = torch.tensor([0.1, 0.55, 0.5])

    def owl(of: Model, by: Clip) -> float:
        """The part of the pixels that has the colour of the owl."""
        picture = drawn(by.conditioning("a zibble"), model=of)
        return float(((picture - teal).abs().amax(-1) < 0.25).float().mean())

    with_lora = owl(*apply_lora(MODELS / "loras/starter-owl.safetensors", model, clip, 1.0, 1.0))
    assert with_lora > 0.1
    assert with_lora > 4 * owl(model, clip)


def test_their_cards_name_them():
    cards = "".join((MODELS / name).read_text("utf-8") for name in ("checkpoints/README.md", "starter/README.md"))
    assert all(Path(path).name in cards for path in {*SMALL, str(STARTER)})
