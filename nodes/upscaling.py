"""Nodes that enlarge pictures by a network."""

from __future__ import annotations

from typing import Annotated, Any

import diffusion
from executor.files import FileProblem, Files
from executor.node import Folder, Progress, node, silent
from nodes.sockets import Image, UpscaleModel


def upscaler_state(files: Files, model_name: str) -> Any:
    state = files.model("upscale_models", model_name).stat()
    return model_name, state.st_size, state.st_mtime_ns, repr(diffusion.settings.current())


def upscaler_problem(files: Files, model_name: str) -> str | None:
    try:
        diffusion.upscaling.inspect(files.model("upscale_models", model_name))
    except FileProblem:
        return None  # which the menu tells
    except diffusion.header.ModelFileError as error:
        return str(error)
    return None


@node(
    "UpscaleModelLoader",
    category="loaders",
    display_name="Load Upscale Model",
    fingerprint=upscaler_state,
    validate=upscaler_problem,
)
def upscale_model_loader(
    *, model_name: Annotated[str, Folder("upscale_models"), "A file of models/upscale_models."], files: Files
) -> UpscaleModel:
    """Open a network that enlarges pictures, such as ESRGAN; its factor follows from the file."""
    return diffusion.upscaling.load(files.model("upscale_models", model_name))


@node("ImageUpscaleWithModel", category="image/upscaling", display_name="Upscale Image (using Model)")
def image_upscale_with_model(*, upscale_model: UpscaleModel, image: Image, progress: Progress = silent) -> Image:
    """Enlarge pictures by the factor of an upscaling network, tile by tile."""
    return upscale_model.enlarge(image, progress, progress.check)
