"""Adapters that learn: small weights beside those of a network, which stay as they are.

Each layer of the network gets parts as `diffusion.adapters.kinds` reads them from files, so that what was learnt and
what is merged later are the same by construction. At the beginning every adapter changes nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from diffusion.adapters.kinds import kind_of
from diffusion.unet import Linear, SpatialTransformer

Parts = dict[str, Tensor]
LAYERS = (nn.Linear, Linear, nn.Conv2d)
FILE_NAMES = {"up": "lora_up.weight", "down": "lora_down.weight"}
"""Of parts in files, where they differ from ours."""


def layers(network: nn.Module) -> dict[str, nn.Module]:
    """The layers that are adapted, by name: those of the attention blocks, as LoRA is used with Stable Diffusion."""
    found: dict[str, nn.Module] = {}
    for name, block in network.named_modules():
        if isinstance(block, SpatialTransformer):
            found |= {f"{name}.{n}": m for n, m in block.named_modules() if isinstance(m, LAYERS)}
    return found


class Adapters(nn.Module):
    """Parts for some layers of a network. algorithm: a key of ALGORITHMS; rank: at most the layer's own."""

    def __init__(self, network: nn.Module, algorithm: str, rank: int, dtype: torch.dtype, random: torch.Generator):
        super().__init__()
        self.layers = layers(network)
        if not self.layers:
            raise ValueError("the model has no attention blocks that an adapter could be trained for")
        begin = ALGORITHMS[algorithm]
        self.parts: dict[str, Parts] = {}
        for name, layer in self.layers.items():
            weight: Tensor = layer.weight  # type: ignore[assignment]
            begun = begin(tuple(weight.shape), rank, random)
            self.parts[name] = {
                part: nn.Parameter(tensor.to(weight.device, dtype)) if part != "alpha" else tensor
                for part, tensor in begun.items()
            }

    def learnt(self) -> list[nn.Parameter]:
        """What an optimiser may change."""
        return [t for parts in self.parts.values() for t in parts.values() if isinstance(t, nn.Parameter)]

    def tensors(self) -> dict[str, Tensor]:
        """By the names that files have, `diffusion_model.LAYER.PART`."""
        return {
            f"diffusion_model.{layer}.{FILE_NAMES.get(part, part)}": tensor.detach().clone()
            for layer, parts in self.parts.items()
            for part, tensor in parts.items()
        }

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """Go on from what `tensors` gave. Raises ValueError if that was of another network, algorithm or rank."""
        ours = self.tensors()
        wrong = [name for name, tensor in ours.items() if name not in tensors or tensors[name].shape != tensor.shape]
        if wrong:
            there = tuple(tensors[wrong[0]].shape) if wrong[0] in tensors else "not there"
            raise ValueError(
                f"the existing adapter does not fit: {len(wrong)} of {len(ours)} parts differ, such as {wrong[0]}, "
                f"{there} where {tuple(ours[wrong[0]].shape)} is wanted; choose its model, algorithm and rank"
            )
        for layer, parts in self.parts.items():
            for part, tensor in parts.items():
                tensor.data.copy_(tensors[f"diffusion_model.{layer}.{FILE_NAMES.get(part, part)}"])

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Within it the network computes with what was learnt so far, and gradients reach it."""
        hooks = [layer.register_forward_hook(_adding(self.parts[name])) for name, layer in self.layers.items()]
        try:
            yield
        finally:
            for hook in hooks:
                hook.remove()


Hook = Callable[[nn.Module, tuple[Tensor, ...], Tensor], Tensor]


def _adding(parts: Parts) -> Hook:
    """Adds to a layer's answer what the change of its weight gives."""
    change = _low_rank if "down" in parts else _changed

    def hook(layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
        return output + change(layer, inputs[0], parts).to(output.dtype)

    return hook


def _low_rank(layer: nn.Module, x: Tensor, parts: Parts) -> Tensor:
    """LoRA without the matrix that it makes: two thin ones, one after the other."""
    down, up = parts["down"], parts["up"]
    scale = float(parts["alpha"]) / len(down)
    x = x.to(down.dtype)
    if isinstance(layer, nn.Conv2d):
        thin = F.conv2d(x, down, stride=layer.stride, padding=layer.padding)  # type: ignore[arg-type]
        return F.conv2d(thin, up) * scale
    return F.linear(F.linear(x, down.flatten(1)), up.flatten(1)) * scale


def _changed(layer: nn.Module, x: Tensor, parts: Parts) -> Tensor:
    """The other kinds, by the weight that they make."""
    weight: Tensor = layer.weight.float()  # type: ignore[assignment, operator]
    kind = kind_of({part: tuple(tensor.shape) for part, tensor in parts.items()})
    assert kind
    difference = kind.change(weight.clone(), {part: t.float() for part, t in parts.items()}, 1.0) - weight
    difference = difference.to(x.dtype)
    if isinstance(layer, nn.Conv2d):
        return F.conv2d(x, difference, stride=layer.stride, padding=layer.padding)  # type: ignore[arg-type]
    return F.linear(x, difference.flatten(1))


# --- how each begins -----------------------------------------------------------------------------


def _uniform(shape: tuple[int, ...], random: torch.Generator) -> Tensor:
    """Of Kaiming (He et al. 2015) with a = sqrt(5), as linear layers of torch begin."""
    bound = 1 / math.sqrt(math.prod(shape[1:]))
    return (torch.rand(shape, generator=random) * 2 - 1) * bound


def lora(weight: tuple[int, ...], rank: int, random: torch.Generator) -> Parts:
    """Hu et al. 2021: A at random, B zero; alpha is the rank, so that the learning rate means the same at any."""
    out, channels, *kernel = weight
    r = min(rank, out, math.prod(weight[1:]))
    down, up = _uniform((r, channels, *kernel), random), torch.zeros(out, r, *[1] * len(kernel))
    return {"down": down, "up": up, "alpha": torch.tensor(float(r))}


def loha(weight: tuple[int, ...], rank: int, random: torch.Generator) -> Parts:
    """Hyeon-Woo et al. 2022, with the beginning of LyCORIS: one of four factors is zero."""
    out, columns = weight[0], math.prod(weight[1:])
    r = min(rank, out, columns)
    normal = [torch.randn(shape, generator=random) for shape in ((out, r), (r, columns), (r, columns))]
    return {
        "hada_w1_a": normal[0] * 0.1,
        "hada_w1_b": normal[1],
        "hada_w2_a": torch.zeros(out, r),
        "hada_w2_b": normal[2],
        "alpha": torch.tensor(float(r)),
    }


def lokr(weight: tuple[int, ...], rank: int, random: torch.Generator) -> Parts:
    """Edalati et al. 2022: a whole small factor, and a large one of low rank that begins as zero."""
    out, columns = weight[0], math.prod(weight[1:])
    a, b = _near_root(out), _near_root(columns)
    r = min(rank, out // a, columns // b)
    return {
        "lokr_w1": _uniform((a, b), random),
        "lokr_w2_a": torch.zeros(out // a, r),
        "lokr_w2_b": _uniform((r, columns // b), random),
        "alpha": torch.tensor(float(r)),
    }


def oft(weight: tuple[int, ...], rank: int, random: torch.Generator) -> Parts:
    """Qiu et al. 2023: rotations of blocks of rows, which begin as none. rank: the number of blocks, or fewer."""
    blocks = next(n for n in range(min(rank, weight[0]), 0, -1) if weight[0] % n == 0)
    side = weight[0] // blocks
    return {"oft_blocks": torch.zeros(blocks, side, side), "alpha": torch.tensor(0.0)}


def _near_root(n: int) -> int:
    """The largest divisor of n up to its square root."""
    return next(d for d in range(math.isqrt(n), 0, -1) if n % d == 0)


ALGORITHMS: dict[str, Callable[[tuple[int, ...], int, torch.Generator], Parts]] = {
    "LoRA": lora,
    "LoHa": loha,
    "LoKr": lokr,
    "OFT": oft,
}
