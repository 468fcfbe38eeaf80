"""The judge: closed forms of its numbers, the commands on stand-ins, and the pictures that a checkpoint draws."""

import json
import math
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from diffusion import checkpoint, noise, sampling
from diffusion.coding import Vae
from models.starter import judge, sample, scorer
from models.starter.names import STYLES, read_names
from models.starter.scorer import Scorer
from models.starter.sheet import sheet
from tests.make_models import write

NAMES = [name.name for name in read_names()]
PROMPTS = judge.PROMPTS.read_text(encoding="utf-8").splitlines()


class Shifting:
    """A coder that brings a picture back too bright by a fifth."""

    def encode(self, x: Tensor, /) -> Tensor:
        return x

    def decode(self, x: Tensor, /) -> Tensor:
        return x + 2 * 0.2


SHIFTED = Vae(Shifting(), channels=3, factor=1)


class First(Scorer):
    """Sees the first name in every picture, the second next, and so on."""

    def __init__(self):
        super().__init__(NAMES)

    def forward(self, input: Tensor) -> Tensor:
        return torch.arange(len(NAMES), 0, -1.0).expand(len(input), -1)


# --- numbers -------------------------------------------------------------------------------------


def test_psnr_of_a_known_error():
    images = torch.full((2, 16, 16, 3), 0.4)
    assert judge.psnr_of(SHIFTED, images).tolist() == pytest.approx([-20 * math.log10(0.2)] * 2, abs=1e-4)


def test_psnr_is_told_by_style(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    monkeypatch.setattr(checkpoint, "load_vae", lambda path: SHIFTED)  # pyright: ignore
    rows = [{"file_name": f"{style}.png", "style": style} for style in ("flat", "line")]
    (tmp_path / "metadata.jsonl").write_text("\n".join(map(json.dumps, rows)))
    Image.new("RGB", (128, 128), (102, 102, 102)).save(tmp_path / "flat.png")
    Image.new("RGB", (128, 128), (229, 229, 229)).save(tmp_path / "line.png")  # no room for more than 26 levels
    assert judge.main(["psnr", "x.safetensors", str(tmp_path)]) == 0
    line = -20 * math.log10(26 / 255)
    told = capsys.readouterr().out.splitlines()
    assert [row.split()[:2] for row in told] == [
        ["flat", "13.98"],
        ["line", f"{line:.2f}"],
        ["all", f"{(13.9794 + line) / 2:.2f}"],
    ]


def test_rates_are_shares_of_the_pictures():
    scores = torch.arange(8, 0, -1.0).expand(4, 8)
    assert judge.rates(scores, torch.tensor([0, 1, 4, 5])) == "top-1 25.0%, top-5 75.0% of 4 pictures"


@pytest.mark.parametrize("style", STYLES)
def test_every_name_of_a_style_is_asked_for_once(style: str):
    prompts = judge.asked(read_names(), style)
    assert len(prompts) == (172 if style == "line" else 200)
    assert all(name in prompt for name, prompt in prompts.items())
    assert all(style in prompt for prompt in prompts.values()) == (style != "flat")


def test_what_is_missed_is_told_with_what_it_looks_like():
    values = torch.tensor([[0.9, 0.1], [0.8, 0.2]])
    told = judge.missed(["cat", "dog"], torch.tensor([1.0, 0.5]), values, ["cat", "dog"])
    assert told == {"dog": "found in 50%, looks like cat"}


# --- commands on stand-ins -----------------------------------------------------------------------


def test_fidelity_counts_what_the_scorer_finds(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    asked: list[tuple[str, int]] = []

    def pictures(path: Path, prompts: Sequence[str], seeds: Sequence[int]) -> Iterator[Tensor]:
        asked.extend(zip(prompts, seeds, strict=True))
        yield from torch.zeros(len(prompts), 128, 128, 3)

    monkeypatch.setattr(sample, "pictures", pictures)
    monkeypatch.setattr(scorer, "load", lambda path: First().eval())  # pyright: ignore
    assert judge.main(["fidelity", "model", "scorer", "--style", "noto", "--first", "10", "--seeds", "2"]) == 0
    told = capsys.readouterr().out.splitlines()
    assert told[0] == "noto: top-1 10.0%, top-5 50.0% of 20 pictures"
    assert told[1:] == [f"  {name}: found in 0%, looks like {NAMES[0]}" for name in NAMES[1:10]]
    assert asked[0] == ("a noto emoji of a balloon", 0)
    assert asked[10] == ("a noto emoji of a balloon", 1000)
    assert len({seed for _, seed in asked}) == 20


def test_pairs_are_sought_in_their_halves(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """The first half of the pictures shows both names in their places, the others show them exchanged."""

    class Told(nn.Module):
        """Finds the name whose number is the colour."""

        names = NAMES

        def forward(self, pixels: Tensor) -> Tensor:
            number = (pixels.mean((1, 2, 3)) * len(NAMES)).round().long()
            return nn.functional.one_hot(number, len(NAMES)).float()

    def pictures(path: object, prompts: Sequence[str], seeds: Sequence[int]) -> Iterator[Tensor]:
        numbers = {name.phrase: k / len(NAMES) for k, name in enumerate(read_names())}
        for k, prompt in enumerate(prompts):
            shown = [numbers[phrase] for phrase in prompt.split(" and ")]
            left, right = shown if k < len(prompts) // 2 else shown[::-1]
            picture = torch.ones(128, 128, 3)  # above and below nothing is looked for
            picture[32:96, :64], picture[32:96, 64:] = left, right
            yield picture

    monkeypatch.setattr(sample, "pictures", pictures)
    monkeypatch.setattr(scorer, "load", lambda path: Told().eval())  # pyright: ignore
    assert judge.main(["pairs", "model", "scorer", "--count", "4"]) == 0
    told = capsys.readouterr().out.splitlines()
    assert told[0].startswith("left: top-1 50.0%")
    assert told[1].startswith("right: top-1 50.0%")
    assert told[2] == "both: 50.0%, and 50.0% in each other's place"


def test_a_scorer_is_trained_and_judged_on_a_style_that_it_never_saw(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    rows = [
        {"file_name": f"{style}-{k}.png", "style": style, "name": NAMES[k], "background": "white"}
        for k in range(2)
        for style in ("flat", "noto")
    ]
    (tmp_path / "metadata.jsonl").write_text("\n".join(map(json.dumps, rows)))
    for row in rows:
        Image.new("RGB", (128, 128), (230, 20, 20) if row["name"] == NAMES[0] else (20, 20, 230)).save(
            tmp_path / row["file_name"]
        )
    out = tmp_path / "scorer.safetensors"
    assert judge.main(["train-scorer", str(tmp_path), str(out), "--hold-out", "noto", "--steps", "2"]) == 0
    told = capsys.readouterr().out.splitlines()
    assert told[0].startswith("flat: top-1 ")
    assert told[1].startswith("not trained on: noto: top-1 ")
    assert told[1].endswith("of 2 pictures")
    assert scorer.load(out).names == tuple(NAMES)


def test_what_cannot_be_read_is_told_in_a_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert judge.main(["train-scorer", str(tmp_path / "nothing")]) == 1
    assert "judge: " in capsys.readouterr().err


# --- pictures ------------------------------------------------------------------------------------


def test_noise_of_a_batch_is_that_of_each_seed():
    drawn = sample.Seeds(5, each=(5, 9)).of(torch.zeros(2, 4, 16, 16))
    assert torch.equal(drawn, torch.cat([noise.Noise(seed).of(torch.zeros(1, 4, 16, 16)) for seed in (5, 9)]))


def test_a_batch_draws_what_single_runs_draw(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sample, "STEPS", 2)
    monkeypatch.setattr(sample, "BATCH", 2)
    path = write("sd1", tmp_path)
    prompts, seeds = ["a cat", "a red apple", "a star"], [3, 4, 5]
    drawn = list(sample.pictures(path, prompts, seeds))
    model, clip, vae = checkpoint.load(path)
    for prompt, seed, picture in zip(prompts, seeds, drawn, strict=True):
        latent = sampling.run_schedule(
            model,
            clip.conditioning(prompt),
            clip.conditioning(""),
            {"samples": torch.zeros(1, 4, 16, 16)},
            noise=noise.Noise(seed),
            steps=2,
            cfg=4.0,
            sampler="euler",
            schedule="normal",
        )
        assert picture.shape == (128, 128, 3)
        assert torch.allclose(vae.decode(latent["samples"])[0], picture, atol=1e-4)


def test_there_are_40_prompts_of_all_kinds():
    assert len(PROMPTS) == len(set(PROMPTS)) == 40
    words = {word for prompt in PROMPTS for word in prompt.replace(",", "").split()}
    assert {"3d", "line", "noto", "background", "blue", "green", "purple", "orange"} <= words


def test_a_sheet_holds_every_picture_above_its_label():
    colours = [torch.tensor([k / 10, 0.5, 1.0]) for k in range(10)]
    made = sheet([colour.expand(32, 32, 3) for colour in colours], ["a thing"] * 10)
    assert made.size == (8 * 40 + 8, 2 * 70 + 8)
    assert made.getpixel((8 + 40 + 3, 8 + 70 + 3)) == (round(0.9 * 255), 128, 255)
    below = made.crop((8, 40, 40, 70))
    assert below.getextrema() != ((255, 255),) * 3


def test_a_sheet_draws_each_prompt_with_its_number_as_seed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def pictures(path: Path, prompts: Sequence[str], seeds: Sequence[int]) -> Iterator[Tensor]:
        assert list(seeds) == list(range(1, 41))
        yield from torch.zeros(len(prompts), 32, 32, 3)

    monkeypatch.setattr(sample, "pictures", pictures)
    assert judge.main(["sheet", "model", str(tmp_path / "sheet.png")]) == 0
    assert (tmp_path / "sheet.png").exists()
