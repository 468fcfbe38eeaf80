"""A folder becomes examples: what is used, what is left out, and what is said of it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from PIL import Image

from tests.training.data.making import noise, picture
from training.data import DataError, Example, Found, read_folder


def names(found: Found, root: Path) -> list[str]:
    return [example.path.relative_to(root).as_posix() for example in found.examples]


def test_folders_are_read_with_those_below_them_in_order_of_names(tmp_path: Path):
    for name in ("b.png", "a.JPG", "deep/er/c.webp", "deep/a.png"):
        picture(tmp_path / name)
    found = read_folder(tmp_path)
    assert names(found, tmp_path) == ["a.JPG", "b.png", "deep/a.png", "deep/er/c.webp"]
    assert not found.skipped


def test_a_single_picture_is_a_folder_of_examples(tmp_path: Path):
    path = picture(tmp_path / "red-apple_03.png", (12, 10))
    assert read_folder(tmp_path).examples == (Example(path, ("red apple",), size=(12, 10)),)


def test_sizes_are_those_of_upright_pictures(tmp_path: Path):
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees
    Image.new("RGB", (30, 20)).save(tmp_path / "a.jpg", exif=exif)
    assert read_folder(tmp_path).examples[0].size == (20, 30)


def test_hidden_files_and_other_files_are_passed_over(tmp_path: Path):
    for name in ("a.png", ".hidden.png", "._a.png", ".cache/b.png", "__MACOSX/c.png"):
        picture(tmp_path / name)
    (tmp_path / "model.safetensors").write_bytes(b"\0" * 20)
    found = read_folder(tmp_path)
    assert (names(found, tmp_path), found.skipped) == (["a.png"], ())


def test_broken_pictures_are_told_each_in_a_sentence(tmp_path: Path):
    picture(tmp_path / "good.png")
    (tmp_path / "empty.png").touch()
    (tmp_path / "page.jpg").write_text("<html>not found</html>")
    Image.fromarray(noise((64, 64))).save(tmp_path / "cut.png")
    (tmp_path / "cut.png").write_bytes((tmp_path / "cut.png").read_bytes()[:2000])
    (tmp_path / "in").mkdir()
    Image.fromarray(noise((64, 64))).save(tmp_path / "in/cut.jpg")
    (tmp_path / "in/cut.jpg").write_bytes((tmp_path / "in/cut.jpg").read_bytes()[:2000])
    (tmp_path / "phone.heic").write_bytes(b"ftypheic")
    found = read_folder(tmp_path)
    assert names(found, tmp_path) == ["good.png"]
    starts = [sentence.split()[0].rstrip(":") for sentence in found.skipped]
    assert sorted(starts) == ["cut.png", "empty.png", "in/cut.jpg", "page.jpg", "phone.heic"]
    assert all("as PNG" in sentence for sentence in found.skipped)


def bomb(path: Path, side: int) -> None:
    """A PNG that says it is large."""
    whole = path.with_suffix(".tmp.png")
    Image.new("L", (8, 8)).save(whole)
    data = bytearray(whole.read_bytes())
    whole.unlink()
    data[16:24] = side.to_bytes(4, "big") * 2
    import zlib

    data[29:33] = zlib.crc32(data[12:29]).to_bytes(4, "big")
    path.write_bytes(data)


@pytest.mark.parametrize("side", [9000, 60000])
def test_pictures_that_would_fill_the_memory_are_not_decoded(tmp_path: Path, side: int):
    picture(tmp_path / "good.png")
    bomb(tmp_path / "bomb.png", side)
    found = read_folder(tmp_path)
    assert names(found, tmp_path) == ["good.png"]
    assert "pixels" in found.skipped[0]


def test_links_that_leave_the_folder_are_not_followed(tmp_path: Path):
    inside, outside = tmp_path / "in", tmp_path / "out"
    picture(inside / "a.png")
    picture(outside / "secret.png")
    (outside / "secret.txt").write_text("a secret")
    (inside / "b.png").symlink_to(outside / "secret.png")
    (inside / "c").symlink_to(outside, target_is_directory=True)
    (inside / "same.png").symlink_to(inside / "a.png")
    (inside / "loop").symlink_to(inside, target_is_directory=True)
    (inside / "a.txt").symlink_to(outside / "secret.txt")
    found = read_folder(inside)
    assert names(found, inside) == ["same.png"]
    assert [sentence.split()[0] for sentence in found.skipped] == ["c", "b.png", "a.png"]
    assert all("leaves the folder" in sentence for sentence in found.skipped)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes with names")
def test_what_is_no_file_is_not_opened(tmp_path: Path):
    picture(tmp_path / "a.png")
    os.mkfifo(tmp_path / "pipe.png")
    os.mkfifo(tmp_path / "a.txt")
    (tmp_path / "gone.png").symlink_to(tmp_path / "nothing.png")
    (tmp_path / "folder.png").mkdir()
    found = read_folder(tmp_path)
    assert names(found, tmp_path) == ["a.png"]
    assert [s.split()[0] for s in found.skipped] == ["gone.png", "pipe.png"]


def test_a_name_that_is_no_text_is_left_out(tmp_path: Path):
    picture(tmp_path / "a.png")
    try:
        os.rename(picture(tmp_path / "b.png"), os.fsencode(tmp_path) + b"/b\xff.png")
    except OSError:
        pytest.skip("this file system has only UTF-8 names")
    found = read_folder(tmp_path)
    assert names(found, tmp_path) == ["a.png"]
    assert found.skipped == ("b?.png: its name is not UTF-8; rename it",)


@pytest.mark.parametrize("make", ["missing", "file", "empty", "broken"])
def test_a_folder_without_pictures_is_an_error_that_names_it(tmp_path: Path, make: str):
    folder = tmp_path / "pictures"
    if make == "file":
        folder.write_text("")
    elif make != "missing":
        folder.mkdir()
    if make == "broken":
        (folder / "a.png").write_text("no")
    with pytest.raises(DataError, match=r"pictures .*(put|name|save)"):
        read_folder(folder)


def test_folders_of_kohyas_scripts_repeat_their_pictures_and_name_them(tmp_path: Path):
    for name in ("5_ohwx_dog/1.png", "5_ohwx_dog/far/2.png", "1_cat/3.png", "plain/red hat.png"):
        picture(tmp_path / name)
    (tmp_path / "1_cat/3.txt").write_text("a striped cat")
    found = read_folder(tmp_path)
    by_name = {e.path.name: (e.repeat, e.captions) for e in found.examples}
    assert by_name == {
        "1.png": (5, ("ohwx dog",)),
        "2.png": (5, ("ohwx dog",)),
        "3.png": (1, ("a striped cat",)),
        "red hat.png": (1, ("red hat",)),
    }
    assert any("5_ohwx_dog" in note and "5 times" in note for note in found.notes)


def test_a_folder_that_counts_no_times_is_told(tmp_path: Path):
    picture(tmp_path / "0_cat/a.png")
    with pytest.raises(DataError, match="counts 0 times"):
        read_folder(tmp_path, captions="none")


def test_pictures_to_keep_are_marked_and_get_no_trigger(tmp_path: Path):
    picture(tmp_path / "own/dog.png")
    picture(tmp_path / "own/keep/animal.png")
    (tmp_path / "own/keep/bad.png").write_text("no")
    found = read_folder(tmp_path / "own", prior=tmp_path / "own/keep", trigger="ohwx")
    assert [(e.captions, e.prior) for e in found.examples] == [(("ohwx, dog",), False), (("animal",), True)]
    assert len(found.skipped) == 1


def test_what_is_learnt_may_lie_within_what_is_kept(tmp_path: Path):
    picture(tmp_path / "all/cat.png")
    picture(tmp_path / "all/own/dog.png")
    found = read_folder(tmp_path / "all/own", prior=tmp_path / "all")
    assert [(e.path.name, e.prior) for e in found.examples] == [("dog.png", False), ("cat.png", True)]


def test_the_same_folder_cannot_be_learnt_and_kept(tmp_path: Path):
    picture(tmp_path / "dog.png")
    with pytest.raises(DataError, match="folder of their own"):
        read_folder(tmp_path, prior=tmp_path / "../" / tmp_path.name)
