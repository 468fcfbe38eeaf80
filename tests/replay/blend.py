"""Replays the group "blend" of nodes.json: several conditionings in one run, guiders, noise masks."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

import nodes
from diffusion import guidance
from diffusion.guidance import Guider
from diffusion.model import Model
from diffusion.noise import Noise
from diffusion.samplers import Sampler
from diffusion.sampling import sample
from executor.node import registry, results
from tests import compare
from tests.replay.toys import MODELS

ATOL, RTOL = 1e-4, 1e-4  # a run adds up the rounding of its steps


def replay(data: Sequence[Mapping[str, Any]], folder: Path) -> Iterator[tuple[str, str | None]]:
    """For each record its label, and None or what differs."""
    assert nodes.__name__
    for r in data:
        patch = r["model_patch"]["node"] if "model_patch" in r else ""
        label = f"blend {r['case']} {patch} {r['toy_model']} seed {r['seed']}"
        if patch and patch not in registry:
            yield label, f"there is no node {patch}"
        else:
            yield label, compare.diff(run(r), r["output"], ATOL, RTOL)


def run(r: Mapping[str, Any]) -> Tensor:
    model = patched(MODELS[r["toy_model"]](), r)
    latent: dict[str, Any] = {"samples": torch.zeros(r["latent_shape"])}
    if "latent" in r:
        latent["samples"] = decode(r["latent"])
    if "noise_mask" in r:
        latent["noise_mask"] = decode(r["noise_mask"])
    sampler, sigmas = Sampler(r["sampler"]), torch.tensor(r["sigmas"])
    return sample(guider(model, r), latent, sampler=sampler, sigmas=sigmas, noise=Noise(r["seed"]))[0]["samples"]


def patched(model: Model, r: Mapping[str, Any]) -> Model:
    if "model_patch" not in r:
        return model
    inputs = {k: conditioning(v) if isinstance(v, list) else v for k, v in r["model_patch"]["inputs"].items()}
    (result,) = results(
        registry[r["model_patch"]["node"]], registry[r["model_patch"]["node"]].function(model=model, **inputs)
    )
    return result


def guider(model: Model, r: Mapping[str, Any]) -> Guider:
    if "guider" not in r:
        return guidance.cfg(model, conditioning(r["positive"]), conditioning(r["negative"]), r["cfg"])
    inputs = {k: conditioning(v) if isinstance(v, list) else v for k, v in r["guider"]["inputs"].items()}
    return registry[r["guider"]["node"]].function(model=model, **inputs)


def conditioning(entries: Sequence[Any]) -> list[tuple[Tensor, dict[str, Any]]]:
    """`value` in a record stands for a context (1, 7, 8) filled with it."""
    return [(torch.full((1, 7, 8), value), decode(options)) for value, options in entries]


def decode(value: Any) -> Any:
    return compare.decode(value, torch.from_numpy)
