"""The handle of a VAE: sizes, ranges, portions."""

from dataclasses import dataclass, field

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional

from diffusion import coding
from diffusion.coding import Vae, crop
from diffusion.vae import Autoencoder, VaeConfig


@dataclass
class Means:
    """Encodes to the means of squares of 8 x 8 pixels, and decodes to flat squares; remembers the calls."""

    calls: list[int] = field(default_factory=list[int])

    def encode(self, x: Tensor) -> Tensor:
        self.calls.append(len(x))
        return functional.avg_pool2d(functional.pad(x, (0, 0, 0, 0, 0, 1)), 8)

    def decode(self, x: Tensor) -> Tensor:
        self.calls.append(len(x))
        return functional.interpolate(x[:, :3], scale_factor=8)


@given(st.integers(8, 40), st.integers(8, 40))
def test_the_middle_is_kept(height: int, width: int):
    image = torch.arange(height * width).reshape(1, height, width)
    kept = crop(image)
    assert kept.shape == (1, height // 8 * 8, width // 8 * 8)
    top, left = divmod(int(kept[0, 0, 0]), width)
    assert 0 <= height - kept.shape[1] - 2 * top <= 1
    assert 0 <= width - kept.shape[2] - 2 * left <= 1


def test_there_and_back():
    flat = torch.rand(2, 3, 4, 3).repeat_interleave(8, 1).repeat_interleave(8, 2)
    vae = Vae(Means())
    latent = vae.encode(flat)
    assert latent.shape == (2, 4, 3, 4)
    torch.testing.assert_close(vae.decode(latent), flat)


def test_pictures_are_clamped():
    image = Vae(Means()).decode(torch.tensor([-9.0, 0.0, 9.0, 0.0]).reshape(1, 4, 1, 1))
    assert image[0, 0, 0].tolist() == [0.0, 0.5, 1.0]


@pytest.mark.parametrize(("side", "expected"), [(64, [64, 6]), (256, [4] * 17 + [2]), (512, [1] * 70), (640, [1] * 70)])
def test_a_batch_needs_no_more_memory_than_a_large_picture(side: int, expected: list[int]):
    coder = Means()
    latent = torch.zeros(1, 4, side // 8, side // 8).expand(70, -1, -1, -1)
    parts = coding._portions(latent, side * side)
    assert [len(part) for part in parts] == expected
    if side == 64:
        assert len(Vae(coder).decode(latent)) == 70
        assert coder.calls == expected


@pytest.mark.parametrize("shape", [(1, 16, 4, 4), (1, 4, 4), (0, 4, 4, 4)])
def test_a_latent_of_another_model_is_told(shape: tuple[int, ...]):
    with pytest.raises(ValueError, match=r"\(batch, 4, h, w\).*VAE of the model"):
        Vae(Means()).decode(torch.zeros(shape))


@pytest.mark.parametrize(("shape", "words"), [((1, 16, 16, 1), "1 channels"), ((1, 7, 16, 3), "8 pixels")])
def test_a_picture_that_cannot_be_encoded_is_told(shape: tuple[int, ...], words: str):
    with pytest.raises(ValueError, match=words):
        Vae(Means()).encode(torch.zeros(shape))


def test_inputs_are_left_as_they_are():
    image, latent = torch.rand(1, 16, 16, 3), torch.rand(1, 4, 2, 2)
    vae = Vae(Means())
    vae.encode(image)
    vae.decode(latent)
    vae.decode_tiled(latent, 8, 8, 2)
    assert image._version == latent._version == 0


def test_the_size_of_a_handle_is_that_of_its_weights():
    network = Autoencoder(VaeConfig((32, 32), (32, 32), 1, 1, 4, 4, quant=True))
    assert Vae(network).nbytes == sum(p.nbytes for p in network.parameters())
