"""Kinds of files: what an upload is by its first bytes, and with which type a file is sent."""

from __future__ import annotations

import re
from pathlib import PurePath

START = 64  # bytes that tell the kind of a file

# Nothing that a browser would run or that could hold such: all else is sent as bytes to be saved.
TYPES = {
    ".apng": "image/apng", ".avif": "image/avif", ".bmp": "image/bmp", ".gif": "image/gif", ".jpeg": "image/jpeg",
    ".jpg": "image/jpeg", ".png": "image/png", ".tif": "image/tiff", ".tiff": "image/tiff", ".webp": "image/webp",
    ".aac": "audio/aac", ".flac": "audio/flac", ".m4a": "audio/mp4", ".mp3": "audio/mpeg", ".oga": "audio/ogg",
    ".ogg": "audio/ogg", ".opus": "audio/ogg", ".wav": "audio/wav",
    ".avi": "video/x-msvideo", ".m4v": "video/mp4", ".mkv": "video/x-matroska", ".mov": "video/quicktime",
    ".mp4": "video/mp4", ".mpeg": "video/mpeg", ".mpg": "video/mpeg", ".webm": "video/webm",
    ".csv": "text/plain; charset=utf-8", ".json": "application/json", ".log": "text/plain; charset=utf-8",
    ".md": "text/plain; charset=utf-8", ".txt": "text/plain; charset=utf-8", ".glb": "model/gltf-binary",
}  # fmt: skip
BYTES = "application/octet-stream"

# Names under which no upload is kept, whatever it holds: opened from the disk, or sent by another server, they run.
RUNNABLE = {
    ".bat", ".cjs", ".cmd", ".com", ".css", ".desktop", ".dll", ".exe", ".hta", ".htm", ".html", ".jar", ".js", ".lnk",
    ".mht", ".mhtml", ".mjs", ".msi", ".pdf", ".php", ".ps1", ".py", ".scr", ".sh", ".shtml", ".so", ".svg", ".svgz",
    ".swf", ".url", ".vbs", ".wasm", ".xht", ".xhtml", ".xml", ".xsl", ".xslt",
}  # fmt: skip

_PICTURE, _SOUND = "picture", "sound or film"
_STARTS = [
    (re.compile(pattern, re.DOTALL), kind)
    for pattern, kind in (
        (rb"\x89PNG\r\n\x1a\n|\xff\xd8\xff|GIF8[79]a|BM.{4}\0{4}|II[*+]\0|MM\0[*+]|RIFF.{4}WEBP", _PICTURE),
        (rb".{4}ftyp(avi[fs]|.{4,32}avi[fs])", _PICTURE),
        (rb"RIFF.{4}(WAVE|AVI )|FORM.{4}AIF[FC]|fLaC|OggS|ID3|caff|\xff[\xe2\xe3\xf0-\xf5\xf8-\xfd]", _SOUND),
        (rb"\x1aE\xdf\xa3|.{4}ftyp(M4[ABV]|mp4|mp7|iso|avc|qt  |3g|dash|f4v|MSNV)|FLV\x01|\0\0\x01[\xb3\xba]", _SOUND),
        (rb"\x30\x26\xb2\x75\x8e\x66\xcf\x11|.{4}(moov|mdat|wide)", _SOUND),
    )
]


def kind(start: bytes) -> str | None:
    """What a file is that begins so; None if it is nothing that may be uploaded."""
    return next((kind for pattern, kind in _STARTS if pattern.match(start)), None)


def is_picture(start: bytes) -> bool:
    return kind(start) == _PICTURE


def type_of(name: str) -> str:
    """With which type a file is sent."""
    return TYPES.get(PurePath(name).suffix.lower(), BYTES)
