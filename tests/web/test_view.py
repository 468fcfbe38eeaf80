"""GET /view: files as they are, previews, channels; nothing else, and nothing that a browser would run."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from PIL import Image

from tests.web.served import Answer, Served
from tests.web.tables import make_state, png_header, put, query, refused, serving
from web.config import Limits
from web.routes import view


def encoded(image: Image.Image, format: str = "PNG", **options: object) -> bytes:
    data = io.BytesIO()
    image.save(data, format, **options)
    return data.getvalue()


def shown(answer: Answer) -> Image.Image:
    assert answer.status == 200, answer.body
    return Image.open(io.BytesIO(answer.body))


HALF = Image.new("RGBA", (6, 4), (200, 100, 50, 128))


@pytest.fixture
def base(tmp_path: Path) -> Path:
    base = tmp_path / "base"
    for name in ("output/a.png", "output/sub/b.png", "input/in.png", "temp/t.png"):
        put(base / name, encoded(HALF))
    put(base / "output/page.html", "<script>alert(1)</script>")
    put(base / "models/secret.txt", "secret")
    put(tmp_path / "outside.png", encoded(HALF))
    return base


@pytest.fixture
def server(base: Path) -> Iterator[Served]:
    with serving(make_state(base, Limits(pixels=10_000)), view) as server:
        yield server


# --- as they are ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "path"),
    [
        ({"filename": "a.png"}, "output/a.png"),
        ({"filename": "a.png", "type": "output", "subfolder": ""}, "output/a.png"),
        ({"filename": "b.png", "subfolder": "sub"}, "output/sub/b.png"),
        ({"filename": "sub/b.png"}, "output/sub/b.png"),
        ({"filename": "sub\\b.png"}, "output/sub/b.png"),
        ({"filename": "in.png", "type": "input"}, "input/in.png"),
        ({"filename": "in.png [input]"}, "input/in.png"),
        ({"filename": "t.png [temp]", "type": "input"}, "temp/t.png"),
        ({"filename": "a.png [output]", "type": "temp"}, "output/a.png"),
    ],
)
def test_a_file_is_sent_as_it_is(server: Served, base: Path, asked: dict[str, str], path: str):
    answer = server.ask(query("/view", **asked))
    assert answer.status == 200
    assert answer.body == (base / path).read_bytes()
    assert answer.headers["content-type"] == "image/png"
    assert answer.headers["content-disposition"] == f'filename="{Path(path).name}"'


def test_another_output_folder_is_used(tmp_path: Path, base: Path):
    put(tmp_path / "elsewhere/x.png", b"x")
    with serving(make_state(base, output=tmp_path / "elsewhere"), view) as server:
        assert server.ask("/view?filename=x.png").body == b"x"
        assert server.ask("/view?filename=a.png").status == 404


@pytest.mark.parametrize(
    "name", ["page.html", "a.svg", "a.js", "a.css", "a.xml", "a.xhtml", "a.pdf", "a.htm", "a", "A.SVG"]
)
def test_nothing_is_sent_with_a_type_that_a_browser_would_run(server: Served, base: Path, name: str):
    put(base / "output" / name, "<script>alert(1)</script>")
    answer = server.ask(query("/view", filename=name))
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"] == f'attachment; filename="{name}"'
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_a_picture_that_is_a_page_inside_is_not_sniffed(server: Served, base: Path):
    put(base / "output/evil.png", "<html><script>alert(1)</script>")
    answer = server.ask("/view?filename=evil.png")
    assert answer.headers["content-type"] == "image/png"
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_names_beyond_ascii_and_with_quotes_are_told_safely(server: Served, base: Path):
    for name in ("Grüße 猫.png", 'a"b.png', "100%.png"):
        put(base / "output" / name, b"x")
        answer = server.ask(query("/view", filename=name))
        assert answer.status == 200
        assert f"filename*=UTF-8''{quote(name, safe='')}" in answer.headers["content-disposition"] or name == "100%.png"
        assert answer.headers["content-disposition"].count('"') == 2


def test_a_known_file_is_not_sent_again_and_a_part_is_sent_alone(server: Served, base: Path):
    whole = server.ask("/view?filename=a.png")
    tag, date = whole.headers["etag"], whole.headers["last-modified"]
    assert server.ask("/view?filename=a.png", If_None_Match=tag).status == 304
    assert server.ask("/view?filename=a.png", If_Modified_Since=date).status == 304
    part = server.ask("/view?filename=a.png", Range="bytes=1-3")
    assert (part.status, part.body) == (206, b"PNG")
    assert server.ask("/view?filename=a.png", Range="bytes=99999-").status == 416
    put(base / "output/a.png", encoded(HALF.resize((9, 9))))
    assert server.ask("/view?filename=a.png", If_None_Match=tag).status == 200


# --- refused -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ({}, 400),
        ({"filename": ""}, 400),
        ({"filename": "none.png"}, 404),
        ({"filename": "sub"}, 404),
        ({"filename": "."}, 404),
        ({"filename": "a.png", "type": "models"}, 400),
        ({"filename": "a.png", "type": "../models"}, 400),
        ({"filename": "../models/secret.txt"}, 400),
        ({"filename": "..\\models\\secret.txt"}, 400),
        ({"filename": "sub/../../models/secret.txt"}, 400),
        ({"filename": "/etc/passwd"}, 400),
        ({"filename": "\\etc\\passwd"}, 400),
        ({"filename": "C:\\Windows\\win.ini"}, 400),
        ({"filename": "../models/secret.txt [input]"}, 400),
        ({"filename": "secret.txt", "subfolder": "../models"}, 403),
        ({"filename": "secret.txt", "subfolder": "sub/../../models"}, 403),
        ({"filename": "passwd", "subfolder": "/etc"}, 403),
        ({"filename": "passwd", "subfolder": "\\etc"}, 403),
        ({"filename": "a.png\0.html"}, 400),
        ({"filename": "a.png", "subfolder": "\0"}, 400),
        ({"filename": "a\r\nSet-Cookie: x"}, 400),
        ({"filename": "CON"}, 400),
        ({"filename": "nul.png"}, 400),
        ({"filename": "a.png", "subfolder": "LPT1"}, 400),
        ({"filename": "x" * 300 + ".png"}, 400),
    ],
)
def test_a_name_that_leads_elsewhere_or_nowhere_is_refused(server: Served, asked: dict[str, str], status: int):
    answer = server.ask(query("/view", **asked))
    assert answer.status == status, answer.body
    assert answer.error
    assert b"secret" not in answer.body.replace(b"secret.txt", b"")


@pytest.mark.parametrize(
    "raw", ["%2e%2e%2fmodels%2fsecret.txt", "..%2fmodels/secret.txt", "%2Fetc%2Fpasswd", "..%5cmodels%5csecret.txt"]
)
def test_encoding_a_path_does_not_help(server: Served, raw: str):
    assert server.ask(f"/view?filename={raw}").status == 400
    assert server.ask(f"/view?filename=secret.txt&subfolder={raw}").status == 403


@pytest.mark.parametrize("raw", ["%ff%fe.png", "%ed%a0%80.png", "%252e%252e%252fmodels", "x/" * 2500])
def test_broken_encodings_are_names_of_nothing(server: Served, raw: str):
    assert server.ask(f"/view?filename={raw}").status in (400, 404)


def test_links_count_as_what_they_lead_to(server: Served, base: Path, tmp_path: Path):
    (base / "output/out.png").symlink_to(tmp_path / "outside.png")
    (base / "output/away").symlink_to(tmp_path)
    (base / "output/near.png").symlink_to(base / "output/sub/b.png")
    (base / "output/loop.png").symlink_to(base / "output/loop.png")
    assert refused(server.ask("/view?filename=out.png")) == (403, "forbidden_path")
    assert server.ask("/view?filename=outside.png&subfolder=away").status == 403
    assert server.ask("/view?filename=near.png").status == 200
    assert server.ask("/view?filename=loop.png").status in (400, 403, 404)


def test_no_message_names_a_path_of_the_machine(server: Served, base: Path, tmp_path: Path):
    (base / "output/out.png").symlink_to(tmp_path / "outside.png")
    for name in ("out.png", "none.png", "../x", "/etc/passwd"):
        assert str(tmp_path).encode() not in server.ask(query("/view", filename=name)).body


def test_what_is_no_file_is_not_opened(server: Served, base: Path):
    os.mkfifo(base / "output/pipe.png")
    assert server.ask("/view?filename=pipe.png").status == 404
    assert server.ask("/view?filename=pipe.png&preview=webp").status == 404


# --- previews and channels -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("preview", "format"),
    [
        ("webp;90", "WEBP"),
        ("webp", "WEBP"),
        ("jpeg;50", "JPEG"),
        ("jpeg;x", "JPEG"),
        ("jpeg;-5", "JPEG"),
        ("gif", "WEBP"),
    ],
)
def test_a_preview_is_in_the_format_that_is_asked_for(server: Served, preview: str, format: str):
    answer = server.ask(query("/view", filename="a.png", preview=preview))
    image = shown(answer)
    assert (image.format, image.size) == (format, (6, 4))
    assert answer.headers["content-type"] == f"image/{format.lower()}"
    assert answer.headers["content-disposition"] == 'filename="a.png"'
    assert image.mode == ("RGBA" if format == "WEBP" else "RGB")


def test_quality_counts(server: Served, base: Path):
    put(base / "output/noise.png", encoded(Image.effect_noise((64, 64), 100)))
    sizes = [len(server.ask(f"/view?filename=noise.png&preview=jpeg;{q}").body) for q in (1, 50, 100, 101)]
    assert sizes[0] < sizes[1] < sizes[2] == sizes[3]


def test_rgb_leaves_the_alpha_out_and_keeps_the_colours(server: Served):
    image = shown(server.ask("/view?filename=a.png&channel=rgb"))
    assert (image.format, image.mode, image.getpixel((0, 0))) == ("PNG", "RGB", (200, 100, 50))


def test_a_is_the_alpha_alone(server: Served, base: Path):
    image = shown(server.ask("/view?filename=a.png&channel=a"))
    assert (image.format, image.getpixel((0, 0))) == ("PNG", (0, 0, 0, 128))
    put(base / "output/plain.jpg", encoded(HALF.convert("RGB"), "JPEG"))
    assert shown(server.ask("/view?filename=plain.jpg&channel=a")).getpixel((0, 0)) == (0, 0, 0, 255)


def test_rgba_is_the_file_itself(server: Served, base: Path):
    assert server.ask("/view?filename=a.png&channel=rgba").body == (base / "output/a.png").read_bytes()


def test_a_channel_and_a_preview_go_together(server: Served):
    image = shown(server.ask("/view?filename=a.png&channel=rgb&preview=webp;100"))
    assert (image.format, image.mode) == ("WEBP", "RGB")


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "I;16", "CMYK", "F"])
def test_pictures_of_every_mode_can_be_shown(server: Served, base: Path, mode: str):
    image = Image.new("RGBA", (4, 4), (255, 255, 255, 255)).convert("L" if mode in ("I;16", "CMYK", "F") else mode)
    image = Image.new("I;16", (4, 4), 65535) if mode == "I;16" else image.convert(mode)
    put(base / "output/m.tiff", encoded(image, "TIFF"))
    for wanted in ("preview=jpeg", "preview=webp", "channel=rgb", "channel=a"):
        found = shown(server.ask(f"/view?filename=m.tiff&{wanted}")).convert("RGB")
        assert found.size == (4, 4)
        assert found.getpixel((1, 1)) == ((0, 0, 0) if wanted == "channel=a" else (255, 255, 255))


def test_a_preview_stands_upright(server: Served, base: Path):
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by a quarter
    put(base / "output/turned.jpg", encoded(HALF.convert("RGB"), "JPEG", exif=exif.tobytes()))
    assert shown(server.ask("/view?filename=turned.jpg&preview=webp")).size == (4, 6)


def test_a_known_preview_is_not_made_again(server: Served, base: Path, monkeypatch: pytest.MonkeyPatch):
    answer = server.ask("/view?filename=a.png&preview=webp")
    other = server.ask("/view?filename=a.png&preview=jpeg")
    assert answer.headers["etag"] != other.headers["etag"]
    monkeypatch.setattr(view.pictures, "converted", lambda *_: pytest.fail("it was decoded again"))
    tag, date = answer.headers["etag"], answer.headers["last-modified"]
    known = server.ask("/view?filename=a.png&preview=webp", If_None_Match=tag)
    assert (known.status, known.body) == (304, b"")
    assert server.ask("/view?filename=a.png&preview=webp", If_Modified_Since=date).status == 304


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"no picture", (415, "no_picture")),
        (b"", (415, "no_picture")),
        (encoded(Image.effect_noise((50, 50), 100))[:-900], (415, "no_picture")),
        (png_header(101, 100), (413, "too_many_pixels")),
        (png_header(60_000, 60_000), (413, "too_many_pixels")),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", (415, "no_picture")),
    ],
)
def test_what_cannot_or_must_not_be_decoded_is_refused(
    server: Served, base: Path, data: bytes, expected: tuple[int, str]
):
    put(base / "output/bad.png", data)
    answer = server.ask("/view?filename=bad.png&preview=webp")
    assert refused(answer) == expected
    assert str(base).encode() not in answer.body
    assert server.ask("/view?filename=bad.png").body == data


def test_an_unknown_channel_is_refused(server: Served):
    assert refused(server.ask("/view?filename=a.png&channel=red")) == (400, "invalid_channel")
