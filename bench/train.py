"""Steps of training against the same loop written plainly with diffusers and peft: `python bench/train.py`.

`lora` trains a LoRA of rank 16 for the transformers of SD 1.5's UNet (random weights), two latents of `--size` a step;
`starter` trains the starter's UNet, sixteen latents of 16 a step. Text features and latents are random tensors; both
compute in bf16 (`--dtype`) with the same number of threads. Each side is a process, and they make their steps in turn.
Memory is what the networks and the steps need at most beside the imported libraries. Needs peft.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

sys.path.insert(0, str(Path(__file__).parent.parent))  # run as a script, from anywhere

from bench.memory import forget_peak, memory
from bench.random_checkpoint import SD1, build, random_state
from bench.unet import STARTER, block_types
from diffusion.unet_config import UNetConfig

RANK, SEED, EXAMPLES, RATE = 16, 0, 64, 1e-4
DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}
TARGETS = ["proj_in", "proj_out", "to_q", "to_k", "to_v", "to_out.0", "ff.net.0.proj", "ff.net.2"]
Row = dict[str, float]
Step = Callable[[], float]
"""Makes one and returns its loss; the other of a pair answers a fixed question, before any step."""


@dataclass(frozen=True)
class Case:
    """widths: diffusers' words for the channels of each level. turns: how many steps are measured. pieces: that our
    batches are cut into."""

    config: UNetConfig
    widths: tuple[int, ...]
    batch: int
    size: int
    turns: int
    lora: bool
    pieces: int = 1


CASES = {
    "lora": Case(SD1, (320, 640, 1280, 1280), 2, 32, 7, True),
    "starter": Case(STARTER, (64, 128, 128, 128), 16, 16, 15, False),
}


def data(case: Case) -> tuple[Tensor, Tensor]:
    """Latents (n, 4, h, w) and text features (n, 77, d)."""
    random = torch.Generator().manual_seed(SEED)
    latents = torch.randn(EXAMPLES, 4, case.size, case.size, generator=random)
    return latents, torch.randn(EXAMPLES, 77, case.config.context_dim, generator=random)


def weights(case: Case, dtype: torch.dtype) -> dict[str, Tensor]:
    """Frozen weights are kept in the precision of the computation, those that learn in fp32."""
    return random_state(build(case.config), dtype if case.lora else torch.float32)


# --- ours ----------------------------------------------------------------------------------------


def ours(case: Case, dtype: torch.dtype, device: str, held: ExitStack) -> tuple[Step, Step]:
    from diffusion import prediction
    from diffusion.training.adapters import Adapters
    from diffusion.training.draws import generator
    from diffusion.training.optimize import Learning, Optimization
    from diffusion.training.parallel import Workers
    from diffusion.training.tasks import Denoising, Objective, learnt

    unet = build(case.config)
    unet.load_state_dict(weights(case, dtype), assign=True)
    modules = nn.ModuleDict({"unet": unet.to(device).requires_grad_(not case.lora)})
    if case.lora:
        adapters = Adapters(unet, "LoRA", RANK, torch.float32, torch.Generator().manual_seed(SEED))
        modules["unet_adapter"] = adapters
        held.enter_context(adapters.applied())
    latents, texts = data(case)
    examples = [{"latent": latent[None]} for latent in latents]

    def told(batch: Any, random: torch.Generator) -> dict[str, Tensor]:
        return {"context": texts[list(batch)]}

    task = Denoising(modules, prediction.discrete("eps"), examples, told, Objective())
    learning = Learning(learnt(modules), Optimization(steps=10**6, learning_rate=RATE))
    workers = Workers(modules, case.pieces, dtype)
    held.enter_context(workers.working())

    def step() -> float:
        batch = [(learning.done * case.batch + i) % EXAMPLES for i in range(case.batch)]
        question = task.question(batch, generator(SEED, learning.done))
        return learning.step(lambda _, scale: workers.gradients(task.loss, question, scale))

    def probe() -> float:
        x, at, context = asked(case, device)
        return answered(lambda: unet(x, at, context), device, dtype)

    return step, probe


def asked(case: Case, device: str) -> tuple[Tensor, Tensor, Tensor]:
    """One fixed question, to see that both are the same network."""
    latents, texts = data(case)
    return latents[:1].to(device), torch.tensor([500.0], device=device), texts[:1].to(device)


@torch.no_grad()
def answered(network: Callable[[], Tensor], device: str, dtype: torch.dtype) -> float:
    with torch.autocast(device, dtype, enabled=dtype is not torch.float32):
        return float(network().float().square().mean())


# --- diffusers and peft --------------------------------------------------------------------------


def theirs(case: Case, dtype: torch.dtype, device: str, held: ExitStack) -> tuple[Step, Step]:
    from diffusers.schedulers.scheduling_ddpm import DDPMScheduler

    unet = their_unet(case, dtype).to(device)
    if case.lora:
        from peft import LoraConfig

        config = LoraConfig(r=RANK, lora_alpha=RANK, init_lora_weights=True, target_modules=TARGETS)
        unet.requires_grad_(False)
        unet.add_adapter(config)
        for parameter in unet.parameters():
            if parameter.requires_grad:
                parameter.data = parameter.data.float()
    unet.train()
    scheduler: Any = DDPMScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", num_train_timesteps=1000
    )
    learnt = [p for p in unet.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(learnt, lr=RATE, weight_decay=0.01)
    latents, texts = data(case)
    done = 0

    def step() -> float:
        nonlocal done
        rows = [(done * case.batch + i) % EXAMPLES for i in range(case.batch)]
        done += 1
        x0, context = latents[rows].to(device), texts[rows].to(device)
        noise = torch.randn_like(x0)
        at = torch.randint(0, scheduler.config.num_train_timesteps, (case.batch,), device=device)
        noisy = scheduler.add_noise(x0, noise, at)
        with torch.autocast(device, dtype, enabled=dtype is not torch.float32):
            answer = unet(noisy, at, context).sample
        loss = torch.nn.functional.mse_loss(answer.float(), noise)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(learnt, 1.0)
        optimizer.step()
        optimizer.zero_grad()
        return float(loss.detach())

    def probe() -> float:
        return answered(lambda: unet(*asked(case, device)).sample, device, dtype)

    return step, probe


def their_unet(case: Case, dtype: torch.dtype) -> Any:
    from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel

    from diffusion import layouts

    with torch.device("meta"):
        unet = UNet2DConditionModel(
            block_out_channels=case.widths,
            cross_attention_dim=case.config.context_dim,
            attention_head_dim=8,
            **block_types(case.config),
        )
    shapes = {name: tuple(t.shape) for name, t in unet.state_dict().items()}
    state = weights(case, dtype)
    renamed = {name: state.pop(our).view(shapes[name]) for name, our in layouts.unet_names(shapes).items()}
    unet.load_state_dict(renamed, assign=True)
    return unet


# --- one side, in its own process ----------------------------------------------------------------

SIDES = {"ours": ours, "diffusers": theirs}


def serve(side: str, case: Case, dtype: torch.dtype, device: str) -> None:
    """A step for each line that comes in, and a line of JSON for each; at the end the memory, and an answer."""
    import diffusers  # noqa: F401 -- by both, so that the libraries' memory is not counted for one side alone

    before = memory("VmRSS")
    held = ExitStack()  # until the process ends
    step, probe = SIDES[side](case, dtype, device, held)
    told = probe()
    forget_peak()
    if device != "cpu":
        torch.cuda.reset_peak_memory_stats()
    print(json.dumps({"ready": side}), flush=True)
    for _ in sys.stdin:
        start, work = time.perf_counter(), time.process_time()
        loss = step()  # a number, so the device has ended
        seconds = {"seconds": time.perf_counter() - start, "of work": time.process_time() - work}
        print(json.dumps(seconds | {"loss": loss}), flush=True)
    peak = memory("VmHWM") - before if device == "cpu" else torch.cuda.max_memory_allocated() / 2**30
    print(json.dumps({"memory": peak, "probe": told}), flush=True)


# --- both ----------------------------------------------------------------------------------------


@contextmanager
def sides(arguments: list[str]) -> Iterator[dict[str, subprocess.Popen[str]]]:
    command = [sys.executable, "-W", "ignore", __file__, *arguments, "--side"]
    started = {
        side: subprocess.Popen([*command, side], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for side in SIDES
    }
    try:
        yield started
    finally:
        for process in started.values():
            process.kill()


def answer(process: subprocess.Popen[str]) -> Row:
    assert process.stdout
    for line in process.stdout:
        if line.startswith("{"):
            return json.loads(line)
    raise SystemExit("a side has ended; its message is above")


def ask(process: subprocess.Popen[str]) -> Row:
    assert process.stdin
    process.stdin.write("step\n")
    process.stdin.flush()
    return answer(process)


def compare(name: str, case: Case, arguments: list[str]) -> Row:
    steps: dict[str, list[Row]] = {side: [] for side in SIDES}
    with sides(["--case", name, *arguments]) as both:
        for process in both.values():
            answer(process)
        for turn in range(case.turns + 1):  # the first, which makes the optimiser's state, is not counted
            for side in list(both)[:: 1 if turn % 2 else -1]:
                steps[side].append(ask(both[side]))
        last: dict[str, Row] = {}
        for side, process in both.items():
            assert process.stdin
            process.stdin.close()
            last[side] = answer(process)
    return report(name, case, {side: rows[1:] for side, rows in steps.items()}, last)


def report(name: str, case: Case, steps: dict[str, list[Row]], last: dict[str, Row]) -> Row:
    first, second = SIDES
    print(f"{name}: {case.batch} latents of {case.size} x {case.size}    {first:>9} {second:>10} {'ratio':>6}")
    found: Row = {}
    for what in ("seconds", "of work"):
        a, b = (statistics.median(row[what] for row in steps[side]) for side in SIDES)
        each = [x[what] / y[what] for x, y in zip(steps[first], steps[second], strict=True)]
        low, middle, high = statistics.quantiles(each)
        print(f"  {what:31} {a:>8.2f}s {b:>9.2f}s {middle:>6.2f}  half of the pairs: {low:.2f} to {high:.2f}")
        found |= {f"{side} {what}": t for side, t in ((first, a), (second, b))} | {f"{what} ratio": middle}
    a, b = (last[side]["memory"] for side in SIDES)
    print(f"  {'memory':31} {a:>7.2f}GB {b:>8.2f}GB {a / b:>6.2f}")
    error = abs(last[first]["probe"] / last[second]["probe"] - 1)
    print(f"  both answer the same question, but for {error:.1e}")
    print(f"  steps a second: {1 / found[f'{first} seconds']:.3g} and {1 / found[f'{second} seconds']:.3g}")
    return found | {f"{first} memory": a, f"{second} memory": b, "memory ratio": a / b, "error": error}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", nargs="+", choices=tuple(CASES), default=tuple(CASES))
    parser.add_argument("--size", type=int, default=32, help="of the latents of `lora`, an eighth of the pixels")
    parser.add_argument("--batch", type=int, help="latents a step")
    parser.add_argument("--turns", type=int, help="steps that are measured")
    parser.add_argument("--pieces", type=int, help="that our batches are cut into, as `training.threads` says")
    parser.add_argument("--dtype", choices=tuple(DTYPES), default="bf16")
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument("--case", choices=tuple(CASES), help=argparse.SUPPRESS)
    parser.add_argument("--side", choices=tuple(SIDES), help=argparse.SUPPRESS)
    options = parser.parse_args()

    def case(name: str) -> Case:
        given = {k: v for k in ("batch", "turns", "pieces") if (v := getattr(options, k))}
        return replace(CASES[name], **given | ({"size": options.size} if CASES[name].lora else {}))

    if options.side:
        serve(options.side, case(options.case), DTYPES[options.dtype], options.device)
        return
    passed = ["--size", str(options.size), "--dtype", options.dtype, "--device", options.device]
    passed += [part for name in ("batch", "pieces") if (v := getattr(options, name)) for part in (f"--{name}", str(v))]
    rows = {name: compare(name, case(name), passed) for name in options.cases}
    print(json.dumps({"bench": "train", "threads": torch.get_num_threads(), "cores": os.cpu_count(), "rows": rows}))


if __name__ == "__main__":
    main()
