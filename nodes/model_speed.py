"""Nodes that change how fast and how exactly a model is computed: each gives a patched model."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Literal

import diffusion
from executor.node import Range, node
from nodes.sockets import Model

DEBUG = "advanced/debug/model"

Threshold = Annotated[
    float, Range(0.0, 3.0, step=0.01), "How much an answer may be off before a step is computed; 0 computes all."
]
Share = Annotated[float, Range(0.0, 1.0, step=0.01), "A part of the run: 0 is its beginning, 1 its end."]
Said = Annotated[bool, "Write to the log which steps are reused."]


@node("EasyCache", category=DEBUG, experimental=True)
def easy_cache(
    *,
    model: Model,
    reuse_threshold: Threshold = 0.2,
    start_percent: Share = 0.15,
    end_percent: Share = 0.95,
    verbose: Said = False,
) -> Model:
    """Leave out steps in which the answers to the prompts change little (EasyCache, Zhou et al. 2025)."""
    said = "EasyCache" if verbose else ""
    patch = diffusion.step_cache.easy(model.prediction, reuse_threshold, start_percent, end_percent, said)
    return replace(model, guidance=(*model.guidance, patch))


@node("LazyCache", category=DEBUG, experimental=True)
def lazy_cache(
    *,
    model: Model,
    reuse_threshold: Threshold = 0.2,
    start_percent: Share = 0.15,
    end_percent: Share = 0.95,
    verbose: Said = False,
) -> Model:
    """Leave out steps in which the guided result changes little: simpler than EasyCache, and for every guider."""
    said = "LazyCache" if verbose else ""
    patch = diffusion.step_cache.lazy(model.prediction, reuse_threshold, start_percent, end_percent, said)
    return replace(model, guidance=(*model.guidance, patch))


@node("ModelComputeDtype", category=DEBUG)
def model_compute_dtype(
    *,
    model: Model,
    dtype: Annotated[Literal["default", "fp32", "fp16", "bf16"], "The type to compute in; default is --precision's."],
) -> Model:
    """Compute a model in another type: fp32 is exact, 16 bits take half the memory."""
    return replace(model, network=diffusion.attention_patches.computing_in(model.network, dtype))


@node("TorchCompileModel", category="_for_testing", experimental=True)
def torch_compile_model(
    *, model: Model, backend: Annotated[Literal["inductor", "cudagraphs"], "cudagraphs needs an NVIDIA GPU."]
) -> Model:
    """Let torch compile the model: the first step of each size takes minutes, those after it less time."""
    return replace(model, network=diffusion.attention_patches.compiling(model.network, backend))
