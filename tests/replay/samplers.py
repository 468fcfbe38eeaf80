"""Replays the lists "samplers" and "noise" of sampling.json.

The samplers run here on the sigmas, start and denoiser that the data's README states, written out below, so that this
checks the samplers alone.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor

from diffusion.noise import NoiseSource, batch_noise
from diffusion.samplers import Sampler
from tests.diffusion.solving import Mixture

if TYPE_CHECKING:
    from diffusion.prediction import Prediction

TOLERANCE = 1e-4  # of the largest value of a record
ONE_MORE = ("dpm_2", "dpm_2_ancestral", "uni_pc", "uni_pc_bh2")  # schedule a step more, and leave out the last but one


def replay(data: Mapping[str, Any], folder: Path) -> Iterator[tuple[str, str | None]]:
    """For each record its label, and None or what differs."""
    for r in data.get("samplers", ()):
        label = f"samplers {r['model']} {r['sampler']} {r['scheduler']} {r['steps']} steps, cfg {r['cfg']}"
        yield label, _guarded(lambda r=r: _run(r), r)
    for r in data.get("noise", ()):
        label = f"noise {r['seed']} {r['shape']} {r['batch_index']}"
        yield label, _guarded(lambda r=r: batch_noise(r["shape"], r["seed"], r["batch_index"]), r)


def _guarded(compute: Callable[[], Tensor], record: Mapping[str, Any]) -> str | None:
    try:
        return mismatch(compute(), record)
    except Exception as error:
        return f"{type(error).__name__}: {error}"


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


@dataclass(frozen=True)
class Toy:
    """The models of the data: a scale of sigmas, and what samplers ask of it."""

    flow: bool
    table: Tensor  # ascending
    log_table: Tensor
    out: tuple[float, float]  # x0 = x / scale + shift on the way out

    def sigma(self, timestep: Tensor) -> Tensor:
        """Between two entries of the table the logarithm is linear."""
        low, high, part = timestep.floor().long(), timestep.ceil().long(), timestep.frac()
        return ((1 - part) * self.log_table[low] + part * self.log_table[high]).exp()

    def percent_to_sigma(self, percent: float) -> float:
        if not self.flow:
            return float(self.sigma(torch.tensor((1 - percent) * 999.0)))
        return float(_shifted(torch.tensor(1 - percent, dtype=torch.float64)))

    def add_noise(self, latent: Tensor, noise: Tensor, sigma: Tensor, max_denoise: bool) -> Tensor:
        if self.flow:
            return sigma * noise + (1 - sigma) * latent
        return latent + noise * ((1 + sigma**2).sqrt() if max_denoise else sigma)


def _shifted(time: Tensor) -> Tensor:
    return 3 * time / (1 + 2 * time)


def _sd15() -> Toy:
    betas = torch.linspace(0.00085**0.5, 0.012**0.5, 1000, dtype=torch.float64) ** 2
    kept = torch.cumprod(1 - betas, 0)
    sigmas = ((1 - kept) / kept).sqrt()
    return Toy(False, sigmas.float(), sigmas.log().float(), (0.18215, 0.0))


def _flow() -> Toy:
    sigmas = _shifted(torch.arange(1, 1001) / 1000)
    return Toy(True, sigmas, sigmas.log(), (1.5305, 0.0609))


MODELS: dict[str, Callable[[], Toy]] = {"sd15": _sd15, "sdv": _sd15, "flow": _flow}


def _normal(toy: Toy, steps: int) -> Tensor:
    return torch.cat([toy.sigma(torch.linspace(999, 0, steps)), torch.zeros(1)])


def _simple(toy: Toy, steps: int) -> Tensor:
    return torch.tensor([float(toy.table[-1 - int(i * 1000 / steps)]) for i in range(steps)] + [0.0])


SCHEDULES: dict[str, Callable[[Toy, int], Tensor]] = {"normal": _normal, "simple": _simple}


def _run(record: Mapping[str, Any]) -> Tensor:
    toy, steps, name = MODELS[record["model"]](), record["steps"], record["sampler"]
    sigmas = SCHEDULES[record["scheduler"]](toy, steps + (name in ONE_MORE))
    if name in ONE_MORE:
        sigmas = torch.cat([sigmas[:-2], sigmas[-1:]])
    denoise = Mixture(cfg=record["cfg"], flow=toy.flow)
    start = batch_noise(record["shape"], record["seed"])
    x = toy.add_noise(torch.zeros(record["shape"]), start, sigmas[0], max_denoise=True)

    def on_step(i: int, n: int, x0: Tensor) -> None: ...

    prediction = cast("Prediction", toy)
    x = Sampler(name)(denoise, x, sigmas, prediction=prediction, noise=NoiseSource(record["seed"]), on_step=on_step)
    scale, shift = toy.out
    return x / scale + shift
