"""Controls in a run: chains, strengths, ranges, batches of pictures, sides, and what does not fit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers.models.controlnets.controlnet import ControlNetModel
from safetensors.torch import save_file
from torch import Tensor

from bench.random_checkpoint import random_state
from diffusion.conditioned import Conditioned
from diffusion.control import load
from diffusion.control.apply import apply, apply_to_both, with_text
from diffusion.control.handle import LoraControl, NetControl
from diffusion.control.net import ControlNet
from diffusion.model import SD15, Model, interruptible
from diffusion.prediction import discrete
from diffusion.unet import UNet
from tests.diffusion.control.test_net import NETS, loaded, saved
from tests.diffusion.test_layouts import UNETS
from tests.diffusion.test_unet import error, narrow

WIDTHS: dict[str, Any] = {"block_out_channels": UNETS["SD 1"][0]["block_out_channels"], "attention_head_dim": 4}


def controlnet(path: Path, seed: int = 0) -> tuple[ControlNetModel, NetControl]:
    his = ControlNetModel(**NETS["SD 1"] | WIDTHS).eval()
    state = random_state(his, torch.float32, seed)
    his.load_state_dict(state)
    save_file(state, path / f"cn{seed}.safetensors", {"architecture": '{"unet": {"num_heads": 4}}'})
    return his, loaded(path / f"cn{seed}.safetensors")


def model() -> tuple[Model, Any]:
    ours, his = narrow("SD 1")
    return Model(network=ours, prediction=discrete("eps"), latent_format=SD15, name="model.safetensors"), his


def image(batch: int = 1, height: int = 64, width: int = 80) -> Tensor:
    return torch.rand(batch, height, width, 3, generator=torch.Generator().manual_seed(5))


def reference(
    his_unet: Any, nets: list[tuple[Any, float]], hint: Tensor, x: Tensor, sigma: float, context: Tensor
) -> Tensor:
    """x0 by diffusers' networks."""
    at = discrete("eps")
    sigmas = torch.full((len(x),), sigma)
    given, t = at.scale_input(x, sigmas), at.timestep(sigmas)
    downs: Any = None
    middle: Any = None
    for net, strength in nets:
        out = net(given, t, context, hint, conditioning_scale=strength)
        down, mid = out.down_block_res_samples, out.mid_block_res_sample
        downs = down if downs is None else [a + b for a, b in zip(downs, down, strict=True)]
        middle = mid if middle is None else middle + mid
    found = his_unet(given, t, context, down_block_additional_residuals=downs, mid_block_additional_residual=middle)
    return at.to_x0(found.sample, x, sigmas)


X = torch.randn(2, 4, 8, 10, generator=torch.Generator().manual_seed(3))
POSITIVE, NEGATIVE = (torch.randn(1, 9, 24, generator=torch.Generator().manual_seed(n)) for n in (7, 8))


@torch.no_grad()
def test_a_chain_adds_up_as_in_diffusers(tmp_path: Path):
    (his_a, a), (his_b, b) = controlnet(tmp_path, 0), controlnet(tmp_path, 1)
    own, his = model()
    sides = apply(([(POSITIVE, {})], [(NEGATIVE, {})]), a, image(), 0.7, 0.0, 1.0)
    positive, negative = apply(sides, b, image(), 1.5, 0.0, 1.0)
    answers = Conditioned(own, {"positive": positive, "negative": negative}, X.shape)
    got = answers(X, torch.tensor(3.0), ("positive", "negative"))
    hint = image().movedim(-1, 1).expand(2, -1, -1, -1)
    for side, context in (("positive", POSITIVE), ("negative", NEGATIVE)):
        want = reference(his, [(his_a, 0.7), (his_b, 1.5)], hint, X, 3.0, context.expand(2, -1, -1))
        assert error(got[side], want) < 1e-5


@torch.no_grad()
def test_a_range_leaves_the_other_steps_alone(tmp_path: Path):
    own, _ = model()
    _, control = controlnet(tmp_path)
    plain = Conditioned(own, {"positive": [(POSITIVE, {})]}, X.shape)
    positive, _ = apply(([(POSITIVE, {})], []), control, image(), 1.0, 0.2, 0.9)
    ranged = Conditioned(own, {"positive": positive}, X.shape)
    for percent, same in ((0.1, True), (0.5, False), (0.95, True)):
        sigma = torch.tensor(own.prediction.percent_to_sigma(percent))
        assert (
            torch.equal(plain(X, sigma, ["positive"])["positive"], ranged(X, sigma, ["positive"])["positive"]) == same
        )


@torch.no_grad()
@pytest.mark.parametrize(("pictures", "order"), [(2, [0, 1]), (3, [0, 1])])
def test_each_latent_of_a_batch_has_its_picture(pictures: int, order: list[int], tmp_path: Path):
    own, his = model()
    his_net, control = controlnet(tmp_path)
    sides = apply(([(POSITIVE, {})], [(NEGATIVE, {})]), control, image(pictures), 1.0, 0.0, 1.0)
    names = ("positive", "negative")
    got = Conditioned(own, dict(zip(names, sides, strict=True)), X.shape)(X, torch.tensor(3.0), names)
    hint = image(pictures).movedim(-1, 1)[order]
    for side, context in (("positive", POSITIVE), ("negative", NEGATIVE)):
        assert error(got[side], reference(his, [(his_net, 1.0)], hint, X, 3.0, context.expand(2, -1, -1))) < 1e-5


@torch.no_grad()
def test_a_picture_of_another_size_is_resized(tmp_path: Path):
    own, _ = model()
    _, control = controlnet(tmp_path)
    results: list[Tensor] = []
    for picture in (image(1, 64, 80), image(1, 64, 80).repeat_interleave(2, 1).repeat_interleave(2, 2)):
        positive, _ = apply(([(POSITIVE, {})], []), control, picture, 1.0, 0.0, 1.0)
        results.append(
            Conditioned(own, {"positive": positive}, X.shape)(X, torch.tensor(3.0), ["positive"])["positive"]
        )
    assert torch.equal(*results)


@torch.no_grad()
def test_the_old_node_controls_the_negative_too(tmp_path: Path):
    own, _ = model()
    _, control = controlnet(tmp_path)
    names = ("positive", "negative")
    positive = apply_to_both([(POSITIVE, {})], control, image(), 1.0)
    old = Conditioned(own, {"positive": positive, "negative": [(NEGATIVE, {})]}, X.shape)(X, torch.tensor(3.0), names)
    sides = apply(([(POSITIVE, {})], [(NEGATIVE, {})]), control, image(), 1.0, 0.0, 1.0)
    new = Conditioned(own, dict(zip(names, sides, strict=True)), X.shape)(X, torch.tensor(3.0), names)
    assert all(torch.equal(old[n], new[n]) for n in names)


@torch.no_grad()
def test_a_control_may_read_another_text(tmp_path: Path):
    own, his = model()
    his_net, control = controlnet(tmp_path)
    told = with_text([(POSITIVE, {})], NEGATIVE, {"pooled_output": torch.zeros(1, 4)})
    positive, _ = apply((told, []), control, image(), 1.0, 0.0, 1.0)
    got = Conditioned(own, {"positive": positive}, X.shape)(X, torch.tensor(3.0), ["positive"])["positive"]
    at, sigmas = own.prediction, torch.full((2,), 3.0)
    given, t = at.scale_input(X, sigmas), at.timestep(sigmas)
    out = his_net(given, t, NEGATIVE.expand(2, -1, -1), image().movedim(-1, 1).expand(2, -1, -1, -1))
    residuals = {
        "down_block_additional_residuals": out.down_block_res_samples,
        "mid_block_additional_residual": out.mid_block_res_sample,
    }
    want = his(given, t, POSITIVE.expand(2, -1, -1), **residuals).sample
    assert error(got, at.to_x0(want, X, sigmas)) < 1e-5


@torch.no_grad()
def test_within_an_area_the_picture_is_all_of_the_crop(tmp_path: Path):
    own, his = model()
    his_net, control = controlnet(tmp_path)
    area = {"area": (8, 8, 0, 2)}
    positive, _ = apply(([(POSITIVE, area)], []), control, image(1, 64, 64), 1.0, 0.0, 1.0)
    got = Conditioned(own, {"positive": positive}, X.shape)(X, torch.tensor(3.0), ["positive"])["positive"]
    crop = X[..., 2:10]
    hint = image(1, 64, 64).movedim(-1, 1).expand(2, -1, -1, -1)
    want = reference(his, [(his_net, 1.0)], hint, crop, 3.0, POSITIVE.expand(2, -1, -1))
    assert error(got[..., 2:10], want) < 1e-5


def test_a_run_is_stopped_inside_of_a_control(tmp_path: Path):
    class Stop(BaseException): ...

    ours, _ = model()
    _, net = controlnet(tmp_path)
    module = net.network.module
    assert isinstance(module, ControlNet)
    entered: list[str] = []
    module.time_embed.register_forward_hook(lambda *_: entered.append("begun"))
    module.middle_block.register_forward_hook(lambda *_: entered.append("ended"))

    def check() -> None:
        if entered:
            raise Stop

    (positive,) = apply([[(torch.rand(1, 5, 48), {})]], net, image(), 1.0, 0.0, 1.0)
    both = Conditioned(ours, {"positive": positive}, (1, 4, 8, 10))
    with pytest.raises(Stop), interruptible(ours.network, check):
        both(torch.rand(1, 4, 8, 10), torch.tensor(3.0), ["positive"])
    assert entered == ["begun"]
    assert not any(part._forward_pre_hooks for part in module.modules())


def test_strength_nothing_changes_nothing(tmp_path: Path):
    _, control = controlnet(tmp_path)
    assert apply(([(POSITIVE, {})],), control, image(), 0.0, 0.0, 1.0) == [[(POSITIVE, {})]]


def test_a_controlnet_of_another_family_names_both_files(tmp_path: Path):
    other = loaded(saved(ControlNetModel(**NETS["SD XL"]), tmp_path / "xl.safetensors"))
    own, _ = model()
    positive, _ = apply(([(POSITIVE, {})], []), other, image(), 1.0, 0.0, 1.0)
    message = r"the ControlNet xl\.safetensors does not fit the model model\.safetensors: its width of size and pooled"
    with pytest.raises(ValueError, match=message):
        Conditioned(own, {"positive": positive}, X.shape)


def test_a_picture_of_other_channels_is_refused(tmp_path: Path):
    own, _ = model()
    _, control = controlnet(tmp_path)
    positive, _ = apply(([(POSITIVE, {})], []), control, torch.rand(1, 64, 64, 4), 1.0, 0.0, 1.0)
    with pytest.raises(ValueError, match=r"the picture has 4 channels, but cn0\.safetensors takes 3"):
        Conditioned(own, {"positive": positive}, X.shape)(X, torch.tensor(3.0), ["positive"])


# --- files that need the model ---


def full_and_base(path: Path) -> tuple[dict[str, Tensor], Model, UNet]:
    """A ControlNet's weights by our names, and the model that others are told by."""
    _, control = controlnet(path)
    own, _ = model()
    network = own.network
    assert isinstance(network, UNet)
    assert isinstance(control.network.module, ControlNet)
    return control.network.module.state_dict(), own, network


def same(a: NetControl, b: NetControl) -> None:
    theirs = b.network.module.state_dict()
    for name, tensor in a.network.module.state_dict().items():
        assert torch.allclose(tensor, theirs[name], atol=1e-5), name


def test_a_difference_is_added_to_the_model(tmp_path: Path):
    full, own, unet = full_and_base(tmp_path)
    base = unet.state_dict()
    rest = {n: t - base[n] if n in base else t for n, t in full.items()}
    marked = {f"control_model.{n}": t for n, t in rest.items()} | {"difference": torch.zeros(0)}
    save_file(marked, tmp_path / "diff.safetensors", {"architecture": '{"unet": {"num_heads": 4}}'})
    control = load.load(tmp_path / "diff.safetensors", own)
    assert isinstance(control, NetControl)
    same(control, loaded(tmp_path / "cn0.safetensors"))
    with pytest.raises(ValueError, match=r"diff\.safetensors holds only the difference .* \(diff\)"):
        load.load(tmp_path / "diff.safetensors")


def test_a_control_lora_is_the_model_and_its_low_rank_changes(tmp_path: Path):
    full, own, unet = full_and_base(tmp_path)
    base = unet.state_dict()
    low: dict[str, Tensor] = {"lora_controlnet": torch.zeros(0)}
    for name, t in full.items():
        if name in base and t.dim() > 1:
            stem = name.removesuffix(".weight")
            low[f"{stem}.up"], low[f"{stem}.down"] = torch.randn(t.shape[0], 2), torch.randn(2, *t.shape[1:]) * 0.02
            full[name] = base[name] + (low[f"{stem}.up"] @ low[f"{stem}.down"].flatten(1)).view(t.shape)
        elif name in base:
            full[name] = base[name]
        else:
            low[name] = t
    save_file(low, tmp_path / "lora.safetensors")
    save_file(
        {n: t.contiguous() for n, t in full.items()},
        tmp_path / "merged.safetensors",
        {"architecture": '{"unet": {"num_heads": 4}}'},
    )
    control = load.load(tmp_path / "lora.safetensors")
    assert isinstance(control, LoraControl)
    made = control.fitted(own)
    same(made, loaded(tmp_path / "merged.safetensors"))
    assert control.fitted(own) is made
