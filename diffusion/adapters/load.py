"""From an adapter's file to handles whose weights it changes. Its tensors are read when those are merged."""

from __future__ import annotations

import warnings
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from diffusion import detect
from diffusion.adapters import files, names
from diffusion.adapters.kinds import Kind, kind_of
from diffusion.header import ModelFileError, read_header
from diffusion.model import Model
from diffusion.patches import Patch
from diffusion.placement import Resident
from diffusion.text import Clip, Encoder
from diffusion.weights import Weights, open_weights

TEXT_MARKS = ("lora_te", "text_encoder", "text_model", "lycoris_text_model")


@dataclass
class Fit:
    """What of an adapter is in some networks: the layers that fit, and why others do not."""

    fitting: set[str] = field(default_factory=set[str])
    misfits: dict[str, str] = field(default_factory=dict[str, str])

    def require(self, adapter: str, model: str, layers: Iterable[str], families: str = "") -> None:
        """ModelFileError if none of the layers fits, a warning if some do not. families: of both sides, in words."""
        rest = [layer for layer in layers if layer not in self.fitting]
        if not rest:
            return
        why = self.misfits.get(rest[0], f"{model} has no {rest[0]}")
        count = len(rest) + len(self.fitting)
        if not self.fitting:
            raise ModelFileError(
                f"{adapter} fits nothing in {model}: 0 of its {count} layers match; {families}{why}; "
                "use an adapter that was made for this family of models"
            )
        also = f" and {len(rest) - 1} more" if len(rest) > 1 else ""
        warnings.warn(
            f"{len(self.fitting)} of {count} layers of {adapter} match {model}; {why}{also}; these are left out",
            stacklevel=3,
        )


@dataclass(frozen=True, eq=False)
class LoraModel:
    """An adapter in memory: what training makes. tensors: as in a file, by names such as LoraSave gives them.

    metadata: what a file of it tells of how it was made.
    """

    name: str
    tensors: Mapping[str, Tensor]
    metadata: Mapping[str, str] = field(default_factory=dict[str, str])


class Adapter:
    """The layers of an adapter, and where their tensors are.

    key: what they follow from. told: what PEFT says beside them.
    """

    def __init__(self, name: str, layers: files.Layers, weights: Weights, key: Hashable, told: Mapping[str, Any]):
        self.name, self.layers, self.weights, self._key, self._told = name, layers, weights, key, told
        self.shapes = {name: tuple(tensor.shape) for name, tensor in weights.tensors.items()}

    @classmethod
    def of_file(cls, path: Path) -> Adapter:
        """Raises ModelFileError if the file is no adapter. Warns of embeddings that it brings along."""
        header = read_header(path)
        layers, state = files.adapter_layers(header), path.stat()
        if words := files.bundled(header.entries):
            warnings.warn(
                f"{path.name} brings embeddings along, which stay unused: {', '.join(words)}; "
                "put them into models/embeddings as files of their own to use them in prompts",
                stacklevel=3,
            )
        key = (str(path), state.st_size, state.st_mtime_ns)
        return cls(path.name, layers, open_weights(path, header), key, files.settings(header))

    @classmethod
    def of_model(cls, lora: LoraModel) -> Adapter:
        return cls(lora.name, files.layers(lora.tensors)[0], Weights(Path(lora.name), lora.tensors), lora, {})

    def layers_of(self, *, text: bool) -> list[str]:
        """The layers of text networks, or of the one that denoises."""
        return [layer for layer in self.layers if layer.startswith(TEXT_MARKS) is text]

    def patched(self, network: Resident, text: str, strength: float, fit: Fit) -> Resident:
        """The network with what fits it. text: the name of a text network, empty for the one that denoises."""
        shapes = network.shapes
        known = names.text_layers(shapes) if text else names.unet_layers(shapes)
        patches: dict[str, tuple[Patch, ...]] = {}
        for layer in self.layers_of(text=bool(text)):
            ours = names.find(layer, known, names.TEXT[text] if text else names.UNET)
            if ours:
                found = self._patches(layer, ours, shapes, strength, fit)
                patches |= {name: (patch,) for name, patch in found.items()}
        return network.patched(patches) if strength else network

    def _patches(
        self, layer: str, ours: str, shapes: Mapping[str, tuple[int, ...]], strength: float, fit: Fit
    ) -> dict[str, Patch]:
        parts = {part: self.shapes[name] for part, name in self.layers[layer].items()}
        found: dict[str, Patch] = {}
        if "diff_b" in parts and parts.pop("diff_b") == shapes.get(f"{ours}.bias"):
            found[f"{ours}.bias"] = self._patch(layer, BIAS, ("diff_b",), strength)
        kind, weight = kind_of(parts), shapes.get(f"{ours}.weight")
        if kind and weight and kind.fits(parts, weight):
            found[f"{ours}.weight"] = self._patch(layer, kind, parts, strength)
        elif kind or not found:
            made_for = f"{kind.name} for {kind.made_for(parts)}" if kind else f"of an unknown kind ({', '.join(parts)})"
            fit.misfits[layer] = f"{layer} is a {made_for}, but the weight is {weight}"
        if found:
            fit.fitting.add(layer)
        return found

    def _patch(self, layer: str, kind: Kind, parts: Iterable[str], strength: float) -> Patch:
        stored = {part: self.weights.tensors[self.layers[layer][part]] for part in parts}
        if "lora_magnitude" in self.layers[layer].get("dora_scale", ""):
            stored["dora_scale"] = stored[
                "dora_scale"
            ].flatten()  # PEFT's lengths are those of rows, whatever the shape
        rank = len(stored["down"]) if "down" in stored else 1
        alpha = files.told_alpha(self._told, layer, rank)
        told = {} if alpha is None else {"alpha": torch.tensor(alpha)}

        def change(weight: Tensor) -> Tensor:
            ready = {part: t.to(weight.device, torch.float32) for part, t in (told | stored).items()}
            changed = kind.change(weight, ready, strength)
            for tensor in stored.values():
                self.weights.forget(tensor)
            return changed

        return Patch((self._key, layer, kind.name, strength), change, sum(t.nbytes for t in stored.values()))


def _bias(weight: Tensor, parts: Mapping[str, Tensor], strength: float) -> Tensor:
    return weight.add_(parts["diff_b"], alpha=strength)


BIAS = Kind("difference of a bias", frozenset(["diff_b"]), lambda shapes: (shapes["diff_b"][0], None), _bias)


def apply_to_model(path: Path, model: Model, strength: float) -> Model:
    """The model with an adapter merged; of one that also changes text networks, only the rest.

    Raises ModelFileError if the file is no adapter, or fits nothing in the model. `strength` 0 changes nothing.
    """
    return _to_model(Adapter.of_file(path), model, strength)


def apply_lora(lora: LoraModel, model: Model, strength: float) -> Model:
    """The same with an adapter that is in memory."""
    return _to_model(Adapter.of_model(lora), model, strength)


def _to_model(adapter: Adapter, model: Model, strength: float) -> Model:
    fit = Fit()
    adapted = _with_unet(adapter, model, strength, fit)
    layers = adapter.layers_of(text=False) or adapter.layers
    fit.require(adapter.name, model.name or "the model", layers, _families(adapter, model))
    return adapted


def apply_to_clip(path: Path, clip: Clip, strength: float) -> Clip:
    """The text networks with an adapter merged; as they are, if it changes none. Raises as `apply_to_model` does."""
    adapter, fit = Adapter.of_file(path), Fit()
    encoders = tuple(_with_text(adapter, encoder, strength, fit) for encoder in clip.encoders)
    fit.require(adapter.name, "the text encoder", adapter.layers_of(text=True))
    return replace(clip, encoders=encoders)


def apply(path: Path, model: Model, clip: Clip, model_strength: float, clip_strength: float) -> tuple[Model, Clip]:
    """The model and its text networks with an adapter merged. Raises ModelFileError as `apply_to_model` does."""
    adapter, fit = Adapter.of_file(path), Fit()
    model = _with_unet(adapter, model, model_strength, fit)
    encoders = tuple(_with_text(adapter, encoder, clip_strength, fit) for encoder in clip.encoders)
    fit.require(adapter.name, model.name or "the model", adapter.layers, _families(adapter, model))
    return model, replace(clip, encoders=encoders)


def _families(adapter: Adapter, model: Model) -> str:
    """What the two were made for, where both tell; to begin a reason with."""
    theirs, network = files.made_for(adapter.shapes), model.network
    family = detect.family_of(network.shapes) if isinstance(network, Resident) else None
    ours = files.BASES[family.base] if family else ""
    return f"it is for {theirs}, the model is {ours}; " if theirs and ours and theirs != ours else ""


def _with_unet(adapter: Adapter, model: Model, strength: float, fit: Fit) -> Model:
    if not isinstance(model.network, Resident):
        raise ValueError(f"{model.name or 'this model'} has no weights that {adapter.name} could change")
    return replace(model, network=adapter.patched(model.network, "", strength, fit))


def _with_text(adapter: Adapter, encoder: Encoder, strength: float, fit: Fit) -> Encoder:
    if not isinstance(encoder.network, Resident) or encoder.name not in names.TEXT:
        return encoder
    return replace(encoder, network=adapter.patched(encoder.network, encoder.name, strength, fit))
