"""Upscalers of other kinds (SwinIR, HAT, DAT, SPAN, ...) by way of spandrel, which is not installed by default."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from diffusion import placement
from diffusion.header import ModelFileError
from diffusion.placement import Resident
from diffusion.upscaling.upscaler import Upscaler
from diffusion.weights import open_weights

ACTIVATION = 4000  # values that a call is taken to hold, a pixel: unknown, so more than ESRGAN's 3000


class Described(nn.Module):
    """A network that spandrel built, called by way of its description, which pads pictures to the size it needs."""

    def __init__(self, described: Any):
        super().__init__()
        self.model: nn.Module = described.model
        self._call = described

    def forward(self, x: Tensor) -> Tensor:
        """x (b, c, h, w) in 0..1 -> (b, c, h scale, w scale)."""
        return self._call(x)


def load(path: Path) -> Upscaler:
    """Any upscaler that spandrel knows. Raises ModelFileError."""
    spandrel = _spandrel(path.name)
    try:
        described: Any = spandrel.ModelLoader("cpu").load_from_state_dict(dict(open_weights(path).tensors))
    except Exception as error:  # whatever it meets in a file
        raise ModelFileError(
            f"{path.name} is no upscaler that spandrel {spandrel.__version__} knows: {error}"
        ) from None
    if not isinstance(described, spandrel.ImageModelDescriptor):
        raise ModelFileError(f"{path.name} needs more than a picture (it is a {described.architecture.name} model)")
    network = Described(described).requires_grad_(False).eval()
    resident = Resident(network, placement.for_coder(), None, ACTIVATION)
    return Upscaler(resident, described.scale, described.input_channels, path.name)


def _spandrel(name: str) -> Any:
    try:
        return import_module("spandrel")
    except Exception as error:  # whatever it needs and does not find
        raise ModelFileError(
            f"{name} needs spandrel, which is installed but cannot be used: {error}; "
            "run `pip install --force-reinstall spandrel`, then restart"
        ) from None
