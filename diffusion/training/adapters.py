"""Adapters that learn: small weights beside those of a network, which stay as they are.

Each layer of the network gets parts as `diffusion.adapters.kinds` reads them from files, so that what was learnt and
what is merged later are the same by construction. At the beginning every adapter changes nothing.

A training may have several: one for the UNet and one for each text network. To compute with copies of the modules, copy
adapters and network together (`copy.deepcopy` of a `nn.ModuleDict` of both): a copy is changed by its own parts, also
where it was made while the adapters are applied.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from diffusion import clip
from diffusion.adapters import files, names
from diffusion.adapters.kinds import kind_of
from diffusion.unet import Downsample, Linear, ResBlock, SpatialTransformer, Upsample

Parts = dict[str, Tensor]
LAYERS = (nn.Linear, Linear, nn.Conv2d)
BLOCKS: dict[str, tuple[type[nn.Module], ...]] = {
    "attention": (SpatialTransformer, clip.Layer),
    "convolution": (ResBlock, Downsample, Upsample),
}
"""Where layers may be adapted. LoRA is used with attention (of text networks: all of a layer), LoCon with both."""
ATTENTION = ("attention",)
FILE_NAMES = {"up": "lora_up.weight", "down": "lora_down.weight"}
"""Of parts in files, where they differ from ours."""


def layers(network: nn.Module, where: Collection[str] = ATTENTION) -> dict[str, nn.Module]:
    """The layers that are adapted, by name. where: keys of BLOCKS, whose linear layers and convolutions they are."""
    if unknown := [name for name in where if name not in BLOCKS]:
        raise ValueError(f"{unknown[0]!r} is no place for an adapter; there are {' and '.join(BLOCKS)}")
    wanted = tuple(block for name in where for block in BLOCKS[name])
    found: dict[str, nn.Module] = {}
    for name, block in network.named_modules():
        if isinstance(block, wanted):
            found |= {f"{name}.{n}": m for n, m in block.named_modules() if isinstance(m, LAYERS)}
    return found


class Adapters(nn.Module):
    """Parts for some layers of a network.

    parts: a `Change` for each layer, by its name with `_` for `.`. layers: the network's own, by name.
    """

    def __init__(
        self,
        network: nn.Module,
        algorithm: str,
        rank: int,
        dtype: torch.dtype,
        random: torch.Generator,
        *,
        where: Collection[str] = ATTENTION,
        convolution_rank: int | None = None,
        alpha: float | None = None,
        convolution_alpha: float | None = None,
        encoder: str = "",
    ):
        """algorithm: a key of ALGORITHMS. rank: at most the layer's own is used. where: keys of BLOCKS.

        convolution_rank: of kernels larger than one pixel; None: `rank`. alpha: the change is scaled by alpha / rank;
        None: by 1. convolution_alpha: of those kernels. encoder: which text network this is, such as `clip_l`; empty
        for the one that denoises. Raises ValueError for what there is not.
        """
        super().__init__()
        _require(algorithm, rank=rank, convolution_rank=convolution_rank)
        _require_scale(algorithm, alpha=alpha, convolution_alpha=convolution_alpha)
        self.layers, self.encoder = layers(network, where), encoder
        if not self.layers:
            raise ValueError(f"the model has no {' or '.join(where)} blocks that an adapter could be trained for")
        self.prefix = f"text_encoders.{encoder}.transformer" if encoder else "diffusion_model"
        self._weights = [name for name, _ in network.named_parameters()]
        self.parts = nn.ModuleDict()
        for name, layer in self.layers.items():
            weight: Tensor = layer.weight  # type: ignore[assignment]
            large = math.prod(weight.shape[2:]) > 1
            r, a = (rank, alpha) if not large else (convolution_rank or rank, convolution_alpha or alpha)
            begun = ALGORITHMS[algorithm](tuple(weight.shape), r, random)
            self.parts[names.flat(name)] = Change(begun, a, weight.device, dtype)

    def changes(self) -> dict[str, Change]:
        """By the names of the layers."""
        return dict(zip(self.layers, self.parts.values(), strict=True))  # type: ignore[arg-type]

    def learnt(self) -> list[nn.Parameter]:
        """What an optimiser may change."""
        return list(self.parts.parameters())

    def tensors(self) -> dict[str, Tensor]:
        """By the names that files have, `diffusion_model.LAYER.PART`."""
        return {
            f"{self.prefix}.{layer}.{FILE_NAMES.get(part, part)}": tensor.detach().clone()
            for layer, change in self.changes().items()
            for part, tensor in change.tensors().items()
        }

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """Go on from what `tensors` gave, or from a file of any layout that is loaded; alphas are those of the file.

        What it has for other networks is not looked at. Warns of layers of this one that are not trained.
        Raises ValueError if it was of another network, algorithm or rank, or is broken.
        """
        theirs, left = self._placed(tensors)
        wrong = [w for layer, change in self.changes().items() for w in change.misfits(layer, theirs.get(layer, {}))]
        if wrong:
            raise ValueError(
                f"the existing adapter does not fit: {self._families(tensors)}{len(wrong)} of {len(self.learnt())} "
                f"parts differ, such as {self.prefix}.{wrong[0]}; choose its model, algorithm and rank"
            )
        if left:
            warnings.warn(
                f"{len(left)} layers of the existing adapter are not trained and are left out, such as {left[0]}",
                stacklevel=2,
            )
        if broken := [layer for layer in self.layers if not all(t.isfinite().all() for t in theirs[layer].values())]:
            raise ValueError(
                f"the existing adapter has values that are no numbers, such as in {broken[0]}; take an earlier one"
            )
        for layer, change in self.changes().items():
            change.restore(theirs[layer])

    def _placed(self, tensors: Mapping[str, Tensor]) -> tuple[dict[str, Parts], list[str]]:
        """Their parts by our names of the layers, and the other layers that they have of this network."""
        known = names.text_layers(self._weights) if self.encoder else names.unet_layers(self._weights)
        prefixes = names.TEXT[self.encoder] if self.encoder else names.UNET
        found: dict[str, Parts] = {}
        for layer, parts in files.layers(tensors)[0].items():
            if ours := names.find(layer, known, prefixes):
                found[ours] = {part: tensors[name] for part, name in parts.items()}
        return found, [layer for layer in found if layer not in self.layers]

    def _families(self, tensors: Mapping[str, Tensor]) -> str:
        theirs, ours = (
            files.made_for({name: tuple(t.shape) for name, t in some.items()}) for some in (tensors, self.tensors())
        )
        return f"it is for {theirs}, the model is {ours}; " if theirs and ours and theirs != ours else ""

    @contextmanager
    def applied(self, network: nn.Module | None = None) -> Iterator[None]:
        """Within it the network computes with what was learnt so far, and gradients reach it.

        network: a copy of ours to be changed in its stead. Gradients of what is computed again for them
        (checkpointing) have to be taken within it too.
        """
        at = self.layers if network is None else {name: network.get_submodule(name) for name in self.layers}
        hooks = [at[name].register_forward_hook(change) for name, change in self.changes().items()]
        try:
            yield
        finally:
            for hook in hooks:
                hook.remove()


def _require(algorithm: str, **ranks: int | None) -> None:
    if algorithm not in ALGORITHMS:
        raise ValueError(f"{algorithm!r} is no kind of adapter; choose one of {', '.join(ALGORITHMS)}")
    for name, rank in ranks.items():
        if rank is not None and rank < 1:
            raise ValueError(f"{name} is {rank}, but an adapter has a rank of at least 1")


def _require_scale(algorithm: str, **alphas: float | None) -> None:
    for name, alpha in alphas.items():
        if alpha is not None and not (math.isfinite(alpha) and alpha > 0):
            raise ValueError(f"{name} is {alpha}, but it has to be a number above 0")
        if alpha is not None and algorithm == "OFT":
            raise ValueError(f"{name} is {alpha}, but OFT is not scaled; leave it out")


def _size(tensor: Tensor | None) -> str:
    """The shape in words, in which matrices and kernels of one pixel are the same."""
    if tensor is None:
        return "nothing"
    shape = list(tensor.shape)
    while len(shape) > 2 and shape[-1] == 1:
        shape.pop()
    return str(tuple(shape))


# --- what a layer answers -------------------------------------------------------------------------


class Change(nn.Module):
    """Parts of one layer. As a forward hook, it adds to the layer's answer what the change of its weight gives.

    It is a module, so that what it learns is seen and a copy of a hooked layer is hooked by a copy of it.
    """

    def __init__(self, begun: Parts, alpha: float | None, device: torch.device, dtype: torch.dtype):
        super().__init__()
        self.plain = float(begun["alpha"])
        self.alpha = self.plain if alpha is None else alpha
        for part, tensor in begun.items():
            if part != "alpha":
                self.register_parameter(part, nn.Parameter(tensor.to(device, dtype)))

    def tensors(self) -> Parts:
        return {**dict(self.named_parameters()), "alpha": torch.tensor(self.alpha)}

    def misfits(self, layer: str, theirs: Mapping[str, Tensor]) -> list[str]:
        """In words, which parts of another adapter's layer are not as ours."""
        ours = dict(self.named_parameters())
        return [
            f"{layer}.{FILE_NAMES.get(part, part)}, {_size(theirs.get(part))} where {_size(ours.get(part))} is wanted"
            for part in dict.fromkeys([*ours, *theirs])
            if part != "alpha" and _size(theirs.get(part)) != _size(ours.get(part))
        ]

    @torch.no_grad()
    def restore(self, parts: Mapping[str, Tensor]) -> None:
        """Parts without an alpha are not scaled."""
        for part, tensor in self.named_parameters():
            tensor.copy_(parts[part].view_as(tensor))
        self.alpha = float(parts["alpha"]) if "alpha" in parts else self.plain

    def forward(self, layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
        down, up = self._parameters.get("down"), self._parameters.get("up")
        if down is not None and up is not None:
            return _low_rank(layer, inputs[0], output, down, up, self.alpha / len(down))
        return output + _changed(layer, inputs[0], self.tensors()).to(output.dtype)


def _low_rank(layer: nn.Module, x: Tensor, output: Tensor, down: Tensor, up: Tensor, scale: float) -> Tensor:
    """LoRA without the matrix that it makes: two thin ones, one after the other."""
    if not torch.is_autocast_enabled(x.device.type):  # which brings both to its own type, in one step
        x = x.to(down.dtype)
    if isinstance(layer, nn.Conv2d):
        thin = F.conv2d(x, down, stride=layer.stride, padding=layer.padding)  # type: ignore[arg-type]
        return output + F.conv2d(_scaled(thin, scale), up).to(output.dtype)
    thin = _scaled(F.linear(x, down.flatten(1)), scale)
    up = up.flatten(1).to(thin.dtype)
    if thin.dtype == up.dtype == output.dtype:  # in one pass over the answer, which is as long as many ranks
        return torch.addmm(output.flatten(0, -2), thin.flatten(0, -2), up.mT).view_as(output)
    return output + F.linear(thin, up).to(output.dtype)


def _scaled(thin: Tensor, scale: float) -> Tensor:
    return thin if scale == 1 else thin * scale


def _changed(layer: nn.Module, x: Tensor, parts: Parts) -> Tensor:
    """The other kinds, by the weight that they make."""
    kind = kind_of({part: tuple(tensor.shape) for part, tensor in parts.items()})
    assert kind
    weight: Tensor = layer.weight.float()  # type: ignore[assignment, operator]
    ready = {part: t.float() for part, t in parts.items()}
    if kind.name == "OFT":
        difference = kind.change(weight.clone(), ready, 1.0) - weight
    else:  # they add to a weight, whatever it is
        difference = kind.change(torch.zeros_like(weight), ready, 1.0)
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
    """Edalati et al. 2022: a whole small factor, and a large one that begins as zero.

    As in LyCORIS the large one has the whole kernel of a convolution, and is of low rank only where that is much less.
    """
    out, columns, *kernel = weight
    a, b = _near_root(out), _near_root(columns)
    rows, wide = out // a, columns // b
    whole = _uniform((a, b), random)
    if 2 * rank >= max(rows, wide):
        return {"lokr_w1": whole, "lokr_w2": torch.zeros(rows, wide, *kernel), "alpha": torch.tensor(float(rank))}
    return {
        "lokr_w1": whole,
        "lokr_w2_a": torch.zeros(rows, rank),
        "lokr_w2_b": _uniform((rank, wide * math.prod(kernel)), random),
        "alpha": torch.tensor(float(rank)),
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
