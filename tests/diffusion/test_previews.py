"""Pictures of latents under way: what they look like, how large they are, and what they leave as it was."""

import io
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import functional

from diffusion import checkpoint, image_files, previews
from diffusion.model import SD3, SD15, SDXL, LatentFormat, Model
from diffusion.prediction import discrete
from diffusion.previews import STARTER, draw, linear
from diffusion.taesd import decoder

APPLE = Path(__file__).parents[2] / "input/apple.png"


@dataclass
class Asked:
    """What the engine asks for, and notes what it hears."""

    method: str = "auto"
    size: int = 512
    folder: Path = Path("/nowhere")
    warnings: list[str] = field(default_factory=list)
    begun: int = 0

    def begin(self) -> None:
        self.begun += 1

    def warn(self, message: str) -> None:
        self.warnings.append(message)

    def model(self, folder: str, stem: str, /) -> Path | None:
        assert folder == "vae_approx"
        path = self.folder / f"{stem}.safetensors"
        return path if path.exists() else None


def model(latent_format: LatentFormat = SD15, name: str = "") -> Model:
    def network(*_: object) -> Tensor:
        raise AssertionError("a preview asks no network")

    return Model(network=network, prediction=discrete("eps"), latent_format=latent_format, name=name)


def picture(x0: Tensor, asked: Asked | None = None, latent_format: LatentFormat = SD15) -> Image.Image:
    data = draw(x0, model(latent_format), asked or Asked())
    assert data is not None
    return Image.open(io.BytesIO(data))


@pytest.fixture
def decoders(tmp_path: Path) -> Path:
    """A folder with a decoder of random weights."""
    torch.manual_seed(0)
    save_file(decoder(4).state_dict(), tmp_path / "taesd_decoder.safetensors")
    return tmp_path


@pytest.mark.parametrize(
    ("latent", "size", "pixels"),
    [
        ((16, 16), 512, (128, 128)),
        ((64, 64), 512, (512, 512)),
        ((64, 128), 512, (512, 256)),
        ((128, 96), 512, (384, 512)),
        ((64, 64), 100, (100, 100)),
        ((1, 200), 64, (64, 1)),
    ],
)
@pytest.mark.parametrize("method", ["latent2rgb", "taesd"])
def test_as_large_as_the_picture_or_as_wanted(
    method: str, latent: tuple[int, int], size: int, pixels: tuple[int, int], decoders: Path
):
    shown = picture(torch.randn(1, 4, *latent), Asked(method, size, decoders))
    assert (shown.format, shown.mode, shown.size) == ("JPEG", "RGB", pixels)


@pytest.mark.parametrize("latent_format", [SD15, SDXL, SD3])
def test_an_empty_latent_is_grey(latent_format: LatentFormat):
    shown = picture(torch.zeros(1, latent_format.channels, 4, 4), latent_format=latent_format)
    assert shown.getextrema() == ((127, 127),) * 3


def test_the_first_of_a_batch_is_shown():
    x0 = torch.randn(3, 4, 8, 8)
    assert draw(x0, model(), Asked()) == draw(x0[:1], model(), Asked())
    assert draw(x0, model(), Asked()) != draw(x0[1:], model(), Asked())


def test_colours_of_the_starter_are_those_of_its_decoder(starter: Path):
    network, _, vae = checkpoint.load(starter)
    pixels = image_files.load(APPLE)[0]
    small = functional.avg_pool2d(pixels.movedim(-1, 1), 8)[0]
    latent = network.latent_format.encode(vae.encode(pixels))
    error = (linear(latent[0], STARTER).clamp(0, 1) - small).square().mean()
    assert error < 0.1 * small.var()
    seen = draw(latent, network, Asked())
    assert seen == draw(latent, model(name=starter.name), Asked())
    assert seen != draw(latent, model(name="another"), Asked())


@pytest.mark.parametrize(
    ("x0", "latent_format"),
    [
        (torch.zeros(1, 4, 3, 8, 8), SD15),
        (torch.zeros(1, 16, 8, 8), SD15),
        (torch.zeros(1, 4, 8, 8), LatentFormat(channels=4, scale=1.0)),
    ],
    ids=["video", "another model's", "unknown"],
)
def test_what_cannot_be_shown_is_not(x0: Tensor, latent_format: LatentFormat):
    assert draw(x0, model(latent_format), Asked()) is None


def test_numbers_beyond_all_colours_are_no_error():
    x0 = torch.tensor([float("nan"), float("inf"), -1e9, 1e9]).expand(1, 4, 4).reshape(1, 1, 4, 4).repeat(1, 4, 1, 1)
    assert picture(x0).size == (32, 32)


@pytest.mark.parametrize("method", ["latent2rgb", "taesd"])
def test_the_latent_and_the_random_numbers_stay(method: str, decoders: Path):
    x0 = torch.randn(1, 4, 8, 8, requires_grad=True)
    before, state, asked = x0.detach().clone(), torch.get_rng_state(), Asked(method, folder=decoders)
    draw(x0, model(), asked)
    draw(x0, model(), asked)
    assert torch.equal(x0, before)
    assert torch.equal(torch.get_rng_state(), state)
    assert asked.begun == 2


def test_the_tiny_decoder_is_used_where_it_is(decoders: Path):
    x0 = torch.randn(1, 4, 8, 8)
    tiny, plain = (draw(x0, model(), Asked("latent2rgb", folder=folder)) for folder in (decoders, Path("/nowhere")))
    assert tiny == plain
    for method in ("auto", "taesd"):
        asked = Asked(method, folder=decoders)
        assert draw(x0, model(), asked) != plain
        assert not asked.warnings


def test_without_the_decoder_the_linear_picture_is_shown():
    x0 = torch.randn(1, 4, 8, 8)
    asked = Asked("taesd")
    assert draw(x0, model(), asked) == draw(x0, model(), Asked("latent2rgb"))
    assert (
        "put taesd_decoder.safetensors (from github.com/madebyollin/taesd) into models/vae_approx" in asked.warnings[0]
    )
    asked = Asked("auto")
    draw(x0, model(), asked)
    assert not asked.warnings


def test_transparency_needs_a_png():
    assert previews.encode(Image.new("RGBA", (2, 2))).startswith(b"\x89PNG")
    assert previews.encode(Image.new("RGB", (2, 2))).startswith(b"\xff\xd8\xff")
