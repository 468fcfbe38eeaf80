"""IP-Adapters in the UNet give diffusers' numbers: every kind of projection, both layouts, weights, masks; misfits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from safetensors.torch import save_file
from torch import Tensor
from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

from bench.random_checkpoint import build, random_state
from diffusion import layouts, settings
from diffusion.conditioned import Conditioned
from diffusion.header import ModelFileError
from diffusion.model import SD15, Model
from diffusion.prediction import discrete
from diffusion.unet_config import stable_diffusion
from diffusion.vision import encode, ip_adapter, ip_attention
from diffusion.vision.encode import ClipVision, prepared
from diffusion.vision.ip_adapter import IpAdapter
from tests.diffusion.test_layouts import UNETS, theirs
from tests.diffusion.test_unet import error

CONTEXT, EMBED, STATES = 24, 20, 48
WIDTHS = {
    "SD 1": (32, 32, 64, 64, 64, 64, 64, 32, 32, 32, 64),
    "SD XL": (64,) * 2 + (128,) * 4 + (128,) * 6 + (64,) * 3,
}
HEADS = {"architecture": '{"vision": {"num_heads": 3}}'}
KINDS = ("plain", "full", "plus")


@pytest.fixture(autouse=True)
def in_fp32():
    before = settings.current()
    settings.use(settings.Settings("fp32", "cpu"))
    yield
    settings.use(before)


def projection(kind: str) -> dict[str, tuple[int, ...]]:
    """The published names and their shapes, but for the sizes."""
    if kind == "plain":
        return {"proj.weight": (4 * CONTEXT, EMBED), "proj.bias": (4 * CONTEXT,), **norm("norm", CONTEXT)}
    if kind == "full":
        first = {"proj.0.weight": (STATES, STATES), "proj.0.bias": (STATES,)}
        return {**first, "proj.2.weight": (CONTEXT, STATES), "proj.2.bias": (CONTEXT,), **norm("proj.3", CONTEXT)}
    width, inner = 40, 128
    shapes: dict[str, tuple[int, ...]] = {"latents": (1, 5, width), **norm("norm_out", CONTEXT)}
    shapes |= {"proj_in.weight": (width, STATES), "proj_in.bias": (width,)}
    shapes |= {"proj_out.weight": (CONTEXT, width), "proj_out.bias": (CONTEXT,)}
    for i in range(4):
        at = f"layers.{i}"
        shapes |= {**norm(f"{at}.0.norm1", width), **norm(f"{at}.0.norm2", width), **norm(f"{at}.1.0", width)}
        shapes |= {f"{at}.0.to_q.weight": (inner, width), f"{at}.0.to_kv.weight": (2 * inner, width)}
        shapes |= {f"{at}.0.to_out.weight": (width, inner)}
        shapes |= {f"{at}.1.1.weight": (4 * width, width), f"{at}.1.3.weight": (width, 4 * width)}
    return shapes


def norm(name: str, width: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": (width,), f"{name}.bias": (width,)}


def drawn(shapes: dict[str, tuple[int, ...]], seed: int = 0) -> dict[str, Tensor]:
    draw = torch.Generator().manual_seed(seed)
    return {n: torch.randn(s, generator=draw) * (s[-1] ** -0.5 if len(s) > 1 else 0.3) for n, s in shapes.items()}


def adapter_state(kind: str, his: UNet2DConditionModel, seed: int = 0) -> dict[str, dict[str, Tensor]]:
    """The two tables of a published file; the layers count the UNet's attentions, of which every other is to text."""
    layers: dict[str, tuple[int, ...]] = {}
    for i, name in enumerate(his.attn_processors):
        if name.endswith("attn2.processor"):
            channels = len(his.get_parameter(f"{name.removesuffix('processor')}to_q.weight"))
            layers |= {f"{i}.to_k_ip.weight": (channels, CONTEXT), f"{i}.to_v_ip.weight": (channels, CONTEXT)}
    return {"image_proj": drawn(projection(kind), seed), "ip_adapter": drawn(layers, seed + 1)}


def flat(state: dict[str, dict[str, Tensor]]) -> dict[str, Tensor]:
    return {f"{table}.{name}": t for table, tensors in state.items() for name, t in tensors.items()}


def models(kind: str) -> tuple[UNet2DConditionModel, Model]:
    """diffusers' UNet, and our model with the same weights."""
    torch.manual_seed(0)
    his = theirs(kind).eval()
    state = random_state(his, torch.float32)
    his.load_state_dict(state)
    names = layouts.unet_names({n: tuple(t.shape) for n, t in state.items()})
    ours = build(stable_diffusion(**UNETS[kind][1]))
    ours.load_state_dict({names[n]: t for n, t in state.items()}, assign=True)
    told = (lambda scene, options: {"y": torch.ones(1, 40)}) if kind == "SD XL" else None
    model = Model(network=ours, prediction=discrete("eps"), latent_format=SD15, name="model.safetensors")
    return his, model if told is None else Model(**{**model.__dict__, "inputs": told})


def vision(path: Path) -> tuple[CLIPVisionModelWithProjection, ClipVision]:
    sizes: dict[str, Any] = {"intermediate_size": 96, "num_hidden_layers": 2, "image_size": 28, "patch_size": 14}
    own: dict[str, Any] = {"hidden_size": STATES, "num_attention_heads": 3, "projection_dim": EMBED}
    his = CLIPVisionModelWithProjection(CLIPVisionConfig(**sizes, **own, hidden_act="quick_gelu")).eval()
    his.load_state_dict(random_state(his, torch.float32))
    save_file(his.state_dict(), path / "vision.safetensors", HEADS)
    return his, encode.load(path / "vision.safetensors")


def x0(model: Model, x: Tensor, context: Tensor, sigma: float = 3.0) -> dict[str, Tensor]:
    sides: dict[str, Any] = {"positive": [(context, {})], "negative": [(context * 0.5, {})]}
    return Conditioned(model, sides, x.shape)(x, torch.tensor(sigma), ("positive", "negative"))


def tell(his: UNet2DConditionModel, model: Model, x: Tensor, context: Tensor, embeds: list[Tensor], **more: Any):
    """diffusers' x0 at sigma 3."""
    at, sigma = model.prediction, torch.full((len(x),), 3.0)
    added: dict[str, Any] = {"image_embeds": [e.expand(len(x), *e.shape[1:]) for e in embeds]}
    if his.config["addition_embed_type"]:
        his.get_aug_embed = lambda **_: his.add_embedding(torch.ones(len(x), 40))  # type: ignore[method-assign]
    text = context.expand(len(x), -1, -1)
    out = his(at.scale_input(x, sigma), at.timestep(sigma), text, added_cond_kwargs=added, **more).sample
    return at.to_x0(out, x, sigma)


def weigh(his: UNet2DConditionModel, scales: list[float]) -> None:
    for processor in his.attn_processors.values():
        if hasattr(processor, "scale"):
            processor.scale = scales  # type: ignore[union-attr]


def seen_by_theirs(kind: str, his: CLIPVisionModelWithProjection, image: Tensor) -> tuple[Tensor, Tensor]:
    """What the pipelines of diffusers give for pictures, and for none: (1, pictures, ...)."""
    pixels = prepared(image, 28, crop=True)
    if kind == "plain":
        embeds = his(pixels).image_embeds[None]
        return embeds, torch.zeros_like(embeds)
    hidden = [his(p, output_hidden_states=True).hidden_states[-2] for p in (pixels, torch.zeros_like(pixels))]
    return hidden[0][None], hidden[1][None]


@torch.no_grad()
@pytest.mark.parametrize("family", ["SD 1", "SD XL"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("pictures", [1, 2])
def test_equals_diffusers(kind: str, family: str, pictures: int, tmp_path: Path):
    his, model = models(family)
    state = adapter_state(kind, his)
    save_file(flat(state), tmp_path / "ip.safetensors")
    eyes, ours = vision(tmp_path)
    adapter = ip_adapter.load(tmp_path / "ip.safetensors")
    image, x, context = torch.rand(pictures, 40, 50, 3), torch.randn(2, 4, 8, 10), torch.randn(1, 9, CONTEXT)
    plain = x0(model, x, context)["positive"]
    shown = ip_adapter.tokens(adapter, ours, image)
    hidden = ip_adapter.no_tokens(adapter, ours, shown)
    got = x0(ip_adapter.apply(model, adapter, shown, hidden, weight=0.7), x, context)
    his._load_ip_adapter_weights([state], low_cpu_mem_usage=False)
    weigh(his, [0.7])
    seen, none = seen_by_theirs(kind, eyes, image)
    assert error(got["positive"], tell(his, model, x, context, [seen])) < 1e-5
    assert error(got["negative"], tell(his, model, x, context * 0.5, [none])) < 1e-5
    assert error(got["positive"], plain) > 1e-3
    assert torch.equal(x0(model, x, context)["positive"], plain)  # the model itself is as it was


def adapted(kind: str, family: str, path: Path, seed: int = 0) -> tuple[UNet2DConditionModel, Model, IpAdapter]:
    his, model = models(family)
    save_file(flat(adapter_state(kind, his, seed)), path / f"ip{seed}.safetensors")
    return his, model, ip_adapter.load(path / f"ip{seed}.safetensors")


@torch.no_grad()
def test_two_adapters_add_up_as_in_diffusers(tmp_path: Path):
    his, model, first = adapted("plain", "SD 1", tmp_path)
    second = adapted("plus", "SD 1", tmp_path, 5)[2]
    x, context = torch.randn(2, 4, 8, 10), torch.randn(1, 9, CONTEXT)
    embeds, states = torch.randn(1, 1, EMBED), torch.randn(1, 1, 5, STATES)
    both = model
    for adapter, seen, weight in ((first, embeds[0], 0.7), (second, states[0], -0.4)):
        tokens = adapter.projection(seen)
        both = ip_adapter.apply(both, adapter, tokens, tokens * 0, weight=weight)
    his._load_ip_adapter_weights([adapter_state("plain", his), adapter_state("plus", his, 5)], low_cpu_mem_usage=False)
    weigh(his, [0.7, -0.4])
    assert error(x0(both, x, context)["positive"], tell(his, model, x, context, [embeds, states])) < 1e-5


@torch.no_grad()
def test_a_mask_is_as_in_diffusers(tmp_path: Path):
    """A mask of a size that needs no scaling at the only level that has the adapter."""
    his, model, adapter = adapted("plain", "SD 1", tmp_path)
    x, context, embeds = torch.randn(2, 4, 8, 8), torch.randn(1, 9, CONTEXT), torch.randn(1, 1, EMBED)
    mask = (torch.rand(1, 8, 8) > 0.5).float()
    state = adapter_state("plain", his)
    deeper = [n for n, t in state["ip_adapter"].items() if len(t) == 64]
    state["ip_adapter"] |= {n: torch.zeros_like(state["ip_adapter"][n]) for n in deeper}
    save_file(flat(state), tmp_path / "outer.safetensors")
    adapter, shown = ip_adapter.load(tmp_path / "outer.safetensors"), adapter.projection(embeds[0])
    masked = ip_adapter.apply(model, adapter, shown, shown, mask=mask)
    his._load_ip_adapter_weights([state], low_cpu_mem_usage=False)
    weigh(his, [1.0])
    given = {"ip_adapter_masks": [mask[None]]}
    want = tell(his, model, x, context, [embeds], cross_attention_kwargs=given)
    assert error(x0(masked, x, context)["positive"], want) < 1e-5


@torch.no_grad()
def test_masks_of_any_size_and_number(tmp_path: Path):
    _, model, adapter = adapted("plain", "SD 1", tmp_path)
    x, context, shown = torch.randn(2, 4, 8, 10), torch.randn(1, 9, CONTEXT), torch.randn(1, 4, CONTEXT)

    def seen(mask: Tensor | None) -> Tensor:
        return x0(ip_adapter.apply(model, adapter, shown, shown, mask=mask), x, context)["positive"]

    plain, whole = x0(model, x, context)["positive"], seen(None)
    assert error(seen(torch.ones(1, 33, 21)), whole) < 1e-6
    assert error(seen(torch.zeros(7, 7)), plain) < 1e-6
    each = seen(torch.stack((torch.ones(16, 16), torch.zeros(16, 16))))  # one for each picture of the batch
    assert error(each[:1], whole[:1]) < 1e-6
    assert error(each[1:], plain[1:]) < 1e-6


@torch.no_grad()
def test_a_mask_lies_where_the_picture_is_in_an_area_of_it(tmp_path: Path):
    """With the mask's right half black, an area of the right half sees nothing of the picture."""
    _, model, adapter = adapted("plain", "SD 1", tmp_path)
    x, context, shown = torch.randn(1, 4, 8, 16), torch.randn(1, 9, CONTEXT), torch.randn(1, 4, CONTEXT)
    mask = torch.cat((torch.ones(1, 8, 8), torch.zeros(1, 8, 8)), -1)
    masked = ip_adapter.apply(model, adapter, shown, shown, mask=mask)
    right: Any = {"positive": [(context, {"area": (8, 8, 0, 8), "strength": 1.0})]}
    free, seen = (Conditioned(m, right, x.shape)(x, torch.tensor(3.0), ("positive",)) for m in (model, masked))
    assert error(seen["positive"], free["positive"]) < 1e-6


@torch.no_grad()
def test_it_holds_in_its_part_of_the_run(tmp_path: Path):
    _, model, adapter = adapted("plain", "SD 1", tmp_path)
    x, context, shown = torch.randn(1, 4, 8, 8), torch.randn(1, 9, CONTEXT), torch.randn(1, 4, CONTEXT)
    early = ip_adapter.apply(model, adapter, shown, shown, between=(0.0, 0.5))
    middle = model.prediction.percent_to_sigma(0.5)
    for sigma, holds in ((middle * 1.01, True), (middle * 0.99, False)):
        changed = not torch.equal(x0(early, x, context, sigma)["positive"], x0(model, x, context, sigma)["positive"])
        assert changed == holds
    assert ip_adapter.apply(model, adapter, shown, shown, weight=0.0) is model


def test_weights_by_place():
    """In XL the published numbers of the transformers of composition and style are met, whatever the file's order."""
    xl = build(
        stable_diffusion(width=64, multiples=(1, 2, 4), depths=(0, 1, 1), context=24, label=8, linear=True, heads=0)
    )
    parts = [part for part, _, _ in ip_attention.attentions(xl)]
    assert parts == ["input"] * 4 + ["output"] * 6 + ["middle"]
    assert ip_attention.profile("composition", xl) == [0, 0, 0, 1] + [0] * 7
    assert ip_attention.profile("style transfer", xl) == [0] * 5 + [1] + [0] * 5
    assert ip_attention.profile("weak middle", xl) == [1] * 10 + [0.2]
    assert ip_attention.profile("strong middle", xl) == [0.2] * 10 + [1]
    run = [0, 1, 2, 3, 5, 6, 7, 8, 9, 10, 4]
    assert ip_attention.profile("ease in", xl) == pytest.approx([0.05 + 0.95 * (1 - i / 11) for i in run])
    small = build(stable_diffusion(**UNETS["SD 1"][1]))
    assert set(ip_attention.profile("linear", small)) == {1.0}
    with pytest.raises(ValueError, match=r"'composition' picks .* of Stable Diffusion XL, and the model is none"):
        ip_attention.profile("composition", small)


def test_pictures_are_combined():
    states = torch.tensor([[3.0, 4.0], [0.0, 1.0]])
    combined = {name: way(states).tolist() for name, way in ip_adapter.COMBINING.items()}
    assert combined["add"] == [[3.0, 5.0]]
    assert combined["subtract"] == [[3.0, 3.0]]
    assert combined["average"] == [[1.5, 2.5]]
    assert combined["concat"] == states.tolist()
    assert combined["norm average"] == [pytest.approx([0.9, 2.7])]  # ((0.6, 0.8) + (0, 1)) / 2 * 3


@torch.no_grad()
def test_keys_may_be_weighed_too(tmp_path: Path):
    _, model, adapter = adapted("plain", "SD 1", tmp_path)
    x, context, shown = torch.randn(1, 4, 8, 8), torch.randn(1, 9, CONTEXT), torch.randn(1, 4, CONTEXT)
    made = [
        x0(ip_adapter.apply(model, adapter, shown, shown, weight=w, keys_too=keys), x, context)["positive"]
        for w, keys in ((1.0, False), (1.0, True), (0.5, False), (0.5, True))
    ]
    assert torch.equal(made[0], made[1])
    assert error(made[2], made[3]) > 1e-5


def test_the_pickled_layout_is_the_same(tmp_path: Path):
    his, _, adapter = adapted("plus", "SD 1", tmp_path)
    torch.save(adapter_state("plus", his), tmp_path / "ip.bin")
    other = ip_adapter.load(tmp_path / "ip.bin")
    assert other.parts == adapter.parts
    seen = torch.randn(1, 5, STATES)
    assert torch.equal(other.projection(seen), adapter.projection(seen))
    assert other.layers.shapes == adapter.layers.shapes
    assert torch.equal(other.layers.value("4.to_v_ip.weight"), adapter.layers.value("4.to_v_ip.weight"))


def test_layers_are_counted_as_numbers(tmp_path: Path):
    """10 comes after 9, not after 1."""
    his, _, adapter = adapted("plain", "SD 1", tmp_path)
    assert adapter.parts.widths == [32, 32, 64, 64, 64, 64, 64, 32, 32, 32, 64]
    state = adapter_state("plain", his)["ip_adapter"]
    assert torch.equal(adapter.layers.value("5.to_k_ip.weight"), state["11.to_k_ip.weight"])


def test_a_model_of_another_family_is_refused(tmp_path: Path):
    adapter = adapted("plain", "SD 1", tmp_path)[2]
    other = Model(**{**models("SD XL")[1].__dict__, "name": "xl.safetensors"})
    tokens = torch.zeros(1, 4, CONTEXT)
    message = r"ip0\.safetensors does not fit the model xl\.safetensors: .* 11 attentions .* the model has 17 "
    with pytest.raises(ValueError, match=message):
        ip_adapter.apply(other, adapter, tokens, tokens)


def test_another_vision_network_is_refused(tmp_path: Path):
    adapter = adapted("plus", "SD 1", tmp_path)[2]
    blank = torch.zeros(1, 5, 32)
    with pytest.raises(ValueError, match=r"ip0\.safetensors reads states 48 wide, but .* are 32 wide"):
        adapter.read(encode.VisionOutput(blank[:, 0], blank, blank))


REFUSED: dict[str, tuple[dict[str, tuple[int, ...]], str]] = {
    "face id": ({"image_proj.proj.0.weight": (2, 2), "image_proj.proj.2.weight": (2, 2)}, "needs insightface"),
    "face id plus": ({"image_proj.perceiver_resampler.proj_in.weight": (2, 2)}, "needs insightface"),
    "a new kind": ({"image_proj.net.weight": (2, 2)}, "of an unknown kind"),
    "half a layer": ({"image_proj.proj.weight": (2, 2), "ip_adapter.3.to_v_ip.weight": (2, 2)}, "or is damaged"),
    "no layers": ({"image_proj.proj.weight": (2, 2), "ip_adapter.1.to_k_ip.weight": ()}, "or is damaged"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_other_kinds_say_what_they_are(kind: str, tmp_path: Path):
    shapes, words = REFUSED[kind]
    layers = {f"ip_adapter.1.to_{x}_ip.weight": (4, 2) for x in "kv"}
    save_file({n: torch.ones(s) for n, s in (layers | shapes).items()}, tmp_path / "a.safetensors")
    with pytest.raises(ModelFileError, match=rf"a\.safetensors is an IP-Adapter .*{words}"):
        ip_adapter.load(tmp_path / "a.safetensors")


def test_a_lora_is_no_adapter(tmp_path: Path):
    save_file({"lora_unet_a.lora_up.weight": torch.ones(2, 2)}, tmp_path / "l.safetensors")
    with pytest.raises(ModelFileError, match=r"l\.safetensors is no IP-Adapter; it is a LoRA"):
        ip_adapter.load(tmp_path / "l.safetensors")


def test_a_projection_that_makes_no_sense_is_damage(tmp_path: Path):
    his, _, _ = adapted("plus", "SD 1", tmp_path)
    state = flat(adapter_state("plus", his))
    state["image_proj.layers.0.0.to_q.weight"] = torch.ones(100, 40)
    save_file(state, tmp_path / "odd.safetensors")
    with pytest.raises(ModelFileError, match=r"odd\.safetensors is damaged: .* 100 wide"):
        ip_adapter.load(tmp_path / "odd.safetensors")
