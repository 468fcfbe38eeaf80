"""The folders of data: what is held out, what is written, and that it is the same each time."""

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from models.starter import packages, prepare
from models.starter.compositions import AMOUNTS
from models.starter.draw import COLOURS
from models.starter.names import STYLES, read_names

BODY = '<circle cx="16" cy="16" r="12" fill="#2a2"/>'


@pytest.fixture
def sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Packages of one drawing under all names, and a rasteriser that needs no library."""
    names = read_names()[:20]
    monkeypatch.setattr(prepare, "read_names", lambda: names)
    icons = {name.icon_in(style): {"body": BODY} for name in names for style in STYLES}
    del icons[None]
    icons |= {f"other-{k}": {"body": BODY} for k in range(100)}
    for package, version in packages.PACKAGES.items():
        folder = tmp_path / "npm" / "node_modules" / package
        (folder / "en").mkdir(parents=True)
        (folder / "package.json").write_text(json.dumps({"version": version}))
        (folder / "icons.json").write_text(json.dumps({"icons": icons, "width": 32, "height": 32}))
        (folder / "en" / "data.json").write_text(json.dumps([{"hexcode": "1F34E", "tags": ["fruit"]}]))

    def green(document: str, size: int = 116) -> np.ndarray:
        assert BODY in document or "<ellipse" in document  # a plate
        return np.tile(np.array([40, 160, 40, 255], np.uint8), (size, size, 1))

    monkeypatch.setattr(prepare.draw, "rasterise", green)
    return tmp_path / "npm"


def lines(folder: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (folder / "metadata.jsonl").read_text(encoding="utf-8").splitlines()]


def test_three_folders_are_written_and_described(sources: Path, tmp_path: Path):
    out = tmp_path / "out"
    assert prepare.main(["--packages", str(sources), "--out", str(out), "--styles", "line", "noto"]) == 0
    for part in ("vae", "vae-held-out", "pictures"):
        rows = lines(out / part)
        assert {row["file_name"] for row in rows} == {path.name for path in (out / part).glob("*.png")}
        assert len(rows) == len({row["file_name"] for row in rows}) > 0
        assert all(row.keys() == {"file_name", "captions", "style", "name", "background"} for row in rows)
    row = [row for row in lines(out / "pictures") if row["name"] == "balloon"][-1]
    with Image.open(out / "pictures" / str(row["file_name"])) as picture:
        assert picture.size == (128, 128)
        assert picture.getpixel((0, 0)) == COLOURS[str(row["background"])]
        assert picture.getpixel((64, 64)) == (40, 160, 40)


def test_what_is_held_out_is_in_no_style_trained_on_and_none_of_the_200(sources: Path, tmp_path: Path):
    prepare.prepare(sources, tmp_path / "out", 0, ["flat", "noto"])
    held, trained = ({row["name"] for row in lines(tmp_path / "out" / part)} for part in ("vae-held-out", "vae"))
    assert held
    assert not held & trained
    assert not held & {str(row["name"]) for row in lines(tmp_path / "out" / "pictures")}


def test_the_same_seed_gives_the_same_data_and_another_seed_does_not(sources: Path, tmp_path: Path):
    for folder, seed in (("a", 0), ("b", 0), ("c", 1)):
        prepare.prepare(sources, tmp_path / folder, seed, ["line"])
    a, b, c = (lines(tmp_path / folder / "pictures") for folder in "abc")
    assert a == b
    assert a != c


def test_compositions_follow_what_is_alone_and_are_called_otherwise(sources: Path, tmp_path: Path):
    prepare.prepare(sources, tmp_path / "out", 0, ["line", "noto"])
    names = {name.name for name in read_names()}
    rows = lines(tmp_path / "out" / "pictures")
    alone = [row["name"] in names for row in rows]
    assert alone == sorted(alone, reverse=True)
    kinds = Counter(str(row["file_name"]).split("-")[0] for row, single in zip(rows, alone, strict=True) if not single)
    assert kinds == {kind: round(count * 0.07) + round(count * 0.08) for kind, count in AMOUNTS.items()}


def test_a_man_and_a_woman_are_held_out_together():
    jobs = ["cook", "farmer", "guard", "judge", "pilot", "singer", "student", "teacher", "firefighter", "mechanic"]
    assert all(
        prepare.held_out(f"man-{job}") == prepare.held_out(f"woman-{job}") == prepare.held_out(job) for job in jobs
    )


def test_about_a_twentieth_is_held_out():
    assert 0.04 < sum(prepare.held_out(f"thing-{k}") for k in range(4000)) / 4000 < 0.06


def test_packages_of_another_version_are_refused(sources: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (sources / "node_modules" / "emojibase-data" / "package.json").write_text('{"version": "1.0.0"}')
    assert prepare.main(["--packages", str(sources), "--out", str(tmp_path / "out")]) == 1
    assert "holds emojibase-data 1.0.0, but the recipe is for 17.0.0" in capsys.readouterr().err


def test_an_icon_that_a_set_lacks_is_named(sources: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    file = sources / "node_modules" / packages.SETS["noto"] / "icons.json"
    icons = json.loads(file.read_text())
    del icons["icons"]["penguin"]
    file.write_text(json.dumps(icons))
    assert prepare.main(["--packages", str(sources), "--out", str(tmp_path / "out"), "--styles", "noto"]) == 1
    assert "noto has no penguin" in capsys.readouterr().err


def test_missing_npm_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert prepare.main(["--packages", str(tmp_path / "npm"), "--out", str(tmp_path / "out")]) == 1
    assert "npm is not installed" in capsys.readouterr().err
