"""Names in a graph lead to files, and never out of their folders."""

import os
from pathlib import Path

import pytest

from executor.files import FileProblem, Files, contained


@pytest.fixture
def files(tmp_path: Path) -> Files:
    for name in (
        "models/checkpoints/a.safetensors",
        "models/checkpoints/sub/b.ckpt",
        "models/checkpoints/x/same.safetensors",
        "models/checkpoints/y/same.safetensors",
        "models/checkpoints/readme.md",
        "models/unet/old.safetensors",
        "output/checkpoints/merged.safetensors",
        "input/in.png",
        "output/out.png",
        "secret.txt",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    return Files(tmp_path)


def test_a_listing_is_sorted_relative_recursive_and_of_models_only(files: Files):
    assert files.names("checkpoints") == [
        "a.safetensors",
        "merged.safetensors",
        "sub/b.ckpt",
        "x/same.safetensors",
        "y/same.safetensors",
    ]
    assert files.names("diffusion_models") == files.names("unet") == ["old.safetensors"]


def test_names_resolve_exactly_then_by_slash_then_by_unique_file_name(files: Files):
    assert files.resolve("checkpoints", "a.safetensors") == "a.safetensors"
    assert files.resolve("checkpoints", "sub\\b.ckpt") == "sub/b.ckpt"
    assert files.resolve("checkpoints", "elsewhere/b.ckpt") == "sub/b.ckpt"
    assert files.model("checkpoints", "b.ckpt") == files.base / "models/checkpoints/sub/b.ckpt"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("same.safetensors", "several folders.*x/same.safetensors, y/same.safetensors"),
        ("aa.safetensors", "not in models/checkpoints; nearest: .*a.safetensors"),
        ("../../secret.txt", "not in models/checkpoints"),
    ],
)
def test_a_name_without_a_file_is_an_error_that_helps(files: Files, name: str, message: str):
    with pytest.raises(FileProblem, match=message):
        files.model("checkpoints", name)


def test_an_unknown_kind_of_model_is_an_error(files: Files):
    with pytest.raises(FileProblem, match="'loars' is no models folder; there are checkpoints"):
        files.names("loars")


def test_extra_folders_are_searched_last(files: Files, tmp_path: Path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "a.safetensors").touch()
    (elsewhere / "c.safetensors").touch()
    wider = Files(files.base, extra={"checkpoints": (elsewhere,)})
    assert wider.model("checkpoints", "a.safetensors").is_relative_to(files.base / "models")
    assert wider.model("checkpoints", "c.safetensors") == elsewhere / "c.safetensors"


def test_a_folder_that_links_to_its_parent_is_listed_once(files: Files):
    os.symlink(files.base / "models/checkpoints", files.base / "models/checkpoints/loop")
    assert len(files.names("checkpoints")) == 5


def test_input_names_may_name_another_root(files: Files):
    assert files.input("in.png") == files.base / "input/in.png"
    assert files.input("out.png [output]") == files.base / "output/out.png"
    with pytest.raises(FileProblem, match=r"'none\.png' is not in input/"):
        files.input("none.png")


@pytest.mark.parametrize("name", ["../secret.txt", "..\\secret.txt", "sub/../../secret.txt", "/etc/passwd", "a\0.png"])
def test_no_name_leaves_its_folder(files: Files, name: str):
    with pytest.raises(FileProblem, match=r"leads out of input/|no file name"):
        files.input(name)


def test_no_link_leads_out_of_a_folder(files: Files):
    os.symlink(files.base / "secret.txt", files.base / "input/link.png")
    with pytest.raises(FileProblem, match="leads out"):
        contained(files.root("input"), "link.png")


def test_output_may_lie_elsewhere(files: Files, tmp_path: Path):
    moved = Files(files.base, output=tmp_path / "pictures")
    assert moved.root("output") == tmp_path / "pictures"
    assert moved.folders("checkpoints")[1] == tmp_path / "pictures/checkpoints"


def test_a_missing_file_is_told_its_neighbours(tmp_path: Path):
    (tmp_path / "input" / "sub").mkdir(parents=True)
    for name in ("portrait.png", "sub/portrait_2.png", "zzz.webp"):
        (tmp_path / "input" / name).touch()
    with pytest.raises(FileProblem, match=r"^'portait.png' is not in input/; nearest there: portrait.png$"):
        Files(tmp_path).input("portait.png")
    with pytest.raises(FileProblem, match=r"nearest there: portrait_2.png$"):
        Files(tmp_path).input("sub/portrait.png")
    with pytest.raises(FileProblem, match=r"^'nowhere/a.png' is not in input/$"):
        Files(tmp_path).input("nowhere/a.png")
    (tmp_path / "inputs").touch()
    with pytest.raises(FileProblem, match=r"^'' is not in input/$"):
        Files(tmp_path).input("")
