"""Workflows that people share, with narrow random models in the place of the files that they name, and small pictures.

Only sizes and numbers of steps are changed; all that they say of the models, prompts and order stays.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from diffusion import image_files, settings
from tests import make_models
from tests.test_families import run

STAND_INS = {  # which of our models stands in for a published one
    "sd_xl_base_1.0.safetensors": "sdxl",
    "sd_xl_1.0.safetensors": "sdxl",
    "sd_xl_refiner_1.0.safetensors": "refiner",
    "sd_xl_turbo_1.0_fp16.safetensors": "sdxl",
    "albedobaseXL_v21.safetensors": "sdxl_v",
    "cosxl.safetensors": "cosxl",
    "lcm_lora_sdxl.safetensors": "xl_lora",
    "512-inpainting-ema.safetensors": "sd2_inpainting",
    "v1-5-pruned-emaonly.ckpt": "sd1",
    "wd-illusion-fp16.safetensors": "sd1",
    "Anything-V3.0.ckpt": "sd1",
}
WORKFLOWS = (
    "tpl_sdxl_refiner_prompt_example",
    "tpl_image_sdxl_simple",
    "ex_sdturbo__sdxlturbo_example",
    "ex_model_merging__model_merging_cosxl",
    "ex_lcm__lcm_basic_example",
    "ex_inpaint__inpain_model_woman",
    "ex_inpaint__inpain_model_outpainting",
    "ex_inpaint__inpaint_example",
    "ex_noisy_latent_composition__noisy_latents_3_subjects",
)
FOLDERS = {"ckpt_name": "checkpoints", "lora_name": "loras"}
SMALLER = 8
LEAST = {"width": 64, "height": 64}
SIDES, STEPS = (
    {"width", "height", "x", "y", "left", "right", "top", "bottom"},
    {"steps", "start_at_step", "end_at_step"},
)


@pytest.fixture(autouse=True)
def _fp32() -> Iterator[None]:
    before = settings.current()
    settings.use(settings.Settings("fp32", "cpu"))
    yield
    settings.use(before)


def smaller(name: str, value: Any) -> Any:
    if not isinstance(value, int) or isinstance(value, bool):
        return value
    if name in SIDES:
        return max(value // SMALLER // 8 * 8, LEAST.get(name, 0)) if value else value
    return -(-value // SMALLER) if name in STEPS else value


def furnished(graph: dict[str, Any], base: Path) -> dict[str, Any]:
    """The graph made small, and in `base` what it needs."""
    (base / "input").mkdir(parents=True)
    for node in graph.values():
        inputs = {name: smaller(name, value) for name, value in node["inputs"].items()}
        for name in inputs.keys() & FOLDERS.keys():
            made = make_models.write(STAND_INS[inputs[name]], base / "models" / FOLDERS[name])
            inputs[name] = made.name
        if node["class_type"] == "LoadImage":
            pixels = np.random.default_rng(0).integers(0, 255, (80, 72, 4), np.uint8)
            pixels[..., 3] = np.where(np.arange(72) > 40, 255, 0)
            Image.fromarray(pixels, "RGBA").save(base / "input/some.png")
            inputs["image"] = "some.png"
        node["inputs"] = inputs
    return graph


@pytest.mark.parametrize("name", WORKFLOWS)
def test_shared_workflows_run_to_the_end(name: str, conformance: Path, tmp_path: Path):
    graph = json.loads((conformance / f"workflows/{name}.api.json").read_text("utf-8"))
    made = run(furnished(graph, tmp_path), tmp_path)
    assert made
    for picture in made:
        assert image_files.load(picture)[0].std() > 0.01
