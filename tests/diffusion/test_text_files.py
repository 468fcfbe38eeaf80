"""Text encoders in files of their own, in every layout that people have them in, encode as in the checkpoint."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from diffusion import checkpoint, encoders, settings
from diffusion.text import Clip
from tests import make_controls, make_models
from tests.make_models import G, L

Tensors = Mapping[str, Tensor]
PROMPT = "a (red:1.2) fox"


@pytest.fixture(autouse=True)
def in_fp32():
    before = settings.current()
    settings.use(settings.Settings("fp32", "cpu"))
    yield
    settings.use(before)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("texts")


def alone(tensors: Tensors) -> Tensors:
    """As transformers saves it, and `text_encoder/model.safetensors` of a folder is."""
    return tensors


def older(tensors: Tensors) -> Tensors:
    """Without the first word of each name."""
    return {n.removeprefix("text_model."): t for n, t in tensors.items()}


def packed(tensors: Tensors) -> Tensors:
    """As a whole CLIP is saved, with its half that sees."""
    return {**tensors, **make_controls.vision(), "logit_scale": torch.tensor(4.6)}


def opened(tensors: Tensors) -> Tensors:
    return make_models.open_clip(tensors, "")


def under(prefix: str) -> Callable[[Tensors], Tensors]:
    return lambda tensors: {prefix + n: t for n, t in tensors.items()}


LAYOUTS = {
    "transformers": alone,
    "older": older,
    "with vision": packed,
    "OpenCLIP": opened,
    "as saved here": under("clip_l.transformer."),
    "of a checkpoint": under("cond_stage_model.transformer."),
}


def saved(tensors: Tensors, path: Path) -> Path:
    save_file({n: t.contiguous().clone() for n, t in tensors.items()}, path)
    return path


def same(one: Clip, other: Clip) -> bool:
    (a, more), (b, others) = one.encode(PROMPT), other.encode(PROMPT)
    return torch.equal(a, b) and torch.equal(more["pooled_output"], others["pooled_output"])


def as_numbered(prefix: str, width: int, *, projected: bool = False) -> dict[str, Tensor]:
    """The text network of `make_models`, whose numbers follow its names."""
    made = make_models.text(width, prefix, projected=projected)
    return {name.removeprefix(prefix): t for name, t in made.items()}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_of_stable_diffusion_1(layout: str, place: Path, tmp_path: Path):
    tensors = as_numbered("cond_stage_model.transformer.", L)
    made = checkpoint.load_clip(saved(LAYOUTS[layout](tensors), tmp_path / "clip.safetensors"))
    assert same(made, checkpoint.load(make_models.write("sd1", place))[1])


@pytest.mark.parametrize("layout", ["transformers", "OpenCLIP"])
def test_of_stable_diffusion_2(layout: str, place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A lone one is told by its depth, which here is 2."""
    monkeypatch.setattr(encoders, "LAYERS_H", 2)
    tensors = as_numbered("", L, projected=True)
    made = checkpoint.load_clip(saved(LAYOUTS[layout](tensors), tmp_path / "clip.safetensors"))
    assert same(made, checkpoint.load(make_models.write("sd2", place))[1])


@pytest.mark.parametrize("large", ["transformers", "OpenCLIP"])
@pytest.mark.parametrize("small", ["transformers", "older", "with vision"])
def test_of_stable_diffusion_xl(small: str, large: str, place: Path, tmp_path: Path):
    l_tensors = as_numbered("conditioner.embedders.0.transformer.", L)
    one = saved(LAYOUTS[small](l_tensors), tmp_path / "clip_l.safetensors")
    two = saved(LAYOUTS[large](as_numbered("", G, projected=True)), tmp_path / "clip_g.safetensors")
    want = checkpoint.load(make_models.write("sdxl", place))[1]
    assert same(checkpoint.load_two_clips(one, two), want)
    assert same(checkpoint.load_two_clips(two, one), want)
