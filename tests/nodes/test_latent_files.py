"""Latents come back from their files, and the standard's files are read as its own names say."""

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from executor.files import Files
from executor.node import registry
from nodes.latent_files import input_latents, latent_problem


@pytest.fixture
def files(tmp_path: Path) -> Files:
    (tmp_path / "input").mkdir()
    return Files(tmp_path)


def load(files: Files, name: str) -> torch.Tensor:
    return registry["LoadLatent"].function(latent=name, files=files)["samples"]


def save(files: Files, samples: torch.Tensor, prefix: str = "latents/a") -> dict[str, Any]:
    shown = registry["SaveLatent"].function(
        samples={"samples": samples},
        filename_prefix=prefix,
        prompt={"1": {}},
        extra_pnginfo={"workflow": {}},
        files=files,
    )
    (entry,) = shown.ui["latents"]
    return entry


@pytest.mark.parametrize("shape", [(2, 4, 3, 5), (1, 16, 2, 3, 4)])
def test_a_latent_comes_back(files: Files, shape: tuple[int, ...]):
    samples = torch.randn(shape)
    assert save(files, samples.mT) == {"filename": "a_00001_.latent", "subfolder": "latents", "type": "output"}
    assert torch.equal(load(files, "latents/a_00001_.latent [output]"), samples.mT)


def test_the_file_has_the_standards_form(files: Files):
    from safetensors import safe_open

    save(files, torch.ones(1, 4, 2, 2))
    path = files.root("output") / "latents" / "a_00001_.latent"
    assert {name: tuple(t.shape) for name, t in load_file(path).items()} == {
        "latent_tensor": (1, 4, 2, 2),
        "latent_format_version_0": (0,),
    }
    with safe_open(path, "pt") as file:
        assert file.metadata().keys() >= {"prompt", "workflow"}


def test_the_standards_files_are_read(conformance: Path):
    paths = sorted((conformance / "pictures").rglob("*.latent"))
    assert paths
    for path in paths:
        samples = load(Files(path.parent.parent, output=path.parent), f"{path.name} [output]")
        assert torch.equal(samples, load_file(path)["latent_tensor"])


def test_files_without_the_mark_hold_scaled_values(files: Files):
    save_file({"latent_tensor": torch.full((1, 4, 2, 2), 0.18215)}, files.root("input") / "old.latent")
    assert torch.allclose(load(files, "old.latent"), torch.ones(1, 4, 2, 2))


@pytest.mark.parametrize(
    ("data", "said"), [(b"", "empty"), (b"<html></html>", "web page"), (b"\x10" + bytes(20), "x.latent")]
)
def test_what_is_no_latent_is_named(files: Files, data: bytes, said: str):
    (files.root("input") / "x.latent").write_bytes(data)
    with pytest.raises(ValueError, match=said):
        load(files, "x.latent")


def test_other_tensors_are_no_latent(files: Files):
    save_file({"weight": torch.zeros(2)}, files.root("input") / "x.latent")
    with pytest.raises(ValueError, match="holds no latent but weight"):
        load(files, "x.latent")


def test_the_menu_holds_latents_only(files: Files):
    for name in ("b.latent", "a.latent", "c.png"):
        (files.root("input") / name).touch()
    assert input_latents(files) == ["a.latent", "b.latent"]
    assert latent_problem(files, "a.latent") is None
    assert "../b" in (latent_problem(files, "../b.latent") or "")
