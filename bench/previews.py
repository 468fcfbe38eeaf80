"""What previews cost: a sampler run with each kind of preview relative to one without: `python bench/previews.py`.

The starter's runs last a second or two, in which the first picture weighs most. The larger network has random weights
and a quarter of SD 1.5's parameters; `--full` takes all of them and SD 1.5's size of picture (4 GB of memory, minutes).
Kinds are run in turns; `ratio` is the median of the turns' ratios of processor time, which other programs disturb less
than the clock. `share` is the part of a run, by the clock, in which it reports and draws. TAESD's weights are random.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors.torch import save_file

sys.path.insert(0, str(Path(__file__).parent.parent))  # run as a script, from anywhere

from bench.random_checkpoint import SD1, build, random_state
from diffusion import checkpoint, taesd
from diffusion.model import SD15, Model
from diffusion.placement import Resident, for_denoiser
from diffusion.prediction import discrete
from diffusion.settings import Settings, use
from diffusion.unet_config import UNetConfig, stable_diffusion
from executor.cancel import Cancel, Reporter
from executor.events import Event, Progressed
from executor.files import Files
from executor.previews import Method, Preview, Previews, Sketch
from nodes.sampling import k_sampler

ROOT = Path(__file__).parent.parent
STARTER = ROOT / "models/checkpoints/starter-emoji-128.safetensors"
QUARTER = stable_diffusion(160, context=256)
METHODS: tuple[Method, ...] = ("none", "latent2rgb", "taesd")
Timed = Callable[[Method], "Run"]


class Run(NamedTuple):
    seconds: float  # of the processor
    share: float
    pictures: int


class Watched(Reporter):
    """Adds up the time that it takes."""

    seconds = 0.0

    def __call__(self, value: int, total: int, preview: Sketch | None = None) -> None:
        start = time.perf_counter()
        super().__call__(value, total, preview)
        self.seconds += time.perf_counter() - start


def runs(model: Model, context: int, latent: int, steps: int, files: Files) -> Timed:
    """What runs the sampler once with previews of a method."""
    prompt: Any = [(torch.randn(1, 77, context), {})]
    empty: Any = {"samples": torch.zeros(1, 4, latent, latent)}

    def run(method: Method) -> Run:
        log: list[Event] = []
        previews = Previews(Preview(method), files, print)
        progress = Watched("1", log.append, Cancel(), previews)
        start, used = time.perf_counter(), time.process_time()
        k_sampler(
            model=model, steps=steps, cfg=3.5, sampler_name="euler", scheduler="normal", positive=prompt,
            negative=prompt, latent_image=empty, progress=progress,
        )  # fmt: skip
        share = progress.seconds / (time.perf_counter() - start)
        pictures = sum(e.preview is not None for e in log if isinstance(e, Progressed))
        return Run(time.process_time() - used, share, pictures)

    return run


def compare(what: str, run: Timed, repeats: int) -> list[dict[str, Any]]:
    """A row for each method, taken in turns so that a busy machine is unfair to none."""
    for method in METHODS:
        run(method)  # what is read and imported once
    turns = [{method: run(method) for method in METHODS[i % 3 :] + METHODS[: i % 3]} for i in range(repeats)]

    def row(method: Method) -> dict[str, Any]:
        return {
            "model": what,
            "method": method,
            "seconds": statistics.median(turn[method].seconds for turn in turns),
            "pictures": statistics.median(turn[method].pictures for turn in turns),
            "share": statistics.median(turn[method].share for turn in turns),
            "ratio": statistics.median(turn[method].seconds / turn["none"].seconds for turn in turns),
        }

    return [row(method) for method in METHODS]


def larger(config: UNetConfig) -> Model:
    network = build(config)
    place = for_denoiser(config.model_channels)
    network.load_state_dict(random_state(network, place.dtype), assign=True)
    resident = Resident(network.eval().requires_grad_(False), place)
    return Model(network=resident, prediction=discrete("eps"), latent_format=SD15)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--full", action="store_true", help="SD 1.5's size as well")
    options = parser.parse_args()
    use(Settings("auto", "cpu"))
    torch.manual_seed(0)
    with tempfile.TemporaryDirectory() as base:
        folder = Path(base) / "models/vae_approx"
        folder.mkdir(parents=True)
        save_file(taesd.decoder(4).state_dict(), folder / "taesd_decoder.safetensors")
        files = Files(Path(base))
        starter = replace(checkpoint.load(STARTER)[0], name="")  # by its name it would have no TAESD
        rows = compare("starter", runs(starter, 128, 16, 20, files), 15)
        rows += compare("quarter", runs(larger(QUARTER), 256, 32, 10, files), 5)
        rows += compare("SD 1.5", runs(larger(SD1), 768, 64, 4, files), 3) if options.full else []
    print(f"{'model':8} {'method':11} {'seconds':>8} {'pictures':>8} {'share':>6} {'ratio':>6}")
    for row in rows:
        numbers = f"{row['seconds']:>8.2f} {row['pictures']:>8.0f} {row['share']:>6.1%} {row['ratio']:>6.3f}"
        print(f"{row['model']:8} {row['method']:11} {numbers}")
    print(json.dumps({"bench": "previews", "threads": torch.get_num_threads(), "cores": os.cpu_count(), "rows": rows}))


if __name__ == "__main__":
    main()
