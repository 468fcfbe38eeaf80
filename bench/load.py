"""Time and peak memory of loading a full-size random SD 1.5 checkpoint, ours against diffusers: `python bench/load.py`.

Writes 2.1 GB twice into the temporary folder (one file for us, the folder layout that diffusers loads fastest) and
removes them. Each loader is a process of its own, so that its peak is its own; imports are not timed; files are in the
page cache for both. Both load the fp16 weights as they are and then run the UNet once, on a tiny latent, in bf16.

Then two such checkpoints take turns in a graph of one step, in bf16: what the first use of each costs, what coming back
to each costs, and what staying does.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))  # run as a script, from anywhere

FILE, FOLDER = "checkpoint.safetensors", "diffusers"


def write(place: Path) -> None:
    """The same random weights in both layouts."""
    import torch
    from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
    from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
    from safetensors.torch import save_file
    from transformers import CLIPTextConfig, CLIPTextModel

    from bench.random_checkpoint import random_state
    from diffusion import layouts

    levels = (128, 256, 512, 512)
    vae: dict[str, Any] = {"block_out_channels": levels, "layers_per_block": 2, "latent_channels": 4}
    vae |= {"down_block_types": ("DownEncoderBlock2D",) * 4, "up_block_types": ("UpDecoderBlock2D",) * 4}
    text = CLIPTextConfig(hidden_size=768, intermediate_size=3072, num_attention_heads=12, num_hidden_layers=12)
    with torch.device("meta"):
        networks: dict[str, Any] = {
            "unet": UNet2DConditionModel(cross_attention_dim=768, attention_head_dim=8),
            "vae": AutoencoderKL(**vae),
            "text_encoder": CLIPTextModel(text),
        }
    rename = {"unet": layouts.unet_names, "vae": layouts.vae_names}
    prefixes = {
        "unet": "model.diffusion_model.",
        "vae": "first_stage_model.",
        "text_encoder": "cond_stage_model.transformer.",
    }
    whole: dict[str, Any] = {}
    for name, network in networks.items():
        state = random_state(network, torch.float16)
        network.load_state_dict(state, assign=True, strict=False)
        network.to(torch.float16).save_pretrained(place / FOLDER / name)
        names = rename.get(name, lambda shapes: {n: n for n in shapes})({n: tuple(t.shape) for n, t in state.items()})
        for theirs, tensor in state.items():
            ours = names[theirs]
            as_conv = ".attn_1." in ours and tensor.dim() == 2
            whole[prefixes[name] + ours] = tensor[..., None, None] if as_conv else tensor
    save_file(whole, place / FILE)


def load_ours(place: Path) -> list[float]:
    import torch

    from diffusion import checkpoint
    from diffusion.settings import Settings, use

    use(Settings("bf16", "cpu"))
    start = time.perf_counter()
    model, _, _ = checkpoint.load(place / FILE)
    loaded, peak = time.perf_counter() - start, peak_memory()
    with torch.no_grad():
        model.network(torch.ones(1, 4, 8, 8), torch.ones(1), torch.ones(1, 77, 768))
    return [loaded, peak, time.perf_counter() - start, peak_memory()]


def load_diffusers(place: Path) -> list[float]:
    import torch
    from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
    from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
    from transformers import CLIPTextModel

    start = time.perf_counter()
    unet: Any = UNet2DConditionModel.from_pretrained(place / FOLDER, subfolder="unet", torch_dtype=torch.float16)
    held = [
        AutoencoderKL.from_pretrained(place / FOLDER, subfolder="vae", torch_dtype=torch.float16),
        CLIPTextModel.from_pretrained(place / FOLDER, subfolder="text_encoder", torch_dtype=torch.float16),
    ]
    loaded, peak = time.perf_counter() - start, peak_memory()
    unet.to(dtype=torch.bfloat16)
    with torch.no_grad():
        x, context = torch.ones(1, 4, 8, 8), torch.ones(1, 77, 768)
        unet(x.bfloat16(), torch.ones(1), context.bfloat16())
    del held
    return [loaded, peak, time.perf_counter() - start, peak_memory()]


TURNS = {"first": "a", "second": "b", "back to the first": "a", "back to the second": "b", "staying": "b"}


def switch(place: Path) -> dict[str, float]:
    """Seconds of each turn of two checkpoints, a picture of 64 x 64 pixels in one step, with a cache in between."""
    import nodes
    from diffusion.settings import Settings, use
    from executor.cache import Cache
    from executor.files import Files
    from executor.graph import read
    from executor.node import registry
    from executor.plan import make_plan
    from executor.run import execute

    assert nodes.__name__
    use(Settings("bf16", "cpu"))
    folder = place / "base/models/checkpoints"
    folder.mkdir(parents=True)
    for name in "ab":
        (folder / f"{name}.safetensors").hardlink_to(place / FILE)
    files, cache, seconds = Files(place / "base"), Cache(), dict[str, float]()
    for seed, (turn, name) in enumerate(TURNS.items()):
        graph = read(one_step(f"{name}.safetensors", seed))
        start = time.perf_counter()
        outcome = execute(make_plan(graph, registry, ["6"], files), files=files, cache=cache)
        seconds[turn] = time.perf_counter() - start
        assert not outcome.failed, outcome.failed
    return seconds


def one_step(checkpoint: str, seed: int) -> Any:
    sampled = {"seed": seed, "steps": 1, "cfg": 1.0, "sampler_name": "euler", "scheduler": "normal", "denoise": 1.0}
    links = {"model": ["1", 0], "positive": ["2", 0], "negative": ["2", 0], "latent_image": ["3", 0]}
    return {
        "1": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": checkpoint}},
        "2": {"class_type": "CLIPTextEncode", "inputs": {"text": "a fox", "clip": ["1", 1]}},
        "3": {"class_type": "EmptyLatentImage", "inputs": {"width": 64, "height": 64, "batch_size": 1}},
        "4": {"class_type": "KSampler", "inputs": sampled | links},
        "5": {"class_type": "VAEDecode", "inputs": {"samples": ["4", 0], "vae": ["1", 2]}},
        "6": {"class_type": "SaveImage", "inputs": {"images": ["5", 0], "filename_prefix": "x"}},
    }


def peak_memory() -> int:
    """The most memory that this process has held, in bytes, mapped files included."""
    try:
        # getrusage would report the parent's peak where that was higher: it survives exec
        lines = Path("/proc/self/status").read_text().splitlines()
        return int(next(line.split()[1] for line in lines if line.startswith("VmHWM"))) * 1024
    except FileNotFoundError:
        import resource

        unit = 1 if sys.platform == "darwin" else 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


JOBS = {"write": write, "ours": load_ours, "diffusers": load_diffusers, "switch": switch}


def job(name: str, place: Path) -> Any:
    """What one job returns, run in a process of its own."""
    command = [sys.executable, "-W", "ignore", __file__, "--job", name, "--place", str(place)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--job", choices=JOBS, help=argparse.SUPPRESS)
    parser.add_argument("--place", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.job:
        print(json.dumps(JOBS[options.job](options.place)))
        return
    rows: dict[str, dict[str, float]] = {}
    turns: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        job("write", Path(folder))
        size = (Path(folder) / FILE).stat().st_size
        print(f"{'':>10} {'load':>8} {'peak':>9} {'/ file':>7} {'first step after':>17} {'peak':>9} {'/ file':>7}")
        for name in ("ours", "diffusers"):
            loaded, peak, used, used_peak = job(name, Path(folder))
            rows[name] = {"load_seconds": loaded, "load_peak": peak, "used_seconds": used, "used_peak": used_peak}
            print(
                f"{name:>10} {loaded:>7.2f}s {peak / 1e9:>6.2f} GB {peak / size:>7.2f} "
                f"{used:>16.2f}s {used_peak / 1e9:>6.2f} GB {used_peak / size:>7.2f}"
            )
        turns = job("switch", Path(folder))
    print("two checkpoints in turn: " + ", ".join(f"{turn} {seconds:.2f} s" for turn, seconds in turns.items()))
    print(json.dumps({"bench": "load", "file_bytes": size, **rows, "switch": turns}))


if __name__ == "__main__":
    main()
