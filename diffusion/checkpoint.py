"""From a file to handles: the model that denoises, the text encoder, the VAE. Nothing is read until it is used."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn, cast

import torch

from diffusion import detect, folders, networks, parts
from diffusion.coding import Placed, Vae
from diffusion.header import Header, ModelFileError, read_header
from diffusion.model import SD15, Model
from diffusion.prediction import Prediction, discrete
from diffusion.text import Clip, stable_diffusion_1
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


def load(path: Path, embeddings: Sequence[Path] = ()) -> tuple[Model, Clip, Vae]:
    """The three networks of a checkpoint. That it lacks a VAE or a text encoder is told when that is used.

    embeddings: folders of textual-inversion files. Raises ModelFileError if the file is no checkpoint that can be run.
    """
    header = read_header(path)
    weights = open_weights(path, header)
    model = _model(header, weights, 0, detect.predicts_v(header))
    return model, _clip_if_any(header, weights, embeddings), _vae_if_any(header, weights)


def load_folder(folder: Path, embeddings: Sequence[Path] = ()) -> tuple[Model, Clip, Vae]:
    """The three networks of a folder in diffusers' layout. Raises ModelFileError if one is missing or unknown."""
    unet, text, vae = (read_header(folders.file(folder, part)) for part in ("unet", "text_encoder", "vae"))
    model = _model(unet, open_weights(unet.path, unet), folders.heads(folder, "unet"), folders.predicts_v(folder))
    clip = _clip(text, open_weights(text.path, text), embeddings, folders.heads(folder, "text_encoder"))
    return model, clip, _vae(vae, open_weights(vae.path, vae))


def load_unet(path: Path, weight_dtype: str = "default") -> Model:
    """The denoising network alone. weight_dtype: `default`, or one of ROUNDED. Raises ModelFileError."""
    header = read_header(path)
    weights = open_weights(path, header)
    if weight_dtype in ROUNDED:
        weights = weights.stored_as(ROUNDED[weight_dtype])
    return _model(header, weights, 0, detect.predicts_v(header))


def load_vae(path: Path) -> Vae:
    """A VAE alone. Raises ModelFileError."""
    header = read_header(path)
    return _vae(header, open_weights(path, header))


def load_clip(path: Path, embeddings: Sequence[Path] = (), *, on_cpu: bool = False) -> Clip:
    """A text encoder alone. Raises ModelFileError."""
    header = read_header(path)
    return _clip(header, open_weights(path, header), embeddings, on_cpu=on_cpu)


def _model(header: Header, weights: Weights, heads: int, predicts_v: bool) -> Model:
    network = networks.denoiser(header, weights, heads)
    prediction: Prediction = discrete("v" if predicts_v else "eps")
    return Model(network=network, prediction=prediction, latent_format=SD15, name=header.path.name)


def _clip(
    header: Header, weights: Weights, embeddings: Sequence[Path], heads: int = 0, *, on_cpu: bool = False
) -> Clip:
    network, config = networks.text_encoder(header, weights, heads, on_cpu=on_cpu)
    return Clip(encoders=(stable_diffusion_1(network, config),), embeddings=tuple(embeddings))


def _vae(header: Header, weights: Weights) -> Vae:
    network, config = networks.coder(header, weights)
    return Vae(coder=Placed(network), channels=config.latent, factor=config.factor)


def _clip_if_any(header: Header, weights: Weights, embeddings: Sequence[Path]) -> Clip:
    if parts.find_text(header.shapes):
        return _clip(header, weights, embeddings)
    return cast("Clip", Missing(f"{header.path.name} holds no text encoder; use a Load CLIP node"))


def _vae_if_any(header: Header, weights: Weights) -> Vae:
    if parts.find_vae(header.shapes):
        return _vae(header, weights)
    return cast("Vae", Missing(f"{header.path.name} holds no VAE; use a Load VAE node"))
