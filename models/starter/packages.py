"""The npm packages that hold the drawings: their versions, getting them, reading them."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

PACKAGES = {
    "@iconify-json/fluent-emoji-flat": "1.2.6",
    "@iconify-json/fluent-emoji": "1.2.7",
    "@iconify-json/fluent-emoji-high-contrast": "1.2.6",
    "@iconify-json/noto": "1.2.9",
    "emojibase-data": "17.0.0",
}
SETS = {
    "flat": "@iconify-json/fluent-emoji-flat",
    "3d": "@iconify-json/fluent-emoji",
    "line": "@iconify-json/fluent-emoji-high-contrast",
    "noto": "@iconify-json/noto",
}


class PackagesError(RuntimeError):
    """The packages cannot be got, or are of another version."""


def get(folder: Path) -> None:
    """See that `folder` holds the packages; install what is missing with npm. Raises PackagesError."""
    missing = [package for package in PACKAGES if not (folder / "node_modules" / package / "package.json").exists()]
    if missing:
        if (npm := shutil.which("npm")) is None:
            raise PackagesError("npm is not installed; install Node.js, or give a folder that has the packages")
        folder.mkdir(parents=True, exist_ok=True)
        wanted = [f"{package}@{PACKAGES[package]}" for package in missing]
        line = [npm, "install", "--prefix", str(folder), "--no-audit", "--no-fund", "--ignore-scripts", *wanted]
        done = subprocess.run(line, check=False)
        if done.returncode:
            raise PackagesError(f"npm could not install {', '.join(wanted)}; see its messages above")
    for package, version in PACKAGES.items():
        found = read(folder, package, "package.json")["version"]
        if found != version:
            raise PackagesError(
                f"{folder} holds {package} {found}, but the recipe is for {version}; use another folder"
            )


def read(folder: Path, package: str, file: str) -> Any:
    """A JSON file of a package."""
    return json.loads((folder / "node_modules" / package / file).read_text(encoding="utf-8"))


def tags(folder: Path) -> dict[str, list[str]]:
    """The English tags of each emoji, by its hexcode; emojibase has none for a few."""
    return {entry["hexcode"]: entry.get("tags", []) for entry in read(folder, "emojibase-data", "en/data.json")}
