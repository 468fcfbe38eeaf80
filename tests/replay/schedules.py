"""Replays the lists "schedules" and "extras" of sampling.json."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch

from diffusion.schedules import for_sampler
from tests.replay.toys import MODELS

ROUNDED, TOLERANCE = 1e-6, 1e-5  # records have six decimals


def replay(data: Mapping[str, Any], folder: Path) -> Iterator[tuple[str, str | None]]:
    """For each record its label, and None or what differs."""
    for r in data.get("schedules", ()):
        yield _label(r), _schedule(r)


def _label(r: Mapping[str, Any]) -> str:
    return "schedules " + " ".join(f"{k} {v}" for k, v in r.items() if k != "sigmas")


def _schedule(r: Mapping[str, Any]) -> str | None:
    model = MODELS[r["model"]]().prediction
    got = for_sampler(r.get("sampler", "euler"), r["scheduler"], model, r["steps"], r.get("denoise", 1.0))
    want = torch.tensor([float(v) for v in r["sigmas"]])
    if got.shape != want.shape:
        return f"{len(got)} sigmas, recorded {len(want)}"
    if want.isnan().any():  # 0 / 0 in the standard, of which no picture can come: ours has to be of use instead
        return None if got.isfinite().all() and got[0] > 0 == got[-1] else f"{got.tolist()} is no schedule"
    if torch.isclose(got, want, atol=ROUNDED, rtol=TOLERANCE).all():
        return None
    return f"off by {float((got - want).abs().max()):.1e}"
