"""What docs/learn tells people to type works, and what it says of its files is so."""

import csv
import os
import re
import runpy
import shlex
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import main
from training.config import read, tomllib
from training.data import read_folder

ROOT = Path(__file__).parents[1]
LEARN = ROOT / "docs/learn"
PAGES = {page.name: page.read_text(encoding="utf-8") for page in sorted(LEARN.glob("*.md"))}
NUMBERED = [name for name in PAGES if name[0].isdigit()]
CONFIGS = {"2-denoiser.md": "denoiser.toml", "3-lora.md": "lora.toml"}


def commands(page: str) -> list[str]:
    return re.findall(r"^    (python main\.py .+)$", PAGES[page], re.MULTILINE)


def fewer_steps(file: Path, steps: int) -> None:
    """Let a copy of a configuration or of a graph take less time."""
    text = file.read_text()
    if file.suffix == ".toml":
        text = re.sub(r"(?m)^(warmup|every) = \d+$", r"\1 = 0", text)
        text = re.sub(r"(?m)^steps = \d+$", f"steps = {steps}", text)
        text = re.sub(r"(?m)^prompts = \[(\"[^\"]*\").*\]$", r"prompts = [\1]\nsteps = 2", text)
    else:
        text = re.sub(r'"steps": \d+', f'"steps": {steps}', text)
    file.write_text(text)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A base directory with copies of the guide's files, whose trainings and runs are short."""
    base = tmp_path_factory.mktemp("guide")
    shutil.copytree(LEARN, base / "docs/learn")
    (base / "input").symlink_to(ROOT / "input")
    (base / "models").mkdir()
    shutil.copytree(ROOT / "models/checkpoints", base / "models/checkpoints", copy_function=os.symlink)
    for file in (base / "docs/learn").iterdir():
        if file.suffix in (".toml", ".json"):
            fewer_steps(file, 2)
    return base


@pytest.mark.parametrize("page", NUMBERED)
def test_every_command_works_in_their_order(page: str, place: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(place)
    assert len(commands(page)) >= 3 - (page == "3-lora.md")
    for command in commands(page):
        if "--resume" in command:  # there is more to do now
            config = place / shlex.split(command)[3]
            config.write_text(config.read_text().replace("steps = 2", "steps = 3", 1))
        assert main.main(shlex.split(command)[2:]) == main.OK, command
    for made in re.findall(r"`((?:output|models)/[\w/.-]+\.(?:png|csv|safetensors))`", PAGES[page]):
        assert (place / made).is_file(), made


@pytest.mark.parametrize("page", CONFIGS)
def test_the_settings_that_are_explained_are_those_of_the_file(page: str):
    path = LEARN / CONFIGS[page]
    read(path)
    sections: dict[str, dict[str, Any]] = tomllib.loads(path.read_text())
    settings = [(name, value) for section in sections.values() for name, value in section.items()]
    told = re.findall(r"`(\w+ = [^`]+)`", PAGES[page])
    assert told
    for setting in told:
        [said] = tomllib.loads(setting).items()
        assert said in settings, setting


def test_every_file_named_is_there():
    for name, text in PAGES.items():
        for link in re.findall(r"\]\(([\w./-]+)\)", text):
            assert (LEARN / link).is_file(), f"{name}: {link}"
    assert all(f"]({page})" in PAGES["README.md"] for page in NUMBERED)


def test_four_pairs_of_the_shapes_are_missing():
    with (LEARN / "shapes/metadata.csv").open(newline="") as table:
        said = {row["text"] for row in csv.DictReader(table)}
    colours, shapes = ({text.split()[i] for text in said} for i in (1, 2))
    missing = {f"a {c} {s}" for c in colours for s in shapes} - said
    assert len(colours) == len(shapes) == 6
    assert missing == {"a red star", "a green heart", "a blue circle", "a yellow triangle"}


@pytest.mark.parametrize(("folder", "count", "side"), [("shapes", 64, 32), ("owl", 10, 128)])
def test_the_pictures_are_read_with_their_captions(folder: str, count: int, side: int):
    found = read_folder(LEARN / folder)
    assert not found.skipped
    assert not found.notes
    assert len(found.examples) == count
    assert all(len(e.captions) == 1 and e.size == (side, side) for e in found.examples)


@pytest.mark.parametrize(("folder", "draw"), [("shapes", "shapes"), ("owl", "owls")])
def test_the_program_draws_them(folder: str, draw: str, tmp_path: Path):
    runpy.run_path(str(LEARN / "draw.py"))[draw](tmp_path)
    files = {file.name for file in (LEARN / folder).iterdir()}
    assert {file.name for file in tmp_path.iterdir()} == files
    for name in files:
        if name.endswith(".png"):
            ours, kept = (np.asarray(Image.open(at / name), dtype=float) for at in (tmp_path, LEARN / folder))
            assert np.abs(ours - kept).mean() < 1  # Pillows differ a little in how they smooth
        else:
            assert (tmp_path / name).read_text() == (LEARN / folder / name).read_text()
