"""Shared workflows that steer by pictures and boxes, with narrow random models standing in, at small sizes."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from diffusion import settings
from tests import make_controls, make_models
from tests.test_families import run
from tests.test_published_workflows import smaller

STAND_INS = {
    "control_openpose.safetensors": "controlnet_sd1",
    "control_scribble.safetensors": "t2i_sd1",
    "diff_control_sd15_depth_fp16.safetensors": "controlnet_difference",
    "gligen_sd14_textbox_pruned.safetensors": "gligen",
}
WORKFLOWS = (
    "ex_controlnet__2_pass_pose_worship",
    "ex_controlnet__mixing_controlnets",
    "ex_controlnet__depth_controlnet",
    "ex_gligen__gligen_textbox_example",
)
CHECKPOINTS = {"ckpt_name": "checkpoints", "vae_name": "vae"}  # a VAE is found in a checkpoint as well
CONTROLS = {"control_net_name": "controlnet", "gligen_name": "gligen"}


@pytest.fixture(autouse=True)
def in_fp32() -> Iterator[None]:
    before = settings.current()
    settings.use(settings.Settings("fp32", "cpu"))
    yield
    settings.use(before)


def furnished(graph: dict[str, Any], base: Path) -> dict[str, Any]:
    """The graph made small, and in `base` what it needs, under the names that it gives."""
    for node in graph.values():
        node["inputs"] = {name: smaller(name, value) for name, value in node["inputs"].items()}
        for name, value in node["inputs"].items():
            if name in CHECKPOINTS:
                _place(make_models.write("sd1", base / "made"), base / "models" / CHECKPOINTS[name] / value)
            elif name in CONTROLS:
                _place(make_controls.write(STAND_INS[value], base / "made"), base / "models" / CONTROLS[name] / value)
            elif name == "image" and isinstance(value, str):
                (base / "input").mkdir(exist_ok=True)
                Image.radial_gradient("L").convert("RGB").save(base / "input" / value)
    return graph


def _place(made: Path, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(made, path)


@pytest.mark.parametrize("name", WORKFLOWS)
def test_shared_workflows_run_to_the_end(name: str, conformance: Path, tmp_path: Path):
    text = (conformance / f"workflows/{name}.api.json").read_text("utf-8").replace(".ckpt", ".safetensors")
    made = run(furnished(json.loads(text), tmp_path), tmp_path)
    assert made
    for picture in made:
        with Image.open(picture) as image:
            assert len(set(image.convert("L").tobytes())) > 8
