"""The numerics: plain torch, usable without any graph.

Sub-modules are imported when they are first used (`diffusion.images.scale(...)`), so that a program that only lists or
checks nodes never imports torch.
"""

import importlib
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from diffusion import adapters as adapters
    from diffusion import alpha as alpha
    from diffusion import animations as animations
    from diffusion import attention_patches as attention_patches
    from diffusion import blend as blend
    from diffusion import canny as canny
    from diffusion import checkpoint as checkpoint
    from diffusion import coding as coding
    from diffusion import color_match as color_match
    from diffusion import colors as colors
    from diffusion import composite as composite
    from diffusion import conditioning as conditioning
    from diffusion import control as control
    from diffusion import crops as crops
    from diffusion import detect as detect
    from diffusion import embedding_files as embedding_files
    from diffusion import emphasis as emphasis
    from diffusion import filters as filters
    from diffusion import folders as folders
    from diffusion import gits as gits
    from diffusion import gligen as gligen
    from diffusion import gligen_files as gligen_files
    from diffusion import guidance as guidance
    from diffusion import guidance_patches as guidance_patches
    from diffusion import header as header
    from diffusion import hooks as hooks
    from diffusion import image_files as image_files
    from diffusion import image_sets as image_sets
    from diffusion import images as images
    from diffusion import inpainting as inpainting
    from diffusion import labels as labels
    from diffusion import latent_batch as latent_batch
    from diffusion import latent_files as latent_files
    from diffusion import latent_math as latent_math
    from diffusion import latents as latents
    from diffusion import masks as masks
    from diffusion import metrics as metrics
    from diffusion import model as model
    from diffusion import morphology as morphology
    from diffusion import network_patches as network_patches
    from diffusion import noise as noise
    from diffusion import picture_files as picture_files
    from diffusion import plots as plots
    from diffusion import prediction as prediction
    from diffusion import previews as previews
    from diffusion import prompt_schedule as prompt_schedule
    from diffusion import prompt_timing as prompt_timing
    from diffusion import quantize as quantize
    from diffusion import resample as resample
    from diffusion import resizing as resizing
    from diffusion import samplers as samplers
    from diffusion import sampling as sampling
    from diffusion import saving as saving
    from diffusion import schedule_tables as schedule_tables
    from diffusion import schedules as schedules
    from diffusion import settings as settings
    from diffusion import sigma_lists as sigma_lists
    from diffusion import steering as steering
    from diffusion import step_cache as step_cache
    from diffusion import stitch as stitch
    from diffusion import strips as strips
    from diffusion import tensor_files as tensor_files
    from diffusion import text as text
    from diffusion import token_table as token_table
    from diffusion import training as training
    from diffusion import upscaling as upscaling
    from diffusion import vision as vision
    from diffusion import wildcard_files as wildcard_files


def __getattr__(name: str) -> ModuleType:
    if name.startswith("__"):
        raise AttributeError(name)
    try:
        return importlib.import_module(f"diffusion.{name}")
    except ModuleNotFoundError as error:
        if error.name != f"diffusion.{name}":
            raise
        raise AttributeError(f"diffusion has no module {name}") from None
