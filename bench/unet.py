"""One step of the denoising network, ours against diffusers' on the same random weights: `python bench/unet.py`.

By default the starter's size; `--full` runs SD 1.5's (4 GB of memory, some minutes), `--dtype bf16` another precision.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from torch import Tensor

sys.path.insert(0, str(Path(__file__).parent.parent))  # run as a script, from anywhere

from bench.random_checkpoint import SD1, build, random_state
from diffusion import layouts
from diffusion.placement import Resident, for_denoiser
from diffusion.settings import Settings, use
from diffusion.unet import UNet
from diffusion.unet_config import UNetConfig, stable_diffusion

STARTER = stable_diffusion(64, (1, 2, 2, 2), (0, 1, 1, 0), context=128)


def block_types(config: UNetConfig) -> dict[str, Any]:
    """diffusers' words for the levels, with attention or without."""
    first = "CrossAttn" if config.model_channels != 64 else ""
    with_attention = (first, "CrossAttn", "CrossAttn", "")
    down = tuple(f"{kind}DownBlock2D" for kind in with_attention)
    return {"down_block_types": down, "up_block_types": tuple(f"{kind}UpBlock2D" for kind in with_attention[::-1])}


def theirs(config: UNetConfig, ours: UNet, dtype: torch.dtype) -> UNet2DConditionModel:
    """diffusers' network of the same shape, sharing our weights."""
    widths = [64, 128, 128, 128] if config.model_channels == 64 else [320, 640, 1280, 1280]
    with torch.device("meta"):
        his = UNet2DConditionModel(
            block_out_channels=tuple(widths),
            cross_attention_dim=config.context_dim,
            attention_head_dim=8,
            **block_types(config),
        )
    names = layouts.unet_names({name: tuple(t.shape) for name, t in his.state_dict().items()})
    state = ours.state_dict()
    his.load_state_dict({name: state[our].to(dtype).contiguous() for name, our in names.items()}, assign=True)
    return his.eval().requires_grad_(False)


def best(calls: Sequence[Callable[[], Tensor]], repeats: int) -> list[float]:
    """Seconds of the fastest of some runs of each call, taken in turns so that a busy machine is unfair to none."""
    times: list[list[float]] = [[] for _ in calls]
    for _ in range(repeats):
        for call, took in zip(calls, times, strict=True):
            start = time.perf_counter()
            call()
            took.append(time.perf_counter() - start)
    return [min(took) for took in times]


def compare(config: UNetConfig, size: int, precision: str, repeats: int) -> dict[str, float | str]:
    use(Settings(precision, "cpu"))
    place = for_denoiser(config.model_channels)
    ours = build(config)
    ours.load_state_dict(random_state(ours, place.dtype), assign=True)
    his = theirs(config, ours.eval().requires_grad_(False), place.dtype)
    network = Resident(ours, place)
    x, timesteps = torch.randn(2, 4, size, size), torch.tensor([500.0, 500.0])
    context = torch.randn(2, 77, config.context_dim)
    hx, hc = x.to(place.dtype), context.to(place.dtype)
    with torch.no_grad():
        reference = his(hx, timesteps, hc).sample.float()
        error = float((network(x, timesteps, context) - reference).norm() / reference.norm())
        calls = (lambda: network(x, timesteps, context), lambda: his(hx, timesteps, hc).sample)
        seconds, reference_seconds = best(calls, repeats)
    return {
        "width": config.model_channels,
        "latent": size,
        "dtype": str(place.dtype).removeprefix("torch."),
        "seconds": seconds,
        "diffusers_seconds": reference_seconds,
        "ratio": seconds / reference_seconds,
        "relative_error": error,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--full", action="store_true", help="SD 1.5's size as well")
    parser.add_argument("--dtype", choices=("fp32", "bf16"), nargs="*", default=("fp32", "bf16"))
    options = parser.parse_args()
    sizes = [(STARTER, 16, 30), *([(SD1, 32, 3)] if options.full else [])]
    rows = [compare(config, size, dtype, n) for config, size, n in sizes for dtype in options.dtype]
    print(f"{'width':>6} {'latent':>7} {'dtype':>9} {'ours':>9} {'diffusers':>10} {'ratio':>6} {'error':>9}")
    for row in rows:
        print(
            f"{row['width']:>6} {row['latent']:>7} {row['dtype']:>9} {row['seconds']:>8.3f}s "
            f"{row['diffusers_seconds']:>9.3f}s {row['ratio']:>6.2f} {row['relative_error']:>9.1e}"
        )
    print(json.dumps({"bench": "unet", "threads": torch.get_num_threads(), "cores": os.cpu_count(), "rows": rows}))


if __name__ == "__main__":
    main()
