"""Which layers learn and how: convolutions and text networks beside attention, scales, copies for threads, files."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from diffusion.adapters import files
from diffusion.adapters.load import Adapter, Fit, LoraModel, apply_lora
from diffusion.clip import ClipConfig, ClipText
from diffusion.model import SD15, Model
from diffusion.placement import Place, Resident
from diffusion.prediction import discrete
from diffusion.training.adapters import ALGORITHMS, Adapters, layers
from diffusion.training.parallel import replica
from diffusion.unet import UNet
from tests.diffusion.test_clip import network as text_network
from tests.diffusion.test_clip import tokens
from tests.diffusion.test_unet import error, narrow

X, TIME, CONTEXT = torch.randn(2, 4, 8, 8), torch.tensor([20.0, 700.0]), torch.randn(2, 9, 24)
CONFIG = ClipConfig(48, 2, 2, 96, 77, 49408, True, None)
HERE = Place(torch.device("cpu"), torch.float32)
BOTH = ("attention", "convolution")


@pytest.fixture
def unet() -> UNet:
    return narrow("SD 1")[0].requires_grad_(False)


@pytest.fixture
def text() -> ClipText:
    return text_network(CONFIG)


def begun(network: nn.Module, algorithm: str = "LoRA", rank: int = 4, **options: Any) -> Adapters:
    return Adapters(network, algorithm, rank, torch.float32, torch.Generator().manual_seed(1), **options)


def disturbed(adapters: Adapters) -> Adapters:
    """As if it had learnt something."""
    random = torch.Generator().manual_seed(4)
    for parameter in adapters.learnt():
        parameter.data.add_(torch.randn(parameter.shape, generator=random), alpha=0.02)
    return adapters


def answer(network: Callable[..., Tensor]) -> Tensor:
    with torch.no_grad():
        return network(X, TIME, CONTEXT)


def states(network: Callable[..., tuple[Tensor, Tensor]]) -> Tensor:
    ids = tokens()
    with torch.no_grad():
        return network(ids, ids < 0, torch.empty(0, 48), layer=2, norm=True, project=False)[0]


def model_of(network: nn.Module) -> Model:
    return Model(network=Resident(network, HERE), prediction=discrete("eps"), latent_format=SD15, name="narrow")


@pytest.mark.parametrize("options", [{}, {"alpha": 1.5, "convolution_rank": 2, "convolution_alpha": 6.0}])
@pytest.mark.parametrize("where", [("convolution",), BOTH])
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_convolutions_applied_and_merged_are_the_same(
    unet: UNet, algorithm: str, where: tuple[str, ...], options: dict[str, Any]
):
    if algorithm == "OFT":
        options = {name: value for name, value in options.items() if "alpha" not in name}
    before, adapters = answer(unet), begun(unet, algorithm, where=where, **options)
    with adapters.applied():
        assert error(answer(unet), before) < 1e-6
        disturbed(adapters)
        applied = answer(unet)
    assert error(applied, before) > 1e-3
    merged = apply_lora(LoraModel("it", adapters.tensors()), model_of(unet), 1.0)
    assert error(answer(merged.network), applied) < 1e-5


@pytest.mark.parametrize("encoder", ["clip_l", "clip_h", "clip_g"])
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_text_networks_applied_and_merged_are_the_same(text: ClipText, algorithm: str, encoder: str):
    before, adapters = states(text), begun(text, algorithm, encoder=encoder)
    with adapters.applied():
        assert error(states(text), before) < 1e-6
        disturbed(adapters)
        applied = states(text)
    assert error(applied, before) > 1e-3
    adapter, fit = Adapter.of_model(LoraModel("it", adapters.tensors())), Fit()
    merged = adapter.patched(Resident(text, HERE), encoder, 1.0, fit)
    assert len(fit.fitting) == len(adapters.layers)
    assert error(states(merged), applied) < 1e-5


def test_layers_of_the_residual_blocks_and_resizes_are_those_that_kohya_trains(unet: UNet):
    found = layers(unet, ["convolution"])
    ends = {".".join(name.split(".")[-2:]) for name in found}
    assert {"in_layers.2", "out_layers.3", "emb_layers.1", "0.skip_connection", "0.op", "2.conv"} <= ends
    assert not any("transformer_blocks" in name or name.startswith(("input_blocks.0.", "out.")) for name in found)
    assert layers(unet, BOTH).keys() == layers(unet).keys() | found.keys()


def test_layers_of_text_networks_are_those_that_kohya_trains(text: ClipText):
    ends = {name.split("layers.0.")[1] for name in layers(text) if "layers.0." in name}
    attention = {f"self_attn.{name}" for name in ("q_proj", "k_proj", "v_proj", "out_proj")}
    assert ends == attention | {"mlp.fc1", "mlp.fc2"}
    assert len(layers(text)) == 12


def test_large_kernels_have_a_rank_and_an_alpha_of_their_own(unet: UNet):
    adapters = begun(unet, rank=8, alpha=2.0, where=BOTH, convolution_rank=3, convolution_alpha=1.0)
    for name, change in adapters.changes().items():
        large = adapters.layers[name].weight.shape[2:] == (3, 3)  # type: ignore[union-attr, index]
        down = dict(change.named_parameters())["down"]
        assert (len(down), change.alpha) == ((3, 1.0) if large else (8, 2.0))


def test_half_of_alpha_is_half_of_the_change(unet: UNet):
    adapters = disturbed(begun(unet, rank=4))
    full = adapters.tensors()
    half = begun(unet, rank=4, alpha=2.0).tensors()
    ends = {name: (tensor / 2 if name.endswith("lora_up.weight") else tensor) for name, tensor in full.items()}
    halved = {name: half[name] if name.endswith("alpha") else tensor for name, tensor in full.items()}
    adapted = (apply_lora(LoraModel("it", some), model_of(copy.deepcopy(unet)), 1.0) for some in (ends, halved))
    networks = [model.network for model in adapted]
    assert error(answer(networks[0]), answer(networks[1])) < 1e-6


def test_one_training_may_have_several_whose_parameters_have_names(unet: UNet, text: ClipText):
    modules = nn.ModuleDict(
        {"unet": unet, "text": text, "for_unet": begun(unet), "for_text": begun(text, encoder="clip_l")}
    )
    learnt = {name: p for name, p in modules.named_parameters() if p.requires_grad}
    assert len(learnt) == len(begun(unet).learnt()) + len(begun(text).learnt())
    assert "for_text.parts.text_model_encoder_layers_0_mlp_fc1.down" in learnt
    assert all(name.startswith(("for_unet.parts.", "for_text.parts.")) for name in learnt)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("when", ["before", "within"])
def test_copies_for_threads_are_changed_by_their_own_parts(unet: UNet, algorithm: str, when: str):
    adapters = disturbed(begun(unet, algorithm))
    modules = nn.ModuleDict({"unet": unet, "adapters": adapters})
    other = replica(modules) if when == "before" else None
    with adapters.applied():
        want = answer(unet)
        other = other or replica(modules)
        network, parts = other["unet"], other["adapters"]
        assert isinstance(parts, Adapters)
        if when == "within":
            assert torch.equal(answer(network), want), "a copy is hooked as what it was copied from"
            network(X, TIME, CONTEXT).square().mean().backward()
    if when == "before":
        with parts.applied():
            assert torch.equal(answer(network), want)
            network(X, TIME, CONTEXT).square().mean().backward()
    assert all(p.grad is None for p in adapters.learnt()), "the gradients are the copy's own"
    assert any(p.grad is not None and p.grad.any() for p in parts.learnt())
    shared = [(p.data_ptr(), q.data_ptr()) for p, q in zip(adapters.learnt(), parts.learnt(), strict=True)]
    assert all(ours == theirs for ours, theirs in shared), "and the weights are shared"


def test_a_copy_of_the_network_alone_can_be_given(unet: UNet):
    adapters, other = disturbed(begun(unet)), copy.deepcopy(unet)
    before = answer(unet)
    with adapters.applied(other):
        assert error(answer(other), before) > 1e-3
        assert torch.equal(answer(unet), before)
    assert torch.equal(answer(other), before)


@pytest.mark.parametrize("where", [("attention",), BOTH])
def test_gradients_are_those_of_the_merged_weights(unet: UNet, where: tuple[str, ...]):
    """By the chain rule: of W + s B A, the gradient of B is s G A' and that of A is s B' G, G that of the weight."""
    adapters = disturbed(begun(unet, alpha=2.0, where=where))
    with adapters.applied():
        unet(X, TIME, CONTEXT).square().mean().backward()
    merged = copy.deepcopy(unet)
    weights: dict[str, nn.Parameter] = {}
    for name, change in adapters.changes().items():
        layer: Any = merged.get_submodule(name)
        up, down, scale = change.up.flatten(1), change.down.flatten(1), change.alpha / len(change.down)  # type: ignore[operator, arg-type]
        layer.weight = nn.Parameter(layer.weight + (scale * up @ down).view_as(layer.weight).detach())
        weights[name] = layer.weight
    merged(X, TIME, CONTEXT).square().mean().backward()
    for name, change in adapters.changes().items():
        gradient, scale = weights[name].grad.flatten(1), change.alpha / len(change.down)  # type: ignore[union-attr, arg-type]
        for got, want in (
            (change.up, scale * gradient @ change.down.flatten(1).mT),  # type: ignore[operator]
            (change.down, scale * change.up.flatten(1).mT @ gradient),  # type: ignore[operator]
        ):
            assert got.grad is not None  # type: ignore[union-attr]
            assert (got.grad.flatten(1) - want).norm() < 1e-3 * want.norm() + 1e-9, name  # type: ignore[union-attr, operator]


def test_networks_of_sixteen_bits_are_adapted_in_thirty_two(unet: UNet):
    adapters = disturbed(begun(unet, where=BOTH))
    with adapters.applied():
        want = answer(unet)
        with torch.autocast("cpu", torch.bfloat16):
            got = answer(unet)
        assert error(got.float(), want) < 0.05
        unet.to(torch.bfloat16)
        got = unet(X.bfloat16(), TIME, CONTEXT.bfloat16())
    assert got.dtype == torch.bfloat16
    assert error(got.detach().float(), want) < 0.05
    got.float().square().mean().backward()
    assert {p.grad.dtype for p in adapters.learnt() if p.grad is not None} == {torch.float32}


# --- going on from files -------------------------------------------------------------------------


def as_diffusers(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Of one layer by the names of PEFT, without alphas."""
    ends = {"lora_up.weight": "lora_B.weight", "lora_down.weight": "lora_A.weight"}
    parts = {name.rpartition(".lora_")[0]: name for name in tensors if ".lora_" in name}
    named = {f"{layer}.{end}": f"{layer}.{new}" for layer in parts for end, new in ends.items()}
    return {named[name]: tensor for name, tensor in tensors.items() if name in named}


def test_an_adapter_without_alphas_is_not_scaled(unet: UNet):
    before = disturbed(begun(unet))
    after = begun(unet, alpha=9.0)
    after.restore(as_diffusers(before.tensors()))
    with before.applied():
        want = answer(unet)
    with after.applied():
        assert error(answer(unet), want) < 1e-6


def test_matrices_of_kernels_of_one_pixel_may_be_stored_as_either(unet: UNet):
    before, after = disturbed(begun(unet)), begun(unet)
    after.restore({name: t.flatten(1) if t.dim() == 4 else t for name, t in before.tensors().items()})
    with before.applied():
        want = answer(unet)
    with after.applied():
        assert torch.equal(answer(unet), want)


def test_layers_that_are_not_trained_are_named(unet: UNet):
    whole = begun(unet, where=BOTH).tensors()
    with pytest.warns(UserWarning, match=r"\d+ layers of the existing adapter are not trained.*such as input_blocks"):
        begun(unet).restore(whole)


def test_what_does_not_fit_is_told(unet: UNet, text: ClipText):
    ours = begun(unet)
    for other, part in (
        (begun(unet, rank=2).tensors(), r"lora_down.weight, \(2, \d+\) where \(4, \d+\) is wanted"),
        (begun(unet, "LoHa").tensors(), "lora_down.weight, nothing where"),
        (begun(text, encoder="clip_l").tensors(), "nothing where"),
        ({}, "nothing where"),
    ):
        with pytest.raises(ValueError, match=f"the existing adapter does not fit: .*{part}.*choose its model"):
            ours.restore(other)
    layer = next(iter(ours.tensors())).rpartition(".lora")[0]
    lengths = ours.tensors() | {f"{layer}.dora_scale": torch.ones(4, 1)}
    with pytest.raises(ValueError, match=r"1 of \d+ parts differ, such as .*dora_scale, \(4, 1\) where nothing"):
        ours.restore(lengths)


def test_an_adapter_that_is_broken_is_told_and_ours_stays(unet: UNet):
    adapters = disturbed(begun(unet))
    before, broken = adapters.tensors(), begun(unet).tensors()
    broken[list(broken)[7]].view(-1)[0] = torch.nan
    with pytest.raises(ValueError, match=r"values that are no numbers, such as in input_blocks.*take an earlier one"):
        adapters.restore(broken)
    assert all(torch.equal(tensor, before[name]) for name, tensor in adapters.tensors().items())


def test_an_adapter_of_another_family_is_told_with_both(unet: UNet, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(files, "WIDTHS", files.WIDTHS | {24: "SD1"})
    name = "lora_unet_input_blocks_4_1_transformer_blocks_0_attn2_to_k"
    xl = {f"{name}.lora_up.weight": torch.ones(640, 4), f"{name}.lora_down.weight": torch.ones(4, 2048)}
    with pytest.raises(ValueError, match=r"fit: it is for Stable Diffusion XL, the model is Stable Diffusion 1; "):
        begun(unet).restore(xl)


def test_bad_numbers_and_places_are_told(unet: UNet, text: ClipText):
    bad: tuple[tuple[str, dict[str, Any]], ...] = (
        ("rank is 0, but an adapter has a rank of at least 1", {"rank": 0}),
        ("convolution_rank is -1", {"convolution_rank": -1}),
        ("'LoRa' is no kind of adapter; choose one of LoRA, LoHa, LoKr, OFT", {"algorithm": "LoRa"}),
        ("alpha is 0.0, but it has to be a number above 0", {"alpha": 0.0}),
        ("convolution_alpha is nan", {"convolution_alpha": float("nan")}),
        ("alpha is 1.0, but OFT is not scaled", {"alpha": 1.0, "algorithm": "OFT"}),
        ("'attn' is no place for an adapter; there are attention and convolution", {"where": ["attn"]}),
        ("the model has no attention or convolution blocks", {"where": BOTH, "network": nn.Linear(2, 2)}),
        ("the model has no convolution blocks", {"where": ["convolution"], "network": text}),
    )
    for match, options in bad:
        given: dict[str, Any] = {"network": unet, **options}
        with pytest.raises(ValueError, match=match):
            begun(**given)
