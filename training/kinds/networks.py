"""Networks as a training has them: weights of their own in float32, new ones or a file's, and handles to use them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from diffusion import placement, prediction
from diffusion.clip import ClipConfig, ClipText
from diffusion.coding import Placed, Vae
from diffusion.placement import Place, Resident
from diffusion.prediction import Prediction
from diffusion.tensor_files import TensorFile
from diffusion.text import Clip, stable_diffusion_1
from diffusion.training.parallel import autocast, replica
from diffusion.unet import Linear, ResBlock, SpatialTransformer, UNet
from diffusion.unet_config import stable_diffusion
from diffusion.vae import Attention, Autoencoder, Block, VaeConfig
from training.config import Config, NetworkPart

Network = TypeVar("Network", bound=nn.Module)
TOKENS, POSITIONS = 49408, 77


def own(network: object, *, learns: bool, dtype: torch.dtype = torch.float32) -> Any:
    """The module behind a handle, with weights of its own on the device that is chosen.

    learns: whether they want gradients; then they should be float32. The handle is of no use after that.
    """
    assert isinstance(network, Resident)
    module, device = network.module, placement.device()
    for name, part in list(module.named_modules()):
        start = f"{name}." if name else ""
        for key in [n for n, _ in part.named_parameters(recurse=False)]:
            weight = network.value(start + key, device).to(dtype)
            setattr(part, key, nn.Parameter(weight.clone().contiguous(), requires_grad=learns))
        for key, buffer in list(part.named_buffers(recurse=False)):
            setattr(part, key, buffer.to(device))
    return module


STORED = {"fp16": torch.float16, "bf16": torch.bfloat16, "fp32": torch.float32, "fp8": torch.float8_e4m3fn}


def in_its_type(file: TensorFile, config: Config) -> TensorFile:
    """A file in the type that is wanted. In 8 bits are matrices and convolutions; what is small has 16."""
    if config.model.stored == "fp8":
        return file.in_type(torch.float16).in_type(STORED["fp8"], lambda shape: len(shape) > 1)
    return file.in_type(STORED[config.model.stored])


def frozen_type(precision: str) -> torch.dtype:
    """In which weights are kept that do not learn."""
    return {"bf16": torch.bfloat16, "fp16": torch.float16}.get(precision, torch.float32)


def seen(module: nn.Module) -> Resident:
    """A handle on the same weights, for pictures and files; what is learnt is seen at once."""
    modules = replica(nn.ModuleDict({"it": module}))
    device = next(module.parameters()).device
    return Resident(modules["it"], Place(device, torch.float32))


class Direct:
    """A network as it is while it learns, called from where pictures are made. dtype: in which it computes."""

    def __init__(self, module: nn.Module, dtype: torch.dtype = torch.float32):
        self.module, self.dtype = module, dtype

    def __call__(self, x: Tensor, *args: Tensor, **options: Any) -> Any:
        device = next(self.module.parameters()).device
        given = {n: t.to(device) if isinstance(t, Tensor) else t for n, t in options.items()}
        with autocast(device.type, self.dtype):
            y = self.module(x.to(device), *(a.to(device) for a in args), **given)
        return tuple(t.float().to(x.device) for t in y) if isinstance(y, tuple) else y.float().to(x.device)


def using(clip: Clip, networks: Sequence[Callable[..., Any]]) -> Clip:
    """The same texts with other networks, one for each of its encoders."""
    return replace(clip, encoders=tuple(replace(e, network=n) for e, n in zip(clip.encoders, networks, strict=True)))


# --- new networks --------------------------------------------------------------------------------


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Within it new weights follow from the seed."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield


def new_vae(part: NetworkPart) -> Autoencoder:
    widths, blocks = part.vae_channels, part.vae_blocks
    return begun(Autoencoder(VaeConfig(widths, widths, blocks, blocks + 1, 4, 4, True)))


def new_unet(part: NetworkPart, channels: int, out: int) -> UNet:
    """channels: that it takes in; out: that it gives."""
    config = stable_diffusion(
        part.channels,
        part.multipliers,
        [int(level in part.attention) for level in range(len(part.multipliers))],
        blocks=part.blocks,
        in_channels=channels,
        out_channels=out,
        context=part.context,
        heads=part.heads,
        middle_depth=1,
    )
    return begun(UNet(config))


def new_text(part: NetworkPart) -> ClipText:
    width = part.context
    heads = max(1, width // 16)
    config = ClipConfig(width, part.text_layers, heads, 4 * width, POSITIONS, TOKENS, True, None)
    return begun(ClipText(config))


def clip_of(text: ClipText, part: NetworkPart) -> Clip:
    width = part.context
    config = ClipConfig(width, part.text_layers, max(1, width // 16), 4 * width, POSITIONS, TOKENS, True, None)
    return Clip((stable_diffusion_1(seen(text), config),))


def vae_of(vae: Autoencoder) -> Vae:
    return Vae(Placed(seen(vae)), vae.latent, vae.factor)


def predicting(kind: str) -> Prediction:
    """eps and v on Stable Diffusion's thousand steps, or a straight flow."""
    return prediction.flow(1.0) if kind == "flow" else prediction.discrete(kind)


@torch.no_grad()
def begun(network: Network) -> Network:
    """New weights: uniform by the fan-in (He et al. 2015), embeddings small, and what ends a residual branch zero, so
    that at the beginning every block passes on what it gets (Zhang et al. 2019)."""
    for module in network.modules():
        if isinstance(module, Linear):
            bound = 1 / math.sqrt(module.weight[0].numel())
            module.weight.uniform_(-bound, bound)
            module.bias.zero_()
        elif isinstance(module, nn.Embedding):
            module.weight.normal_(std=0.02)
    for weight in _last_of_branches(network):
        weight.zero_()
    return network.to(placement.device())


def _last_of_branches(network: nn.Module) -> list[Tensor]:
    found: list[Tensor] = []
    for module in network.modules():
        if isinstance(module, ResBlock):
            found.append(module.out_layers[-1].weight)  # type: ignore[arg-type]
        elif isinstance(module, SpatialTransformer | Attention):
            found.append(module.proj_out.weight)  # type: ignore[arg-type]
        elif isinstance(module, Block):
            found.append(module.conv2.weight)
        elif isinstance(module, UNet):
            found.append(module.out[-1].weight)  # type: ignore[arg-type]
    return found
