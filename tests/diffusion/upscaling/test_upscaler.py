"""Pictures are enlarged in tiles that do not show, within the memory there is, and a run can be stopped."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from diffusion import placement
from diffusion.upscaling import load, upscaler
from diffusion.upscaling.upscaler import Upscaler
from tests.diffusion.upscaling.random_upscalers import compact


@pytest.fixture
def enlarger(tmp_path: Path) -> Upscaler:
    save_file(compact(scale=2, convolutions=2), tmp_path / "two.safetensors")
    return load(tmp_path / "two.safetensors")


def whole(enlarger: Upscaler, image: Tensor) -> Tensor:
    return enlarger.network(image[..., :3].movedim(-1, 1)).movedim(1, -1).clamp(0, 1)


def test_a_picture_that_fits_is_computed_at_once(enlarger: Upscaler):
    image = torch.rand(2, 9, 12, 3)
    assert torch.allclose(enlarger.enlarge(image), whole(enlarger, image), atol=1e-6)


@pytest.mark.parametrize("size", [(70, 40), (97, 129), (33, 64), (64, 64)])
def test_tiles_give_what_the_whole_gives(enlarger: Upscaler, monkeypatch: pytest.MonkeyPatch, size: tuple[int, int]):
    """The receptive field is 4 pixels; inside of it a seam may show, since a tile knows nothing beyond its edge."""
    monkeypatch.setattr(upscaler, "TILE", 64)
    monkeypatch.setattr(upscaler, "SMALLEST", 64)
    image = torch.rand(1, *size, 3)
    got, want = enlarger.enlarge(image), whole(enlarger, image)
    far = torch.ones(got.shape[1:3], dtype=torch.bool)
    for axis, side in enumerate(size):
        for start in range(0, side - 32, 32) if side > 64 else ():
            for edge in (start, min(start + 64, side)):
                if 0 < edge < side:
                    far.narrow(axis, 2 * max(0, edge - 4), 2 * min(8, side - max(0, edge - 4))).fill_(False)
    assert far.any()
    assert torch.allclose(got[:, far], want[:, far], atol=1e-5)
    assert (got - want).abs().max() < 0.2  # a seam is a mixture of two tiles


def test_progress_counts_all_tiles(enlarger: Upscaler, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(upscaler, "TILE", 64)
    monkeypatch.setattr(upscaler, "SMALLEST", 64)
    told: list[tuple[int, int]] = []
    enlarger.enlarge(torch.rand(2, 65, 65, 3), lambda done, total: told.append((done, total)))
    assert told == [(i + 1, 8) for i in range(8)]


def test_a_run_is_stopped_inside_of_a_tile(enlarger: Upscaler):
    class Stop(BaseException): ...

    def check() -> None:
        raise Stop

    with pytest.raises(Stop):
        enlarger.enlarge(torch.rand(1, 8, 8, 3), check=check)
    assert not enlarger.network.module._forward_pre_hooks


def test_tiles_become_smaller_where_memory_is_short(enlarger: Upscaler, monkeypatch: pytest.MonkeyPatch):
    sizes: list[tuple[int, ...]] = []

    def network(x: Tensor) -> Tensor:
        sizes.append(tuple(x.shape[2:]))
        if x.shape[2] > 128:
            raise torch.OutOfMemoryError("not enough")
        return x.repeat_interleave(2, 2).repeat_interleave(2, 3)

    monkeypatch.setattr(type(enlarger.network), "__call__", lambda self, x: network(x))
    got = enlarger.enlarge(torch.full((1, 400, 100, 3), 0.5))
    assert got.shape == (1, 800, 200, 3)
    assert torch.allclose(got, torch.tensor(0.5))
    assert [s for s in sizes if s[0] > 128] == [(400, 100), (256, 100)]


def test_the_tile_follows_from_the_free_memory(enlarger: Upscaler, monkeypatch: pytest.MonkeyPatch):
    pixels = torch.rand(1, 3, 2000, 2000)
    need = enlarger.network.activation * 4 * placement.HEADROOM
    for tile in (512, 256, 128):
        monkeypatch.setattr(placement, "free_memory", lambda at, tile=tile: int(tile**2 * need) + 1)
        assert enlarger._tile(pixels) == tile
    monkeypatch.setattr(placement, "free_memory", lambda at: 0)
    assert enlarger._tile(pixels) == 128


def test_a_mistake_is_no_lack_of_memory(enlarger: Upscaler, monkeypatch: pytest.MonkeyPatch):
    def network(self: object, x: Tensor) -> Tensor:
        raise RuntimeError("another")

    monkeypatch.setattr(type(enlarger.network), "__call__", network)
    with pytest.raises(RuntimeError, match="another"):
        enlarger.enlarge(torch.rand(1, 8, 8, 3))


def test_alpha_is_left_off_and_other_channels_are_named(enlarger: Upscaler):
    image = torch.rand(1, 8, 8, 4)
    assert torch.equal(enlarger.enlarge(image), enlarger.enlarge(image[..., :3]))
    with pytest.raises(ValueError, match=r"two\.safetensors enlarges pictures of 3 channels, but these have 1"):
        enlarger.enlarge(torch.rand(1, 8, 8, 1))


def test_values_stay_in_their_range(enlarger: Upscaler):
    got = enlarger.enlarge(torch.rand(1, 8, 8, 3) * 9 - 4)
    assert got.min() >= 0
    assert got.max() <= 1


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (40, 1)])
def test_the_smallest_pictures(enlarger: Upscaler, size: tuple[int, int]):
    assert enlarger.enlarge(torch.rand(1, *size, 3)).shape == (1, 2 * size[0], 2 * size[1], 3)
