"""Patched networks against the same formulas written by hand, and the network itself left as it was."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F
from torch.testing import assert_close

from bench.random_checkpoint import build, random_state
from diffusion import attention_patches, guidance
from diffusion.attention_patches import hyper_tile, ignoring_itself, merge_tokens, multiply
from diffusion.guidance import Guided
from diffusion.model import SD15, Model
from diffusion.network_patches import NetworkPatch, free_u, shrink
from diffusion.placement import Place, Resident
from diffusion.prediction import discrete
from diffusion.unet import Attention, Control, UNet
from diffusion.unet_config import stable_diffusion
from tests.replay.toys import MODELS

AT = discrete("eps")
SIGMA = torch.tensor([2.0])
TEXT = torch.randn(1, 5, 24, generator=torch.Generator().manual_seed(9))


@pytest.fixture(scope="module")
def unet() -> UNet:
    network = build(stable_diffusion(32, (1, 2, 4), (1, 1, 1), context=24, heads=2))
    network.load_state_dict(random_state(network, torch.float32), assign=True)
    return network.requires_grad_(False).eval()


def model(unet: UNet, *patches: NetworkPatch) -> Model:
    return Model(network=unet, prediction=AT, latent_format=SD15, network_patches=patches)


def x_of(*size: int) -> Tensor:
    return torch.randn(1, 4, *(size or (16, 16)), generator=torch.Generator().manual_seed(3)) * 2


def x0(unet: UNet, *patches: NetworkPatch, x: Tensor | None = None, sigma: Tensor = SIGMA) -> Tensor:
    return model(unet, *patches).x0(x_of() if x is None else x, sigma, {"context": TEXT})


def hooks(unet: UNet) -> int:
    return sum(len(m._forward_hooks) + len(m._forward_pre_hooks) for m in unet.modules())


PATCHES: dict[str, NetworkPatch] = {
    "free u": free_u((1.1, 1.2), (0.9, 0.2), by_structure=False),
    "free u 2": free_u((1.3, 1.4), (0.9, 0.2), by_structure=True),
    "shrink": shrink(3, 2.0, (0.0, 1.0), AT),
    "hyper tile": hyper_tile(64, 1, 1, scale_depth=False),
    "merged": merge_tokens(0.5),
    "ignoring": ignoring_itself,
}


@pytest.mark.parametrize("name", PATCHES)
@pytest.mark.parametrize("size", [(16, 16), (12, 20), (9, 13)])
def test_a_patch_changes_one_handle_and_leaves_the_network(unet: UNet, name: str, size: tuple[int, int]):
    plain, x = x0(unet, x=x_of(*size)), x_of(*size)
    patched = x0(unet, PATCHES[name], x=x)
    assert patched.shape == plain.shape
    assert not torch.allclose(patched, plain, atol=1e-4) or (name == "hyper tile" and 13 in size)  # 9 x 13 has no tiles
    assert hooks(unet) == 0
    assert torch.equal(x0(unet, x=x), plain)
    assert torch.equal(x0(unet, PATCHES[name], x=x), patched)


def test_the_hooks_go_where_a_call_fails(unet: UNet):
    with pytest.raises(RuntimeError):
        model(unet, *PATCHES.values()).x0(x_of(), SIGMA, {"context": TEXT[..., :7]})
    assert hooks(unet) == 0


def test_patches_of_attention_can_be_put_on_each_other(unet: UNet):
    tiles, merged = PATCHES["hyper tile"], PATCHES["merged"]
    assert_close(x0(unet, tiles, merged), x0(unet, tiles))  # tiles are not merged
    assert_close(x0(unet, merged, tiles), x0(unet, merged, hyper_tile(128, 1, 0, scale_depth=False)))


def test_only_a_unet_can_be_patched():
    toy = replace(MODELS["sd15"](), network_patches=(ignoring_itself,))
    with pytest.raises(ValueError, match="only a Stable Diffusion UNet"):
        Model.x0(toy, x_of(), SIGMA, {"context": TEXT})


# --- FreeU ---------------------------------------------------------------------------------------


def by_hand(unet: UNet, x: Tensor, change: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]) -> Tensor:
    """A UNet whose backbone and skip connections go through `change` where they meet."""
    emb = unet.embed(AT.timestep(SIGMA), None, x.dtype)
    y, skips = AT.scale_input(x, SIGMA), list[Tensor]()
    for block in unet.input_blocks:
        y = block(y, emb, TEXT, y.shape[2:])
        skips.append(y)
    y = unet.middle_block(y, emb, TEXT, y.shape[2:])
    for block in unet.output_blocks:
        y = torch.cat(change(y, skips.pop()), 1)
        y = block(y, emb, TEXT, skips[-1].shape[2:] if skips else y.shape[2:])
    return AT.to_x0(unet.out(y), x, SIGMA)


def low_pass(x: Tensor, factor: float) -> Tensor:
    """As the paper's code has it: the middle of the shifted spectrum."""
    spectrum = torch.fft.fftshift(torch.fft.fftn(x, dim=(-2, -1)), dim=(-2, -1))
    mask = torch.ones(x.shape)
    row, column = x.shape[-2] // 2, x.shape[-1] // 2
    mask[..., row - 1 : row + 1, column - 1 : column + 1] = factor
    return torch.fft.ifftn(torch.fft.ifftshift(spectrum * mask, dim=(-2, -1)), dim=(-2, -1)).real


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("size", [(16, 16), (9, 13)])
def test_free_u_is_the_papers(unet: UNet, version: int, size: tuple[int, int]):
    factors = {128: (1.3, 0.9), 64: (1.4, 0.2)}

    def change(h: Tensor, skip: Tensor) -> tuple[Tensor, Tensor]:
        if h.shape[1] not in factors:
            return h, skip
        b, s = factors[h.shape[1]]
        amplify: Any = b
        if version == 2:
            mean = h.mean(1)[:, None]
            low, high = mean.flatten(1).min(1).values, mean.flatten(1).max(1).values
            amplify = (b - 1) * ((mean - low.view(-1, 1, 1, 1)) / (high - low).view(-1, 1, 1, 1)) + 1
        half = h.shape[1] // 2
        return torch.cat((h[:, :half] * amplify, h[:, half:]), 1), low_pass(skip, s)

    got = x0(unet, free_u((1.3, 1.4), (0.9, 0.2), by_structure=version == 2), x=x_of(*size))
    assert_close(got, by_hand(unet, x_of(*size), change), atol=1e-5, rtol=1e-5)


def test_free_u_of_ones_changes_nothing(unet: UNet):
    for by_structure in (False, True):
        assert_close(x0(unet, free_u((1, 1), (1, 1), by_structure=by_structure)), x0(unet), atol=1e-5, rtol=1e-5)


# --- deep shrink ---------------------------------------------------------------------------------


@pytest.mark.parametrize("after_skip", [True, False])
@pytest.mark.parametrize("block", [1, 3, 5, 8])
def test_blocks_work_smaller_from_one_on(unet: UNet, after_skip: bool, block: int):
    sizes: list[int] = []
    watch = [part.register_forward_pre_hook(lambda _, inputs: sizes.append(inputs[0].shape[3])) for part in
             (*unet.input_blocks, unet.middle_block)]  # fmt: skip
    x0(unet, shrink(block, 2.0, (0.0, 1.0), AT, after_skip=after_skip))
    for hook in watch:
        hook.remove()
    full = [16, 16, 16, 16, 8, 8, 8, 4, 4, 4]
    before, behind = full[: block + 1], full[block + 1 :]
    # our hook runs first, so a block's input is seen before it shrinks where the next block shrinks it
    assert sizes[: block + 1] == before
    assert sizes[block + 2 :] == [n // 2 for n in behind[1:]]


def test_control_is_resized_to_where_blocks_work_smaller(unet: UNet):
    states: list[Tensor] = []

    def note(_: Any, inputs: Any, y: Tensor) -> None:
        states.append(torch.full_like(y, 0.1))

    hooks = [block.register_forward_hook(note) for block in unet.input_blocks]
    x0(unet)
    for hook in hooks:
        hook.remove()
    control = Control((None,) * len(states), states[-1], tuple(states))
    shrunk = model(unet, shrink(3, 2.0, (0.0, 1.0), AT))
    plain = shrunk.x0(x_of(), SIGMA, {"context": TEXT})
    controlled = shrunk.x0(x_of(), SIGMA, {"context": TEXT, "control": control})
    assert controlled.isfinite().all()
    assert not torch.allclose(controlled, plain, atol=1e-3)


def test_it_works_smaller_in_its_part_of_the_run_only(unet: UNet):
    patch = shrink(3, 2.0, (0.0, 0.35), AT)
    early, late = (torch.tensor([AT.percent_to_sigma(percent)]) for percent in (0.2, 0.5))
    assert not torch.allclose(x0(unet, patch, sigma=early), x0(unet, sigma=early), atol=1e-3)
    assert torch.equal(x0(unet, patch, sigma=late), x0(unet, sigma=late))


# --- attention -----------------------------------------------------------------------------------


def attending(unet: UNet, change: Callable[[Attention, Tensor], Tensor], **wanted: Any) -> Tensor:
    """x0 where the self-attention of the layers named by `at` is `change`."""
    real, names = Attention.forward, {m: n for n, m in unet.named_modules()}

    def forward(self: Attention, x: Tensor, context: Tensor) -> Tensor:
        mine = any(part in names[self] for part in wanted["at"]) and names[self].endswith("attn1")
        return change(self, x) if mine else real(self, x, context)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Attention, "forward", forward)
        return x0(unet, x=wanted.get("x"))


FIRST = ("input_blocks.1.", "input_blocks.2.", "output_blocks.6.", "output_blocks.7.", "output_blocks.8.")


def test_tiles_attend_to_themselves(unet: UNet):
    real = Attention.forward

    def quarters(self: Attention, x: Tensor) -> Tensor:
        grid, out = x.unflatten(1, (16, 16)), torch.empty_like(x.unflatten(1, (16, 16)))
        for i in (slice(0, 8), slice(8, 16)):
            for j in (slice(0, 8), slice(8, 16)):
                tile = grid[:, i, j].flatten(1, 2)
                out[:, i, j] = real(self, tile, tile).unflatten(1, (8, 8))
        return out.flatten(1, 2)

    got = x0(unet, hyper_tile(64, 1, 0, scale_depth=False))
    assert_close(got, attending(unet, quarters, at=FIRST), atol=1e-5, rtol=1e-5)


def test_a_tile_as_large_as_the_picture_changes_nothing(unet: UNet):
    assert_close(x0(unet, hyper_tile(128, 3, 2, scale_depth=True)), x0(unet), atol=1e-5, rtol=1e-5)


def test_merging_nothing_or_equal_tokens_changes_nothing(unet: UNet):
    assert torch.equal(x0(unet, merge_tokens(0.0)), x0(unet))
    # equal tokens ask the same, so it does not matter which of them asks
    x = torch.randn(1, 16, 8, 32)
    x = torch.cat((x, x), 2).flatten(1, 2)  # a picture of 16 x 16 tokens, each there twice
    queries, keys, spread = attention_patches._merged(x, (16, 16), 0.3, torch.Generator().manual_seed(0))
    assert queries.shape == (1, 256 - int(256 * 0.3), 32)
    assert keys is x
    assert ((spread(queries) - x).norm(dim=-1) < 1e-5).sum() >= 256 - 2 * int(256 * 0.3)


@pytest.mark.parametrize("size", [(16, 16), (9, 13), (1, 8)])
def test_every_token_gets_an_answer(size: tuple[int, int]):
    x = torch.randn(2, size[0] * size[1], 8)
    queries, _, spread = attention_patches._merged(x, size, 0.9, torch.Generator().manual_seed(0))
    back = spread(queries)
    assert back.shape == x.shape
    assert back.isfinite().all()
    known = {tuple(q) for item in queries.tolist() for q in item}
    assert {tuple(t) for item in back.tolist() for t in item} <= known


def guided(unet: UNet, patch: Any, scale: float = 3.0) -> Tensor:
    m = replace(model(unet), guidance=(patch,) if patch else ())
    guider = guidance.cfg(m, [(TEXT, {})], [(TEXT.flip(1) * 0.5, {})], scale)
    return Guided(guider, (1, 4, 16, 16))(x_of(), SIGMA[0])


def test_perturbed_attention_guides_away_from_tokens_that_see_themselves_only(unet: UNet):
    worse = attending(unet, lambda self, x: self.to_out(self.to_v(x)), at=("middle_block",))
    for scale in (1.0, 3.0):
        want = guided(unet, None, scale) + 2.0 * (x0(unet) - worse)
        assert_close(guided(unet, attention_patches.perturbed_attention(2.0), scale), want, atol=1e-4, rtol=1e-4)


def test_self_attention_guidance_blurs_what_is_attended_to(unet: UNet):
    maps: list[Tensor] = []

    def note(self: Attention, x: Tensor) -> Tensor:
        q, k, v = (f(x).unflatten(-1, (2, -1)).transpose(1, 2) for f in (self.to_q, self.to_k, self.to_v))
        weights = (q @ k.mT / q.shape[-1] ** 0.5).softmax(-1)
        maps.append(weights.mean(1).sum(1))
        return self.to_out((weights @ v).transpose(1, 2).flatten(2))

    text = TEXT.flip(1) * 0.5
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(globals(), "TEXT", text)
        negative = attending(unet, note, at=("middle_block",))
        mask = F.interpolate((maps[0] > 1).float().view(1, 1, 4, 4), scale_factor=4)
        kernel = torch.exp(-torch.arange(-4.0, 5.0).square() / (2 * 1.5**2))
        kernel = (kernel[:, None] * kernel / kernel.sum() ** 2).expand(4, 1, 9, 9)
        blurred = F.conv2d(F.pad(negative, [4] * 4, "reflect"), kernel, groups=4)
        degraded = blurred * mask + negative * (1 - mask)
        worse = x0(unet, x=degraded + x_of() - negative)
    assert 0 < mask.mean() < 1
    want = guided(unet, None) + 0.75 * (degraded - worse)
    assert_close(guided(unet, attention_patches.self_attention(0.75, 1.5)), want, atol=1e-4, rtol=1e-4)


def test_no_strength_costs_nothing(unet: UNet):
    for patch in (attention_patches.perturbed_attention(0.0), attention_patches.self_attention(0.0, 2.0)):
        assert torch.equal(guided(unet, patch), guided(unet, None))


def test_weights_of_attention_multiplied(unet: UNet):
    network = Resident(unet, Place(torch.device("cpu"), torch.float32))
    other = multiply(network, {"attn2.to_q": 0.5, "attn2.to_out.0": 2.0, "attn1.to_k": 1.0})
    for name in network.shapes:
        factor = 0.5 if "attn2.to_q" in name else 2.0 if "attn2.to_out.0" in name else 1.0
        assert torch.equal(other.value(name), network.value(name) * factor)
    assert multiply(network, {"attn1.to_q": 1.0}) is network
    for other, layer in ((unet, "attn1.to_q"), (network, "self_attn.q_proj")):
        with pytest.raises(ValueError, match=f"no weights {layer}"):
            multiply(other, {layer: 2.0})
