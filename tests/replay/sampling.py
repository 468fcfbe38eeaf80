"""Replays sampling.json: samplers and special cases as whole runs, schedules, and noise."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from diffusion.noise import Noise, batch_noise
from diffusion.sampling import run_schedule
from diffusion.schedules import for_sampler
from tests.replay.toys import MODELS

ATOL, RTOL = 1e-6, 1e-5  # of sigmas, which have six decimals
TOLERANCE = 1e-4  # of the largest value of a latent
POSITIVE, NEGATIVE = 0.3, -0.2


def replay(data: Mapping[str, Any], folder: Path) -> Iterator[tuple[str, str | None]]:
    """For each record its label, and None or what differs."""
    for r in data.get("schedules", ()):
        yield "schedules " + " ".join(f"{k} {v}" for k, v in r.items() if k != "sigmas"), _schedule(r)
    for r in data.get("noise", ()):
        label = f"noise {r['seed']} {r['shape']} {r['batch_index']}"
        yield label, mismatch(batch_noise(r["shape"], r["seed"], r["batch_index"]), r)
    for r in data.get("samplers", ()):
        label = f"samplers {r['model']} {r['sampler']} {r['scheduler']} {r['steps']} steps, cfg {r['cfg']}"
        try:
            yield label, mismatch(_run(r, r["model"], {"samples": torch.zeros(r["shape"])}), r)
        except Exception as error:
            yield label, f"{type(error).__name__}: {error}"
    before: Tensor | None = None
    for r in data.get("extras", ()):
        try:
            before = _extra(r, data, before)
            yield f"extras {r['case']}, {r['sampler']}", mismatch(before, r)
        except Exception as error:
            yield f"extras {r['case']}, {r['sampler']}", f"{type(error).__name__}: {error}"


def mismatch(got: Tensor, record: Mapping[str, Any]) -> str | None:
    """None, or how far the tensor is from the recorded first values and sums."""
    if list(got.shape) != record["shape"]:
        return f"shape {list(got.shape)}, recorded {record['shape']}"
    want = torch.tensor(record["values"], dtype=torch.float64)
    flat = got.double().flatten()
    scale = max(1.0, float(want.abs().max()))
    worst = float((flat[: len(want)] - want).abs().max()) / scale
    sums = max(abs(float(flat.sum()) - record["sum"]), abs(float(flat.abs().sum()) - record["abs_sum"]))
    worst = max(worst, sums / len(flat) / scale)
    return None if worst <= TOLERANCE else f"off by {worst:.1e} of the largest value"


def _schedule(r: Mapping[str, Any]) -> str | None:
    model = MODELS[r["model"]]().prediction
    got = for_sampler(r.get("sampler", "euler"), r["scheduler"], model, r["steps"], r.get("denoise", 1.0))
    want = torch.tensor([float(v) for v in r["sigmas"]])
    if got.shape != want.shape:
        return f"{len(got)} sigmas, recorded {len(want)}"
    if want.isnan().any():  # 0 / 0 in the standard, of which no picture can come: ours has to be of use instead
        return None if got.isfinite().all() and got[0] > 0 == got[-1] else f"{got.tolist()} is no schedule"
    if torch.isclose(got, want, atol=ATOL, rtol=RTOL).all():
        return None
    return f"off by {float((got - want).abs().max()):.1e}"


def _extra(r: Mapping[str, Any], data: Mapping[str, Any], before: Tensor | None) -> Tensor:
    """A record by what its case says; the continuation of a cut run starts from the result of the record before."""
    case = r["case"]
    samples = torch.zeros(r["shape"])
    options: dict[str, Any] = {"denoise": r.get("denoise", 1.0)}
    latent: dict[str, Any] = {}
    if "latent" in r or "mask" in case:
        values = r["latent"]["values"] if "latent" in r else data["image_latent"]
        samples = torch.tensor(values).reshape(r["shape"])
    if "mask" in case:
        latent["noise_mask"] = torch.zeros(1, 1, *r["shape"][2:])
        latent["noise_mask"][..., r["shape"][3] // 2 :] = 1
    if match := re.match(r"advanced (\d+)-(\d+) of", case):
        options = {"start": int(match[1]), "end": int(match[2]), "keep_noise": "leftover noise kept" in case}
        if "continuing" in case:
            assert before is not None
            samples, options["add"] = before, False
    return _run(r, "sdv" if case == "v prediction" else "sd15", {"samples": samples, **latent}, **options)


def _run(r: Mapping[str, Any], model: str, latent: Mapping[str, Any], *, add: bool = True, **options: Any) -> Tensor:
    return run_schedule(
        MODELS[model](),
        [(torch.full((1, 7, 8), POSITIVE), {})],
        [(torch.full((1, 7, 8), NEGATIVE), {})],
        latent,
        noise=Noise(r["seed"], add),
        steps=r["steps"],
        cfg=r["cfg"],
        sampler=r["sampler"],
        schedule=r["scheduler"],
        **options,
    )["samples"]
