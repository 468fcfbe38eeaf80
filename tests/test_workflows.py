"""Every ready workflow makes its picture, and the picture makes it again.

Those for the model that is here run as they are; those that name published models run small, with narrow random
models under these names.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import main
import nodes
from diffusion import settings
from executor.check import check
from executor.files import Files
from executor.graph import read
from executor.node import registry
from tests.stand_ins import files, furnished
from tests.test_families import run as run_graph

assert nodes.__name__

ROOT = Path(__file__).parents[1]
SIZES = {  # height, width and number of the pictures
    "area_composition": (128, 256, 1),
    "compare_pictures": (901, 536, 1),
    "crop_and_stitch": (256, 256, 1),
    "custom_sampling": (128, 128, 1),
    "differential_diffusion": (128, 128, 1),
    "edges_to_picture": (128, 128, 1),
    "for_each_prompt": (312, 274, 1),
    "guidance_patches": (128, 128, 1),
    "image_to_image": (128, 128, 1),
    "inpaint": (128, 128, 1),
    "labeled_grid": (313, 474, 1),
    "latent_composition": (128, 256, 1),
    "loop_turning": (312, 274, 1),
    "noise_strips": (952, 1164, 1),
    "outpaint": (128, 128, 1),
    "owl_LoRA": (128, 128, 1),
    "picture_batch": (128, 256, 1),
    "prompt_schedule": (128, 128, 1),
    "prompt_tools": (128, 128, 1),
    "sweep_grid": (293, 328, 1),
    "text_to_image": (128, 128, 1),
    "tiled_upscale": (192, 192, 1),
    "train_LoRA": (128, 128, 4),
    "two_pass_upscale": (128, 128, 1),
    "unconditional": (128, 128, 4),
}
AGAIN = ("text_to_image", "unconditional", "custom_sampling")
"""Those whose picture is run too: from the API's form, of several pictures, from the editor's form."""
SAVED = {  # what is left by graphs that make no picture
    "extract_LoRA": "loras/difference_00001_.safetensors",
    "save_merged_checkpoint": "checkpoints/merged_00001_.safetensors",
}
PUBLISHED = sorted(
    file.stem for file in (ROOT / "workflows").glob("*.json") if "into `models/" in file.read_text("utf-8")
)
"""Those that name models which are not here, as their notes say."""


def run(file: Path, out: Path) -> list[Path]:
    """The pictures that a run of `file` leaves in `out`."""
    options = ["--base-directory", str(ROOT), "--out", str(out), "--precision", "fp32", "--no-cache"]
    assert main.main(["run", str(file), *options]) == main.OK
    return sorted(out.glob("*.png"))


def pixels(picture: Path) -> np.ndarray:
    with Image.open(picture) as image:
        return np.asarray(image)


def test_each_has_its_size_here():
    assert {file.stem for file in (ROOT / "workflows").glob("*.json")} == {*SIZES, *PUBLISHED}


@pytest.mark.parametrize("name", sorted(SIZES))
def test_makes_its_pictures(name: str, tmp_path: Path):
    source = ROOT / "workflows" / f"{name}.json"
    made = run(source, tmp_path / "first")
    height, width, count = SIZES[name]
    assert len(made) == count
    for picture in made:
        assert pixels(picture).shape == (height, width, 3)
        assert pixels(picture).std() > 20  # of 255; a blank or grey one is near 0
        with Image.open(picture) as image:
            kept = image.info["workflow" if "nodes" in document(name) else "prompt"]
            assert json.loads(kept) == document(name)  # pyright: ignore[reportArgumentType]
    if name in AGAIN:
        same(made, run(made[-1], tmp_path / "again"))


@pytest.mark.parametrize("name", sorted(SIZES))
def test_has_a_picture_of_what_it_makes(name: str):
    height, width, _ = SIZES[name]
    with Image.open(ROOT / "workflows" / f"{name}.webp") as image:
        assert abs(image.width * height - image.height * width) <= max(height, width)  # four of them form a square


@pytest.mark.parametrize("name", sorted(SIZES))
def test_the_other_form_is_the_same_graph(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    api = graph(name, tmp_path, capsys)
    plain = tmp_path / "plain.json"
    plain.write_text(json.dumps(api))
    editor = converted(plain, "workflow", tmp_path, capsys)
    assert "nodes" in json.loads(editor.read_text())
    assert calls(json.loads(converted(editor, "api", tmp_path, capsys).read_text())) == calls(api)


def test_the_editor_form_makes_the_same_picture_and_is_inside_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    source = ROOT / "workflows" / "text_to_image.json"
    editor = converted(source, "workflow", tmp_path, capsys)
    made = run(editor, tmp_path / "editor")
    same(run(source, tmp_path / "api"), made)
    with Image.open(made[0]) as image:
        assert json.loads(image.info["workflow"]) == json.loads(editor.read_text())  # pyright: ignore[reportArgumentType]


@pytest.fixture(scope="module")
def stock(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("stock")


@pytest.mark.parametrize("name", PUBLISHED)
def test_runs_to_the_end_with_random_models(name: str, tmp_path: Path, stock: Path, capsys: pytest.CaptureFixture[str]):
    settings.use(settings.Settings("fp32", "cpu"))
    made = run_graph(furnished(graph(name, tmp_path, capsys), tmp_path, stock), tmp_path)
    if name in SAVED:
        assert (tmp_path / "output" / SAVED[name]).stat().st_size > 10_000
    else:
        assert pixels(made[-1]).std() > 5


@pytest.mark.parametrize("name", PUBLISHED)
def test_lacks_only_models_and_says_where_each_is_to_be_had(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    api = graph(name, tmp_path, capsys)
    wrong = [p for p in check(read(api), registry, Files(ROOT)) if p.severity == "error"]
    named = dict((file, folder) for folder, file in files(api))
    assert wrong
    assert all(any(file in str(p) for file in named) for p in wrong), [str(p) for p in wrong]
    note = next(node for node in document(name)["nodes"] if node["type"] == "MarkdownNote")["widgets_values"][0]
    known = {model["name"]: model for n in document(name)["nodes"] for model in n["properties"].get("models", ())}
    for file, folder in named.items():
        assert f"`{file}` into `models/{folder}`" in note
        if file in known:
            assert known[file]["directory"] == folder
            assert re.match("https://(huggingface.co|civitai.com|github.com)/", known[file]["url"])


def document(name: str) -> Any:
    return json.loads((ROOT / "workflows" / f"{name}.json").read_text("utf-8"))


def graph(name: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """A ready workflow in the API's form."""
    source = ROOT / "workflows" / f"{name}.json"
    return json.loads((converted(source, "api", folder, capsys) if "nodes" in document(name) else source).read_text())


def calls(api: dict[str, Any]) -> dict[str, Any]:
    return {id: (node["class_type"], node["inputs"]) for id, node in api.items()}


def converted(file: Path, form: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    capsys.readouterr()
    assert main.main(["convert", str(file), "--to", form, "--base-directory", str(ROOT)]) == main.OK
    made = folder / f"{form}.json"
    made.write_text(capsys.readouterr().out)
    return made


def same(some: list[Path], others: list[Path]) -> None:
    for one, other in zip(some, others, strict=True):
        np.testing.assert_array_equal(pixels(one), pixels(other))
