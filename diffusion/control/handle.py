"""What CONTROL_NET sockets carry: a control network that waits for its picture and for a model to fit."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import Any, Protocol
from weakref import WeakKeyDictionary

import torch
from torch import Tensor

from diffusion import placement, unet
from diffusion.control.adapter import AdapterConfig
from diffusion.control.net import ControlNet, ControlNetConfig, hint_channels
from diffusion.model import Model, module_of
from diffusion.placement import Resident
from diffusion.resample import resize
from diffusion.text import parameter_bytes
from diffusion.unet_config import Resize, UNetConfig
from diffusion.weights import Weights, assemble

ACTIVATIONS = 40
"""As of the UNet, see `networks`."""


class Fitted(Protocol):
    """A control that fits the model of a run."""

    @property
    def network(self) -> Resident: ...

    def look(self, hint: Tensor, height: int, width: int) -> tuple[Tensor, ...]:
        """What a picture (b, i, H, W) says to latents of height x width, whatever the step: (b, c, h, w) each."""
        ...

    def add(
        self, seen: tuple[Tensor, ...], x: Tensor, timestep: Tensor, conditions: Mapping[str, Tensor]
    ) -> unet.Control:
        """What to add to the UNet's states in a call; arguments are the UNet's."""
        ...


class Control(Protocol):
    """A control network from a file."""

    @property
    def name(self) -> str: ...

    def fitted(self, model: Model) -> Fitted:
        """Raises ValueError, which names both sides, if it was made for another kind of model."""
        ...


@dataclass(frozen=True, eq=False, kw_only=True)
class NetControl:
    """A ControlNet. pooled: of what it adds, only the average of each channel counts ("shuffle").

    kind: of the picture, where the network takes several (`types` of its config); None = not told.
    """

    name: str
    network: Resident
    config: ControlNetConfig
    pooled: bool = False
    kind: int | None = None

    def fitted(self, model: Model) -> NetControl:
        require_fit(self.name, self.config, model)
        return self

    def look(self, hint: Tensor, height: int, width: int) -> tuple[Tensor, ...]:
        hint = _of_size(hint, self.config.hint[0], height, width, 1, self.name)
        return (self.network.call("guide", hint, self.kind),)

    def add(
        self, seen: tuple[Tensor, ...], x: Tensor, timestep: Tensor, conditions: Mapping[str, Tensor]
    ) -> unet.Control:
        y = conditions.get("y") if self.config.half.label_channels else None
        context = conditions.get("control_context", conditions["context"])
        outputs = self.network(x, timestep, context, y, guide=seen[0], kind=self.kind)
        if self.pooled:
            outputs = tuple(t.mean((2, 3), keepdim=True) for t in outputs)
        return unet.Control((None,) * (len(outputs) - 1), outputs[-1], outputs[:-1])

    @cached_property
    def nbytes(self) -> int:
        """The size of the weights."""
        return parameter_bytes(self.network)


UNION_KINDS = (
    "openpose", "depth", "hed/pidi/scribble/ted", "canny/lineart/anime_lineart/mlsd", "normal", "segment", "tile",
    "repaint",
)  # fmt: skip
"""What pictures show, in the order of the union networks' task embeddings; the first ones know only six."""


def of_kind(control: Control, kind: str) -> Control:
    """A union network that is told the kind of its picture; `auto` = not told. Other controls stay as they are.

    Raises ValueError for a kind that this network does not know.
    """
    types = control.config.types if isinstance(control, NetControl) else 0
    if not isinstance(control, NetControl) or not types:
        warnings.warn(f"{control.name} is made for one kind of picture; {kind!r} changes nothing", stacklevel=2)
        return control
    number = None if kind == "auto" else UNION_KINDS.index(kind)
    if number is not None and number >= types:
        raise ValueError(f"{control.name} does not know {kind}; it knows {', '.join(UNION_KINDS[:types])}")
    return replace(control, kind=number)


def require_fit(name: str, config: ControlNetConfig, model: Model) -> None:
    """Raises ValueError if the UNet of a model has not the blocks, the context or the vector of a ControlNet."""
    config_of = unet_config(model)
    if config_of is None:
        return
    own, whole = config.half, config_of
    sizes = (
        ("context width", own.context_dim or whole.context_dim, whole.context_dim),
        ("width of size and pooled text", own.label_channels or whole.label_channels, whole.label_channels),
        ("channels of its blocks", config.outputs, ControlNetConfig(whole, ()).outputs),
        ("channels of its latents", own.in_channels, whole.out_channels),
    )
    for what, mine, models in sizes:
        if mine != models:
            raise ValueError(
                f"the ControlNet {name} does not fit the model {model.name}: its {what} is {mine}, "
                f"the model's {models}; use a ControlNet and a model of the same family"
            )


def unet_config(model: Model) -> UNetConfig | None:
    """The config of a model's UNet; None where its network is something else."""
    config = getattr(module_of(model.network), "config", None)
    return config if isinstance(config, UNetConfig) else None


def _of_size(hint: Tensor, channels: int, height: int, width: int, multiple: int, name: str) -> Tensor:
    """The picture at 8 times the size of latents, rounded up to multiples, cut in the middle to their aspect ratio."""
    height, width = (-(-8 * n // multiple) * multiple for n in (height, width))
    if channels == 1 and hint.shape[1] > 1:
        hint = hint.mean(1, keepdim=True)
    if hint.shape[1] != channels:
        raise ValueError(f"the picture has {hint.shape[1]} channels, but {name} takes {channels}")
    return resize(hint, width, height, "nearest-exact", "center")


@dataclass(frozen=True, eq=False, kw_only=True)
class AdapterControl:
    """A T2I-Adapter. places: where its features go, found for a model: input blocks, and -1 for the middle."""

    name: str
    network: Resident
    config: AdapterConfig
    places: tuple[int, ...] = ()
    blocks: int = 0

    def fitted(self, model: Model) -> AdapterControl:
        whole = unet_config(model)
        if whole is None:
            raise ValueError(f"the T2I-Adapter {self.name} steers UNets, which the model {model.name} is not")
        places = _places(whole, inner=self.config.shrink == 16)
        steered = ControlNetConfig(whole, ())
        outputs = (*steered.outputs, steered.middle)
        models = tuple(outputs[place] for place in places)
        if models != self.config.widths:
            raise ValueError(
                f"the T2I-Adapter {self.name} does not fit the model {model.name}: it adds {self.config.widths} "
                f"channels, the model's levels have {models}; use an adapter and a model of the same family"
            )
        return AdapterControl(
            name=self.name, network=self.network, config=self.config, places=places, blocks=len(outputs) - 1
        )

    def look(self, hint: Tensor, height: int, width: int) -> tuple[Tensor, ...]:
        config = self.config
        return self.network(_of_size(hint, config.pixels, height, width, config.shrink, self.name))

    def add(
        self, seen: tuple[Tensor, ...], x: Tensor, timestep: Tensor, conditions: Mapping[str, Tensor]
    ) -> unet.Control:
        found = dict(zip(self.places, seen, strict=True))
        return unet.Control(tuple(found.get(i) for i in range(self.blocks)), found.get(-1), (None,) * self.blocks)

    @cached_property
    def nbytes(self) -> int:
        """The size of the weights."""
        return parameter_bytes(self.network)


def _places(whole: UNetConfig, *, inner: bool) -> tuple[int, ...]:
    """The last block of each level. inner: as SDXL's adapters have it, which begin after the first halving and end
    in the middle."""
    halvings = [i for i, b in enumerate(whole.input_blocks) if isinstance(b[0], Resize) and b[0].kind == "down"]
    ends = [*(i - 1 for i in halvings), len(whole.input_blocks) - 1]
    return (halvings[0], *ends[1:], -1) if inner and halvings else tuple(ends)


@dataclass(frozen=True, eq=False, kw_only=True)
class LoraControl:
    """A Control-LoRA: a ControlNet that is told by what differs, at low rank, from the model that it steers."""

    name: str
    weights: Weights  # by our names; `X.up` and `X.down` stand for what is added to `X.weight`
    _made: WeakKeyDictionary[Any, NetControl] = field(default_factory=WeakKeyDictionary[Any, NetControl])

    def fitted(self, model: Model) -> NetControl:
        whole = unet_config(model)
        if whole is None:
            raise ValueError(f"the Control-LoRA {self.name} needs a UNet, which the model {model.name} is not")
        if model.network not in self._made:
            self._made[model.network] = self._make(whole, model)
        return self._made[model.network]

    def _make(self, whole: UNetConfig, model: Model) -> NetControl:
        own = self.weights.tensors
        config = ControlNetConfig(whole, hint_channels({n: tuple(t.shape) for n, t in own.items()}))
        require_fit(self.name, config, model)
        with torch.device("meta"):
            names = ControlNet(config).state_dict().keys()
        base = weights_of(model)
        tensors = {n: self._tensor(n, base, model.name) for n in names if n in own or n in base}
        network = assemble(lambda: ControlNet(config), Weights(self.weights.path, tensors), f"UNet of {model.name}")
        width = whole.model_channels
        resident = Resident(network, placement.for_denoiser(width), activation=ACTIVATIONS * width)
        return NetControl(name=self.name, network=resident, config=config)

    def _tensor(self, name: str, base: Mapping[str, Callable[[], Tensor]], model: str) -> Tensor:
        own, stem = self.weights.tensors, name.removesuffix(".weight")
        if name in own:
            return own[name]
        whole = base[name]()
        if f"{stem}.up" not in own:
            return whole
        up, down = own[f"{stem}.up"], own[f"{stem}.down"]
        if up.shape[0] != whole.shape[0] or down.shape[1:] != whole.shape[1:]:
            raise ValueError(
                f"the Control-LoRA {self.name} does not fit the model {model}: {name} is {tuple(whole.shape)} there, "
                f"but the file changes one of {(up.shape[0], *down.shape[1:])}"
            )
        change = (up.flatten(1).float() @ down.flatten(1).float()).view(whole.shape)
        return (whole.to(change) + change).to(whole.dtype)

    @cached_property
    def nbytes(self) -> int:
        """The size of the file's own weights."""
        return sum(t.nbytes for t in self.weights.tensors.values())


def weights_of(model: Model) -> dict[str, Callable[[], Tensor]]:
    """The weights of a model's network by name, with its patches, in the type of its file; computed when asked for."""
    network = model.network
    if isinstance(network, Resident):
        names = network.shapes
        return {n: partial(_stored, network, n) for n in names}
    module = module_of(network)
    return {n: partial(tensor.detach) for n, tensor in module.state_dict().items()} if module else {}


def _stored(network: Resident, name: str) -> Tensor:
    return network.value(name, torch.device("cpu")).to(network.stored_dtype(name))
