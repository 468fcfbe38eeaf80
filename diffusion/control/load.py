"""From a file to a control. Nothing is read until it is used."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor

from diffusion import detect, placement
from diffusion.control import files
from diffusion.control.adapter import Adapter, AdapterConfig
from diffusion.control.handle import ACTIVATIONS, AdapterControl, Control, LoraControl, NetControl, weights_of
from diffusion.control.net import ControlNet, ControlNetConfig, UnionControlNet
from diffusion.header import Header, ModelFileError, read_header
from diffusion.model import Model
from diffusion.parts import Part
from diffusion.placement import Resident
from diffusion.weights import Weights, assemble, open_weights

SHUFFLE = ("_shuffle", "_shuffle_fp16")
"""How the names of files end whose control is the average over the picture: nothing in them tells it."""


def load(path: Path, model: Model | None = None) -> Control:
    """The control of a file. model: whose weights are added to those of a file that holds differences.

    Raises ModelFileError if the file holds none, or holds differences and there is no model.
    """
    if model is None:
        files.require_whole(path)
    header = read_header(path)
    kind, part = files.find(header)
    weights = open_weights(path, header).of(part)
    try:
        if kind == "T2I-Adapter":
            return _adapter(header, part, weights)
        if kind == "Control-LoRA":
            return LoraControl(name=path.name, weights=weights)
        return _net(header, part, _whole(weights, model) if model and files.is_difference(header) else weights)
    except (LookupError, ValueError) as error:
        if isinstance(error, ModelFileError):
            raise
        raise ModelFileError(f"{path.name} is damaged: its {kind} makes no sense ({error})") from None


def _net(header: Header, part: Part, weights: Weights) -> NetControl:
    config = ControlNetConfig.from_shapes(part.shapes, detect.heads(header, "unet"))
    network = assemble(lambda: UnionControlNet(config) if config.types else ControlNet(config), weights, "ControlNet")
    width = config.half.model_channels
    place = placement.for_denoiser(width)
    resident = Resident(network, place, weights, ACTIVATIONS * width)
    pooled = header.path.stem.endswith(SHUFFLE)
    return NetControl(name=header.path.name, network=resident, config=config, pooled=pooled)


def _adapter(header: Header, part: Part, weights: Weights) -> AdapterControl:
    config = AdapterConfig.from_shapes(part.shapes)
    network = assemble(lambda: Adapter(config), weights, "T2I-Adapter")
    resident = Resident(network, placement.for_denoiser(config.widths[0]), weights)
    return AdapterControl(name=header.path.name, network=resident, config=config)


def _whole(weights: Weights, model: Model) -> Weights:
    """Differences added to the weights of the model."""
    base = weights_of(model)
    names = weights.tensors.keys() & base.keys()
    tensors = {n: _sum(n, t, base[n](), weights, model) if n in names else t for n, t in weights.tensors.items()}
    return Weights(weights.path, tensors)


def _sum(name: str, tensor: Tensor, base: Tensor, weights: Weights, model: Model) -> Tensor:
    if base.shape != tensor.shape:
        raise ModelFileError(
            f"{weights.path.name} does not fit the model {model.name}: {name} is {tuple(tensor.shape)}, "
            f"the model's {tuple(base.shape)}"
        )
    return tensor + base.to(tensor)
