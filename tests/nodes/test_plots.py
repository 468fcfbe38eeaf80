"""The nodes that compare pictures and make things visible, run as a graph and called alone."""

import json
import math
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

import main
from diffusion.coding import Vae
from diffusion.color_match import METHODS
from diffusion.emphasis import LANGUAGES
from diffusion.guidance import cfg
from diffusion.labels import THEMES
from diffusion.metrics import NETWORKS
from diffusion.noise import Noise
from diffusion.samplers import Sampler
from diffusion.schedules import schedule
from executor.files import Files
from executor.node import registry
from nodes.measures import image_difference_heatmap, match_colors, measure_images, measure_perceptual_distance
from nodes.plots import contact_sheet, denoising_strip, image_histogram, noising_strip, plot_sigmas
from nodes.sampling import sampler_custom_advanced
from tests.diffusion.test_coding import Means
from tests.replay.toys import MODELS

IMAGE, OTHER = torch.rand(2, 24, 32, 3), torch.rand(1, 24, 32, 3)
PROMPT = [(torch.full((1, 7, 8), 0.3), {})]


def test_measures_are_outputs_and_shown():
    shown = measure_images(image=IMAGE, other=OTHER)
    assert shown.ui == {"text": [shown.result.report]}
    assert math.isclose(shown.result.error, float((IMAGE - OTHER).square().mean()), rel_tol=1e-5)
    assert 5 < shown.result.PSNR < 12
    assert measure_images(image=IMAGE, other=IMAGE).result[1:] == (math.inf, 1.0, 0.0)


def test_lpips_says_what_it_needs(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "lpips", None)
    with pytest.raises(ValueError, match="LPIPS needs a package"):
        measure_perceptual_distance(image=IMAGE, other=OTHER, network="alex")


def test_the_difference_is_a_map_and_a_grey_picture():
    made = image_difference_heatmap(image=IMAGE, other=OTHER, gain=2.0, legend=False, theme="light")
    wanted = ((IMAGE - OTHER).abs().mean(-1) * 2).clamp(0, 1)
    torch.testing.assert_close(made.difference, wanted[..., None].expand(-1, -1, -1, 3))
    assert made.heatmap.shape == IMAGE.shape
    told = image_difference_heatmap(image=IMAGE, other=IMAGE, gain=1.0, legend=True, theme="dark")
    assert told.heatmap.shape == (2, 58, 32, 3)
    assert told.difference.max() == 0


def test_menus_are_what_the_numerics_know():
    def menu(node: str, name: str) -> list[Any]:
        return registry[node].inputs[name].values(Files())

    assert menu("MatchColors", "method") == list(METHODS)
    assert menu("EncodePrompt", "weights") == list(LANGUAGES)
    assert menu("MeasurePerceptualDistance", "network") == list(NETWORKS)
    for node in ("ContactSheet", "LabeledGrid", "ImageHistogram", "PlotSigmas", "NoisingStrip", "DenoisingStrip"):
        assert menu(node, "theme") == list(THEMES)


def test_colours_histograms_and_schedules():
    assert match_colors(image=IMAGE, reference=OTHER, method="histogram").shape == IMAGE.shape
    assert image_histogram(image=IMAGE, scale="linear").shape == (2, 320, 512, 3)
    levels = torch.tensor([3.0, 1.0, 0.0])
    one, two = (plot_sigmas(sigmas=levels, scale="linear", compared=c) for c in (None, levels / 2))
    assert one.shape == two.shape
    assert not one.equal(two)


def test_a_watched_run_is_the_run_of_the_custom_sampler():
    toy: Any = MODELS["sd15"]()
    vae = Vae(Means())
    given: dict[str, Any] = {
        "noise": Noise(2),
        "guider": cfg(toy, PROMPT, PROMPT, 2.0),
        "sampler": Sampler("dpmpp_2m"),
        "sigmas": schedule("karras", toy.prediction, 5),
        "latent_image": {"samples": torch.zeros(1, 4, 4, 4)},
    }
    run = denoising_strip(**given, vae=vae, pictures=3)
    assert run.latent["samples"].equal(sampler_custom_advanced(**given).output["samples"])
    assert run.pictures.shape == (3, 32, 32, 3)


def test_noise_goes_into_pixels_or_into_latents():
    toy: Any = MODELS["sd15"]()
    sigmas = schedule("karras", toy.prediction, 5)
    pixels = noising_strip(image=IMAGE, sigmas=sigmas, pictures=4)
    torch.testing.assert_close(pixels.pictures[0], IMAGE[0])
    assert pixels.pictures.shape == (4, 24, 32, 3)
    latents = noising_strip(image=IMAGE, sigmas=sigmas, pictures=4, model=toy, vae=Vae(Means()))
    assert latents.pictures.shape == (4, 24, 32, 3)
    assert not latents.pictures[-1].isclose(pixels.pictures[-1]).all()
    with pytest.raises(ValueError, match="model is not connected"):
        noising_strip(image=IMAGE, sigmas=sigmas, vae=Vae(Means()))
    with pytest.raises(ValueError, match="sigmas is empty"):
        noising_strip(image=IMAGE, sigmas=torch.zeros(0))


def test_pictures_of_lists_and_batches_come_into_one_sheet():
    images = [IMAGE, torch.rand(1, 12, 16, 3)]

    def made(labels: list[str]) -> torch.Tensor:
        return contact_sheet(images=images, labels=labels, columns=3, size=0)

    assert made(["a\nb\nc"]).equal(made(["a", "b", "c"]))
    assert made(["a", "b\nb", "c"]).equal(made(["a", "b b", "c"]))
    assert made([""]).shape[1] < made(["a"]).shape[1]
    with pytest.raises(ValueError, match="labels has 4 lines for 3 pictures"):
        made(["a\nb\nc\nd"])
    empty: list[torch.Tensor] = []
    with pytest.raises(ValueError, match="no picture"):
        contact_sheet(images=empty)


def test_empty_batches_are_told():
    none = torch.zeros(0, 8, 8, 3)
    for call in (
        lambda: measure_images(image=none, other=OTHER),
        lambda: image_histogram(image=none, scale="linear"),
        lambda: match_colors(image=none, reference=OTHER, method="covariance"),
        lambda: noising_strip(image=none, sigmas=torch.ones(2)),
        lambda: image_difference_heatmap(image=none, other=OTHER, gain=1.0, legend=True, theme="light"),
    ):
        with pytest.raises(ValueError, match="holds no picture"):
            call()


def test_a_list_is_one_grid_in_a_graph(tmp_path: Path):
    """With widgets alone, and a list of pictures of another node."""
    plain = {"width": 40, "height": 30, "batch_size": 4, "color": 255}
    graph = {
        "1": {"class_type": "EmptyImage", "inputs": plain},
        "2": {"class_type": "RebatchImages", "inputs": {"images": ["1", 0], "batch_size": 1}},
        "3": {"class_type": "LabeledGrid", "inputs": {"images": ["2", 0], "columns": "1\n2", "rows": "x\ny"}},
        "4": {"class_type": "SaveImage", "inputs": {"images": ["3", 0], "filename_prefix": "grid"}},
        "5": {"class_type": "ContactSheet", "inputs": {"images": ["2", 0]}},
        "6": {"class_type": "SaveImage", "inputs": {"images": ["5", 0], "filename_prefix": "sheet"}},
    }
    (tmp_path / "graph.json").write_text(json.dumps(graph))
    assert main.main(["run", str(tmp_path / "graph.json"), "--base-directory", str(tmp_path)]) == main.OK
    assert len(list((tmp_path / "output").iterdir())) == 2
    for name in ("grid", "sheet"):
        with Image.open(tmp_path / f"output/{name}_00001_.png") as image:
            assert 80 < image.width < 120
            assert 60 < image.height < 120
