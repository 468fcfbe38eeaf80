"""Control networks are compared in fp32 on the CPU."""

from collections.abc import Iterator

import pytest

from diffusion import settings


@pytest.fixture(autouse=True)
def in_fp32() -> Iterator[None]:
    before = settings.current()
    settings.use(settings.Settings("fp32", "cpu"))
    yield
    settings.use(before)
