"""Hooks: conditionings with weights of their own are what models with these weights merged would answer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.testing import assert_close

from diffusion import checkpoint, conditioning, guidance, hooks, placement, settings
from diffusion.adapters import load
from diffusion.guidance import Guided, Guider
from diffusion.header import read_header
from diffusion.hooks import HookedClip, Keyframe
from diffusion.model import Model
from diffusion.noise import Noise, NoiseSource
from diffusion.placement import Resident
from diffusion.prediction import discrete
from diffusion.samplers import Sampler
from diffusion.sampling import sample, unwatched
from diffusion.text import Clip

UNET, TEXT = "model.diffusion_model.", "cond_stage_model.transformer."
LAYERS = ("time_embed.2", "output_blocks.2.0.emb_layers.1")
QUERY = "text_model.encoder.layers.0.self_attn.q_proj"
SHAPE = (1, 4, 8, 8)
SIGMAS = torch.tensor([14.0, 8.0, 4.0, 2.0, 1.0, 0.0])


@pytest.fixture(autouse=True)
def _fp32() -> Iterator[None]:
    before = settings.current()
    settings.use(settings.Settings("fp32", "cpu"))
    torch.manual_seed(0)
    yield
    settings.use(before)


@pytest.fixture(scope="module")
def opened(starter: Path) -> tuple[Model, Clip]:
    settings.use(settings.Settings("fp32", "cpu"))
    return checkpoint.load(starter)[:2]


@pytest.fixture(scope="module")
def files(starter: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two adapters that change much."""
    folder, state = tmp_path_factory.mktemp("loras"), load_file(starter)
    torch.manual_seed(1)

    def write(name: str) -> Path:
        tensors: dict[str, Tensor] = {}
        for prefix, start, layers in (
            ("diffusion_model.", UNET, LAYERS),
            ("text_encoders.clip_l.transformer.", TEXT, [QUERY]),
        ):
            for layer in layers:
                rows, columns = state[f"{start}{layer}.weight"].shape
                tensors[f"{prefix}{layer}.lora_up.weight"] = torch.randn(rows, 2) * 0.3
                tensors[f"{prefix}{layer}.lora_down.weight"] = torch.randn(2, columns) * 0.3
        save_file(tensors, folder / name)
        return folder / name

    return write("a.safetensors"), write("b.safetensors")


def entry(seed: int, given: Sequence[hooks.Hook] = (), **options: Any) -> conditioning.Conditioning:
    context = torch.randn(1, 77, 128, generator=torch.Generator().manual_seed(seed))
    return [(context, {**({"hooks": tuple(given)} if given else {}), **options})]


def x_of(seed: int = 3) -> Tensor:
    return torch.randn(SHAPE, generator=torch.Generator().manual_seed(seed)) * 8


@torch.no_grad()
def answer(guider: Guider, x: Tensor, sigma: float) -> Tensor:
    return Guided(guider, SHAPE)(x, torch.tensor(sigma))


def one(path: Path, strength: float = 1.0, *keyframes: Keyframe) -> hooks.Hooks:
    return hooks.with_keyframes([hooks.lora(path, strength, strength)], keyframes)


def latent(guider: Guider) -> Tensor:
    empty = {"samples": torch.zeros(SHAPE)}
    return sample(guider, empty, sampler=Sampler("euler"), sigmas=SIGMAS, noise=Noise(7))[0]["samples"]


def test_over_the_whole_run_a_hook_is_a_merged_adapter(opened: tuple[Model, Clip], files: tuple[Path, Path]):
    model, hook = opened[0], one(files[0], 0.8)
    hooked = latent(guidance.cfg(model, entry(1, hook), entry(2, hook), 4.0))
    merged = latent(guidance.cfg(load.apply_to_model(files[0], model, 0.8), entry(1), entry(2), 4.0))
    plain = latent(guidance.cfg(model, entry(1), entry(2), 4.0))
    assert_close(hooked, merged, atol=1e-6, rtol=1e-6)
    assert (hooked - plain).abs().max() > 0.1


def test_with_keyframes_each_step_has_the_strength_of_its_time(opened: tuple[Model, Clip], files: tuple[Path, Path]):
    """Against a run that is made by hand, step by step, of models merged for each."""
    model = opened[0]
    at = model.prediction
    starts, strengths = (0.0, 0.25, 0.5), (0.0, 1.5, -0.5)
    hook = one(files[0], 0.8, *map(Keyframe, starts, strengths))
    got = latent(guidance.cfg(model, entry(1, hook), entry(2, hook), 4.0))
    x = at.add_noise(torch.zeros(SHAPE), Noise(7).of(torch.zeros(SHAPE), None), float(SIGMAS[0]), False)
    used = set[float]()
    for pair in SIGMAS.unfold(0, 2, 1):
        strength = [s for p, s in zip(starts, strengths, strict=True) if pair[0] <= at.percent_to_sigma(p)][-1]
        used.add(strength)
        merged = load.apply_to_model(files[0], model, 0.8 * strength)
        denoise = Guided(guidance.cfg(merged, entry(1), entry(2), 4.0), SHAPE)
        with torch.no_grad():
            x = Sampler("euler")(denoise, x, pair, prediction=at, noise=NoiseSource(7), on_step=unwatched)
    assert used == set(strengths)
    assert_close(got, model.latent_format.decode(x), atol=1e-5, rtol=1e-5)


def test_each_conditioning_is_answered_with_its_own_weights(opened: tuple[Model, Clip], files: tuple[Path, Path]):
    model, x = opened[0], x_of()
    first, second = one(files[0]), one(files[1], 0.5)
    sides = {"positive": entry(1, first) + entry(4, second), "negative": entry(2)}
    needed = ("positive", "negative")
    asked = guidance.Conditioned(model, sides, SHAPE)
    with torch.no_grad():
        got = [asked(x, torch.tensor(sigma), needed) for sigma in (3.0, 2.0, 3.0)]

    def alone(model: Model, seed: int) -> Tensor:
        return answer(guidance.basic(model, entry(seed)), x, 3.0)

    a, b = load.apply_to_model(files[0], model, 1.0), load.apply_to_model(files[1], model, 0.5)
    assert_close(got[0]["positive"], (alone(a, 1) + alone(b, 4)) / 2, atol=1e-5, rtol=1e-5)
    assert_close(got[0]["negative"], alone(model, 2), atol=1e-5, rtol=1e-5)
    assert_close(got[2], got[0], atol=0, rtol=0)  # whatever weights were in place before


def test_those_of_one_weight_share_a_call(opened: tuple[Model, Clip], files: tuple[Path, Path]):
    hook = one(files[0])
    batches: list[int] = []

    def network(x: Tensor, t: Tensor, context: Tensor) -> Tensor:
        batches.append(len(x))
        return x

    toy = replace(opened[0], network=network)
    same = replace(hook[0], change_model=lambda model, strength: model)
    sides = {"positive": entry(1, [same]) + entry(3), "negative": entry(2, [same])}
    asked = guidance.Conditioned(toy, sides, SHAPE)
    asked(x_of(), torch.tensor(2.0), ("positive", "negative"))
    assert sorted(batches) == [1, 2]


def test_weights_move_once_a_step_and_are_kept_once(
    opened: tuple[Model, Clip], files: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
):
    model = opened[0]
    assert isinstance(model.network, Resident)
    moves: list[int] = []
    assign = placement._assign  # pyright: ignore[reportPrivateUsage]

    def counting(module: Any, names: Any, tensor_of: Any) -> None:
        moves.extend([len(names)] if names else [])
        assign(module, names, tensor_of)

    answer(guidance.basic(model, entry(2)), x_of(), 2.0)  # everything in its place
    monkeypatch.setattr(placement, "_assign", counting)
    latent(guidance.cfg(model, entry(1, one(files[0])), entry(2), 4.0))
    assert moves == [len(LAYERS)] * 5  # one for each step: the order of the calls alternates
    moves.clear()
    answer(guidance.basic(model, entry(2)), x_of(), 2.0)
    both = one(files[0], 1.0, Keyframe(0.0, 1.0), Keyframe(0.5, 0.5))
    moves.clear()
    latent(guidance.cfg(model, entry(1, both), entry(2, both), 4.0))
    assert moves == [len(LAYERS)] * 2  # at the beginning and where the keyframe begins
    hooked = hooks.changed(model, hooks.state(both, 2.0, model.prediction))
    assert isinstance(hooked.network, Resident)
    assert hooked.network.module is model.network.module


def test_a_model_as_an_adapter_takes_the_place_of_the_model(opened: tuple[Model, Clip], starter: Path, tmp_path: Path):
    torch.manual_seed(5)
    state = {
        n: t.float() + 0.05 * torch.randn(t.shape) if t.is_floating_point() else t
        for n, t in load_file(starter).items()
    }
    save_file(state, tmp_path / "other.safetensors", metadata=dict(read_header(starter).metadata))
    other, other_clip, _ = checkpoint.load(tmp_path / "other.safetensors")
    hook = hooks.model_as_lora(other, other_clip, 1.0, 1.0)
    got = answer(guidance.basic(opened[0], entry(1, [hook])), x_of(), 3.0)
    want = answer(guidance.basic(other, entry(1)), x_of(), 3.0)
    assert_close(got, want, atol=1e-3, rtol=1e-3)
    assert (got - answer(guidance.basic(opened[0], entry(1)), x_of(), 3.0)).abs().max() > 0.05
    encoded = hooks.on_clip(opened[1], (hook,), passed_on=False, by_step=False).conditioning("a cat")[0][0]
    assert_close(encoded, other_clip.encode("a cat")[0], atol=2e-3, rtol=1e-2)


# --- text ----------------------------------------------------------------------------------------


def test_text_networks_with_hooks_encode_with_their_adapters(opened: tuple[Model, Clip], files: tuple[Path, Path]):
    hook = one(files[0], 0.7)
    clip = hooks.on_clip(opened[1], hook, passed_on=True, by_step=False)
    ((states, options),) = clip.conditioning("a cat")
    merged = load.apply_to_clip(files[0], opened[1], 0.7)
    assert_close(states, merged.encode("a cat")[0], atol=1e-6, rtol=1e-6)
    assert options["hooks"] == hook
    assert not torch.allclose(states, opened[1].encode("a cat")[0], atol=1e-3)
    silent = hooks.on_clip(opened[1], hook, passed_on=False, by_step=False)
    assert "hooks" not in silent.conditioning("a cat")[0][1]


def test_prompts_are_encoded_for_each_keyframe_if_that_is_wanted(opened: tuple[Model, Clip], files: tuple[Path, Path]):
    hook = one(files[0], 1.0, Keyframe(0.25, 0.5), Keyframe(0.75, 0.0))
    clip = hooks.on_clip(opened[1], hook, passed_on=True, by_step=True)
    found = clip.with_layer(-1).conditioning("a cat")
    assert [(o["start_percent"], o["end_percent"]) for _, o in found] == [(0.0, 0.25), (0.25, 0.75), (0.75, 1.0)]
    for (states, _), strength in zip(found, (1.0, 0.5, 0.0), strict=True):
        assert_close(states, load.apply_to_clip(files[0], opened[1], strength).encode("a cat")[0], atol=1e-6, rtol=1e-6)


def test_hooks_on_hooked_text_networks_come_to_those_there(opened: tuple[Model, Clip], files: tuple[Path, Path]):
    first, second = one(files[0]), one(files[1])
    clip = hooks.on_clip(opened[1], first, passed_on=True, by_step=False)
    again = hooks.on_clip(clip, (*first, *second), passed_on=True, by_step=False)
    assert isinstance(again, HookedClip)
    assert again.hooks == (*first, *second)
    found = conditioning.with_hooks(again.conditioning("a"), first)
    assert found[0][1]["hooks"] == (*first, *second)


# --- keyframes -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("easing", "want"),
    [
        ("linear", [0, 0.25, 0.5, 0.75, 1]),
        ("ease_in", [0, 0.0625, 0.25, 0.5625, 1]),
        ("ease_out", [0, 0.4375, 0.75, 0.9375, 1]),
        ("ease_in_out", [0, 0.15625, 0.5, 0.84375, 1]),
    ],
)
def test_strengths_go_from_one_to_another(easing: str, want: list[float]):
    found = hooks.interpolated(0.0, 1.0, easing, 0.2, 0.6, 5)
    assert [k.strength for k in found] == pytest.approx(want)
    assert [k.start for k in found] == pytest.approx([0.2, 0.3, 0.4, 0.5, 0.6])
    down = hooks.interpolated(3.0, 1.0, easing, 0.2, 0.6, 5)
    assert [k.strength for k in down] == pytest.approx([3 - 2 * w for w in want])


def test_a_strength_holds_from_its_keyframe_on():
    frames = hooks.in_order([Keyframe(0.7, 3.0), Keyframe(0.3, 2.0), Keyframe(0.7, 4.0)])
    at = discrete("eps")
    found = [hooks.multiplier(frames, at.percent_to_sigma(p), at) for p in (0.0, 0.29, 0.3, 0.5, 0.7, 0.9)]
    assert found == [1.0, 1.0, 2.0, 2.0, 4.0, 4.0]


def test_no_strengths_and_turned_ranges_are_refused():
    with pytest.raises(ValueError, match="no strengths"):
        hooks.spread([], 0.0, 1.0)
    with pytest.raises(ValueError, match=r"end_percent 0.2 is before start_percent 0.5"):
        hooks.spread([1.0], 0.5, 0.2)
