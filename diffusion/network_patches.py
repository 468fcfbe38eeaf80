"""Changes of what a UNet computes on its way: hooks that are put on for one call. A model without them pays nothing.

Letters: b batch, c channels, h w size.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from diffusion import resample
from diffusion.unet import UNet
from diffusion.unet_config import Block, Spatial

if TYPE_CHECKING:
    from torch.utils.hooks import RemovableHandle

    from diffusion.prediction import Prediction

NetworkPatch = Callable[[UNet, float], "Iterable[RemovableHandle]"]
"""(the network, sigma of the call) -> the hooks that were put on it."""


@contextmanager
def altered(module: nn.Module | None, patches: Sequence[NetworkPatch], sigma: Tensor) -> Iterator[None]:
    """Within it the network computes with the patches. sigma: (b,). ValueError if it is no UNet."""
    if not isinstance(module, UNet):
        raise ValueError("the model is patched in a way that only a Stable Diffusion UNet can be")
    level = float(sigma[0])
    hooks: list[RemovableHandle] = []
    try:
        for patch in patches:
            hooks += patch(module, level)
        yield
    finally:
        for hook in hooks:
            hook.remove()


def replacing_input(part: nn.Module, change: Callable[[Tensor], Tensor]) -> RemovableHandle:
    """The first input of a part goes through `change`."""
    return part.register_forward_pre_hook(lambda _, inputs: (change(inputs[0]), *inputs[1:]))


# --- FreeU ---------------------------------------------------------------------------------------


def free_u(backbone: tuple[float, float], skip: tuple[float, float], *, by_structure: bool) -> NetworkPatch:
    """FreeU (Si et al. 2023): half of the backbone's channels amplified, the skips' lowest frequencies damped.

    backbone, skip: factors where the backbone is four times as wide as the outer level, and where twice.
    by_structure: the amplification follows the mean over the channels, as in the paper's second version.
    """

    def patch(network: UNet, sigma: float) -> Iterator[RemovableHandle]:
        outer = network.config.model_channels
        factors = {4 * outer: (backbone[0], skip[0]), 2 * outer: (backbone[1], skip[1])}
        skips = [_width(block) for block in network.config.input_blocks]
        for block, width in zip(network.output_blocks, reversed(skips), strict=True):
            yield replacing_input(block, lambda x, width=width: _free(x, width, factors, by_structure))

    return patch


def _width(block: Block) -> int:
    """The channels that a block gives."""
    last = block[-1]
    return last.channels if isinstance(last, Spatial) else last.out


def _free(x: Tensor, width: int, factors: dict[int, tuple[float, float]], by_structure: bool) -> Tensor:
    """x (b, c, h, w): the backbone, then a skip of `width` channels."""
    backbone, skip = x.split([x.shape[1] - width, width], 1)
    if backbone.shape[1] not in factors:
        return x
    b, s = factors[backbone.shape[1]]
    half = backbone.shape[1] // 2
    amplified = backbone[:, :half] * ((b - 1) * _structure(backbone) + 1 if by_structure else b)
    return torch.cat((amplified, backbone[:, half:], _damped(skip, s)), 1)


def _structure(x: Tensor) -> Tensor:
    """The mean over the channels, from 0 to 1 in each item: (b, 1, h, w)."""
    mean = x.mean(1, keepdim=True)
    low, high = mean.amin((2, 3), keepdim=True), mean.amax((2, 3), keepdim=True)
    return (mean - low) / (high - low)


def _damped(x: Tensor, factor: float) -> Tensor:
    """The four lowest frequencies (0 and -1 on each axis) multiplied."""
    spectrum = torch.fft.fft2(x.float())
    gain = torch.ones(x.shape[-2:], device=x.device)
    rows, columns = ([0, -1] if n > 1 else [0] for n in gain.shape)
    gain[torch.tensor(rows)[:, None], torch.tensor(columns)] = factor
    return torch.fft.ifft2(spectrum * gain).real.to(x)


# --- deep shrink ---------------------------------------------------------------------------------


def shrink(
    block: int,
    factor: float,
    between: tuple[float, float],
    prediction: Prediction,
    *,
    after_skip: bool = True,
    down: str = "bicubic",
    up: str = "bicubic",
) -> NetworkPatch:
    """Kohya's deep shrink: from an input block on at a smaller size, so that large pictures keep one composition.

    block: the number of the input block. between: parts of the run, 0..1. after_skip: its skip connection stays large.
    """
    start, end = (prediction.percent_to_sigma(percent) for percent in between)

    def patch(network: UNet, sigma: float) -> Iterator[RemovableHandle]:
        if not end <= sigma <= start or block >= len(network.input_blocks):
            return
        sizes: list[torch.Size] = []

        def smaller(x: Tensor) -> Tensor:
            return resample.resize(x, round(x.shape[3] / factor), round(x.shape[2] / factor), down, "disabled")

        def shrunk(_: nn.Module, inputs: Any, y: Tensor) -> Tensor:
            return smaller(y)

        def remember(_: nn.Module, inputs: Any, y: Tensor) -> None:
            sizes.append(y.shape[2:])

        def restore(part: nn.Module, inputs: Any, y: Tensor) -> Tensor:
            """To the size of the skip connection that is put beside it."""
            size = sizes[-1] if part is network.middle_block else inputs[3]
            return y if y.shape[2:] == size else resample.resize(y, size[1], size[0], up, "disabled")

        following: nn.Module = (*network.input_blocks, network.middle_block)[block + 1]
        if after_skip:
            yield replacing_input(following, smaller)
        else:
            yield network.input_blocks[block].register_forward_hook(shrunk)
        yield from (part.register_forward_hook(remember) for part in network.input_blocks)
        yield from (part.register_forward_hook(restore) for part in (network.middle_block, *network.output_blocks))

    return patch
