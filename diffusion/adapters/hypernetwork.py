"""Hypernetworks, as NovelAI and A1111's WebUI have them: small networks before the keys and values of each attention.

x becomes x + s f(x), by one f for keys and one for values, for each width that attentions read.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from diffusion import detect
from diffusion.header import ModelFileError, is_pickle, read_header
from diffusion.model import Model, module_of
from diffusion.network_patches import replacing_input
from diffusion.unet import Attention, UNet

if TYPE_CHECKING:
    from torch.utils.hooks import RemovableHandle

ACTIVATIONS: Mapping[str, Callable[[Tensor], Tensor]] = {
    "linear": lambda x: x,
    "relu": functional.relu,
    "leakyrelu": functional.leaky_relu,
    "elu": functional.elu,
    "swish": functional.hardswish,
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "softsign": functional.softsign,
    "mish": functional.mish,
}
Pair = tuple[Callable[[Tensor], Tensor], Callable[[Tensor], Tensor]]


def load(path: Path) -> dict[int, Pair]:
    """width -> the networks of keys and of values. Raises ModelFileError if the file is no hypernetwork."""
    _require_pickle(path)
    try:
        table = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, OSError, KeyError) as error:
        why = str(error).partition("\n")[0]
        raise ModelFileError(f"{path.name} is no hypernetwork that can be read ({why})") from None
    told = cast("dict[Any, Any]", table) if isinstance(table, dict) else {}
    pairs = {int(n): p for n, p in told.items() if str(n).isdecimal() and isinstance(p, list | tuple) and len(p) == 2}
    if not pairs:
        raise ModelFileError(f"{path.name} is no hypernetwork: it has no pair of networks for any width")
    activation = str(told.get("activation_func") or "linear").lower()
    if activation not in ACTIVATIONS:
        known = ", ".join(ACTIVATIONS)
        raise ModelFileError(f"{path.name} has the activation {activation!r}, which is none of {known}")
    norm, last = bool(told.get("is_layer_norm")), bool(told.get("activate_output"))
    return {width: _pair(path, pair, ACTIVATIONS[activation], norm, last) for width, pair in pairs.items()}


def _require_pickle(path: Path) -> None:
    """Hypernetworks are published as nothing else; what the file is instead, its header says."""
    with path.open("rb") as file:
        start = file.read(16)
    if not is_pickle(start):
        raise ModelFileError(f"{path.name} is no hypernetwork; it is {detect.what(read_header(path).shapes)}")


def _pair(path: Path, pair: Any, activation: Callable[[Tensor], Tensor], norm: bool, last: bool) -> Pair:
    try:
        one, two = (_network(state, activation, norm, last) for state in pair)
    except (AttributeError, KeyError, TypeError) as error:
        raise ModelFileError(f"{path.name} is a damaged hypernetwork ({error})") from None
    return one, two


def _network(
    state: Mapping[str, Tensor], activation: Callable[[Tensor], Tensor], norm: bool, last: bool
) -> Callable[[Tensor], Tensor]:
    """Matrices in the order of the file; after each but the last an activation, and maybe a layer norm."""
    layers = [name.removesuffix(".weight") for name in state if name.endswith(".weight")]
    weights = [(state[f"{layer}.weight"].float(), state[f"{layer}.bias"].float()) for layer in layers]
    step = 2 if norm else 1

    def network(x: Tensor) -> Tensor:
        for i in range(0, len(weights), step):
            weight, bias = (t.to(x) for t in weights[i])
            x = functional.linear(x, weight, bias)
            if last or i + step < len(weights):
                x = activation(x)
            if norm:
                scale, shift = (t.to(x) for t in weights[i + 1])
                x = functional.layer_norm(x, scale.shape, scale, shift)
        return x

    return network


def apply(model: Model, path: Path, strength: float) -> Model:
    """The model with a hypernetwork. Raises ModelFileError if the file is none, or has none of the model's widths."""
    pairs, module = load(path), module_of(model.network)
    widths = {part.to_k.in_features for part in _attentions(module)}
    if not widths & pairs.keys():
        has, needs = (", ".join(map(str, sorted(numbers))) for numbers in (pairs, widths))
        raise ModelFileError(
            f"{path.name} fits nothing in {model.name or 'the model'}: it is for the widths {has}, whose attentions "
            f"read {needs or 'none'}; use a hypernetwork of the same family of models"
        )

    def patch(network: UNet, sigma: float) -> Iterator[RemovableHandle]:
        for part in _attentions(network):
            pair = pairs.get(part.to_k.in_features)
            if pair:
                yield replacing_input(part.to_k, _moved(pair[0], strength))
                yield replacing_input(part.to_v, _moved(pair[1], strength))

    return replace(model, network_patches=(*model.network_patches, patch))


def _moved(network: Callable[[Tensor], Tensor], strength: float) -> Callable[[Tensor], Tensor]:
    return lambda x: x + strength * network(x)


def _attentions(module: nn.Module | None) -> Iterator[Attention]:
    yield from (part for part in (module.modules() if module else ()) if isinstance(part, Attention))
