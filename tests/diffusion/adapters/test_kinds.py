"""What each kind of adapter makes of a weight: its formula, and what LyCORIS and peft make of it where these are."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from diffusion.adapters.kinds import Kind, kind_of

LINEAR, CONV, POINT = (24, 16), (24, 16, 3, 3), (24, 16, 1, 1)


def random(*shape: int) -> Tensor:
    return torch.randn(shape, dtype=torch.float64) / 2


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


def found(parts: Mapping[str, Tensor], weight: Tensor) -> Kind:
    shapes = {name: tuple(t.shape) for name, t in parts.items()}
    kind = kind_of(shapes)
    assert kind
    assert kind.fits(shapes, tuple(weight.shape))
    assert not kind.fits(shapes, (weight.shape[0] * 2, *weight.shape[1:]))
    return kind


def changed(weight: Tensor, parts: Mapping[str, Tensor], strength: float) -> Tensor:
    kind = found(parts, weight)
    before = weight.clone()
    new = kind.change(weight.float(), {n: t.float() for n, t in parts.items()}, strength)
    assert weight.equal(before)
    assert new.shape == weight.shape
    return new.double()


def agree(got: Tensor, want: Tensor) -> bool:
    return bool((got - want).norm() < 1e-6 * want.norm())


def lora(shape: tuple[int, ...], r: int = 4) -> dict[str, Tensor]:
    out, channels, *kernel = shape
    return {"up": random(out, r, *[1] * len(kernel)), "down": random(r, channels, *kernel), "alpha": torch.tensor(2.0)}


@pytest.mark.parametrize("shape", [LINEAR, CONV, POINT])
def test_lora_adds_a_product_of_two_matrices(shape: tuple[int, ...]):
    weight, parts = random(*shape), lora(shape)
    product = (parts["up"].flatten(1) @ parts["down"].flatten(1)).view(shape)
    assert agree(changed(weight, parts, 0.7), weight + 0.7 * 2 / 4 * product)
    del parts["alpha"]
    assert agree(changed(weight, parts, -0.7), weight - 0.7 * product)


def test_matrices_fit_convolutions_of_one_pixel():
    weight, parts = random(*POINT), lora(LINEAR)
    assert agree(changed(weight, parts, 1.0), weight + 0.5 * (parts["up"] @ parts["down"]).view(POINT))


def test_locon_with_a_middle_is_three_convolutions():
    weight = random(*CONV)
    parts = {"up": random(24, 4, 1, 1), "down": random(5, 16, 1, 1), "mid": random(4, 5, 3, 3)}
    x = random(1, 16, 6, 6)
    kind = kind_of({name: tuple(t.shape) for name, t in parts.items()})
    assert kind
    new = kind.change(weight.float(), {n: t.float() for n, t in parts.items()}, 1.0).double()
    small = nn.functional.conv2d(nn.functional.conv2d(x, parts["down"]), parts["mid"])
    want = nn.functional.conv2d(x, weight) + nn.functional.conv2d(small, parts["up"])
    assert agree(nn.functional.conv2d(x, new), want)


@pytest.mark.parametrize("shape", [LINEAR, CONV])
def test_loha_adds_a_product_by_element(shape: tuple[int, ...]):
    weight, columns = random(*shape), math.prod(shape[1:])
    parts = {f"hada_w{i}_a": random(24, 4) for i in (1, 2)} | {f"hada_w{i}_b": random(4, columns) for i in (1, 2)}
    change = (parts["hada_w1_a"] @ parts["hada_w1_b"]) * (parts["hada_w2_a"] @ parts["hada_w2_b"])
    assert agree(changed(weight, {**parts, "alpha": torch.tensor(2.0)}, 0.7), weight + 0.35 * change.view(shape))


@pytest.mark.parametrize("small", [False, True])
def test_lokr_adds_a_kronecker_product(small: bool):
    weight, one, two = random(*LINEAR), random(4, 2), random(6, 8)
    parts = {"lokr_w1": one, "lokr_w2": two, "alpha": torch.tensor(1e10)}
    scale = 1.0
    if small:
        parts = {"lokr_w1": one, "lokr_w2_a": random(6, 2), "lokr_w2_b": random(2, 8), "alpha": torch.tensor(1.0)}
        two, scale = parts["lokr_w2_a"] @ parts["lokr_w2_b"], 0.5
    assert agree(changed(weight, parts, 0.7), weight + 0.7 * scale * torch.kron(one, two))


def glora(shape: tuple[int, ...], r: int = 4) -> dict[str, Tensor]:
    out, channels, *kernel = shape
    ones = [1] * len(kernel)
    sizes = {
        "a1": (channels, r, *ones),
        "a2": (r, channels, *ones),
        "b1": (out, r, *ones),
        "b2": (r, channels, *kernel),
    }
    return {f"{name}.weight": random(*size) for name, size in sizes.items()}


@pytest.mark.parametrize("old", [False, True])
def test_glora_adds_a_changed_weight_and_a_matrix(old: bool):
    weight, parts = random(*LINEAR), glora(LINEAR)
    a1, a2, b1, b2 = parts.values()
    if old:
        parts = {"a1.weight": a2, "a2.weight": a1, "b1.weight": b2, "b2.weight": b1}
    want = weight + 0.7 * 0.5 * (weight @ a1 @ a2 + b1 @ b2)
    assert agree(changed(weight, {**parts, "alpha": torch.tensor(2.0)}, 0.7), want)


@pytest.mark.parametrize("blocks", [(6, 4, 4), (2, 6, 4, 4)])
def test_rotations_keep_lengths_and_end_where_they_began(blocks: tuple[int, ...]):
    weight, parts = random(*CONV), {"oft_blocks": random(*blocks)}
    kind = kind_of({"oft_blocks": blocks})
    assert kind
    assert kind.fits({"oft_blocks": blocks}, CONV)
    assert not kind.fits({"oft_blocks": blocks}, LINEAR[::-1])
    new = kind.change(weight.float(), {"oft_blocks": parts["oft_blocks"].float()}, 1.0)
    assert torch.allclose(new.flatten(1).norm(dim=0), weight.float().flatten(1).norm(dim=0), rtol=1e-5)
    assert not torch.allclose(new, weight.float(), rtol=0.1)
    assert torch.allclose(kind.change(weight.float(), {"oft_blocks": parts["oft_blocks"].float()}, 0.0), weight.float())


@pytest.mark.parametrize("shape", [LINEAR, CONV])
def test_dora_gives_rows_or_columns_their_lengths(shape: tuple[int, ...]):
    weight, parts = random(*shape), lora(shape)
    moved = weight + 0.5 * (parts["up"].flatten(1) @ parts["down"].flatten(1)).view(shape)
    ones = [1] * (len(shape) - 2)
    rows, columns = random(24, 1, *ones).abs(), random(1, 16, *ones).abs()
    others = [d for d in range(len(shape)) if d]
    want = moved * rows / torch.linalg.vector_norm(moved, dim=others, keepdim=True)
    assert agree(changed(weight, {**parts, "dora_scale": rows}, 1.0), want)
    assert agree(changed(weight, {**parts, "dora_scale": rows.flatten()}, 0.4), 0.4 * want + 0.6 * weight)
    norm = torch.linalg.vector_norm(moved, dim=[d for d in range(len(shape)) if d != 1], keepdim=True)
    assert agree(changed(weight, {**parts, "dora_scale": columns}, 1.0), moved * columns / norm)


def test_a_full_difference_is_added():
    weight, parts = random(*CONV), {"diff": random(*CONV)}
    assert agree(changed(weight, parts, 0.5), weight + 0.5 * parts["diff"])


def test_parts_that_make_no_kind_are_told():
    assert kind_of({"up": (4, 2)}) is None
    assert kind_of({"alpha": ()}) is None


# --- against others' implementations -------------------------------------------------------------

LYCORIS: list[tuple[str, str, dict[str, Any]]] = [
    ("locon", "LoConModule", {}),
    ("locon", "LoConModule", {"use_tucker": True}),
    ("locon", "LoConModule", {"weight_decompose": True, "wd_on_out": True}),
    ("locon", "LoConModule", {"weight_decompose": True, "wd_on_out": False}),
    ("loha", "LohaModule", {}),
    ("loha", "LohaModule", {"use_tucker": True}),
    ("lokr", "LokrModule", {"factor": 4}),
    ("lokr", "LokrModule", {"factor": 4, "use_tucker": True}),
    ("lokr", "LokrModule", {"factor": 4, "decompose_both": True, "lora_dim": 1, "alpha": 1.0}),
    ("glora", "GLoRAModule", {}),
    ("diag_oft", "DiagOFTModule", {}),
    ("diag_oft", "DiagOFTModule", {"rescaled": True, "constraint": 0.01}),
    ("boft", "ButterflyOFTModule", {}),
    ("boft", "ButterflyOFTModule", {"rescaled": True}),
]


@pytest.mark.parametrize("strength", [1.0, 0.6])
@pytest.mark.parametrize("conv", [False, True])
@pytest.mark.parametrize(("module", "name", "options"), LYCORIS)
def test_weights_are_those_of_lycoris(module: str, name: str, options: dict[str, Any], conv: bool, strength: float):
    modules = pytest.importorskip(f"lycoris.modules.{module}")
    if "weight_decompose" in options and strength != 1:
        pytest.skip("between no DoRA and all of it LyCORIS scales lengths, the standard and we go straight")
    layer = nn.Conv2d(16, 32, 3, bias=False) if conv else nn.Linear(16, 32, bias=False)
    theirs = getattr(modules, name)("x", layer, **{"lora_dim": 4, "alpha": 4.0, **options}).requires_grad_(False)
    for parameter in theirs.parameters():
        if parameter is not layer.weight:
            parameter.add_(torch.randn_like(parameter) / 5)
    parts = {part.removeprefix("lora_").removesuffix(".weight"): t for part, t in theirs.state_dict().items()}
    parts |= {f"{n}.weight": parts.pop(n) for n in ("a1", "a2", "b1", "b2") if n in parts}
    kind = found({n: t for n, t in parts.items() if n in parts}, layer.weight)
    want = theirs.get_merged_weight(multiplier=strength, shape=layer.weight.shape)[0]
    got = kind.change(layer.weight.detach(), parts, strength)
    assert (got - want).norm() < 1e-5 * want.norm()


def test_layers_answer_as_those_of_peft():
    peft: Any = pytest.importorskip("peft")
    for options in ({}, {"use_dora": True}, {"use_rslora": False, "lora_alpha": 12}):
        plain: Any = nn.Sequential(nn.Linear(16, 24))
        weight = plain[0].weight.detach().clone()
        config = peft.LoraConfig(
            **{"r": 4, "lora_alpha": 2, "target_modules": ["0"], "init_lora_weights": False, **options}
        )
        model = peft.get_peft_model(plain, config).eval()
        state = {n.rpartition("layers.")[2]: t for n, t in peft.get_peft_model_state_dict(model).items()}
        parts = {"alpha": torch.tensor(float(config.lora_alpha))}
        for key, tensor in state.items():
            part = "up" if "lora_B" in key else "down" if "lora_A" in key else "dora_scale"
            parts[part] = tensor
        kind = found(parts, weight)
        x = torch.randn(3, 16)
        got = nn.functional.linear(x, kind.change(weight, parts, 1.0), plain[0].bias)
        assert torch.allclose(got, model(x), rtol=1e-5, atol=1e-5)
