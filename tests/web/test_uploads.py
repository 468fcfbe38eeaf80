"""Uploads: kept whole under a safe name, or refused without a trace."""

from __future__ import annotations

import errno
import io
import json
import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from PIL import Image, PngImagePlugin

from tests.web.conftest import until
from tests.web.served import Answer, Served
from tests.web.tables import everything, form, make_state, png_header, put, refused, serving
from web import writing
from web.config import Limits
from web.paths import clean
from web.routes import uploads

PIXELS = 10_000


def encoded(image: Image.Image, format: str = "PNG", **options: Any) -> bytes:
    data = io.BytesIO()
    image.save(data, format, **options)
    return data.getvalue()


HALF = Image.new("RGBA", (6, 4), (200, 100, 50, 128))
PNG = encoded(HALF)
OTHER = encoded(Image.new("RGB", (5, 5), "red"))


@pytest.fixture
def base(tmp_path: Path) -> Path:
    (tmp_path / "base").mkdir()
    return tmp_path / "base"


@pytest.fixture
def server(base: Path) -> Iterator[Served]:
    limits = Limits(pixels=PIXELS, body=1 << 20)
    with serving(make_state(base, limits), uploads) as server:
        yield server


def send(server: Served, file: bytes | None = PNG, name: str = "a.png", **fields: str) -> Answer:
    return server.ask("/upload/image", **form(file, name, **fields))


def sent(server: Served, file: bytes = PNG, name: str = "a.png", **fields: str) -> dict[str, str]:
    answer = send(server, file, name, **fields)
    assert answer.status == 200, answer.body
    return answer.json


# --- kept ----------------------------------------------------------------------------------------


def test_a_picture_is_kept_as_it_came(server: Served, base: Path):
    assert sent(server) == {"name": "a.png", "subfolder": "", "type": "input"}
    assert (base / "input/a.png").read_bytes() == PNG
    assert everything(base) == {"input/a.png"}


def test_a_subfolder_and_a_type_are_followed(server: Served, base: Path):
    assert sent(server, subfolder="x/y", type="temp") == {"name": "a.png", "subfolder": "x/y", "type": "temp"}
    assert sent(server, subfolder="x\\y", type="output") == {"name": "a.png", "subfolder": "x/y", "type": "output"}
    assert sent(server, subfolder="", type="") == {"name": "a.png", "subfolder": "", "type": "input"}
    assert everything(base) == {"temp/x/y/a.png", "output/x/y/a.png", "input/a.png"}


def test_fields_may_come_before_the_file(server: Served, base: Path):
    late, early = form(PNG), form(None, subfolder="x")
    body = early["body"].removesuffix(b"------edge--\r\n") + late["body"]
    answer = server.ask("/upload/image", body, Content_Type=late["Content_Type"])
    assert answer.json["subfolder"] == "x"


def test_the_same_file_is_kept_once_and_another_gets_a_number(server: Served, base: Path):
    assert [sent(server)["name"] for _ in range(2)] == ["a.png"] * 2
    assert [sent(server, OTHER)["name"] for _ in range(2)] == ["a (1).png"] * 2
    assert sent(server, encoded(HALF.resize((9, 9))))["name"] == "a (2).png"
    assert sent(server)["name"] == "a.png"
    assert everything(base) == {"input/a.png", "input/a (1).png", "input/a (2).png"}


@pytest.mark.parametrize("yes", ["true", "1", "True"])
def test_overwriting_replaces(server: Served, base: Path, yes: str):
    sent(server)
    assert sent(server, OTHER, overwrite=yes)["name"] == "a.png"
    assert (base / "input/a.png").read_bytes() == OTHER
    assert everything(base) == {"input/a.png"}


def test_without_hard_links_it_is_the_same(server: Served, base: Path, monkeypatch: pytest.MonkeyPatch):
    def refuse(*_: object) -> None:
        raise OSError(errno.EPERM, "no links here")

    monkeypatch.setattr(os, "link", refuse)
    assert [sent(server, file)["name"] for file in (PNG, OTHER, PNG)] == ["a.png", "a (1).png", "a.png"]
    assert everything(base) == {"input/a.png", "input/a (1).png"}


def test_another_disk_gets_a_copy_first(server: Served, base: Path, monkeypatch: pytest.MonkeyPatch):
    real = Path.stat

    def stat(path: Path, **options: Any) -> os.stat_result:
        found = real(path, **options)
        other = [*found]
        other[2] += 1  # st_dev
        return os.stat_result(other) if path == base / "input" else found

    monkeypatch.setattr(Path, "stat", stat)
    assert sent(server)["name"] == "a.png"
    assert everything(base) == {"input/a.png"}


def test_large_files_are_streamed_whole(base: Path):
    sound = b"RIFF\0\0\0\0WAVE" + os.urandom(5 << 20)
    with serving(make_state(base), uploads) as server:
        assert sent(server, sound, "long.wav")["name"] == "long.wav"
    assert (base / "input/long.wav").read_bytes() == sound


# --- what it is ----------------------------------------------------------------------------------


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF"])
def test_pictures_are_known_by_their_content(server: Served, format: str):
    assert sent(server, encoded(HALF.convert("RGB"), format), "picture")["name"] == "picture"
    assert sent(server, encoded(HALF.convert("RGB"), format), "wrong.txt")["name"] == "wrong.txt"


@pytest.mark.parametrize(
    "start",
    [
        b"RIFF\x24\0\0\0WAVEfmt ",
        b"ID3\x04\0",
        b"\xff\xfb\x90\x44",
        b"fLaC\0\0",
        b"OggS\0\2",
        b"\0\0\0\x1cftypM4A \0\0",
        b"\0\0\0\x20ftypisom\0\0\2\0",
        b"\0\0\0\x14ftypqt  \0\0",
        b"\x1aE\xdf\xa3\x9fB\x86",
        b"RIFF\x24\0\0\0AVI LIST",
    ],
)
def test_sounds_and_films_are_kept_too(server: Served, start: bytes):
    assert sent(server, start + bytes(50), "clip.bin")["name"] == "clip.bin"


@pytest.mark.parametrize(
    "data",
    [
        b"<html><script>alert(1)</script>",
        b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
        b"\xff\xfe<\0h\0t\0m\0l\0",
        b"#!/bin/sh\necho\n",
        b"MZ\x90\0",
        b"\x7fELF",
        b"PK\3\4",
        b"%PDF-1.7",
        b"import os",
        b"{}",
        b"\x80\4\x95pickle",
        b"\1",
        b"",
    ],
)
@pytest.mark.parametrize("name", ["a.png", "a.mp3"])
def test_other_content_is_refused_whatever_its_name(server: Served, base: Path, data: bytes, name: str):
    assert refused(send(server, data, name)) == (415, "unknown_type")
    assert everything(base) == set()


@pytest.mark.parametrize("name", ["a.html", "a.SVG", "a.js", "a.xml", "a.php", "a.html.", "a.html ", "a.exe"])
def test_names_of_pages_and_programs_are_refused_whatever_the_content(server: Served, base: Path, name: str):
    assert refused(send(server, PNG, name)) == (415, "forbidden_type")
    assert everything(base) == set()


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (png_header(101, 100), (413, "too_many_pixels")),
        (png_header(2**31 - 1, 2**31 - 1), (413, "too_many_pixels")),
        (b"\x89PNG\r\n\x1a\n<html>", (415, "no_picture")),
        (b"BM" + bytes(20), (415, "no_picture")),
        (b"\xff\xd8\xff\xe0", (415, "no_picture")),
    ],
)
def test_bombs_and_damaged_pictures_are_refused(server: Served, base: Path, data: bytes, expected: tuple[int, str]):
    assert refused(send(server, data)) == expected
    assert everything(base) == set()


# --- where it goes -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("C:\\fakepath\\a.png", "a.png"),
        ("folder/a.png", "a.png"),
        (".hidden.png", "hidden.png"),
        ("...a.png", "a.png"),
        ("a.png. . ", "a.png"),
        ("a:b<c>|?*.png", "a_b_c____.png"),
        ("CON.png", "_CON.png"),
        ("nul", "_nul"),
        ("com1.tar.gz", "_com1.tar.gz"),
        ("a\tb\x7f\x01.png", "ab.png"),
        ("a\u202egnp.png", "agnp.png"),
        ("a\u2028b\ud800.png", "ab.png"),
        ("Gru\u0308\u00dfe \U0001f34e.png", "Gr\u00fc\u00dfe \U0001f34e.png"),
        ("x" * 300 + ".png", "x" * 196 + ".png"),
        ("\U0001f34e" * 100 + ".png", "\U0001f34e" * 49 + ".png"),
        ("a." + "x" * 300, "a." + "x" * 198),
        ("console.png", "console.png"),
    ],
)
def test_names_are_cleaned(name: str, kept: str):
    assert clean(name) == kept
    assert len(kept.encode()) <= 200
    assert clean(kept) == kept


@pytest.mark.parametrize("name", ["Grüße 猫.png", "it's.png", "a;b.png"])
def test_names_of_all_scripts_are_kept(server: Served, base: Path, name: str):
    assert sent(server, name=name)["name"] == name
    assert everything(base) == {f"input/{name}"}


@pytest.mark.parametrize("name", ["../a.png", "..\\\\a.png", "x/../../a.png", "..", ".", "...", "a/"])
def test_names_that_lead_elsewhere_or_are_none_are_refused(server: Served, base: Path, tmp_path: Path, name: str):
    assert refused(send(server, name=name)) == (400, "invalid_filename")
    assert everything(tmp_path) == set()


@pytest.mark.parametrize("name", ["a.png\0.html", "/etc/a.png", "\\a.png", "", "x/"])
def test_there_is_no_clean_name_for_these(name: str):
    with pytest.raises(web.HTTPBadRequest):
        clean(name)


@pytest.mark.parametrize(
    "subfolder",
    [
        "..",
        "../x",
        "x/../../y",
        "/tmp/x",
        "\\tmp",
        "C:\\x",
        "x/\0",
        "x\n",
        "CON",
        "x/aux.d/y",
        "y" * 300,
        "away",
        "away/x",
    ],
)
def test_subfolders_that_lead_elsewhere_are_refused(server: Served, base: Path, tmp_path: Path, subfolder: str):
    (base / "input").mkdir()
    (base / "input/away").symlink_to(tmp_path)
    answer = send(server, subfolder=subfolder)
    assert answer.status in (400, 403), answer.body
    assert str(tmp_path).encode() not in answer.body
    assert everything(tmp_path) == {"base/input/away"}


@pytest.mark.parametrize("kind", ["models", "../models", "user", "Input"])
def test_other_types_are_refused(server: Served, base: Path, kind: str):
    assert refused(send(server, type=kind)) == (400, "invalid_type")
    assert everything(base) == set()


def test_a_link_is_never_written_through(server: Served, base: Path, tmp_path: Path):
    target = put(tmp_path / "target.png", b"precious")
    (base / "input").mkdir()
    (base / "input/a.png").symlink_to(target)
    assert sent(server)["name"] == "a (1).png"
    assert sent(server, overwrite="true")["name"] == "a.png"
    assert target.read_bytes() == b"precious"
    assert not (base / "input/a.png").is_symlink()


def test_a_folder_in_the_way_is_no_fault_of_ours(server: Served, base: Path):
    (base / "input/a.png").mkdir(parents=True)
    put(base / "input/file", b"x")
    assert sent(server)["name"] == "a (1).png"
    assert refused(send(server, overwrite="true")) == (409, "name_taken")
    assert refused(send(server, subfolder="file")) == (409, "name_taken")
    assert everything(base) == {"input/a (1).png", "input/file"}


# --- how it comes --------------------------------------------------------------------------------


def raw(body: bytes, kind: str = "multipart/form-data; boundary=x") -> dict[str, Any]:
    return {"body": body, "Content_Type": kind}


HEAD = b'--x\r\nContent-Disposition: form-data; name="image"; filename="a.png"\r\n\r\n'


@pytest.mark.parametrize(
    ("request_", "type"),
    [
        (raw(b"{}", "application/json"), "no_form"),
        (raw(PNG, "image/png"), "no_form"),
        (raw(b"x", "multipart/form-data"), "invalid_form"),
        (raw(b"", "multipart/form-data; boundary=x"), "invalid_form"),
        (raw(HEAD + PNG), "invalid_form"),
        (raw(HEAD + PNG + b"\r\n"), "invalid_form"),
        (raw(b"--x\r\nnonsense\r\n\r\n"), "invalid_form"),
        (raw(b"--x\r\nContent-Type: multipart/mixed; boundary=y\r\n\r\n--y\r\n\r\n--y--\r\n--x--\r\n"), "invalid_form"),
        (form(None, subfolder="x"), "no_image"),
        (form(PNG, field="file"), "no_image"),
        (form(PNG, name=""), "no_image"),
        (form(PNG, **{f"f{i}": "" for i in range(60)}), "invalid_form"),
        (form(PNG, subfolder="x" * 70_000), "invalid_form"),
    ],
)
def test_what_is_no_form_with_a_file_is_refused(server: Served, base: Path, request_: dict[str, Any], type: str):
    assert refused(server.ask("/upload/image", **request_)) == (400, type)
    assert everything(base) == set()


def test_more_than_the_limit_is_refused_although_its_length_is_not_told(server: Served, base: Path):
    body = HEAD + PNG + bytes(2 << 20) + b"\r\n--x--\r\n"
    chunked = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
    head = b"POST /upload/image HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
    kind = b"Content-Type: multipart/form-data; boundary=x\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert refused(server.raw(head + kind + chunked)) == (413, "too_large")
    assert everything(base) == set()


def test_a_client_that_goes_away_leaves_nothing(server: Served, base: Path):
    with server.connect() as connection:
        head = "POST /upload/image HTTP/1.1\r\nHost: localhost\r\nContent-Length: 500000\r\n"
        connection.sendall(head.encode() + b"Content-Type: multipart/form-data; boundary=x\r\n\r\n" + HEAD + PNG)
        until(lambda: everything(base), "the file to be begun")
        connection.shutdown(socket.SHUT_RDWR)
    until(lambda: not everything(base), "the file to be removed")


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_told_and_leaves_nothing(
    server: Served, base: Path, monkeypatch: pytest.MonkeyPatch, number: int
):
    def full(_: int) -> None:
        raise OSError(number, os.strerror(number), str(base))

    monkeypatch.setattr(uploads, "settle", full)
    answer = send(server)
    assert refused(answer) == (507, "disk_full")
    assert b"'a.png'" in answer.body
    assert str(base).encode() not in answer.body
    assert everything(base) == set()


def test_another_failure_to_write_names_no_path(server: Served, base: Path, monkeypatch: pytest.MonkeyPatch):
    def readonly(*_: object, **__: object) -> bool:
        raise OSError(errno.EROFS, "Read-only file system", str(base))

    monkeypatch.setattr(uploads, "claim", readonly)
    answer = send(server)
    assert refused(answer) == (500, "write_failed")
    assert str(base).encode() not in answer.body
    assert everything(base) == set()


def test_a_failed_claim_without_links_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def fail(*_: object) -> None:
        raise OSError(errno.EIO, "no")

    part = put(tmp_path / "part", b"x")
    monkeypatch.setattr(os, "link", fail)
    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(OSError, match="no"):
        writing.claim(part, tmp_path / "a", overwrite=False)
    assert everything(tmp_path) == {"part"}


# --- masks ---------------------------------------------------------------------------------------

MASK = Image.new("RGBA", (6, 4), (0, 0, 0, 7))


@pytest.fixture
def painted(base: Path) -> Path:
    info = PngImagePlugin.PngInfo()
    info.add_text("prompt", '{"1": {}}')
    info.add_itxt("note", "Grüße 猫")
    return put(base / "output/sub/made.png", encoded(HALF, pnginfo=info))


@pytest.fixture
def mask(server: Served) -> Callable[..., Answer]:
    def ask(mask: Image.Image = MASK, name: str = "mask.png", **reference: object) -> Answer:
        found = {"filename": "made.png", "subfolder": "sub", "type": "output"} | reference
        given = form(encoded(mask), name, original_ref=json.dumps(found), subfolder="clipspace")
        return server.ask("/upload/mask", **given)

    return ask


def test_a_mask_is_put_on_its_picture_with_the_texts_kept(base: Path, painted: Path, mask: Callable[..., Answer]):
    before = painted.read_bytes()
    assert mask().json == {"name": "mask.png", "subfolder": "clipspace", "type": "input"}
    with Image.open(base / "input/clipspace/mask.png") as image:
        assert (image.format, image.mode, image.getpixel((0, 0))) == ("PNG", "RGBA", (200, 100, 50, 7))
        assert image.text == {"prompt": '{"1": {}}', "note": "Grüße 猫"}  # type: ignore[attr-defined]
    assert painted.read_bytes() == before
    assert everything(base) == {"output/sub/made.png", "input/clipspace/mask.png"}
    assert mask().json["name"] == "mask.png"


def test_a_picture_without_alpha_or_texts_gets_the_mask_too(base: Path, mask: Callable[..., Answer]):
    put(base / "input/photo.jpg", encoded(Image.new("RGB", (6, 4), "white"), "JPEG"))
    assert mask(filename="photo.jpg", subfolder="", type="input").status == 200
    assert mask(filename="photo.jpg [input]", subfolder="").status == 200
    with Image.open(base / "input/clipspace/mask.png") as image:
        assert image.getpixel((0, 0)) == (255, 255, 255, 7)


@pytest.mark.parametrize(
    ("reference", "status"),
    [
        ({"filename": "none.png"}, 404),
        ({"filename": "../sub/made.png"}, 400),
        ({"filename": "/etc/passwd"}, 400),
        ({"subfolder": ".."}, 403),
        ({"subfolder": "/etc"}, 403),
        ({"type": "models"}, 400),
        ({"filename": 5}, 400),
        ({"filename": ""}, 400),
        ({"filename": "\ud800.png"}, 400),
    ],
)
def test_a_mask_for_no_picture_is_refused(
    base: Path, painted: Path, mask: Callable[..., Answer], reference: dict[str, object], status: int
):
    assert mask(**reference).status == status
    assert everything(base) == {"output/sub/made.png"}


def test_a_mask_of_another_size_is_refused(base: Path, painted: Path, mask: Callable[..., Answer]):
    assert refused(mask(MASK.resize((5, 5)))) == (400, "mask_size")
    assert everything(base) == {"output/sub/made.png"}


@pytest.mark.parametrize("text", ["", "no json", "[]", "null", "[" * 50_000])
def test_a_mask_without_a_reference_is_refused(server: Served, base: Path, text: str):
    answer = server.ask("/upload/mask", **form(encoded(MASK), original_ref=text))
    assert refused(answer) == (400, "no_original")
    assert everything(base) == set()


def test_a_mask_that_is_no_picture_is_refused(server: Served, base: Path, painted: Path):
    reference = json.dumps({"filename": "made.png", "subfolder": "sub"})
    for data in (b"<html>", png_header(101, 100)):
        answer = server.ask("/upload/mask", **form(data, original_ref=reference))
        assert answer.status in (413, 415)
    assert everything(base) == {"output/sub/made.png"}
