"""Merging a LoRA of rank 64 into a full-size UNet, against peft in diffusers: `python bench/lora.py`.

Time and peak memory from a file and a network in memory (fp32) to merged weights, of both with the same files, each in
a process of its own; then what stays, how long it takes to undo, and what a step costs. `--xl` takes Stable Diffusion
XL's sizes (15 GB of free memory, five minutes). Needs peft.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

sys.path.insert(0, str(Path(__file__).parent.parent))  # run as a script, from anywhere

from bench.random_checkpoint import SD1, SDXL
from diffusion import layouts
from diffusion.unet import UNet

RANK, STRENGTH = 64, 0.8
SIZES: dict[str, dict[str, Any]] = {
    "sd15": {"cross_attention_dim": 768, "attention_head_dim": 8, "block_out_channels": (320, 640, 1280, 1280)},
    "sdxl": {
        "cross_attention_dim": 2048, "attention_head_dim": (5, 10, 20), "block_out_channels": (320, 640, 1280),
        "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        "up_block_types": ("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        "transformer_layers_per_block": (1, 2, 10), "use_linear_projection": True,
        "addition_embed_type": "text_time", "addition_time_embed_dim": 256,
        "projection_class_embeddings_input_dim": 2816,
    },
}  # fmt: skip
LAYERS = ("to_q", "to_k", "to_v", "to_out.0", "ff.net.0.proj", "ff.net.2")


def their_unet(size: str) -> Any:
    from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel

    with torch.device("meta"):
        return UNet2DConditionModel(**SIZES[size]).eval().requires_grad_(False)


def names(his: nn.Module) -> dict[str, str]:
    """diffusers' names -> ours."""
    return layouts.unet_names({name: tuple(t.shape) for name, t in his.state_dict().items()})


def make_files(size: str, folder: Path) -> None:
    """A UNet in fp16, and an adapter for all matrices of its transformers, in diffusers' words."""
    with torch.device("meta"):
        network = UNet(SDXL if size == "sdxl" else SD1)
    generator = torch.Generator().manual_seed(0)

    def random(shape: Any) -> Tensor:
        return (torch.randn(shape, generator=generator) * 0.02).half()

    unet = {f"model.diffusion_model.{name}": random(t.shape) for name, t in network.state_dict().items()}
    save_file(unet, folder / "unet.safetensors")
    lora: dict[str, Tensor] = {}
    for name, tensor in their_unet(size).state_dict().items():
        layer = name.removesuffix(".weight")
        if name.endswith(".weight") and ".transformer_blocks." in name and layer.endswith(LAYERS):
            lora[f"unet.{layer}.lora_A.weight"] = random((RANK, tensor.shape[1]))
            lora[f"unet.{layer}.lora_B.weight"] = random((tensor.shape[0], RANK))
    save_file(lora, folder / "lora.safetensors")


# --- one side, in its own process ----------------------------------------------------------------


def memory(kind: str) -> float:
    """GB that this process holds (VmRSS), or held at most since `forget_peak` (VmHWM)."""
    with open("/proc/self/status", encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith(kind)) / 2**20


def forget_peak() -> None:
    gc.collect()
    Path("/proc/self/clear_refs").write_text("5")


def measure(apply: Callable[[], None], undo: Callable[[], None], changed: Callable[[], float]) -> dict[str, float]:
    forget_peak()
    before = memory("VmRSS")
    start = time.perf_counter()
    apply()
    seconds = time.perf_counter() - start
    peak, kept = memory("VmHWM"), memory("VmRSS")
    norm = changed()
    start = time.perf_counter()
    undo()
    undone = time.perf_counter() - start
    return {"seconds": seconds, "peak": peak - before, "kept": kept - before, "norm": norm, "undo": undone}


@torch.no_grad()
def ours(size: str, folder: Path) -> dict[str, float]:
    from diffusion import checkpoint
    from diffusion.adapters import load
    from diffusion.placement import Resident
    from diffusion.settings import Settings, use

    use(Settings("fp32", "cpu"))
    model = checkpoint.load_unet(folder / "unet.safetensors")
    base: Any = model.network
    state = base.ready().state_dict()
    probe = layer_to_probe(state)
    plain = state[probe].clone()
    del state
    found: list[Resident] = []

    def apply() -> None:
        network: Any = load.apply_to_model(folder / "lora.safetensors", model, STRENGTH).network
        network.ready()
        found.append(network)

    row = measure(apply, base.ready, lambda: float((base.module.state_dict()[probe] - plain).norm()))
    return row | ({} if size == "sdxl" else steps(base, found[0]))


def steps(base: Any, merged: Any) -> dict[str, float]:
    """Seconds of the fastest of some steps without and with the adapter, in turn."""
    x, at, context = torch.randn(1, 4, 32, 32), torch.tensor([500.0]), torch.randn(1, 77, 768)
    best = {"plain": 1e9, "merged": 1e9}
    for _ in range(4):
        for name, network in (("plain", base), ("merged", merged)):
            network.ready()
            start = time.perf_counter()
            network(x, at, context)
            best[name] = min(best[name], time.perf_counter() - start)
    return {f"step_{name}": seconds for name, seconds in best.items()}


@torch.no_grad()
def theirs(size: str, folder: Path) -> dict[str, float]:
    his = their_unet(size)
    renamed = names(his)
    weights = load_file(folder / "unet.safetensors")
    shapes = {name: t.shape for name, t in his.state_dict().items()}
    state = {n: weights.pop(f"model.diffusion_model.{our}").float().view(shapes[n]) for n, our in renamed.items()}
    his.load_state_dict(state, assign=True)
    del state, weights
    back = {our: n for n, our in renamed.items()}
    probe = back[layer_to_probe(back)]
    plain = his.get_parameter(probe).clone()

    def apply() -> None:
        his.load_lora_adapter(load_file(folder / "lora.safetensors"), prefix="unet")
        his.fuse_lora(lora_scale=STRENGTH)

    def undo() -> None:
        his.unfuse_lora()
        his.unload_lora()

    merged = probe.replace(".weight", ".base_layer.weight")
    return measure(apply, undo, lambda: float((his.get_parameter(merged) - plain).norm()))


def layer_to_probe(ours: Any) -> str:
    return next(n for n in ours if n.startswith("middle_block.1") and n.endswith("attn2.to_k.weight"))


# --- both ----------------------------------------------------------------------------------------


def run(side: str, size: str, folder: Path) -> dict[str, float]:
    command = [sys.executable, "-W", "ignore", __file__, "--side", side, "--folder", str(folder)]
    done = subprocess.run([*command, *(["--xl"] if size == "sdxl" else [])], check=True, capture_output=True, text=True)
    return json.loads(done.stdout.splitlines()[-1])


SIDES: dict[str, Callable[[str, Path], Any]] = {"files": make_files, "ours": ours, "theirs": theirs}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--xl", action="store_true", help="Stable Diffusion XL's sizes")
    parser.add_argument("--side", choices=tuple(SIDES), help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    size = "sdxl" if options.xl else "sd15"
    if options.side:
        print(json.dumps(SIDES[options.side](size, options.folder)))
        return
    with tempfile.TemporaryDirectory() as place:
        run("files", size, Path(place))
        rows = {side: run(side, size, Path(place)) for side in ("ours", "theirs")}
    print(f"{size}, rank {RANK}  {'ours':>9} {'peft':>9} {'ratio':>6}")
    for what, unit in (("seconds", "s"), ("peak", "GB"), ("kept", "GB"), ("undo", "s")):
        a, b = rows["ours"][what], rows["theirs"][what]
        print(f"{what:14} {a:>8.2f}{unit:2} {b:>8.2f}{unit:2} {a / b if b > 0.005 else float('nan'):>6.2f}")
    error = abs(rows["ours"]["norm"] / rows["theirs"]["norm"] - 1)
    print(f"the change of a weight agrees to {error:.1e}")
    if "step_plain" in rows["ours"]:
        print(f"a step with it takes {rows['ours']['step_merged'] / rows['ours']['step_plain']:.3f} of one without")
    print(json.dumps({"bench": "lora", "size": size, "cores": os.cpu_count(), "rows": rows}))


if __name__ == "__main__":
    main()
