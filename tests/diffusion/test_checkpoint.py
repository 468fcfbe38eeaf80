"""Handles from files: a checkpoint, a folder, parts of their own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from diffusion import checkpoint, settings
from diffusion.header import ModelFileError
from diffusion.layouts import unet_names, vae_names
from diffusion.model import SD15, Model

UNET, VAE, TEXT = "model.diffusion_model.", "first_stage_model.", "cond_stage_model.transformer."


@pytest.fixture(autouse=True)
def _fp32() -> Iterator[None]:
    before = settings.current()
    settings.use(settings.Settings("fp32", "cpu"))
    yield
    settings.use(before)


@pytest.fixture(scope="module")
def state(starter: Path) -> dict[str, Tensor]:
    return load_file(starter)


def under(state: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name[len(prefix) :]: t for name, t in state.items() if name.startswith(prefix)}


def x0(model: Model) -> Tensor:
    torch.manual_seed(0)
    context = {"context": torch.randn(1, 77, 128)}
    with torch.no_grad():
        return model.x0(torch.randn(1, 4, 8, 8), torch.tensor([3.0]), context)


def test_a_checkpoint_is_three_handles(starter: Path):
    model, clip, vae = checkpoint.load(starter)
    assert (model.name, model.prediction.kind, model.latent_format) == (starter.name, "eps", SD15)
    assert x0(model).isfinite().all()
    states, options = clip.encode("a red apple")
    assert (states.shape, options["pooled_output"].shape) == ((1, 77, 128), (1, 128))
    assert vae.decode(torch.zeros(1, 4, 3, 2)).shape == (1, 24, 16, 3)


def test_loading_twice_gives_the_same_numbers(starter: Path):
    assert torch.equal(x0(checkpoint.load(starter)[0]), x0(checkpoint.load_unet(starter)))


def test_v_prediction_is_read_from_the_file(tmp_path: Path, state: dict[str, Tensor]):
    save_file(under(state, UNET) | {"v_pred": torch.empty(0)}, tmp_path / "a.safetensors")
    assert checkpoint.load_unet(tmp_path / "a.safetensors").prediction.kind == "v"


def test_a_missing_network_is_told_when_it_is_used(tmp_path: Path, state: dict[str, Tensor]):
    save_file({UNET + name: t for name, t in under(state, UNET).items()}, tmp_path / "a.safetensors")
    model, clip, vae = checkpoint.load(tmp_path / "a.safetensors")
    assert x0(model).isfinite().all()
    with pytest.raises(ModelFileError, match=r"a\.safetensors holds no text encoder; use a Load CLIP node"):
        clip.encode("x")
    with pytest.raises(ModelFileError, match=r"a\.safetensors holds no VAE; use a Load VAE node"):
        vae.decode(torch.zeros(1, 4, 1, 1))
    assert not hasattr(vae, "nbytes")  # who only asks what it is, is not hurt


def test_parts_of_their_own(tmp_path: Path, starter: Path, state: dict[str, Tensor]):
    save_file(under(state, VAE), tmp_path / "vae.safetensors")
    save_file(
        under(state, TEXT),
        tmp_path / "text.safetensors",
        metadata={"architecture": '{"text": {"num_attention_heads": 8}}'},
    )
    _, clip, vae = checkpoint.load(starter)
    z = torch.randn(1, 4, 4, 4)
    assert torch.equal(checkpoint.load_vae(tmp_path / "vae.safetensors").decode(z), vae.decode(z))
    own = checkpoint.load_clip(tmp_path / "text.safetensors", on_cpu=True)
    assert torch.equal(own.encode("a cat")[0], clip.encode("a cat")[0])


@pytest.mark.parametrize("dtype", ["fp8_e4m3fn", "fp8_e4m3fn_fast", "fp8_e5m2"])
def test_rounded_weights_are_near(starter: Path, dtype: str):
    exact, rounded = x0(checkpoint.load_unet(starter)), x0(checkpoint.load_unet(starter, dtype))
    error = float((rounded - exact).norm() / exact.norm())
    assert 0 < error < 0.5


def turned(names: dict[str, str], state: dict[str, Tensor], matrices: bool = False) -> dict[str, Tensor]:
    """Our tensors under diffusers' names."""
    return {
        n: state[our][:, :, 0, 0] if matrices and ".attn_1." in our and state[our].dim() == 4 else state[our]
        for n, our in names.items()
    }


def diffusers_names(table: Any, build: Any) -> dict[str, str]:
    with torch.device("meta"):
        return table({name: tuple(t.shape) for name, t in build().state_dict().items()})


def test_a_folder_is_the_same_model(tmp_path: Path, starter: Path, state: dict[str, Tensor]):
    from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel

    from tests.diffusion.test_layouts import vae_of

    def unet() -> Any:
        return UNet2DConditionModel(
            block_out_channels=(64, 128, 128, 128),
            down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"),
            up_block_types=("UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
            cross_attention_dim=128,
            attention_head_dim=8,
        )

    def vae() -> Any:
        return vae_of(block_out_channels=(64, 96, 128, 192), layers_per_block=1)

    states = {
        "unet": turned(diffusers_names(unet_names, unet), under(state, UNET)),
        "vae": turned(diffusers_names(vae_names, vae), under(state, VAE), matrices=True),
        "text_encoder": under(state, TEXT),
    }
    for part, tensors in states.items():
        (tmp_path / part).mkdir()
        name = "model.safetensors" if part == "text_encoder" else "diffusion_pytorch_model.safetensors"
        save_file({n: t.contiguous() for n, t in tensors.items()}, tmp_path / part / name)
    (tmp_path / "unet/config.json").write_text('{"attention_head_dim": 8}')
    (tmp_path / "text_encoder/config.json").write_text('{"num_attention_heads": 8}')
    model, clip, coder = checkpoint.load(starter)
    model2, clip2, coder2 = checkpoint.load_folder(tmp_path)
    assert torch.equal(x0(model2), x0(model))
    z = torch.randn(1, 4, 4, 4)
    assert torch.equal(coder2.decode(z), coder.decode(z))
    assert torch.equal(clip2.encode("a cat")[0], clip.encode("a cat")[0])


def test_loading_does_not_wait_for_torchs_compiler(starter: Path):
    code = (
        "import sys; from pathlib import Path; from diffusion import checkpoint; "
        f"checkpoint.load(Path({str(starter)!r})); assert 'torch._dynamo' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=starter.parents[2])
