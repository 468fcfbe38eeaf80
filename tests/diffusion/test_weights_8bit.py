"""Weights of 8 bits: what rounding makes of them, and factors that belong to them, in closed form."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from diffusion import checkpoint, settings
from diffusion.model import Model
from tests import make_models
from tests.diffusion.test_layouts import shapes, theirs

E4M3, E5M2 = torch.float8_e4m3fn, torch.float8_e5m2
LAYER = "output_blocks.2.1.transformer_blocks.0.attn2.to_k"
FULL = f"{make_models.UNET}{LAYER}"
Tensors = dict[str, Tensor]


@pytest.fixture(autouse=True)
def in_fp32():
    before = settings.current()
    settings.use(settings.Settings("fp32", "cpu"))
    yield
    settings.use(before)


def value(model: Model, name: str = f"{LAYER}.weight") -> Tensor:
    return model.network.ready().state_dict()[name]  # type: ignore[attr-defined]


def saved(tensors: Tensors, path: Path) -> Path:
    save_file({n: t.contiguous().clone() for n, t in tensors.items()}, path)
    return path


@pytest.mark.parametrize(
    ("choice", "dtype"), [("fp8_e4m3fn", E4M3), ("fp8_e4m3fn_fast", E4M3), ("fp8_e5m2", E5M2), ("default", None)]
)
def test_choices_of_the_loader_round_the_weights(choice: str, dtype: torch.dtype | None, tmp_path: Path):
    path = make_models.write("sd1", tmp_path)
    stored = load_file(path)[f"{FULL}.weight"]
    want = stored.float() if dtype is None else stored.to(dtype).float()
    assert torch.equal(value(checkpoint.load_unet(path, choice)), want)


@pytest.mark.parametrize("dtype", [E4M3, E5M2])
def test_a_file_in_8_bits_is_read_as_it_is(dtype: torch.dtype, tmp_path: Path):
    made = {n: t.to(dtype) if t.is_floating_point() else t for n, t in make_models.sd1().items()}
    path = saved(made, tmp_path / "eight.safetensors")
    model, clip, vae = checkpoint.load(path)
    assert torch.equal(value(model), made[f"{FULL}.weight"].float())
    assert clip.encode("a fox")[0].isfinite().all()
    assert vae.decode(torch.zeros(1, 4, 4, 4)).isfinite().all()


def scaled(tensors: Tensors, end: str, *, rows: bool = False) -> Tensors:
    """Every matrix as 8 bits and a factor, as tools write them: the largest becomes the largest that 8 bits hold."""
    made: Tensors = {}
    for name, t in tensors.items():
        made[name] = t
        if name.endswith(".weight") and t.dim() == 2 and "embedding" not in name:
            largest = t.float().abs().amax(1, keepdim=True) if rows else t.float().abs().max()
            factor = largest / 448
            made[name] = (t.float() / factor).to(E4M3)
            made[f"{name.removesuffix('.weight')}.{end}"] = factor.reshape(-1) if rows else factor
    return made


@pytest.mark.parametrize("rows", [False, True])
@pytest.mark.parametrize("end", ["scale_weight", "weight_scale"])
@pytest.mark.parametrize("choice", ["default", "fp8_e4m3fn", "fp8_e5m2"])
def test_factors_are_multiplied_exactly(end: str, choice: str, rows: bool, tmp_path: Path):
    made = scaled(make_models.sd1(), end, rows=rows)
    made[f"{make_models.UNET}scaled_fp8"] = torch.zeros(2).to(E4M3)
    made[f"{FULL}.scale_input"] = torch.ones(())
    made[f"{FULL}.comfy_quant"] = torch.frombuffer(bytearray(b'{"format": "float8_e4m3fn"}'), dtype=torch.uint8)
    path = saved(made, tmp_path / "scaled.safetensors")
    factor = made[f"{FULL}.{end}"].reshape(-1, 1)
    want = made[f"{FULL}.weight"].float() * factor
    assert torch.equal(value(checkpoint.load_unet(path, choice)), want)
    plain = make_models.sd1()[f"{FULL}.weight"].float()
    assert (want - plain).norm() / plain.norm() < 0.04  # 3 bits of mantissa


def test_text_encoders_have_factors_too(tmp_path: Path):
    """The network computes with the product, as a file of the products does."""
    made = scaled(make_models.text(64, ""), "scale_weight")
    ends = {n.removesuffix(".scale_weight") for n in made if n.endswith(".scale_weight")}
    product = {n: t for n, t in made.items() if not n.endswith(".scale_weight")}
    product |= {f"{n}.weight": made[f"{n}.weight"].float() * made[f"{n}.scale_weight"] for n in ends}
    assert len(ends) == 12
    clips = [checkpoint.load_clip(saved(t, tmp_path / f"{i}.safetensors")) for i, t in enumerate((made, product))]
    got, want = (clip.encode("a (red:1.2) fox")[0] for clip in clips)
    assert torch.equal(got, want)


def test_a_folder_of_diffusers_with_factors(tmp_path: Path):
    """Whose network has other names; a lone marker at its top is passed over."""
    his = theirs("SD 1")
    state = {n: torch.randn(s) * 0.1 for n, s in shapes(his).items()}
    plain = saved(state, tmp_path / "plain.safetensors")
    made = scaled(state, "scale_weight") | {"scaled_fp8": torch.zeros(2).to(E4M3)}
    path = saved(made, tmp_path / "scaled.safetensors")
    name = "input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight"
    got, before = (value(checkpoint.load_unet(p), name) for p in (path, plain))
    theirs_name = "down_blocks.0.attentions.0.transformer_blocks.0.attn2.to_k"
    assert torch.equal(got, made[f"{theirs_name}.weight"].float() * made[f"{theirs_name}.scale_weight"])
    assert (got - before).norm() / before.norm() < 0.04


def test_a_scaled_model_is_saved_with_its_values(tmp_path: Path):
    path = saved(scaled(make_models.sd1(), "scale_weight"), tmp_path / "scaled.safetensors")
    model = checkpoint.load_unet(path)
    want = value(model)
    assert model.network.stored_dtype(f"{LAYER}.weight") == torch.float32  # type: ignore[attr-defined]
    assert torch.equal(model.network.stored(f"{LAYER}.weight"), want)  # type: ignore[attr-defined]
