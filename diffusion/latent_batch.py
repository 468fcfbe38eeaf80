"""Batches of latents, as mappings: `samples` (b, c, h, w), and maybe `noise_mask` (b, 1, H, W) and `batch_index`.

`batch_index` says which noise of a seed each item takes. No function changes its input; other keys are kept.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from diffusion.composite import resize_mask
from diffusion.latent_math import fit
from diffusion.latents import PIXELS
from diffusion.resample import repeat_to_batch

Latent = Mapping[str, Any]


def indices(latent: Latent, start: int = 0) -> list[int]:
    """The latent's `batch_index`, or one that counts from `start`."""
    return list(latent.get("batch_index") or range(start, start + latent["samples"].shape[0]))


def concat(first: Latent, second: Latent) -> dict[str, Any]:
    """Both in one batch; the second is cropped and resized to the first."""
    samples = torch.cat((first["samples"], fit(second["samples"], first["samples"])))
    return {**first, "samples": samples, "batch_index": indices(first) + indices(second)}


def pick(latent: Latent, start: int, length: int) -> dict[str, Any]:
    """`length` items from `start` on, as far as there are; each keeps its noise."""
    batch = latent["samples"].shape[0]
    start = min(start, batch - 1)
    part = slice(start, start + length)
    picked = {**latent, "samples": latent["samples"][part], "batch_index": indices(latent)[part]}
    mask: Tensor | None = latent.get("noise_mask")
    if mask is not None and mask.shape[0] > 1:
        picked["noise_mask"] = repeat_to_batch(mask, batch)[part]
    return picked


def repeat(latent: Latent, times: int) -> dict[str, Any]:
    """The batch so many times over; recorded noise indices go on behind the last one, so that all items differ."""
    samples: Tensor = latent["samples"]
    result = {**latent, "samples": _tile(samples, times)}
    mask: Tensor | None = latent.get("noise_mask")
    if mask is not None and mask.shape[0] > 1:
        result["noise_mask"] = _tile(repeat_to_batch(mask, samples.shape[0]), times)
    if index := latent.get("batch_index"):
        span = max(index) - min(index) + 1
        result["batch_index"] = [i + span * round_ for round_ in range(times) for i in index]
    return result


def _tile(x: Tensor, times: int) -> Tensor:
    return x.repeat(times, *[1] * (x.ndim - 1))


def share_noise(latent: Latent) -> dict[str, Any]:
    """All items take the noise of the first."""
    return {**latent, "batch_index": indices(latent)[:1] * latent["samples"].shape[0]}


def vary_noise(latent: Latent) -> dict[str, Any]:
    """Each item takes its own part of the seed's noise."""
    return {k: v for k, v in latent.items() if k != "batch_index"}


def with_mask(latent: Latent, mask: Tensor) -> dict[str, Any]:
    """With mask (b, h, w) or (h, w), in pixels: 1 is to be sampled, 0 stays."""
    return {**latent, "noise_mask": mask.reshape(-1, 1, *mask.shape[-2:])}


# --- another batch size --------------------------------------------------------------------------


def rebatch(latents: Sequence[Latent], size: int) -> list[dict[str, Any]]:
    """The same items in batches of `size`; a new batch begins where the latents' shape changes."""
    return [
        _without_plain_mask({key: values[i : i + size] for key, values in run.items()})
        for run in _runs(latents)
        for i in range(0, len(run["batch_index"]), size)
    ]


def _runs(latents: Sequence[Latent]) -> Iterator[dict[str, Any]]:
    """Neighbours of one shape, joined."""
    run: dict[str, Any] | None = None
    count = 0
    for latent in latents:
        samples = latent["samples"]
        full = {"samples": samples, "noise_mask": _mask(latent), "batch_index": indices(latent, count)}
        count += samples.shape[0]
        if run and run["samples"].shape[1:] == samples.shape[1:]:
            joined = {key: torch.cat((run[key], full[key])) for key in ("samples", "noise_mask")}
            run = {**joined, "batch_index": run["batch_index"] + full["batch_index"]}
        else:
            if run:
                yield run
            run = full
    if run:
        yield run


def _mask(latent: Latent) -> Tensor:
    """The noise mask at 8 pixels an element, one for each item; ones if there is none."""
    batch, *_, height, width = latent["samples"].shape
    height, width = height * PIXELS, width * PIXELS
    mask: Tensor | None = latent.get("noise_mask")
    if mask is None:
        return torch.ones(batch, 1, height, width)
    if mask.shape[-2:] != (height, width):
        mask = resize_mask(mask, width, height)
    return repeat_to_batch(mask.reshape(-1, 1, height, width), batch)


def _without_plain_mask(latent: dict[str, Any]) -> dict[str, Any]:
    if latent["noise_mask"].mean() == 1:
        del latent["noise_mask"]
    return latent
