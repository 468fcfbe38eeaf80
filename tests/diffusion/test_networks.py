"""One network from every layout and format that a file may have: the same numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from bench.random_checkpoint import build, random_state
from diffusion import layouts, networks, settings
from diffusion.header import ModelFileError, read_header
from diffusion.unet_config import stable_diffusion
from diffusion.weights import open_weights
from tests.diffusion.test_layouts import UNETS, theirs, vae_of

STATE = random_state(build(stable_diffusion(**UNETS["SD 1"][1])), torch.float16)
DIFFUSERS = layouts.unet_names({name: tuple(t.shape) for name, t in theirs("SD 1").state_dict().items()})
FORMS = {
    "checkpoint": {f"model.diffusion_model.{name}": t for name, t in STATE.items()},
    "bare": STATE,
    "diffusers": {name: STATE[ours] for name, ours in DIFFUSERS.items()},
    "averaged": {f"model_ema.diffusion_model{name.replace('.', '')}": t for name, t in STATE.items()},
    "with averages": {
        **{f"model.diffusion_model.{name}": t for name, t in STATE.items()},
        **{f"model_ema.diffusion_model{name.replace('.', '')}": t * 0 for name, t in STATE.items()},
        "model_ema.decay": torch.ones(()),
    },
}


@pytest.fixture(autouse=True)
def _fp32() -> Iterator[None]:
    before = settings.current()
    settings.use(settings.Settings("fp32", "cpu"))
    yield
    settings.use(before)


def answer(path: Path) -> Tensor:
    header = read_header(path)
    network = networks.denoiser(header, open_weights(path, header), heads=4)
    torch.manual_seed(0)
    with torch.no_grad():
        return network(torch.randn(2, 4, 8, 8), torch.tensor([3.0, 900.0]), torch.randn(2, 7, 24))


def expected() -> Tensor:
    network = build(stable_diffusion(**UNETS["SD 1"][1]))
    network.load_state_dict({name: t.float() for name, t in STATE.items()}, assign=True)
    torch.manual_seed(0)
    with torch.no_grad():
        return network(torch.randn(2, 4, 8, 8), torch.tensor([3.0, 900.0]), torch.randn(2, 7, 24))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("suffix", [".safetensors", ".ckpt", ".pt"])
def test_every_form_is_the_same_network(tmp_path: Path, form: str, suffix: str):
    path = tmp_path / f"model{suffix}"
    if suffix == ".safetensors":
        save_file(FORMS[form], path)
    else:
        torch.save({"state_dict": FORMS[form], "epoch": 1}, path, _use_new_zipfile_serialization=suffix == ".ckpt")
    assert torch.equal(answer(path), expected())


def test_missing_and_unknown_tensors_are_listed(tmp_path: Path):
    state = dict(FORMS["checkpoint"])
    del state["model.diffusion_model.out.2.bias"]
    save_file(state | {"model.diffusion_model.out.7.bias": torch.ones(1)}, tmp_path / "a.safetensors")
    with pytest.raises(ModelFileError, match=r"UNet of Stable Diffusion 1: missing out\.2\.bias; unknown out\.7\.bias"):
        answer(tmp_path / "a.safetensors")


def test_shapes_that_do_not_chain_are_a_message(tmp_path: Path):
    state = FORMS["bare"] | {"middle_block.1.proj_in.weight": torch.ones(64, 32, 1, 1)}
    save_file(state, tmp_path / "a.safetensors")
    with pytest.raises(
        ModelFileError, match=r"middle_block\.1\.proj_in\.weight is \(64, 32, 1, 1\), not \(64, 64, 1, 1\)"
    ):
        answer(tmp_path / "a.safetensors")


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("input_blocks.1.0.what", (1,)),
        ("input_blocks.5.0.weight", (1,)),
        ("input_blocks.9.0.what", (1,)),
        ("middle_block.0.in_layers.2.weight", (33, 64, 3, 3)),
    ],
)
def test_nonsense_is_a_message(tmp_path: Path, name: str, shape: tuple[int, ...]):
    state = {n: t for n, t in FORMS["bare"].items() if not n.startswith(name.rpartition(".")[0])}
    save_file(state | {name: torch.ones(shape)}, tmp_path / "a.safetensors")
    with pytest.raises(ModelFileError, match=r"a\.safetensors is damaged: its UNet makes no sense"):
        answer(tmp_path / "a.safetensors")


def test_heads_must_divide_the_channels(tmp_path: Path):
    save_file(FORMS["bare"], tmp_path / "a.safetensors", metadata={"architecture": '{"unet": {"num_heads": 5}}'})
    header = read_header(tmp_path / "a.safetensors")
    with pytest.raises(ModelFileError, match="32 channels cannot be divided among 5 attention heads"):
        networks.denoiser(header, open_weights(header.path, header))


def test_the_starters_vae_and_text_network_answer(starter: Path):
    header = read_header(starter)
    weights = open_weights(starter, header)
    vae, told = networks.coder(header, weights)
    text, config = networks.text_encoder(header, weights)
    assert (told.latent, told.factor, config.width, config.heads, config.layers) == (4, 8, 128, 8, 2)
    tokens = torch.full((1, 77), 49407)
    with torch.no_grad():
        latent = vae.call("encode", torch.zeros(1, 3, 16, 16))
        picture = vae.call("decode", latent)
        states, pooled = text(
            tokens, torch.zeros(1, 77, dtype=torch.bool), torch.empty(0, 128), layer=2, norm=True, project=False
        )
    assert (latent.shape, picture.shape) == ((1, 4, 2, 2), (1, 3, 16, 16))
    assert (states.shape, pooled.shape) == ((1, 77, 128), (1, 128))


@pytest.mark.parametrize("build_it", [networks.coder, networks.text_encoder])
def test_a_file_without_the_network_is_told(tmp_path: Path, build_it: Callable[..., object]):
    save_file(FORMS["checkpoint"], tmp_path / "a.safetensors")
    header = read_header(tmp_path / "a.safetensors")
    with pytest.raises(ModelFileError, match=r"a\.safetensors holds no .*; it is a Stable Diffusion 1 model"):
        build_it(header, open_weights(header.path, header))


def test_a_vae_in_diffusers_layout_is_the_same_network(tmp_path: Path):
    torch.manual_seed(0)
    his: Any = vae_of(block_out_channels=(32, 64), layers_per_block=1).eval()
    save_file({name: t.contiguous() for name, t in his.state_dict().items()}, tmp_path / "a.safetensors")
    header = read_header(tmp_path / "a.safetensors")
    network, config = networks.coder(header, open_weights(header.path, header))
    z = torch.randn(1, 4, 5, 6)
    with torch.no_grad():
        reference = his.decode(z, return_dict=False)[0]
        assert (network.call("decode", z) - reference).norm() / reference.norm() < 1e-5
    assert config.factor == 2
