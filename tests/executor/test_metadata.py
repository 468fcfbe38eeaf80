"""Texts of pictures, checked against what Pillow writes and reads."""

import io
import struct
import zlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from executor.workflow.lenient import WorkflowError
from executor.workflow.metadata import exif, read_texts, texts

PROMPT = {"1": {"class_type": "Size", "inputs": {"text": "grün 猫 \U0001f408", "cfg": 7.5}}}
WORKFLOW = {"nodes": [], "version": 0.4, "extra": {"unknown": [1, None]}}


def read(data: bytes) -> dict[str, str]:
    return read_texts(io.BytesIO(data), "picture")


def picture(format: str, **options: Any) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (3, 2), "red").save(file, format, **options)
    return file.getvalue()


def png(**texts: str) -> bytes:
    info = PngInfo()
    for key, text in texts.items():
        info.add_text(key, text)
    return picture("PNG", pnginfo=info)


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def before_end(data: bytes, *chunks: bytes) -> bytes:
    return data[:-12] + b"".join(chunks) + data[-12:]


WRITTEN = texts(PROMPT, {"workflow": WORKFLOW, "mezzotint": {"version": "1"}})


def test_texts_are_ascii_and_in_order() -> None:
    assert list(WRITTEN) == ["prompt", "workflow", "mezzotint"]
    assert all(text.isascii() for text in WRITTEN.values())


def test_png_texts_are_what_pillow_wrote() -> None:
    assert read(png(**WRITTEN)) == WRITTEN


def test_compressed_international_and_late_png_texts_are_read() -> None:
    data = before_end(
        png(),
        chunk(b"zTXt", b"prompt\0\0" + zlib.compress(b'{"a":1}')),
        chunk(b"iTXt", b"workflow\0\0\0en\0titel\0" + "grün".encode()),
        chunk(b"iTXt", b"packed\0\1\0\0\0" + zlib.compress("猫".encode())),
        chunk(b"comf", b"inside\0{}"),
    )
    assert read(data) == {"prompt": '{"a":1}', "workflow": "grün", "packed": "猫", "inside": "{}"}


def test_pillows_own_international_texts_are_read() -> None:
    info = PngInfo()
    info.add_itxt("workflow", "grün 猫", zip=True)
    info.add_text("prompt", "x" * 99, zip=True)
    assert read(picture("PNG", pnginfo=info)) == {"workflow": "grün 猫", "prompt": "x" * 99}


def test_damaged_chunks_are_left_out_and_a_cut_off_file_gives_what_it_has() -> None:
    damaged = before_end(png(prompt="{}"), chunk(b"zTXt", b"workflow\0\0nonsense"), chunk(b"iTXt", b"x"))
    assert read(damaged) == {"prompt": "{}"}
    assert read(png(**WRITTEN)[:-30]) == WRITTEN
    assert read(png(prompt="{}")[:45]) == {}


@pytest.mark.parametrize("format", ["WEBP", "JPEG"])
@pytest.mark.parametrize("prefix", [b"", b"Exif\0\0"])
def test_exif_texts_come_back(format: str, prefix: bytes) -> None:
    if format == "JPEG" and not prefix:
        prefix = b"Exif\0\0"  # which Pillow adds if it is missing
    assert read(picture(format, exif=prefix + exif(WRITTEN).removeprefix(b"Exif\0\0"))) == WRITTEN


def test_exif_tags_are_the_standards() -> None:
    tags = Image.open(io.BytesIO(picture("WEBP", exif=exif(WRITTEN)))).getexif()
    assert tags[0x0110] == f"prompt:{WRITTEN['prompt']}"
    assert tags[0x010F] == f"workflow:{WRITTEN['workflow']}"
    assert tags[0x010E] == f"mezzotint:{WRITTEN['mezzotint']}"


def test_other_exif_is_no_text() -> None:
    data = Image.Exif()
    data[0x010F], data[0x0110], data[0x0131] = "Maker", "Model: X-100", "Workflow:{}"
    assert read(picture("WEBP", exif=data.tobytes())) == {"Model": " X-100", "workflow": "{}"}


def test_pictures_without_texts_have_none() -> None:
    assert [read(picture(format)) for format in ("PNG", "WEBP", "JPEG")] == [{}, {}, {}]


def test_what_is_no_picture_is_an_error() -> None:
    with pytest.raises(WorkflowError, match="picture: no PNG, WebP or JPEG"):
        read(b"GIF89a")


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from([png(**WRITTEN), picture("WEBP", exif=exif(WRITTEN)), picture("JPEG", exif=exif(WRITTEN))]),
    st.lists(st.tuples(st.integers(12, 600), st.integers(0, 255)), max_size=4),
    st.integers(12, 2000),
)
def test_damage_never_fails(data: bytes, changes: list[tuple[int, int]], length: int) -> None:
    damaged = bytearray(data)
    for at, value in changes:
        damaged[min(at, len(data) - 1)] = value
    assert all(isinstance(text, str) for text in read(bytes(damaged[:length])).values())
