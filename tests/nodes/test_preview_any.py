"""What PreviewAny shows."""

import math

import pytest
import torch

from nodes.preview_any import as_text, preview_any


@pytest.mark.parametrize(
    ("value", "text"),
    [("a\nb", "a\nb"), (3, "3"), (0.5, "0.5"), (True, "true"), ([1, "ä"], '[\n  1,\n  "ä"\n]'), (math.nan, "NaN")],
)
def test_plain_values(value: object, text: str):
    assert as_text(value) == text
    assert preview_any(source=value).ui == {"text": [text]}


def test_a_tensor_is_told_by_its_shape():
    assert as_text({"samples": torch.zeros(1, 4, 8, 8)}) == '{\n  "samples": "Tensor (1, 4, 8, 8) torch.float32"\n}'


def test_a_value_that_holds_itself_is_still_shown():
    ring: list[object] = []
    ring.append(ring)
    assert as_text(ring) == "[[...]]"
