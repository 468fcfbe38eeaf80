"""Models back into files, in the layout that checkpoints of their family have, in the types that theirs had."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor

from diffusion import detect
from diffusion.coding import Pixels, Vae
from diffusion.layouts import JOINED, OPEN_CLIP, OPEN_CLIP_LAYER, PROJECTION, TURNED
from diffusion.model import PLAYGROUND, Model
from diffusion.placement import Resident
from diffusion.sigma_space import LogUniform
from diffusion.tensor_files import Stored, TensorFile, stored
from diffusion.text import Clip, Encoder

UNET, VAE = "model.diffusion_model.", "first_stage_model."
ARCHITECTURE = {  # https://github.com/Stability-AI/ModelSpec
    "SD1": "stable-diffusion-v1", "SD2": "stable-diffusion-v2",
    "SDXL": "stable-diffusion-xl-v1-base", "refiner": "stable-diffusion-xl-v1-refiner",
}  # fmt: skip
PREDICTS = {"eps": "epsilon", "v": "v", "flow": "flow"}


def checkpoint(model: Model, clip: Clip, vae: Vae, texts: Mapping[str, str]) -> TensorFile:
    """All three networks in one file; a model of pixels has no VAE. texts: kept as metadata.

    Raises ValueError for what has no weights.
    """
    coder = {} if isinstance(vae.coder, Pixels) else _vae(vae)
    tensors = _unet(model) | _texts(clip) | {f"{VAE}{name}": t for name, t in coder.items()}
    return TensorFile(tensors, {**_told(model, clip), **texts})


def unet(model: Model, texts: Mapping[str, str]) -> TensorFile:
    """The denoising network alone, under the names that it has in a checkpoint."""
    return TensorFile(_unet(model), {**_told(model, None), **texts})


def vae(coder: Vae, texts: Mapping[str, str]) -> TensorFile:
    """The autoencoder alone."""
    return TensorFile(_vae(coder), texts)


def text_encoders(clip: Clip, texts: Mapping[str, str]) -> Iterator[tuple[str, TensorFile]]:
    """A file for each text network, with its name, in the layout of transformers."""
    for encoder in clip.encoders:
        told = {"architecture": json.dumps({"text": heads})} if (heads := _text_heads(encoder)) else {}
        yield encoder.name, TensorFile(_all(_resident(encoder.network, "this text encoder")), {**told, **texts})


# --- the tensors ---------------------------------------------------------------------------------


def _resident(network: object, what: str) -> Resident:
    if not isinstance(network, Resident):
        raise ValueError(f"{what} has no weights that could be saved")
    return network


def _all(network: Resident) -> dict[str, Stored]:
    return {
        name: Stored(network.stored_dtype(name), shape, partial(network.stored, name))
        for name, shape in network.shapes.items()
    }


def _unet(model: Model) -> dict[str, Stored]:
    network = _resident(model.network, "this model")
    return {f"{UNET}{name}": t for name, t in _all(network).items()} | _marks(model)


def _marks(model: Model) -> dict[str, Stored]:
    """Tensors that tell what shapes do not: what the network predicts, and how its latents are scaled."""
    at, empty = model.prediction, stored(torch.empty(0))
    if model.latent_format is PLAYGROUND:
        numbers = (torch.tensor(n).view(1, -1, 1, 1) for n in (PLAYGROUND.mean, PLAYGROUND.deviation))
        return dict(zip(("edm_mean", "edm_std"), map(stored, numbers), strict=True))
    if at.kind == "v" and type(at.space) is LogUniform:
        ends = {"sigma_min": at.sigma_min, "sigma_max": at.sigma_max}
        return {f"edm_vpred.{name}": stored(torch.tensor(value)) for name, value in ends.items()}
    if at.kind != "v":
        return {}
    return {"v_pred": empty} | ({"ztsnr": empty} if at.sigma_max > 1000 else {})


def _vae(vae: Vae) -> dict[str, Stored]:
    return _all(_resident(vae.network, "this VAE"))


def _texts(clip: Clip) -> dict[str, Stored]:
    """The text networks where a checkpoint of their family has them."""
    found: dict[str, Stored] = {}
    alone = len(clip.encoders) == 1
    for i, encoder in enumerate(clip.encoders):
        tensors = _all(_resident(encoder.network, "this text encoder"))
        at = "cond_stage_model." if alone and encoder.name != "clip_g" else f"conditioner.embedders.{i}."
        if encoder.name == "clip_l":
            found |= {f"{at}transformer.{name}": t for name, t in tensors.items()}
        else:
            found |= {f"{at}model.{name}": t for name, t in open_clip(tensors).items()}
    return found


def open_clip(tensors: Mapping[str, Stored]) -> dict[str, Stored]:
    """A text network in OpenCLIP's layout: projections of an attention joined, that of the pooled text turned."""
    whole = {ours: theirs for theirs, ours in OPEN_CLIP.items() if theirs != "text_projection.weight"}
    layer = {ours: theirs for theirs, ours in OPEN_CLIP_LAYER.items()}
    found: dict[str, Stored] = {}
    for name, tensor in tensors.items():
        _, at, inner = name.rpartition("encoder.layers.")
        number, _, inner = inner.partition(".")
        part, _, kind = inner.rpartition(".")
        if name == PROJECTION:
            found[TURNED] = Stored(tensor.dtype, tensor.shape[::-1], _turned(tensor))
        elif not at:
            found[whole[name]] = tensor
        elif part in layer:
            found[f"transformer.resblocks.{number}.{layer[part]}.{kind}"] = tensor
        elif part == f"self_attn.{JOINED[0]}":
            three = [tensors[name.replace(JOINED[0], other)] for other in JOINED]
            found[f"transformer.resblocks.{number}.attn.in_proj_{kind}"] = _joined(three)
    return found


def _turned(tensor: Stored) -> Callable[[], Tensor]:
    return lambda: tensor.read().mT


def _joined(three: list[Stored]) -> Stored:
    rows = sum(t.shape[0] for t in three)
    return Stored(three[0].dtype, (rows, *three[0].shape[1:]), lambda: torch.cat([t.read() for t in three]))


# --- what is told beside them --------------------------------------------------------------------


def _told(model: Model, clip: Clip | None) -> dict[str, str]:
    """ModelSpec's words, and the heads of attention where they are not the usual ones."""
    network = _resident(model.network, "this model")
    family = detect.family_of(network.shapes)
    told = {"modelspec.sai_model_spec": "1.0.0", "modelspec.implementation": "sgm"}
    if family:
        told["modelspec.architecture"] = ARCHITECTURE[family.base]
    if model.prediction.kind in PREDICTS:
        told["modelspec.predict_key"] = told["modelspec.prediction_type"] = PREDICTS[model.prediction.kind]
    config: Any = network.module.config
    heads: dict[str, Any] = {"unet": {"num_heads": config.heads}} if config.heads else {}
    text = _text_heads(clip.encoders[0]) if clip and len(clip.encoders) == 1 else None
    heads |= {"text": text} if text else {}
    return told | ({"architecture": json.dumps(heads)} if heads else {})


def _text_heads(encoder: Encoder) -> dict[str, int] | None:
    usual = max(1, encoder.config.width // 64)
    return None if encoder.config.heads == usual else {"num_attention_heads": encoder.config.heads}
