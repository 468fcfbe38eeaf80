"""Nodes that compare pictures, and give one the colours of another."""

from __future__ import annotations

from typing import Annotated, Literal, NamedTuple

import diffusion
from executor.node import Range, Shown, node
from nodes.sockets import Image

CATEGORY = "image/compare"

Other = Annotated[Image, "As many as the first, or one for all, of the same size."]


class Measures(NamedTuple):
    report: str
    PSNR: float
    SSIM: float
    error: float


class Perceptual(NamedTuple):
    report: str
    LPIPS: float


class Difference(NamedTuple):
    heatmap: Image
    difference: Image


@node("MeasureImages", category=CATEGORY, display_name="Measure Images", output_node=True)
def measure_images(*, image: Image, other: Other) -> Shown[Measures]:
    """How much pictures differ: PSNR in dB, SSIM (1 for equal ones) and the mean squared error; means over the batch.
    The node shows those of each picture."""
    metrics = diffusion.metrics
    a, b = metrics.pair(image, other)
    found = {"PSNR": metrics.psnr(a, b), "SSIM": metrics.ssim(a, b), "error": metrics.squared_error(a, b)}
    report = metrics.report(found)
    return Shown({"text": [report]}, Measures(report, *(float(values.mean()) for values in found.values())))


@node("MeasurePerceptualDistance", category=CATEGORY, display_name="Measure Perceptual Distance", output_node=True)
def measure_perceptual_distance(
    *, image: Image, other: Other, network: Annotated[Literal["alex", "vgg", "squeeze"], "What looks at them."]
) -> Shown[Perceptual]:
    """How much pictures differ to the eye (LPIPS, 0 for equal ones), the mean over the batch. Needs the package lpips,
    which downloads its network when it is first used."""
    metrics = diffusion.metrics
    found = metrics.perceptual(*metrics.pair(image, other), metrics.lpips_network(network))
    report = metrics.report({"LPIPS": found})
    return Shown({"text": [report]}, Perceptual(report, float(found.mean())))


@node("ImageDifferenceHeatmap", category=CATEGORY, display_name="Image Difference (Heatmap)")
def image_difference_heatmap(
    *,
    image: Image,
    other: Other,
    gain: Annotated[float, Range(0.01, 1000.0, step=0.1), "Multiplies the difference: more shows less of it."] = 1.0,
    legend: Annotated[bool, "Whether a bar below says which colour is how much."] = True,
    theme: Literal["light", "dark"],
) -> Difference:
    """Where pictures differ and how much, the mean over their channels: as colours and as grey pictures."""
    a, b = diffusion.metrics.pair(image, other)
    values = ((a - b).abs().mean(-1) * gain).clamp(0, 1).float()
    maps = diffusion.plots.heat(values)
    shown = diffusion.plots.with_legend(maps, 1 / gain, theme) if legend else maps
    return Difference(shown, diffusion.colors.grey(values))


@node("MatchColors", category=CATEGORY, display_name="Match Colors")
def match_colors(
    *,
    image: Image,
    reference: Annotated[Image, "Whose colours to take: one picture, or one for each."],
    method: Annotated[
        Literal["mean and spread", "covariance", "histogram"],
        "What becomes the reference's: mean and deviation in CIELAB, those and how channels go together, or every "
        "channel's histogram.",
    ],
    strength: Annotated[float, Range(0.0, 1.0, step=0.01), "How far to go."] = 1.0,
) -> Image:
    """Give pictures the colours of another one."""
    return diffusion.color_match.matched(image, reference, method, strength)
