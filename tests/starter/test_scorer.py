"""The scorer: its arithmetic, its data, and that it learns, is written and read back."""

import json
from pathlib import Path

import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from torch import Tensor, nn

from models.starter import scorer
from models.starter.scorer import Drawings

RED, BLUE = torch.tensor([0.9, 0.1, 0.1]), torch.tensor([0.1, 0.1, 0.9])


def plain(*colours: Tensor) -> Tensor:
    """Pictures (n, 3, 64, 64) of one colour each."""
    return torch.stack(colours)[:, :, None, None].expand(-1, -1, 64, 64).contiguous()


def test_the_right_name_counts_where_it_is_among_the_best():
    scores = torch.tensor([[0.1, 0.9, 0.5, 0.2], [0.8, 0.7, 0.6, 0.5], [0.0, 0.1, 0.2, 0.3]])
    truth = torch.tensor([1, 2, 0])
    assert [scorer.share(scores, truth, k) for k in (1, 2, 3, 4)] == pytest.approx([1 / 3, 1 / 3, 2 / 3, 1])
    assert scorer.among_top(scores, truth, 3).tolist() == [True, True, False]


def test_pictures_are_scored_part_by_part_in_their_order():
    class Brightness(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            assert len(x) <= scorer.BATCH
            return torch.stack([x.mean((1, 2, 3)), 1 - x.mean((1, 2, 3))], 1)

    pixels = torch.linspace(0, 1, 150)[:, None, None, None].expand(-1, 3, 64, 64)
    scores = scorer.scores(Brightness(), pixels)
    assert torch.allclose(scores[:, 0], torch.linspace(0, 1, 150), atol=1e-6)


def test_the_nearest_style_is_that_of_the_same_name():
    drawings = Drawings(plain(RED, BLUE, BLUE), torch.tensor([0, 0, 1]), torch.tensor([0, 3, 1]))
    pictures = plain(BLUE, RED, RED)
    assert scorer.nearest(pictures, torch.tensor([0, 0, 1]), drawings).tolist() == [3, 0, 1]


def test_disturbed_pictures_are_the_same_for_the_same_seed_and_stay_pictures():
    pixels = torch.rand(8, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    first, again, other = (scorer.disturbed(pixels, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert first.shape == pixels.shape
    assert 0 <= first.min() < first.max() <= 1


def test_a_colour_keeps_its_name():
    disturbed = scorer.disturbed(plain(*[RED] * 20, *[BLUE] * 20), torch.Generator().manual_seed(0)).mean((2, 3))
    assert (disturbed.argmax(1) == torch.tensor([0] * 20 + [2] * 20)).all()
    assert (disturbed.max(1).values - disturbed.min(1).values > 0.3).all()


def test_small_pictures_are_the_means_of_what_they_cover():
    image = torch.rand(1, 128, 128, 3, generator=torch.Generator().manual_seed(0))
    small = scorer.small(image)
    assert small.shape == (1, 3, 64, 64)
    assert torch.allclose(small[0, :, 5, 7], image[0, 10:12, 14:16].mean((0, 1)), atol=1e-6)


def test_drawings_are_read_once_on_white(tmp_path: Path):
    rows = [("a", "flat", "white"), ("b", "flat", "white"), ("c", "flat", "red"), ("d", "noto", "white")]
    lines = [
        {"file_name": f"{file}.png", "style": style, "name": "heart", "background": ground}
        for file, style, ground in rows
    ]
    (tmp_path / "metadata.jsonl").write_text("\n".join(map(json.dumps, lines)))
    for file, *_ in rows:
        Image.new("RGB", (128, 128), (255, 0, 51)).save(tmp_path / f"{file}.png")
    drawings = scorer.read(tmp_path, ["star", "heart"])
    assert drawings.truth.tolist() == [1, 1, 1]
    assert drawings.style.tolist() == [0, 0, 3]
    assert torch.allclose(drawings.pixels[0, :, 30, 30], torch.tensor([1.0, 0.0, 0.2]))


def test_compositions_are_no_drawings_of_a_name(tmp_path: Path):
    named = {"heart": "heart", "pair": "heart and star", "plate": "heart on a plate", "count": "two hearts"}
    lines = [
        {"file_name": f"{file}.png", "style": "flat", "name": name, "background": "white"}
        for file, name in named.items()
    ]
    (tmp_path / "metadata.jsonl").write_text("\n".join(map(json.dumps, lines)))
    Image.new("RGB", (128, 128), (255, 0, 51)).save(tmp_path / "heart.png")
    assert scorer.read(tmp_path, ["star", "heart"]).truth.tolist() == [1]


@pytest.fixture(scope="module")
def learnt() -> tuple[scorer.Scorer, list[float]]:
    """A scorer of two colours, and its losses."""
    drawings = Drawings(plain(RED, BLUE), torch.tensor([0, 1]), torch.tensor([0, 0]))
    runs = list(scorer.train(drawings, ["red", "blue"], 12))
    return runs[-1][2], [loss for _, loss, _ in runs]


def test_a_scorer_learns(learnt: tuple[scorer.Scorer, list[float]]):
    judge, losses = learnt
    assert losses[-1] < losses[0]
    assert not judge.training
    assert scorer.share(scorer.scores(judge, plain(RED, BLUE)), torch.tensor([0, 1]), 1) == 1


def test_the_same_seed_trains_the_same_scorer_and_leaves_the_global_generator(
    learnt: tuple[scorer.Scorer, list[float]],
):
    before = torch.get_rng_state()
    drawings = Drawings(plain(RED, BLUE), torch.tensor([0, 1]), torch.tensor([0, 0]))
    assert [loss for _, loss, _ in scorer.train(drawings, ["red", "blue"], 12)] == learnt[1]
    assert torch.equal(torch.get_rng_state(), before)


def test_a_scorer_is_written_and_read_back(learnt: tuple[scorer.Scorer, list[float]], tmp_path: Path):
    scorer.save(learnt[0], tmp_path / "scorer.safetensors")
    again = scorer.load(tmp_path / "scorer.safetensors")
    assert again.names == ("red", "blue")
    assert torch.equal(scorer.scores(again, plain(RED)), scorer.scores(learnt[0], plain(RED)))


def test_another_file_is_no_scorer(tmp_path: Path):
    save_file({"x": torch.zeros(1)}, tmp_path / "other.safetensors")
    (tmp_path / "text.safetensors").write_text("no tensors")
    for name in ("other", "text"):
        with pytest.raises(ValueError, match="is no scorer; make one"):
            scorer.load(tmp_path / f"{name}.safetensors")
