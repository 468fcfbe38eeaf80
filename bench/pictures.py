"""A step of the sampler in run after run of one process, against the network alone: `python bench/pictures.py`.

One process draws and saves pictures of the starter as `main.py run` does, with other seeds; another calls the starter's
network in a plain loop, with a batch of the same size. Both are processes of their own, and nothing is cached.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))  # run as a script, from anywhere

ROOT = Path(__file__).parent.parent
STARTER = ROOT / "models/checkpoints/starter-emoji-128.safetensors"
GRAPH, SAMPLER, STEPS = ROOT / "workflows/text_to_image.json", "5", 30


def drawn(runs: int) -> list[float]:
    """Seconds of a step, by run."""
    with tempfile.TemporaryDirectory() as folder:
        line = [sys.executable, ROOT / "main.py", "run", GRAPH, "--set", f"{SAMPLER}.steps={STEPS}", "--no-cache"]
        line += ["--sweep", f"{SAMPLER}.seed=1..{runs}", "--base-directory", ROOT, "--out", folder, "--json-events"]
        told = subprocess.run(line, check=True, capture_output=True, text=True).stdout
    events = [json.loads(line) for line in told.splitlines()]
    ended = [e for e in events if e["event"] == "node_finished" and e["node"].partition(".")[0] == SAMPLER]
    return [e["seconds"] / STEPS for e in ended]


def alone() -> float:
    """Seconds of a call of the network."""
    return float(subprocess.run([sys.executable, __file__, "--alone"], check=True, stdout=subprocess.PIPE).stdout)


def call() -> float:
    import torch

    from diffusion import checkpoint

    model, _, _ = checkpoint.load(STARTER)
    x, context = torch.randn(2, 4, 16, 16), torch.randn(2, 77, 128)
    seconds: list[float] = []
    with torch.inference_mode():
        for _ in range(3 * STEPS):
            start = time.perf_counter()
            model.network(x, torch.full((2,), 500.0), context=context)
            seconds.append(time.perf_counter() - start)
    return statistics.median(seconds[STEPS:])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5, help="pictures that a process draws")
    parser.add_argument("--alone", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.alone:
        print(call())
        return
    before, steps, after = alone(), drawn(options.runs), alone()
    limit = (before + after) / 2
    for i, seconds in enumerate(steps, 1):
        print(f"run {i}: a step takes {seconds / limit:5.2f} of a call of the network alone")
    ratios = {"first": steps[0] / limit, "last": steps[-1] / limit, "alone_again": after / before}
    print(json.dumps({"bench": "pictures", **{name: round(ratio, 3) for name, ratio in ratios.items()}}))


if __name__ == "__main__":
    main()
