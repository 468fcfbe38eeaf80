"""Every recorded run of a sampler, and every recorded noise."""

import json
from pathlib import Path

from tests.replay.samplers import replay


def test_records(conformance: Path):
    data = json.loads((conformance / "sampling.json").read_text())
    found = dict(replay(data, conformance))
    assert not {label: mismatch for label, mismatch in found.items() if mismatch}
    assert len(found) == len(data["samplers"]) + len(data["noise"])
