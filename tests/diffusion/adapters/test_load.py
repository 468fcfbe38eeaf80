"""Adapters in a model: which files fit, what they change, and what is said of those that do not."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from diffusion import checkpoint, settings
from diffusion.adapters import load
from diffusion.header import ModelFileError, read_header
from diffusion.model import Model
from diffusion.placement import Resident
from diffusion.text import Clip

UNET, TEXT = "model.diffusion_model.", "cond_stage_model.transformer."
KEY = "input_blocks.4.1.transformer_blocks.0.attn2.to_k"
QUERY = "text_model.encoder.layers.0.self_attn.q_proj"
THEIRS = "down_blocks.1.attentions.0.transformer_blocks.0.attn2.to_k"


@pytest.fixture(autouse=True)
def _fp32() -> Iterator[None]:
    before = settings.current()
    settings.use(settings.Settings("fp32", "cpu"))
    torch.manual_seed(0)
    yield
    settings.use(before)


@pytest.fixture(scope="module")
def state(starter: Path) -> dict[str, Tensor]:
    return load_file(starter)


@pytest.fixture
def opened(starter: Path) -> tuple[Model, Clip]:
    return checkpoint.load(starter)[:2]


def pair(weight: Tensor, style: str) -> dict[str, Tensor]:
    """The two matrices of a change, rank 2, by the ends of their names in files of a style."""
    up, down = torch.randn(len(weight), 2), torch.randn(2, *weight.shape[1:])
    return {
        "kohya": {".lora_up.weight": up, ".lora_down.weight": down, ".alpha": torch.tensor(1.0)},
        "peft": {".lora_B.weight": up / 2, ".lora_A.weight": down},
        "diffusers": {"_lora.up.weight": up / 2, "_lora.down.weight": down},
        "transformers": {".lora_linear_layer.up.weight": up / 2, ".lora_linear_layer.down.weight": down},
    }[style]


def write(path: Path, changes: dict[str, dict[str, Tensor]]) -> Path:
    save_file({layer + end: t for layer, parts in changes.items() for end, t in parts.items()}, path)
    return path


def unet_of(model: Model) -> Resident:
    assert isinstance(model.network, Resident)
    return model.network


def text_of(clip: Clip) -> Resident:
    assert isinstance(clip.encoders[0].network, Resident)
    return clip.encoders[0].network


def product(parts: dict[str, Tensor], scale: float = 1.0) -> Tensor:
    up, down = (
        (next(t for n, t in parts.items() if mark in n) for mark in ("up", "down"))
        if not any("lora_B" in n for n in parts)
        else (parts[".lora_B.weight"], parts[".lora_A.weight"])
    )
    return scale * up @ down


HALF_A_STEP = 1.001 * 2**-11  # of fp16: which way a sum in the middle of two is rounded, its last bits in fp32 decide
STYLES = [
    ("kohya", f"lora_unet_{THEIRS.replace('.', '_')}", f"lora_te_{QUERY.replace('.', '_')}"),
    ("kohya", f"lora_unet_{KEY.replace('.', '_')}", f"lora_te1_{QUERY.replace('.', '_')}"),
    ("peft", f"unet.{THEIRS}", f"text_encoder.{QUERY}"),
    ("peft", f"base_model.model.{THEIRS}", f"text_encoder.{QUERY}"),
    ("diffusers", f"unet.{THEIRS.replace('.to_k', '.processor.to_k')}", f"text_encoder.{QUERY}"),
    ("transformers", f"unet.{THEIRS}", f"text_encoder.{QUERY}"),
    ("kohya", f"diffusion_model.{KEY}", f"text_encoders.clip_l.transformer.{QUERY}"),
]


@pytest.mark.parametrize(("style", "unet_layer", "text_layer"), STYLES)
def test_files_of_every_style_change_the_same_weights(
    style: str, unet_layer: str, text_layer: str, opened: tuple[Model, Clip], state: dict[str, Tensor], tmp_path: Path
):
    key, query = state[f"{UNET}{KEY}.weight"].float(), state[f"{TEXT}{QUERY}.weight"]
    changes = {unet_layer: pair(key, style), text_layer: pair(query, style)}
    scale = 0.5 if style == "kohya" else 1.0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model, clip = load.apply(write(tmp_path / "a.safetensors", changes), *opened, 0.7, -0.4)
    want = key + 0.7 * product(changes[unet_layer], scale)
    assert torch.allclose(unet_of(model).ready().state_dict()[f"{KEY}.weight"], want, atol=1e-5)
    merged = query.float() - 0.4 * product(changes[text_layer], scale)
    got = text_of(clip).ready().state_dict()[f"{QUERY}.weight"]
    assert torch.equal(got, got.to(query.dtype).float())
    assert torch.allclose(got, merged, rtol=HALF_A_STEP, atol=1e-7)
    assert torch.equal(unet_of(opened[0]).ready().state_dict()[f"{KEY}.weight"], key)


def test_several_adapters_add_up_and_a_strength_of_nothing_changes_nothing(
    opened: tuple[Model, Clip], state: dict[str, Tensor], tmp_path: Path
):
    weight = state[f"{UNET}{KEY}.weight"].float()
    first, second = ({f"unet.{THEIRS}": pair(weight, "peft")} for _ in range(2))
    one, two = write(tmp_path / "a.safetensors", first), write(tmp_path / "b.safetensors", second)
    model = load.apply_to_model(two, load.apply_to_model(one, opened[0], 1.0), 0.5)
    want = weight + product(first[f"unet.{THEIRS}"]) + 0.5 * product(second[f"unet.{THEIRS}"])
    assert torch.allclose(unet_of(model).value(f"{KEY}.weight"), want, atol=1e-5)
    again = load.apply_to_model(two, load.apply_to_model(one, opened[0], 1.0), 0.5)
    assert unet_of(again).state(f"{KEY}.weight") == unet_of(model).state(f"{KEY}.weight")
    other = load.apply_to_model(two, load.apply_to_model(one, opened[0], 1.0), 0.6)
    assert unet_of(other).state(f"{KEY}.weight") != unet_of(model).state(f"{KEY}.weight")
    none = load.apply(one, *opened, 0.0, 1.0)[0]
    assert unet_of(none).state(f"{KEY}.weight") == unet_of(opened[0]).state(f"{KEY}.weight")


def test_a_sampled_step_is_that_of_a_checkpoint_whose_weights_were_changed(
    starter: Path, state: dict[str, Tensor], tmp_path: Path
):
    told = dict(read_header(starter).metadata)
    base = {n: t.float() + 0.05 * torch.randn(t.shape) if t.is_floating_point() else t for n, t in state.items()}
    save_file(base, tmp_path / "base.safetensors", metadata=told)
    weight = base[f"{UNET}{KEY}.weight"]
    changes = {f"unet.{THEIRS}": pair(weight, "peft")}
    merged = {**base, f"{UNET}{KEY}.weight": weight + 0.8 * product(changes[f"unet.{THEIRS}"])}
    save_file(merged, tmp_path / "merged.safetensors", metadata=told)
    plain = checkpoint.load(tmp_path / "base.safetensors")[0]
    model = load.apply_to_model(write(tmp_path / "a.safetensors", changes), plain, 0.8)
    x, sigma, context = torch.randn(1, 4, 8, 8), torch.tensor([3.0]), {"context": torch.randn(1, 77, 128)}
    with torch.no_grad():
        want = checkpoint.load(tmp_path / "merged.safetensors")[0].x0(x, sigma, context)
        got = model.x0(x, sigma, context)
        without = plain.x0(x, sigma, context)
        again = model.x0(x, sigma, context)
    assert (got - want).norm() < 1e-5 * want.norm()
    assert (got - without).norm() > 1e-3 * want.norm()
    assert torch.equal(again, got)


def test_biases_and_full_differences(opened: tuple[Model, Clip], state: dict[str, Tensor], tmp_path: Path):
    layer = "input_blocks.1.0.in_layers.2"
    weight, bias = (state[f"{UNET}{layer}.{kind}"].float() for kind in ("weight", "bias"))
    changes = {
        f"diffusion_model.{layer}": {".diff": torch.randn_like(weight), ".diff_b": torch.randn_like(bias)},
        "diffusion_model.out.0": {".diff_b": torch.ones(len(state[f"{UNET}out.0.bias"]))},
    }
    model = load.apply_to_model(write(tmp_path / "a.safetensors", changes), opened[0], 0.5)
    told = changes[f"diffusion_model.{layer}"]
    assert torch.allclose(unet_of(model).value(f"{layer}.weight"), weight + 0.5 * told[".diff"], atol=1e-6)
    assert torch.allclose(unet_of(model).value(f"{layer}.bias"), bias + 0.5 * told[".diff_b"], atol=1e-6)
    assert torch.allclose(unet_of(model).value("out.0.bias"), state[f"{UNET}out.0.bias"].float() + 0.5, atol=1e-6)


def test_the_alpha_of_diffusers_is_in_the_metadata(
    opened: tuple[Model, Clip], state: dict[str, Tensor], tmp_path: Path
):
    weight = state[f"{UNET}{KEY}.weight"].float()
    parts = pair(weight, "peft")
    save_file(
        {f"unet.{THEIRS}{end}": t for end, t in parts.items()},
        tmp_path / "a.safetensors",
        metadata={"lora_adapter_metadata": '{"unet.lora_alpha": 6, "unet.r": 2}'},
    )
    model = load.apply_to_model(tmp_path / "a.safetensors", opened[0], 1.0)
    assert torch.allclose(unet_of(model).value(f"{KEY}.weight"), weight + 3 * product(parts), atol=1e-5)


@pytest.mark.parametrize("options", [{}, {"use_rslora": True}, {"alpha_pattern": {"attn2.to_k": 3}}])
def test_an_adapter_that_peft_saved_is_merged_as_peft_merges_it(
    options: dict[str, Any], opened: tuple[Model, Clip], state: dict[str, Tensor], tmp_path: Path
):
    """With its settings in a file beside it, or as diffusers puts them into the metadata."""
    peft: Any = pytest.importorskip("peft")
    weight = state[f"{UNET}{KEY}.weight"].float()
    outer: Any = nn.Module()
    part, steps = outer, THEIRS.split(".")
    for step in steps[:-1]:
        part.add_module(step, nn.Module())
        part = part.get_submodule(step)
    part.to_k = nn.Linear(weight.shape[1], weight.shape[0], bias=False)
    part.to_k.weight.data = weight.clone()
    config = peft.LoraConfig(
        **{"r": 4, "lora_alpha": 6, "target_modules": ["to_k"], "init_lora_weights": False, **options}
    )
    model = peft.get_peft_model(outer, config)
    model.save_pretrained(tmp_path / "saved")
    merged = model.merge_and_unload().get_submodule(THEIRS).weight
    path = tmp_path / "saved/adapter_model.safetensors"
    told = {f"unet.{name}": getattr(config, name) for name in ("lora_alpha", "use_rslora", "alpha_pattern")}
    tensors = {name.replace("base_model.model.", "unet."): t for name, t in load_file(path).items()}
    save_file(tensors, tmp_path / "one.safetensors", {"lora_adapter_metadata": json.dumps(told)})
    for file in (path, tmp_path / "one.safetensors"):
        got = unet_of(load.apply_to_model(file, opened[0], 1.0)).value(f"{KEY}.weight")
        assert (got - merged).norm() < 1e-6 * merged.norm()
        assert (got - weight).norm() > 0.01 * weight.norm()


def test_an_adapter_in_memory_is_merged_as_that_of_a_file(opened: tuple[Model, Clip], state: dict[str, Tensor]):
    weight = state[f"{UNET}{KEY}.weight"].float()
    parts = pair(weight, "kohya")
    lora = load.LoraModel("trained", {f"diffusion_model.{KEY}{end}": t for end, t in parts.items()})
    model = load.apply_lora(lora, opened[0], 0.5)
    assert torch.allclose(unet_of(model).value(f"{KEY}.weight"), weight + 0.25 * product(parts), atol=1e-5)
    name = f"{KEY}.weight"
    assert unet_of(load.apply_lora(lora, opened[0], 0.5)).state(name) == unet_of(model).state(name)
    with pytest.raises(ModelFileError, match="trained fits nothing in starter"):
        load.apply_lora(load.LoraModel("trained", {"x.lora_up.weight": torch.ones(1, 1)}), opened[0], 1.0)


def test_an_adapter_of_another_width_fits_nothing_and_says_so(opened: tuple[Model, Clip], tmp_path: Path):
    changes = {f"unet.{THEIRS}": pair(torch.zeros(320, 768), "peft"), "unet.nowhere": pair(torch.zeros(2, 2), "peft")}
    path = write(tmp_path / "wide.safetensors", changes)
    said = (
        r"wide\.safetensors fits nothing in starter-emoji-128\.safetensors: 0 of its 2 layers match; "
        r"unet\..*attn2\.to_k is a LoRA for 320 x 768, but the weight is \(\d+, 128\); use an adapter"
    )
    with pytest.raises(ModelFileError, match=said):
        load.apply_to_model(path, opened[0], 1.0)
    with pytest.raises(ModelFileError, match="fits nothing"):
        load.apply(path, *opened, 1.0, 1.0)


@pytest.mark.parametrize(
    ("layer", "width", "said"),
    [
        (f"unet.{THEIRS}", 2048, "for Stable Diffusion XL, the model is Stable Diffusion 1; "),
        (f"unet.{THEIRS}", 1024, "for Stable Diffusion 2, the model is Stable Diffusion 1; "),
        ("transformer.single_transformer_blocks.0.attn.to_k", 8, "for Flux, the model is Stable Diffusion 1; "),
        ("lora_unet_double_blocks_0_img_attn_qkv", 8, "for Flux, the model is Stable Diffusion 1; "),
        ("transformer.transformer_blocks.0.attn.to_k", 8, "for Stable Diffusion 3, the model is"),
        ("lora_prior_unet_down_blocks_0_1_attention_to_k", 8, "for Stable Cascade, the model is"),
        ("diffusion_model.blocks.0.self_attn.k", 8, "for a transformer diffusion model, the model is"),
    ],
)
def test_an_adapter_of_another_family_is_told_with_both_families(
    layer: str, width: int, said: str, opened: tuple[Model, Clip], tmp_path: Path
):
    path = write(tmp_path / "other.safetensors", {layer: pair(torch.zeros(4, width), "peft")})
    with pytest.raises(ModelFileError, match=f"0 of its 1 layers match; it is {said}"):
        load.apply(path, *opened, 1.0, 1.0)


def test_embeddings_that_an_adapter_brings_along_are_named(
    opened: tuple[Model, Clip], state: dict[str, Tensor], tmp_path: Path
):
    changes = {f"unet.{THEIRS}": pair(state[f"{UNET}{KEY}.weight"], "peft")}
    changes |= {f"bundle_emb.{word}": {".string_to_param.*": torch.zeros(2, 8)} for word in ("zebra", "gnu")}
    path = write(tmp_path / "a.safetensors", changes)
    with pytest.warns(UserWarning, match=r"a\.safetensors brings embeddings along, .*: gnu, zebra; put them into"):
        model = load.apply_to_model(path, opened[0], 1.0)
    assert set(unet_of(model).patches) == {f"{KEY}.weight"}


def test_an_adapter_of_which_a_part_fits_is_used_with_a_warning(
    opened: tuple[Model, Clip], state: dict[str, Tensor], tmp_path: Path
):
    weight = state[f"{UNET}{KEY}.weight"]
    changes = {f"unet.{THEIRS}": pair(weight, "peft"), "unet.nowhere": pair(weight, "peft")}
    path = write(tmp_path / "part.safetensors", changes)
    with pytest.warns(UserWarning, match=r"1 of 2 layers of part\.safetensors match starter.*no unet\.nowhere; these"):
        model = load.apply_to_model(path, opened[0], 1.0)
    assert set(unet_of(model).patches) == {f"{KEY}.weight"}


def test_an_adapter_of_text_alone_needs_the_text_encoder(
    opened: tuple[Model, Clip], state: dict[str, Tensor], tmp_path: Path
):
    path = write(tmp_path / "te.safetensors", {f"text_encoder.{QUERY}": pair(state[f"{TEXT}{QUERY}.weight"], "peft")})
    with pytest.raises(ModelFileError, match="fits nothing in starter"):
        load.apply_to_model(path, opened[0], 1.0)
    model, clip = load.apply(path, *opened, 1.0, 1.0)
    assert not unet_of(model).patches
    assert set(text_of(clip).patches) == {f"{QUERY}.weight"}


def test_what_is_no_adapter_is_named(starter: Path, opened: tuple[Model, Clip], tmp_path: Path):
    with pytest.raises(ModelFileError, match=r"is no LoRA nor another adapter, but a Stable Diffusion 1 model"):
        load.apply_to_model(starter, opened[0], 1.0)
    save_file({"emb_params": torch.zeros(2, 4)}, tmp_path / "e.safetensors")
    with pytest.raises(ModelFileError, match=r"no LoRA nor another adapter, but a textual-inversion embedding"):
        load.apply_to_model(tmp_path / "e.safetensors", opened[0], 1.0)
    path = write(tmp_path / "cut.safetensors", {"unet.x": pair(torch.zeros(4, 4), "peft")})
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(ModelFileError, match="truncated"):
        load.apply_to_model(path, opened[0], 1.0)


def test_pickles_are_read_too(opened: tuple[Model, Clip], state: dict[str, Tensor], tmp_path: Path):
    weight = state[f"{UNET}{KEY}.weight"].float()
    parts = pair(weight, "peft")
    torch.save({f"unet.{THEIRS}{end}": t for end, t in parts.items()}, tmp_path / "a.pt")
    model = load.apply_to_model(tmp_path / "a.pt", opened[0], 1.0)
    assert torch.allclose(unet_of(model).value(f"{KEY}.weight"), weight + product(parts), atol=1e-5)
