"""Nodes that make things visible: histograms, schedules, sheets and grids of pictures, noise step by step."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal, NamedTuple

import diffusion
from executor.node import Progress, Range, Seed, Text, node, silent
from nodes.sampling import reporting
from nodes.sockets import Guider, Image, Latent, Model, Noise, Sampler, Sigmas, Vae

if TYPE_CHECKING:
    from collections.abc import Sequence

    from diffusion.labels import Theme

CATEGORY = "image/look"

ThemeName = Annotated[Literal["light", "dark"], "Dark words on light ground, or the other way round."]
Lines = Annotated[str, Text(multiline=True), "One a line."]
Line = Annotated[str, Text()]
More = Annotated[list[Image] | None, "Behind those above."]
Side = Annotated[int, Range(0, 4096), "The longer side of each picture at most, in pixels; 0 leaves it as it is."]
PlotSide = Annotated[int, Range(200, 4096), "In pixels."]
Shown = Annotated[int, Range(2, 64), "How many steps to show at most, evenly chosen."]


class Strip(NamedTuple):
    strip: Image
    pictures: Image


class Run(NamedTuple):
    latent: Latent
    strip: Image
    pictures: Image


def _theme(name: str) -> Theme:
    return diffusion.labels.THEMES[name]


def _lines(texts: Sequence[str]) -> list[str]:
    """The lines of the only text, or else each text as one; none of a text that is empty."""
    if len(texts) != 1:
        return [" ".join(text.split()) for text in texts]
    return texts[0].strip("\n").split("\n") if texts[0].strip() else []


@node("ImageHistogram", category=CATEGORY, display_name="Image Histogram")
def image_histogram(
    *,
    image: Image,
    scale: Literal["linear", "logarithmic"],
    width: PlotSide = 512,
    height: PlotSide = 320,
    theme: ThemeName = "light",
) -> Image:
    """Draw for each picture how many pixels have each level of red, green, blue and light."""
    return diffusion.plots.histograms(image, scale, theme, (width, height))


@node("PlotSigmas", category=CATEGORY, display_name="Plot Sigmas")
def plot_sigmas(
    *,
    sigmas: Sigmas,
    scale: Literal["logarithmic", "linear"],
    width: PlotSide = 640,
    height: PlotSide = 400,
    theme: ThemeName = "light",
    compared: Annotated[Sigmas | None, "Another schedule, drawn in the same picture."] = None,
) -> Image:
    """Draw the noise level of each step of a schedule."""
    both = [("sigmas", sigmas)] if compared is None else [("sigmas", sigmas), ("compared", compared)]
    return diffusion.plots.schedules(both, scale, theme, (width, height))


@node("ContactSheet", category=CATEGORY, display_name="Contact Sheet")
def contact_sheet(
    *,
    images: Annotated[list[Image], "Batches and lists; pictures may differ in size."],
    images_2: More = None,
    images_3: More = None,
    images_4: More = None,
    labels: list[Lines] = "",  # pyright: ignore[reportArgumentType] -- shown as one text, given as a list
    title: Line = "",
    columns: Annotated[int, Range(0, 64), "0 makes about as many columns as rows."] = 0,
    size: Side = 256,
    theme: ThemeName = "light",
) -> Image:
    """Put pictures into one, with a label below each. A list of labels gives one to each picture."""
    every = [batch for some in (images, images_2, images_3, images_4) for batch in some or ()]
    pictures = [one for batch in every for one in diffusion.labels.pictures_of(batch)]
    sheet = diffusion.labels.sheet(pictures, _lines(labels), columns, size, title, _theme(theme))
    return diffusion.labels.tensor_of(sheet)


@node("LabeledGrid", category=CATEGORY, display_name="Labeled Grid (XY)")
def labeled_grid(
    *,
    images: Annotated[list[Image], "Row by row, one for each pair of labels."],
    columns: list[Lines] = "",  # pyright: ignore[reportArgumentType] -- shown as one text, given as a list
    rows: list[Lines] = "",  # pyright: ignore[reportArgumentType]
    column_axis: Annotated[Line, "What the columns are, such as cfg."] = "",
    row_axis: Annotated[Line, "What the rows are."] = "",
    title: Line = "",
    size: Side = 0,
    theme: ThemeName = "light",
) -> Image:
    """Put pictures into a grid whose columns and rows have labels. A list of labels gives one to each."""
    pictures = [one for batch in images for one in diffusion.labels.pictures_of(batch)]
    axes = (column_axis, row_axis)
    grid = diffusion.labels.grid(pictures, _lines(columns), _lines(rows), size, title, _theme(theme), axes)
    return diffusion.labels.tensor_of(grid)


@node("NoisingStrip", category=CATEGORY, display_name="Noising Strip")
def noising_strip(
    *,
    image: Image,
    sigmas: Annotated[Sigmas, "The noise levels, shown from the last to the first."],
    seed: Seed = 0,
    pictures: Shown = 8,
    size: Side = 160,
    theme: ThemeName = "light",
    model: Annotated[Model | None, "Whose noise it is; without it the usual, x0 + sigma n."] = None,
    vae: Annotated[Vae | None, "With model: the noise is in the latent, which is decoded. Else in the pixels."] = None,
    progress: Progress = silent,
) -> Strip:
    """Show a picture that gains noise step by step, with the noise level and the signal-to-noise ratio of each."""
    levels = sorted(sigmas.tolist())
    if not levels:
        raise ValueError("sigmas is empty; connect a schedule with a step at least")
    chosen = [levels[i] for i in diffusion.strips.spread(len(levels), pictures)]
    noise = diffusion.noise.Noise(seed)
    if vae is None:
        flow = model is not None and model.prediction.flow
        made = diffusion.strips.noised_pixels(image, chosen, noise, flow, size, theme)
    elif model is None:
        raise ValueError("model is not connected: noise in latents needs the model as well as the VAE")
    else:
        with diffusion.model.interruptible(vae.network, progress.check):
            latent = vae.encode(image[:1, ..., :3])
            made = diffusion.strips.noised_latents(latent, chosen, noise, model, vae.decode, size, theme)
    return Strip(made.picture, made.frames)


@node("DenoisingStrip", category=CATEGORY, display_name="Denoising Strip")
def denoising_strip(
    *,
    noise: Noise,
    guider: Guider,
    sampler: Sampler,
    sigmas: Sigmas,
    latent_image: Latent,
    vae: Vae,
    pictures: Shown = 8,
    size: Side = 160,
    theme: ThemeName = "light",
    progress: Progress = silent,
) -> Run:
    """Denoise a latent and show how: above what the run holds at each step, below the clean picture that the model
    expects of it. The latent is that of SamplerCustomAdvanced."""
    made = diffusion.strips.watched_run(
        guider,
        latent_image,
        sampler,
        sigmas,
        noise,
        vae.decode,
        wanted=pictures,
        side=size,
        theme=theme,
        on_step=reporting(progress, guider.model),
        check=progress.check,
    )
    return Run(made.latent, made.picture, made.frames)
