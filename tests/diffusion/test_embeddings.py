"""Embeddings: where their files are found, which forms they have, what they become in a prompt."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from diffusion import embedding_files, text
from diffusion.clip import ClipConfig
from diffusion.embeddings import load
from diffusion.header import ModelFileError
from diffusion.prompt import Vector
from diffusion.text import Clip, encode
from diffusion.tokenizer import END, tokenize
from tests.diffusion.test_clip import network

VALUES = torch.arange(64.0).reshape(2, 32) / 64
CONFIG = ClipConfig(32, 2, 4, 48, 77, 49408, True, None)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    save_file({"emb_params": VALUES}, tmp_path / "plain.safetensors")
    torch.save(
        {"string_to_token": {"*": 265}, "string_to_param": {"*": VALUES}, "name": "x", "step": 9}, tmp_path / "webui.pt"
    )
    torch.save({"<cat>": VALUES[0]}, tmp_path / "concept.bin")
    save_file({"clip_l": VALUES, "clip_g": VALUES[:, :20].contiguous()}, tmp_path / "both.safetensors")
    (tmp_path / "styles").mkdir()
    save_file({"emb_params": VALUES[:1]}, tmp_path / "styles/ink.safetensors")
    save_file({"emb_params": VALUES[:, :8].contiguous()}, tmp_path / "narrow.safetensors")
    return tmp_path


@pytest.mark.parametrize("name", ["plain", "webui", "both", "plain.safetensors"])
def test_forms_of_files(folder: Path, name: str):
    path = embedding_files.find([folder], name)
    assert path
    vectors = load(path, name, "clip_l")
    assert [(v.name, v.index) for v in vectors] == [(name, 0), (name, 1)]
    assert torch.stack([v.values for v in vectors]).equal(VALUES)


def test_a_single_vector_may_have_one_dimension(folder: Path):
    path = embedding_files.find([folder], "concept")
    assert path
    [vector] = load(path, "concept", "clip_l")
    assert vector.values.equal(VALUES[0])


def test_the_other_encoder_has_its_own_table(folder: Path):
    assert load(folder / "both.safetensors", "both", "clip_g")[0].values.shape == (20,)


def test_sub_folders_are_searched(folder: Path):
    ink = folder / "styles/ink.safetensors"
    assert [embedding_files.find([folder], n) for n in ("ink", "styles/ink", "styles\\ink")] == [ink, ink, ink]


@pytest.mark.parametrize("name", ["", ".", "..", "../secret", "styles/../../secret", "/etc/passwd", "a\0b", "x" * 5000])
def test_names_that_lead_elsewhere_mean_nothing(folder: Path, name: str):
    save_file({"emb_params": VALUES}, folder.parent / "secret.safetensors")
    assert embedding_files.find([folder], name) is None


def test_a_file_that_is_no_embedding_is_named(folder: Path):
    (folder / "page.pt").write_text("<html>")
    with pytest.raises(ModelFileError, match=r"page\.pt"):
        load(folder / "page.pt", "page", "clip_l")
    save_file({"x": torch.zeros(2, 2, 2)}, folder / "cube.safetensors")
    with pytest.raises(ModelFileError, match="no embedding"):
        load(folder / "cube.safetensors", "cube", "clip_l")


def test_the_state_changes_with_the_file(folder: Path):
    before = embedding_files.state("a (embedding:plain, b:1.2)", [folder])
    save_file({"emb_params": VALUES[:1]}, folder / "plain.safetensors")
    assert len(before) == 1
    assert before != embedding_files.state("a (embedding:plain, b:1.2)", [folder])
    assert embedding_files.state("no embeddings", [folder]) == ()


def clip(*folders: Path) -> Clip:
    return Clip((text.stable_diffusion_1(network(CONFIG), CONFIG),), folders)


def shown(handle: Clip, prompt: str) -> list[tuple[str | int, float]]:
    [chunk] = handle.tokenize(prompt, handle.encoders[0])
    named = [(t.name if isinstance(t, Vector) else t, w) for t, w in chunk]
    return named[1 : [t for t, _ in named].index(END)]


def test_vectors_take_the_weight_of_their_segment(folder: Path):
    a, comma = tokenize("a")[0], tokenize(",")[0]
    assert shown(clip(folder), "a (embedding:plain, a:1.5)") == [
        (a, 1.0), ("plain", 1.5), ("plain", 1.5), (comma, 1.5), (a, 1.5),
    ]  # fmt: skip


def test_a_missing_embedding_is_left_out_and_said(folder: Path):
    with pytest.warns(UserWarning, match="'nowhere' is not in models/embeddings"):
        assert shown(clip(folder), "a embedding:nowhere a") == [(tokenize("a")[0], 1.0)] * 2


def test_without_folders_the_name_is_text():
    assert shown(clip(), "embedding:plain") == [(t, 1.0) for t in tokenize("embedding:plain")]


def test_the_vector_of_a_token_is_as_good_as_the_token(folder: Path):
    handle = clip(folder)
    module = handle.encoders[0].network
    table = module.text_model.embeddings.token_embedding.weight  # type: ignore[attr-defined]
    save_file({"emb_params": table[tokenize("cat dog")].clone()}, folder / "pets.safetensors")
    states, options = handle.encode("a embedding:pets there")
    expected, pooled = clip().encode("a cat dog there")
    assert states.equal(expected)
    assert options["pooled_output"].equal(pooled["pooled_output"])


def test_a_vector_of_another_width_is_left_out_and_said(folder: Path):
    handle = clip(folder)
    [chunk] = handle.tokenize("a embedding:narrow (b:1.5)", handle.encoders[0])
    with pytest.warns(UserWarning, match="8 wide, but the text encoder 32"):
        states, _ = encode(handle.encoders[0], [chunk], -1)
    assert states.equal(clip().encode("a (b:1.5)")[0])
