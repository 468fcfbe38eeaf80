"""Every ready workflow makes its picture, and the picture makes it again."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import main

ROOT = Path(__file__).parents[1]
SIZES = {  # height, width and number of the pictures
    "area_composition": (128, 256, 1),
    "crop_and_stitch": (256, 256, 1),
    "image_to_image": (128, 128, 1),
    "inpaint": (128, 128, 1),
    "outpaint": (128, 192, 1),
    "text_to_image": (128, 128, 1),
    "tiled_upscale": (192, 192, 1),
    "two_pass_upscale": (128, 128, 1),
    "unconditional": (128, 128, 4),
}


def run(file: Path, out: Path) -> list[Path]:
    """The pictures that a run of `file` leaves in `out`."""
    options = ["--base-directory", str(ROOT), "--out", str(out), "--precision", "fp32", "--no-cache"]
    assert main.main(["run", str(file), *options]) == main.OK
    return sorted(out.iterdir())


def pixels(picture: Path) -> np.ndarray:
    with Image.open(picture) as image:
        return np.asarray(image)


def test_each_has_its_size_here():
    assert {file.stem for file in (ROOT / "workflows").glob("*.json")} == set(SIZES)


@pytest.mark.parametrize("name", sorted(SIZES))
def test_makes_its_pictures_and_each_makes_them_again(name, tmp_path):
    source = ROOT / "workflows" / f"{name}.json"
    made = run(source, tmp_path / "first")
    height, width, count = SIZES[name]
    assert len(made) == count
    for picture in made:
        assert pixels(picture).shape == (height, width, 3)
        assert pixels(picture).std() > 20  # of 255; a blank or grey one is near 0
        with Image.open(picture) as image:
            assert json.loads(image.info["prompt"]) == json.loads(source.read_text())  # pyright: ignore[reportArgumentType]
    same(made, run(made[-1], tmp_path / "again"))


@pytest.mark.parametrize("name", sorted(SIZES))
def test_the_editor_form_is_the_same_graph(name, tmp_path, capsys):
    source = ROOT / "workflows" / f"{name}.json"
    editor = converted(source, "workflow", tmp_path, capsys)
    assert "nodes" in json.loads(editor.read_text())
    back = json.loads(converted(editor, "api", tmp_path, capsys).read_text())
    meant = json.loads(source.read_text())
    assert {id: (n["class_type"], n["inputs"]) for id, n in back.items()} == {
        id: (n["class_type"], n["inputs"]) for id, n in meant.items()
    }


def test_the_editor_form_makes_the_same_picture_and_is_inside_it(tmp_path, capsys):
    source = ROOT / "workflows" / "text_to_image.json"
    editor = converted(source, "workflow", tmp_path, capsys)
    made = run(editor, tmp_path / "editor")
    same(run(source, tmp_path / "api"), made)
    with Image.open(made[0]) as image:
        assert json.loads(image.info["workflow"]) == json.loads(editor.read_text())  # pyright: ignore[reportArgumentType]


def converted(file: Path, form: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    capsys.readouterr()
    assert main.main(["convert", str(file), "--to", form, "--base-directory", str(ROOT)]) == main.OK
    made = folder / f"{form}.json"
    made.write_text(capsys.readouterr().out)
    return made


def same(some: list[Path], others: list[Path]) -> None:
    for one, other in zip(some, others, strict=True):
        np.testing.assert_array_equal(pixels(one), pixels(other))
