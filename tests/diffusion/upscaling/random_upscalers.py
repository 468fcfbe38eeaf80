"""Narrow random upscalers in the layouts of their published files."""

import math

import torch
from torch import Tensor

Tensors = dict[str, Tensor]


def _conv(out: int, channels: int, size: int = 3, seed: int = 0) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    weight = torch.randn(out, channels, size, size, generator=generator) / math.sqrt(channels * size**2)
    return weight, torch.randn(out, generator=generator) * 0.1


def _put(tensors: Tensors, name: str, out: int, channels: int) -> None:
    tensors[f"{name}.weight"], tensors[f"{name}.bias"] = _conv(out, channels, seed=len(tensors))


def rrdb(
    f: int = 8, g: int = 4, blocks: int = 2, doublings: int = 2, channels: int = 3, out: int = 3, plus: bool = False
) -> Tensors:
    """ESRGAN in BasicSR's layout."""
    tensors: Tensors = {}
    _put(tensors, "conv_first", f, channels)
    for i in range(blocks):
        for j in (1, 2, 3):
            for k in range(5):
                _put(tensors, f"body.{i}.rdb{j}.conv{k + 1}", g if k < 4 else f, f + k * g)
            if plus:
                tensors[f"body.{i}.rdb{j}.conv1x1.weight"] = _conv(g, f, 1, len(tensors))[0]
    for name in ("conv_body", *(f"conv_up{i + 1}" for i in range(doublings)), "conv_hr"):
        _put(tensors, name, f, f)
    _put(tensors, "conv_last", out, f)
    return tensors


def first_layout(tensors: Tensors) -> Tensors:
    """The same under the names of ESRGAN's first release."""
    blocks = 1 + max(int(n.split(".")[1]) for n in tensors if n.startswith("body."))
    doublings = sum(n.startswith("conv_up") and n.endswith("weight") for n in tensors)
    names = {"conv_first": "model.0", "conv_body": f"model.1.sub.{blocks}", "conv_hr": f"model.{3 * doublings + 2}"}
    names |= {"conv_last": f"model.{3 * doublings + 4}"} | {f"conv_up{i}": f"model.{3 * i}" for i in (1, 2, 3)}

    def renamed(name: str) -> str:
        layer, _, kind = name.rpartition(".")
        if layer in names:
            return f"{names[layer]}.{kind}"
        _, block, dense, conv = layer.split(".")
        inner = "" if conv == "conv1x1" else ".0"
        return f"model.1.sub.{block}.{dense.upper()}.{conv}{inner}.{kind}"

    return {renamed(name): tensor for name, tensor in tensors.items()}


def xintao_layout(tensors: Tensors) -> Tensors:
    """The same under the names of BSRGAN and of ESRGAN's second release."""
    pairs = {"body.": "RRDB_trunk.", "rdb": "RDB", "conv_body": "trunk_conv", "conv_up": "upconv", "conv_hr": "HRconv"}

    def renamed(name: str) -> str:
        for ours, theirs in pairs.items():
            name = name.replace(ours, theirs) if ours != "body." or name.startswith("body.") else name
        return name

    return {renamed(name): tensor for name, tensor in tensors.items()}


def compact(f: int = 8, convolutions: int = 3, scale: int = 4, channels: int = 3) -> Tensors:
    """SRVGG."""
    tensors: Tensors = {}
    for i in range(convolutions + 1):
        _put(tensors, f"body.{2 * i}", f, f if i else channels)
        tensors[f"body.{2 * i + 1}.weight"] = torch.rand(f, generator=torch.Generator().manual_seed(i))
    _put(tensors, f"body.{2 * convolutions + 2}", 3 * scale**2, f)
    return tensors
