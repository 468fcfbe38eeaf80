"""The autoencoder, compared with diffusers'."""

from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from torch import Tensor
from torch.nn import functional

from diffusion import networks
from diffusion.header import read_header
from diffusion.layouts import vae_names
from diffusion.parts import find_vae
from diffusion.upsampling import doubled_convolution
from diffusion.vae import Autoencoder, VaeConfig
from diffusion.weights import open_weights


def reference(config: VaeConfig, weights: dict[str, Tensor]) -> Any:
    levels = len(config.encoder)
    make: Any = AutoencoderKL
    model = make(
        block_out_channels=config.encoder,
        layers_per_block=config.encoder_blocks,
        latent_channels=config.latent,
        down_block_types=["DownEncoderBlock2D"] * levels,
        up_block_types=["UpDecoderBlock2D"] * levels,
        norm_num_groups=32,
        use_quant_conv=config.quant,
        use_post_quant_conv=config.quant,
    )
    names = vae_names({n: tuple(t.shape) for n, t in model.state_dict().items()})
    model.load_state_dict(
        {theirs: weights[ours].view_as(model.get_parameter(theirs)) for theirs, ours in names.items()}
    )
    return model.eval()


def random_network(config: VaeConfig) -> Autoencoder:
    torch.manual_seed(5)
    made = Autoencoder(config).eval().requires_grad_(False)
    for name, parameter in made.named_parameters():
        noise = torch.randn(parameter.shape)
        parameter.data += 0.1 * noise if "norm" in name else 0.01 * noise
    return made


def error(got: Tensor, want: Tensor) -> float:
    return float((got - want).norm() / want.norm())


@torch.no_grad()
def assert_equal(ours: Autoencoder, config: VaeConfig) -> None:
    theirs = reference(config, {n: t.float() for n, t in ours.state_dict().items()})
    size = 4 * config.factor
    image = torch.rand(2, 3, size, size + config.factor, generator=torch.Generator().manual_seed(1)) * 2 - 1
    latent = torch.randn(2, config.latent, 5, 4, generator=torch.Generator().manual_seed(2))
    assert error(ours.encode(image), theirs.encode(image).latent_dist.mean) < 1e-5
    assert error(ours.decode(latent), theirs.decode(latent).sample) < 1e-5


@pytest.mark.parametrize(
    "config",
    [
        VaeConfig((32, 64, 64), (32, 64, 64), 1, 2, 4, 4, quant=True),
        VaeConfig((64, 32), (64, 32), 2, 3, 16, 16, quant=False),
    ],
    ids=["quantised", "bare"],
)
def test_random_networks_are_diffusers(config: VaeConfig):
    assert_equal(random_network(config), config)


def test_the_starters_vae_is_diffusers(starter: Path):
    header = read_header(starter)
    resident, config = networks.coder(header, open_weights(starter, header))
    assert config == VaeConfig((64, 96, 128, 192), (64, 96, 128, 192), 1, 2, 4, 4, quant=True)
    module = resident.ready()
    assert isinstance(module, Autoencoder)
    assert_equal(module, config)


@pytest.mark.parametrize(
    "config",
    [
        VaeConfig((128, 256, 512, 512), (128, 256, 512, 512), 2, 3, 4, 4, quant=True),
        VaeConfig((32, 64), (96, 32), 1, 4, 3, 5, quant=True),
        VaeConfig((32, 32, 32), (32, 64, 96), 3, 1, 16, 16, quant=False),
    ],
)
def test_sizes_are_read_from_shapes(config: VaeConfig):
    with torch.device("meta"):
        shapes = {n: tuple(t.shape) for n, t in Autoencoder(config).state_dict().items()}
    assert VaeConfig.from_shapes(shapes) == config
    assert config.factor == 2 ** (len(config.encoder) - 1)


def test_the_published_vae_has_248_tensors():
    with torch.device("meta"):
        network = Autoencoder(VaeConfig((128, 256, 512, 512), (128, 256, 512, 512), 2, 3, 4, 4, quant=True))
    state = network.state_dict()
    assert len(state) == 248
    assert sum(t.numel() for t in state.values()) == 83_653_863
    assert find_vae({f"first_stage_model.{n}": tuple(t.shape) for n, t in state.items()})


def test_weights_and_inputs_are_left_as_they_are():
    network = random_network(VaeConfig((32, 32), (32, 32), 1, 1, 4, 4, quant=True))
    image, latent = torch.rand(1, 3, 8, 8), torch.rand(1, 4, 4, 4)
    before = {n: t.clone() for n, t in network.state_dict().items()}
    with torch.no_grad():
        network.encode(image)
        network.decode(latent)
    assert image._version == latent._version == 0
    assert all(before[n].equal(t) for n, t in network.state_dict().items())


@pytest.mark.parametrize("channels_last", [False, True])
def test_doubling_and_convolution_in_one(channels_last: bool):
    generator = torch.Generator().manual_seed(4)
    x, weight = torch.randn(2, 6, 5, 7, generator=generator), torch.randn(4, 6, 3, 3, generator=generator)
    bias = torch.randn(4, generator=generator)
    layout = torch.channels_last if channels_last else torch.contiguous_format
    got = doubled_convolution(x.contiguous(memory_format=layout), weight, bias)
    expected = functional.conv2d(functional.interpolate(x, scale_factor=2), weight, bias, padding=1)
    torch.testing.assert_close(got, expected)
    assert got.is_contiguous(memory_format=layout)
