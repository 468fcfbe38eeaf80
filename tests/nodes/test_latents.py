"""The latent and conditioning nodes give the standard's recorded results, and change no input."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from executor.node import registry
from tests.replay.nodes import call, replay


@pytest.fixture(scope="module")
def records(conformance: Path) -> dict[str, Any]:
    return json.loads((conformance / "nodes.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize(("group", "least"), [("latents", 100), ("conditioning", 40)])
def test_recorded_results(records: dict[str, Any], group: str, least: int, conformance: Path):
    got = list(replay({group: records[group]}, conformance))
    assert len(got) == len(records[group]) > least
    assert not [f"{label}: {found}" for label, found in got if found]


def tensor(*shape: int) -> dict[str, Any]:
    return {"samples": {"shape": list(shape), "fill": 0.5}}


@pytest.mark.parametrize(
    ("name", "inputs", "said"),
    [
        ("EmptyHunyuanImageLatent", {"width": 16, "height": 64}, "empty"),
        ("LatentUpscaleBy", {"samples": tensor(1, 4, 2, 2), "upscale_method": "area", "scale_by": 0.1}, "factor"),
        ("LatentAdd", {"samples1": tensor(1, 4, 2, 2), "samples2": tensor(1, 16, 2, 2)}, "channels"),
        ("LatentComposite", {"samples_to": tensor(1, 4, 2, 2), "samples_from": tensor(1, 3, 2, 2)}, "channels"),
        ("LatentConcat", {"samples1": tensor(1, 4, 2, 2), "samples2": tensor(1, 4, 3, 2), "dim": "x"}, "must agree"),
    ],
)
def test_bad_input_gets_one_message(name: str, inputs: dict[str, Any], said: str):
    with pytest.raises(ValueError, match=said):
        call(name, inputs)


@pytest.mark.parametrize("name", sorted(n for n in registry if n.startswith("Empty") and "Latent" in n))
def test_empty_latents_have_their_defaults(name: str):
    samples = call(name, {})[0]["samples"]
    assert samples.shape[0] == 1
    assert not samples.any()


def test_other_keys_of_the_first_latent_survive():
    mask = torch.ones(1, 1, 16, 16)
    got = registry["LatentUpscaleBy"].function(
        samples={"samples": torch.zeros(1, 4, 2, 2), "noise_mask": mask, "batch_index": [3]},
        upscale_method="area",
        scale_by=2.0,
    )
    assert got["noise_mask"] is mask
    assert got["batch_index"] == [3]
