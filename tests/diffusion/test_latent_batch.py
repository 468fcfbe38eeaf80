"""Laws of batches of latents: what becomes of the noise indices and the masks."""

from typing import Any

import pytest
import torch

from diffusion import latent_batch


def latent(batch: int, side: int = 2, **other: Any) -> dict[str, Any]:
    """Items that hold their own number."""
    return {"samples": torch.arange(batch).view(-1, 1, 1, 1) * torch.ones(1, 4, side, side), **other}


def numbers(found: dict[str, Any]) -> list[int]:
    return found["samples"][:, 0, 0, 0].int().tolist()


def test_concat_counts_each_part_from_its_own_start():
    got = latent_batch.concat(latent(2, batch_index=[8, 9]), latent(2))
    assert numbers(got) == [0, 1, 0, 1]
    assert got["batch_index"] == [8, 9, 0, 1]


@pytest.mark.parametrize(("start", "length", "want"), [(1, 2, [1, 2]), (9, 5, [3]), (2, 9, [2, 3])])
def test_picked_items_keep_their_noise(start: int, length: int, want: list[int]):
    got = latent_batch.pick(latent(4), start, length)
    assert numbers(got) == got["batch_index"] == want


def test_pick_slices_masks_but_keeps_a_single_one():
    masks = torch.arange(2.0).view(2, 1, 1, 1)
    got = latent_batch.pick(latent(4, noise_mask=masks), 1, 2)
    assert got["noise_mask"].flatten().tolist() == [1, 0]
    assert latent_batch.pick(latent(4, noise_mask=masks[:1]), 1, 2)["noise_mask"].shape[0] == 1


def test_repeated_items_all_get_other_noise():
    got = latent_batch.repeat(latent(3, batch_index=[4, 2, 7]), 4)
    assert numbers(got) == [0, 1, 2] * 4
    assert got["batch_index"][:3] == [4, 2, 7]
    assert len(set(got["batch_index"])) == 12


def test_without_indices_a_repeated_batch_is_one_draw():
    assert "batch_index" not in latent_batch.repeat(latent(2), 2)


def test_noise_is_shared_or_not():
    assert latent_batch.share_noise(latent(3, batch_index=[5, 1, 2]))["batch_index"] == [5, 5, 5]
    assert latent_batch.share_noise(latent(2))["batch_index"] == [0, 0]
    assert "batch_index" not in latent_batch.vary_noise(latent(2, batch_index=[5, 1]))


def test_other_keys_survive():
    for change in (latent_batch.share_noise, latent_batch.vary_noise):
        assert change(latent(1, type="x"))["type"] == "x"


@pytest.mark.parametrize("size", [1, 2, 3, 9])
def test_rebatch_keeps_all_items_in_order(size: int):
    got = latent_batch.rebatch([latent(2), latent(3), latent(1, side=3), latent(2)], size)
    assert [n for part in got for n in numbers(part)] == [0, 1, 0, 1, 2, 0, 0, 1]
    assert [n for part in got for n in part["batch_index"]] == list(range(8))
    assert all(part["samples"].shape[0] <= size for part in got)


def test_rebatch_carries_masks_only_where_they_say_something():
    half = torch.full((1, 1, 16, 16), 0.5)
    got = latent_batch.rebatch([latent(2, noise_mask=half), latent(2)], 2)
    assert got[0]["noise_mask"].shape == (2, 1, 16, 16)
    assert "noise_mask" not in got[1]


def test_rebatch_brings_masks_of_any_size_together():
    got = latent_batch.rebatch([latent(1, noise_mask=torch.zeros(1, 1, 40, 40)), latent(1)], 2)
    assert got[0]["noise_mask"].shape == (2, 1, 16, 16)


def test_rebatch_of_nothing_is_nothing():
    assert latent_batch.rebatch([], 3) == []
