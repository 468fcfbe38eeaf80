"""`Model`: the frozen handle of MODEL sockets, and the latents that its networks work on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from diffusion import patches
from diffusion.inputs import Inputs, nothing
from diffusion.network_patches import NetworkPatch, altered
from diffusion.placement import Resident
from diffusion.prediction import Prediction
from diffusion.steering import GuidancePatch, MaskRule


@dataclass(frozen=True)
class LatentFormat:
    """How the latents of a family are scaled: a network sees (latent - shift) * scale."""

    channels: int
    scale: float
    shift: float = 0.0

    def encode(self, latent: Tensor) -> Tensor:
        """From what LATENT sockets carry to what the network sees."""
        return (latent - self.shift) * self.scale

    def decode(self, latent: Tensor) -> Tensor:
        """From what the network sees to what LATENT sockets carry."""
        return latent / self.scale + self.shift


@dataclass(frozen=True)
class ByChannel(LatentFormat):
    """A network that sees (latent - mean) / deviation * scale, with a mean and a deviation for each channel."""

    mean: tuple[float, ...] = ()
    deviation: tuple[float, ...] = ()

    def encode(self, latent: Tensor) -> Tensor:
        mean, deviation = self._on(latent)
        return (latent - mean) * (self.scale / deviation)

    def decode(self, latent: Tensor) -> Tensor:
        mean, deviation = self._on(latent)
        return latent * (deviation / self.scale) + mean

    def _on(self, latent: Tensor) -> Iterator[Tensor]:
        return (latent.new_tensor(values).view(1, -1, 1, 1) for values in (self.mean, self.deviation))


SD15 = LatentFormat(channels=4, scale=0.18215)
SDXL = LatentFormat(channels=4, scale=0.13025)
PIXELS = LatentFormat(channels=3, scale=1.0)
X4 = LatentFormat(channels=4, scale=0.08333)
PLAYGROUND = ByChannel(
    channels=4,
    scale=0.5,
    mean=(-1.6574, 1.886, -1.383, 2.5155),
    deviation=(8.4927, 5.9022, 6.5498, 5.2299),
)
SD3 = LatentFormat(channels=16, scale=1.5305, shift=0.0609)
FLUX = LatentFormat(channels=16, scale=0.3611, shift=0.1159)


@dataclass(frozen=True, kw_only=True, eq=False)
class Model:
    """A denoising network with all that a run must know of it. Changes make a new handle, which shares the network.

    network: called as network(x (b, c, h, w), timestep (b,), context (b, t, d), **others) -> output (b, c, h, w).
    """

    network: Callable[..., Tensor]
    prediction: Prediction
    latent_format: LatentFormat
    name: str = ""
    guidance: tuple[GuidancePatch, ...] = ()  # how the answers of a step become one
    mask_rule: MaskRule | None = None  # how the mask of a run changes on its way
    network_patches: tuple[NetworkPatch, ...] = ()  # what a call of the network computes otherwise
    inputs: Inputs = nothing  # what the network is given beside the text, made of a conditioning's options

    def x0(self, x: Tensor, sigma: Tensor, conditions: Mapping[str, Any]) -> Tensor:
        """x (b, c, h, w) at sigma (b,) -> the estimate of x0. conditions: `context` (b, t, d) and others by name.

        The one place where a network is called: all guidance is made of this.
        """
        at = self.prediction
        with altered(module_of(self.network), self.network_patches, sigma) if self.network_patches else nullcontext():
            output = self.network(at.scale_input(x, sigma), at.timestep(sigma), **conditions)
        return at.to_x0(output.float(), x, sigma)

    @property
    def device(self) -> torch.device:
        """Where a run should keep its tensors."""
        return self.network.place.device if isinstance(self.network, Resident) else torch.device("cpu")

    @property
    def nbytes(self) -> int:
        """Bytes of the weights, or only of the patches where those are another handle's too."""
        if isinstance(self.network, Resident) and self.network.patches:
            return patches.nbytes(self.network.patches)
        module = module_of(self.network)
        return sum(t.nbytes for t in (*module.parameters(), *module.buffers())) if module else 0


def module_of(network: object) -> nn.Module | None:
    """The torch module behind a network, if there is one."""
    inner = network.module if isinstance(network, Resident) else network
    return inner if isinstance(inner, nn.Module) else None


_checks: ContextVar[Callable[[], None]] = ContextVar("_checks")  # that of the run which is going on


@contextmanager
def interruptible(network: object, check: Callable[[], None] | None = None) -> Iterator[None]:
    """Within it `check` is called before each part of the network, so that what it raises ends a call half-way.

    check: None = that of the run within which this is, if any. A compiled network has no parts: it is left alone, and
    what asks between its calls ends the run.
    """
    check = check or _checks.get(None)
    if check is None:
        yield
        return
    compiled = isinstance(network, Resident) and network.compiled is not None
    module = None if compiled else module_of(network)
    run = _checks.set(check)

    def before(part: nn.Module, inputs: Any) -> None:
        check()

    parts = [m for m in module.modules() if next(m.children(), None)] if module else []
    hooks = [m.register_forward_pre_hook(before) for m in parts]
    try:
        yield
    finally:
        _checks.reset(run)
        for hook in hooks:
            hook.remove()
