"""Merging a LoRA of rank 64 into full-size UNets, against peft in diffusers: `python bench/lora.py`.

Time and peak memory from a file and a network in memory (fp32) to merged weights, of both with the same files, in turn,
each in a process of its own; then what stays, how long it takes to undo, what a stack of five costs, what it costs to
change one of its strengths, and what a step costs. `--sizes sd15` leaves Stable Diffusion XL's sizes out, which take
15 GB of free memory. Needs peft.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import struct
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

from bench.memory import forget_peak, memory
from bench.random_checkpoint import SD1, SDXL, random_state
from diffusion import layouts
from diffusion.unet import UNet

RANK, STRENGTH = 64, 0.8
REPEATS = 3
ROUNDS = {"sd15": 3, "sdxl": 1}
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
    """A UNet in fp16, and adapters for all matrices of its transformers and for a part of them, in diffusers' words."""
    with torch.device("meta"):
        network = UNet(SDXL if size == "sdxl" else SD1)
    path, prefix = folder / "unet.safetensors", "model.diffusion_model."
    if size == "sdxl":
        write_zeros(path, {f"{prefix}{name}": tuple(t.shape) for name, t in network.state_dict().items()})
    else:
        save_file({f"{prefix}{name}": t for name, t in random_state(network, torch.float16).items()}, path)
    generator, lora = torch.Generator().manual_seed(0), dict[str, Tensor]()
    for name, tensor in their_unet(size).state_dict().items():
        layer = name.removesuffix(".weight")
        if name.endswith(".weight") and ".transformer_blocks." in name and layer.endswith(LAYERS):
            for part, shape in (("A", (RANK, tensor.shape[1])), ("B", (tensor.shape[0], RANK))):
                lora[f"unet.{layer}.lora_{part}.weight"] = (torch.randn(shape, generator=generator) * 0.02).half()
    save_file(lora, folder / "lora.safetensors")
    save_file({name: t for name, t in lora.items() if ".attn2." in name}, folder / "part.safetensors")


def write_zeros(path: Path, shapes: dict[str, tuple[int, ...]]) -> None:
    """A file of fp16 tensors that takes no room on the disk."""
    header, end = dict[str, Any](), 0
    for name, shape in shapes.items():
        start, end = end, end + 2 * torch.Size(shape).numel()
        header[name] = {"dtype": "F16", "shape": shape, "data_offsets": [start, end]}
    text = json.dumps(header).encode()
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        file.truncate(8 + len(text) + end)


# --- one side, in its own process ----------------------------------------------------------------


Row = dict[str, float]


def worked(action: Callable[[], None]) -> tuple[float, float]:
    """Seconds, and those that the processors spent on it, which another program's work does not lengthen."""
    start = time.process_time()
    return timed(action), time.process_time() - start


def timed(action: Callable[[], None]) -> float:
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def measure(apply: Callable[[], None], undo: Callable[[], None], changed: Callable[[], float]) -> Row:
    forget_peak()
    before = memory("VmRSS")
    seconds = [worked(apply)]
    row = {"peak": memory("VmHWM") - before, "kept": memory("VmRSS") - before, "norm": changed()}
    undone = [timed(undo)]
    for _ in range(REPEATS - 1):
        seconds.append(worked(apply))
        undone.append(timed(undo))
    wall, work = (statistics.median(column) for column in zip(*seconds, strict=True))
    return {"seconds": wall, "of work": work, "undo": statistics.median(undone), **row}


@torch.no_grad()
def ours(size: str, folder: Path) -> Row:
    from diffusion.adapters import load

    model = our_model(folder)
    base: Any = model.network
    probe = layer_to_probe(base.ready().state_dict())
    plain = base.value(probe)

    def merged(*strengths: float, part: float = 0.0) -> Any:
        found = model
        for strength in strengths:
            found = load.apply_to_model(folder / "lora.safetensors", found, strength)
        return load.apply_to_model(folder / "part.safetensors", found, part).network if part else found.network

    row = measure(
        lambda: merged(STRENGTH).ready(), base.ready, lambda: float((base.module.state_dict()[probe] - plain).norm())
    )
    forget_peak()
    before = memory("VmRSS")
    row |= {"five": timed(lambda: merged(0.1, 0.2, 0.3, 0.4, part=0.5).ready())}
    row |= {"five_peak": memory("VmHWM") - before, "five_kept": memory("VmRSS") - before}
    row |= {"five_again": timed(lambda: merged(0.1, 0.2, 0.3, 0.4, part=0.5).ready())}
    row |= {"five_changed": timed(lambda: merged(0.1, 0.2, 0.3, 0.4, part=0.6).ready())}
    return row


def our_model(folder: Path) -> Any:
    from diffusion import checkpoint
    from diffusion.settings import Settings, use

    use(Settings("fp32", "cpu"))
    return checkpoint.load_unet(folder / "unet.safetensors")


@torch.no_grad()
def steps(size: str, folder: Path) -> Row:
    """What a step with the adapter takes of one without: the quartiles of the ratios of neighbours, in turn."""
    from diffusion.adapters import load

    model = our_model(folder)
    base: Any = model.network
    merged: Any = load.apply_to_model(folder / "lora.safetensors", model, STRENGTH).network
    x, at, context = torch.randn(1, 4, 32, 32), torch.tensor([500.0]), torch.randn(1, 77, 768)
    base(x, at, context)
    ratios: list[float] = []
    for i in range(10):
        seconds = dict[str, float]()
        for name, network in (("plain", base), ("merged", merged))[:: 1 if i % 2 else -1]:
            network.ready()
            seconds[name] = timed(lambda network=network: network(x, at, context))
        ratios.append(seconds["merged"] / seconds["plain"])
    return dict(zip(("low", "middle", "high"), statistics.quantiles(ratios), strict=True))


@torch.no_grad()
def theirs(size: str, folder: Path) -> Row:
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


def run(side: str, size: str, folder: Path) -> Row:
    command = [sys.executable, "-W", "ignore", __file__, "--side", side, "--sizes", size, "--folder", str(folder)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def compare(size: str) -> dict[str, Row]:
    """The median row of each side."""
    with tempfile.TemporaryDirectory() as place:
        run("files", size, Path(place))
        found = [{side: run(side, size, Path(place)) for side in ("ours", "theirs")} for _ in range(ROUNDS[size])]
        step = run("steps", size, Path(place)) if size == "sd15" else {}
    rows = {
        side: {what: statistics.median(both[side][what] for both in found) for what in found[0][side]}
        for side in ("ours", "theirs")
    }
    print(f"{size}, rank {RANK}  {'ours':>9} {'peft':>9} {'ratio':>6}")
    for what, unit in (("seconds", "s"), ("of work", "s"), ("undo", "s"), ("peak", "GB"), ("kept", "GB")):
        a, b = rows["ours"][what], rows["theirs"][what]
        ratios = [f"{both['ours'][what] / both['theirs'][what]:.2f}" for both in found]
        print(f"{what:14} {a:>8.2f}{unit:2} {b:>8.2f}{unit:2} {a / b:>6.2f}  in turn: {', '.join(ratios)}")
    report(rows["ours"], abs(rows["ours"]["norm"] / rows["theirs"]["norm"] - 1))
    if step:
        rows["steps"] = step
        low, middle, high = (f"{step[what]:.3f}" for what in ("low", "middle", "high"))
        print(f"a step with it takes {middle} of one without; half of the repeats: {low} to {high}")
    return rows


def report(row: Row, error: float) -> None:
    print(f"the change of a weight agrees to {error:.1e}")
    print(
        f"a stack of five: {row['five']:.2f} s, at most {row['five_peak']:.2f} GB more memory, "
        f"{row['five_kept']:.2f} GB after; again: {row['five_again']:.2f} s; "
        f"with another strength of one for a part: {row['five_changed']:.2f} s"
    )


SIDES: dict[str, Callable[[str, Path], Any]] = {"files": make_files, "ours": ours, "theirs": theirs, "steps": steps}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", nargs="+", choices=tuple(SIZES), default=tuple(SIZES))
    parser.add_argument("--side", choices=tuple(SIDES), help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.side:
        print(json.dumps(SIDES[options.side](options.sizes[0], options.folder)))
        return
    rows = {size: compare(size) for size in options.sizes}
    print(json.dumps({"bench": "lora", "cores": os.cpu_count(), "rows": rows}))


if __name__ == "__main__":
    main()
