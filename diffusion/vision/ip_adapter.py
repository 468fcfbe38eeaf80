"""IP-Adapter (Ye et al. 2023): pictures as a prompt, which each attention of a UNet looks at beside the text.

Letters: b batch, t tokens, d width of the text, c channels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import torch
from torch import Tensor, nn

from diffusion import inputs, placement
from diffusion.header import ModelFileError, read_header
from diffusion.inputs import Inputs
from diffusion.model import Model, module_of
from diffusion.placement import Resident
from diffusion.resample import resize
from diffusion.text import parameter_bytes
from diffusion.unet import UNet
from diffusion.vision.encode import ClipVision, VisionOutput
from diffusion.vision.ip_attention import ImagePrompt, attentions, profile
from diffusion.vision.ip_choice import SD1, XL
from diffusion.vision.ip_files import AdapterParts, find
from diffusion.vision.ip_networks import NETWORKS, layers
from diffusion.weights import assemble, open_weights

PROMPTED = ("positive", "second", "middle")
"""The sides of the guidance that see the picture; all others see none."""


@dataclass(frozen=True, eq=False)
class IpAdapter:
    """What IPADAPTER sockets carry. vision: the network that sees pictures for it, where a loader found that too."""

    name: str
    parts: AdapterParts
    projection: Resident
    layers: Resident
    vision: ClipVision | None = None

    @cached_property
    def nbytes(self) -> int:
        """The size of the weights."""
        return parameter_bytes(self.projection) + parameter_bytes(self.layers)

    def read(self, seen: VisionOutput) -> Tensor:
        """Of what a vision network saw, what the adapter reads: (b, p), or (b, n, w).

        Raises ValueError for another network than the one that it was made for.
        """
        states = seen.image_embeds if self.parts.kind == "plain" else seen.penultimate_hidden_states
        if states.shape[-1] != self.parts.seen:
            what = "embeddings" if self.parts.kind == "plain" else "states"
            raise ValueError(
                f"the IP-Adapter {self.name} reads {what} {self.parts.seen} wide, but those of the CLIP vision network "
                f"are {states.shape[-1]} wide; load the vision model that it was made for: {vision_for(self.parts)}"
            )
        return states


def vision_for(parts: AdapterParts) -> str:
    """In words, the published vision network that an adapter reads."""
    sizes = {"plain": {1024: "ViT-H", 1280: "ViT-bigG", 768: "ViT-L"}}.get(
        parts.kind, {1280: "ViT-H", 1664: "ViT-bigG", 1024: "ViT-L"}
    )
    return f"CLIP {sizes[parts.seen]}" if parts.seen in sizes else f"one that is {parts.seen} wide"


def load(path: Path) -> IpAdapter:
    """Raises ModelFileError if the file is no IP-Adapter that can be run."""
    header = read_header(path)
    parts, weights = find(header), open_weights(path, header)
    projection, own = weights.of(parts.projection), weights.of(parts.layers)
    try:
        network = assemble(lambda: NETWORKS[parts.kind](parts.projection.shapes), projection, "projection")
    except ModelFileError:
        raise
    except (ValueError, LookupError) as error:
        raise ModelFileError(f"{path.name} is damaged: its projection makes no sense ({error})") from None
    added = assemble(lambda: layers(parts), own, "attentions")
    return IpAdapter(
        path.name,
        parts,
        Resident(network, placement.for_coder(), projection),
        Resident(added, placement.for_denoiser(min(parts.widths)), own),
    )


# --- what is made of pictures --------------------------------------------------------------------


def _norm_average(states: Tensor) -> Tensor:
    """The mean of the directions, as long as the states are on average."""
    lengths = states.norm(dim=-1, keepdim=True)
    return (states / lengths.clamp(min=1e-12)).mean(0, keepdim=True) * lengths.mean(0, keepdim=True)


COMBINING = {
    "concat": lambda states: states,
    "add": lambda states: states.sum(0, keepdim=True),
    "subtract": lambda states: states[:1] - states[1:].sum(0, keepdim=True),
    "average": lambda states: states.mean(0, keepdim=True),
    "norm average": _norm_average,
}
"""How what was seen of several pictures (b, ...) becomes one prompt; `concat` keeps the tokens of each."""


@torch.no_grad()
def tokens(adapter: IpAdapter, vision: ClipVision, image: Tensor, combine: str = "concat") -> Tensor:
    """image (b, h, w, c) in 0..1 -> (1, t, d). Raises ValueError for a vision network of another width."""
    states = COMBINING[combine](adapter.read(vision.encode(image)))
    return adapter.projection(states).flatten(0, 1)[None]


@torch.no_grad()
def no_tokens(adapter: IpAdapter, vision: ClipVision, like: Tensor) -> Tensor:
    """The tokens of no picture, as many as `like` (1, t, d): of an embedding of zeros, or of a grey picture."""
    if adapter.parts.kind == "plain":
        found = adapter.projection(torch.zeros(1, adapter.parts.seen))
    else:
        found = adapter.projection(adapter.read(vision.blank()))
    return as_many(found, like)


def as_many(tokens: Tensor, like: Tensor) -> Tensor:
    """tokens (1, t, d) repeated or cut to the number of `like`, beside which they stand."""
    return tokens.repeat(1, -(-like.shape[1] // tokens.shape[1]), 1)[:, : like.shape[1]]


def eyes(adapter: IpAdapter, vision: ClipVision | None) -> ClipVision:
    """The network that sees for an adapter: the one given, or else its own. Raises ValueError if there is none."""
    found = vision or adapter.vision
    if found is None:
        raise ValueError(
            f"the IP-Adapter {adapter.name} needs a network that sees pictures, {vision_for(adapter.parts)}: connect "
            "a CLIPVisionLoader to IPAdapterAdvanced, or use IPAdapterUnifiedLoader"
        )
    return found


def reads(adapter: IpAdapter, vision: ClipVision) -> bool:
    """Whether a vision network is of the kind that an adapter was made for."""
    layer = vision.config.layer
    return adapter.parts.seen == (layer.projection or layer.width if adapter.parts.kind == "plain" else layer.width)


def family(model: Model) -> str:
    """For which family of adapters a model is: that of Stable Diffusion XL where it is told sizes beside the text."""
    network = module_of(model.network)
    return XL if isinstance(network, UNet) and network.config.label_channels else SD1


# --- a model that sees them ----------------------------------------------------------------------


def apply(
    model: Model,
    adapter: IpAdapter,
    shown: Tensor,
    hidden: Tensor,
    *,
    weight: float = 1.0,
    between: tuple[float, float] = (0.0, 1.0),
    weight_type: str = "linear",
    keys_too: bool = False,
    mask: Tensor | None = None,
) -> Model:
    """The model with pictures as a prompt. shown, hidden: tokens (1, t, d) for the prompt, and for its negative.

    between: parts of the run, 0..1. weight_type: see `profile`. keys_too: `weight` multiplies the keys as well as the
    values. mask: (b, H, W), 1 where the pictures count. Raises ValueError where the adapter does not fit the model.
    """
    network = module_of(model.network)
    require_fit(adapter, model, network)
    assert isinstance(network, UNet)
    factors = [weight * factor for factor in profile(weight_type, network)]
    if not any(factors):
        return model
    count = sum(isinstance(patch, ImagePrompt) for patch in model.network_patches)
    prompt = ImagePrompt(
        name=f"image_prompt_{count}",
        layers=adapter.layers,
        factors=tuple(factors),
        start=model.prediction.percent_to_sigma(between[0]),
        end=model.prediction.percent_to_sigma(between[1]),
        keys_too=keys_too,
    )
    shows = _inputs(prompt, shown, hidden, mask)
    own = (model.inputs, shows) if model.inputs is not inputs.nothing else (shows,)
    return replace(model, inputs=inputs.together(*own), network_patches=(*model.network_patches, prompt))


def _inputs(prompt: ImagePrompt, shown: Tensor, hidden: Tensor, mask: Tensor | None) -> Inputs:
    def of(scene: inputs.Scene, options: object) -> dict[str, Tensor]:
        found = {prompt.name: shown if scene.side in PROMPTED else hidden}
        if mask is not None:
            height, width = scene.shape[-2:]
            fitting = resize(mask.float().reshape(-1, 1, *mask.shape[-2:]), width, height, "bilinear", "disabled")
            found[prompt.mask] = inputs.batched(fitting, scene.shape[0])
        return found

    return of


def require_fit(adapter: IpAdapter, model: Model, network: nn.Module | None) -> None:
    """Raises ValueError, which names both, if the attentions of a model are not those that an adapter adds to."""
    found = [block.attn2 for _, _, layer in attentions(network) for block in layer] if isinstance(network, UNet) else []
    has: Sequence[int] = [part.to_q.weight.shape[0] for part in found]
    context = found[0].to_k.weight.shape[1] if found else 0
    if list(has) != adapter.parts.widths or context != adapter.parts.context:
        raise ValueError(
            f"the IP-Adapter {adapter.name} does not fit the model {model.name}: it is made for "
            f"{_sizes(adapter.parts.widths, adapter.parts.context)}, the model has {_sizes(has, context)}; "
            "use an adapter and a checkpoint of the same family"
        )


def _sizes(widths: Sequence[int], context: int) -> str:
    return f"{len(widths)} attentions to a text {context} wide ({', '.join(map(str, sorted(set(widths))))} channels)"
