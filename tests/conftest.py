"""Fixtures that more than one folder of tests uses."""

import os
import tarfile
from pathlib import Path

import hypothesis
import pytest

from diffusion import settings

# How long an example takes depends on the machine; in CI the examples are the same every time.
hypothesis.settings.register_profile("steady", deadline=None, derandomize="CI" in os.environ)
hypothesis.settings.load_profile("steady")

DATA = Path(__file__).parent / "data"


@pytest.fixture(scope="session")
def conformance(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of recorded results (see tests/data/README.md), unpacked once a session."""
    folder = tmp_path_factory.mktemp("conformance")
    with tarfile.open(DATA / "conformance.tar.xz") as archive:
        if hasattr(tarfile, "data_filter"):  # not before Python 3.10.12 and 3.11.4
            archive.extractall(folder, filter="data")
        else:
            archive.extractall(folder)
    return folder


@pytest.fixture(autouse=True)
def unchosen_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test that runs the command line chooses precision and device for itself alone."""
    monkeypatch.setattr(settings, "_current", None)
