"""From a file to handles: the model that denoises, the text encoder, the VAE. Nothing is read until it is used."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn, cast

import torch

from diffusion import detect, encoders, families, folders, networks, parts, tiny_vae
from diffusion.coding import Placed, Vae, pixels
from diffusion.header import Header, ModelFileError, read_header
from diffusion.model import Model
from diffusion.text import Clip
from diffusion.vision import encode as vision
from diffusion.vision.encode import ClipVision
from diffusion.weights import Weights, open_weights

ROUNDED = {
    "fp8_e4m3fn": torch.float8_e4m3fn,
    "fp8_e4m3fn_fast": torch.float8_e4m3fn,
    "fp8_e5m2": torch.float8_e5m2,
}


class MissingPartError(ModelFileError, AttributeError):
    """A network is used that the file does not hold."""


class Missing:
    """Stands for a network that a file does not hold; the first use of it says so."""

    def __init__(self, words: str):
        self._words = words

    def __getattr__(self, name: str) -> NoReturn:
        raise MissingPartError(self.__dict__["_words"])


def load(path: Path, embeddings: Sequence[Path] = (), told: str = "") -> tuple[Model, Clip, Vae]:
    """The three networks of a checkpoint. That it lacks a VAE or a text encoder is told when that is used.

    embeddings: folders of textual-inversion files. told: `v` or `eps`, where another file says it.
    Raises ModelFileError if the file is no checkpoint that can be run.
    """
    header = read_header(path)
    weights = open_weights(path, header)
    family, _ = detect.family(header)
    model = _model(header, weights, told=told)
    return model, _clip_if_any(header, weights, family, embeddings), _vae_if_any(header, weights)


def load_vision(path: Path) -> ClipVision:
    """The network that sees pictures in an unCLIP checkpoint. That it lacks one is told when it is used."""
    try:
        return vision.load(path)
    except ModelFileError as error:
        return cast("ClipVision", Missing(str(error)))


def load_folder(folder: Path, embeddings: Sequence[Path] = ()) -> tuple[Model, Clip, Vae]:
    """The three networks of a folder in diffusers' layout. Raises ModelFileError if one is missing or unknown."""
    unet, vae = (read_header(folders.file(folder, part)) for part in ("unet", "vae"))
    model = _model(unet, open_weights(unet.path, unet), folders.heads(folder, "unet"), folders.prediction(folder))
    clip = encoders.of_folder(folder, detect.family(unet)[0].base, embeddings)
    return model, clip, _vae(vae, open_weights(vae.path, vae))


def load_unet(path: Path, weight_dtype: str = "default") -> Model:
    """The denoising network alone. weight_dtype: `default`, or one of ROUNDED. Raises ModelFileError."""
    header = read_header(path)
    weights = open_weights(path, header)
    if weight_dtype in ROUNDED:
        weights = weights.stored_as(ROUNDED[weight_dtype])
    return _model(header, weights)


def load_vae(path: Path) -> Vae:
    """A VAE alone, or the pair of files of a TAESD by that of its decoder. Raises ModelFileError."""
    header = read_header(path)
    if detect.is_tiny(header.shapes):
        return tiny_vae.load(path)
    return _vae(header, open_weights(path, header))


def load_clip(path: Path, embeddings: Sequence[Path] = (), *, on_cpu: bool = False) -> Clip:
    """A text encoder alone. Raises ModelFileError."""
    return encoders.of_file(path, embeddings, on_cpu=on_cpu)


def load_two_clips(one: Path, other: Path, embeddings: Sequence[Path] = (), *, on_cpu: bool = False) -> Clip:
    """The two text encoders of Stable Diffusion XL, in any order. Raises ModelFileError."""
    return encoders.of_two_files(one, other, embeddings, on_cpu=on_cpu)


def _model(header: Header, weights: Weights, heads: int = 0, told: str = "") -> Model:
    """heads, told: the number of attention heads and the prediction that other files tell."""
    family, part = detect.family(header)
    network = networks.denoiser(header, weights, heads)
    use = families.use(header, family, part, weights, told)
    return Model(
        network=network,
        prediction=use.prediction,
        latent_format=use.latent_format,
        inputs=use.inputs,
        name=header.path.name,
    )


def _vae(header: Header, weights: Weights) -> Vae:
    network, config = networks.coder(header, weights)
    return Vae(coder=Placed(network), channels=config.latent, factor=config.factor)


def _clip_if_any(header: Header, weights: Weights, family: detect.Family, embeddings: Sequence[Path]) -> Clip:
    found = len(parts.find_texts(header.shapes))
    if found >= (2 if family.base == "SDXL" else 1):
        return encoders.of_checkpoint(header, weights, family.base, embeddings)
    if found:
        some = f"{header.path.name} holds one text encoder, but {family.name} has two; use a DualCLIPLoader node"
        return cast("Clip", Missing(some))
    return cast("Clip", Missing(f"{header.path.name} holds no text encoder; use a Load CLIP node"))


def _vae_if_any(header: Header, weights: Weights) -> Vae:
    if parts.find_vae(header.shapes):
        return _vae(header, weights)
    if detect.family(header)[0].shown == "pixels":
        return pixels()
    return cast("Vae", Missing(f"{header.path.name} holds no VAE; use a Load VAE node"))
