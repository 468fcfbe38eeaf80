"""Nodes that compute with latents."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Literal

import diffusion
from executor.node import Range, node
from nodes.latents import DIMS, with_samples
from nodes.sockets import Latent, LatentOperation


@node("LatentBlend", category="_for_testing", display_name="Latent Blend")
def latent_blend(
    *,
    samples1: Latent,
    samples2: Latent,
    blend_factor: Annotated[float, Range(0, 1, step=0.01), "How much of samples1."] = 0.5,
) -> Latent:
    """Mix two latents; the second is cropped and resized to the first."""
    mixed = diffusion.latent_math.blend(samples1["samples"], samples2["samples"], blend_factor)
    return with_samples(samples1, mixed)


@node("LatentAdd", category="latent/advanced")
def latent_add(*, samples1: Latent, samples2: Latent) -> Latent:
    """The sum of two latents; the second is resized and repeated to the first."""
    first = samples1["samples"]
    return with_samples(samples1, first + diffusion.latent_math.match(samples2["samples"], first))


@node("LatentSubtract", category="latent/advanced")
def latent_subtract(*, samples1: Latent, samples2: Latent) -> Latent:
    """The difference of two latents; the second is resized and repeated to the first."""
    first = samples1["samples"]
    return with_samples(samples1, first - diffusion.latent_math.match(samples2["samples"], first))


@node("LatentMultiply", category="latent/advanced")
def latent_multiply(*, samples: Latent, multiplier: Annotated[float, Range(-10.0, 10.0, step=0.01)] = 1.0) -> Latent:
    """Latents times a number."""
    return with_samples(samples, samples["samples"] * multiplier)


@node("LatentInterpolate", category="latent/advanced")
def latent_interpolate(
    *,
    samples1: Latent,
    samples2: Latent,
    ratio: Annotated[float, Range(0.0, 1.0, step=0.01), "How much of samples1."] = 1.0,
) -> Latent:
    """A latent between two, directions and lengths apart, which keeps its contrast."""
    mixed = diffusion.latent_math.interpolate(samples1["samples"], samples2["samples"], ratio)
    return with_samples(samples1, mixed)


@node("LatentConcat", category="latent/advanced")
def latent_concat(
    *,
    samples1: Latent,
    samples2: Latent,
    dim: Annotated[Literal["x", "-x", "y", "-y", "t", "-t"], "Where samples2 goes: - puts it before samples1."],
) -> Latent:
    """Put two latents side by side, one above the other, or one after the other."""
    joined = diffusion.latent_math.join(
        samples1["samples"], samples2["samples"], DIMS[dim.removeprefix("-")], first=not dim.startswith("-")
    )
    return with_samples(samples1, joined)


@node("LatentApplyOperation", category="latent/advanced/operations", experimental=True)
def latent_apply_operation(*, samples: Latent, operation: LatentOperation) -> Latent:
    """Change latents by an operation."""
    return with_samples(samples, operation(samples["samples"]))


@node("LatentOperationSharpen", category="latent/advanced/operations", experimental=True)
def latent_operation_sharpen(
    *,
    sharpen_radius: Annotated[int, Range(1, 31, step=1), "In latent elements."] = 9,
    sigma: Annotated[float, Range(0.1, 10.0, step=0.1), "How far the blur reaches, in radii."] = 1.0,
    alpha: Annotated[float, Range(0.0, 5.0, step=0.01), "How much to sharpen."] = 0.1,
) -> LatentOperation:
    """Sharpens latents."""
    return partial(diffusion.latent_math.sharpen, radius=sharpen_radius, sigma=sigma, amount=alpha)


@node("LatentOperationTonemapReinhard", category="latent/advanced/operations", experimental=True)
def latent_operation_tonemap_reinhard(
    *,
    multiplier: Annotated[float, Range(0.0, 100.0, step=0.01), "Smaller compresses more."] = 1.0,
) -> LatentOperation:
    """Compresses the contrast of latents, so that a high cfg does not burn out."""
    return partial(diffusion.latent_math.tonemap, multiplier=multiplier)
