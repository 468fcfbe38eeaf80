"""A strict reader of Prometheus's text format, version 0.0.4."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

Labels = frozenset[tuple[str, str]]
_NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
_LABEL = r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\\\|\\"|\\n)*)"'
_SAMPLE = re.compile(rf"({_NAME})(?:\{{({_LABEL}(?:,{_LABEL})*)\}})? (\S+)")
_SUFFIXES = {"histogram": ("_bucket", "_sum", "_count"), "summary": ("", "_sum", "_count")}


@dataclass
class Family:
    """The samples of one metric."""

    kind: str
    help: str
    samples: dict[tuple[str, Labels], float] = field(default_factory=dict)


def read(text: str) -> dict[str, Family]:
    """All metrics of the text. Raises AssertionError where it breaks the format's rules."""
    assert text.endswith("\n")
    families: dict[str, Family] = {}
    name, help = "", ""
    for line in text.split("\n")[:-1]:
        if line.startswith("# HELP "):
            _, _, name, help = line.split(" ", 3)
            assert re.fullmatch(_NAME, name), line
        elif line.startswith("# TYPE "):
            _, _, of, kind = line.split(" ")
            assert of == name, f"TYPE does not follow its HELP: {line}"
            assert of not in families, f"twice: {line}"
            assert kind in ("counter", "gauge", "histogram", "summary"), line
            families[name] = Family(kind, help)
        else:
            _sample(line, name, families[name])
    for name, family in families.items():
        _check(name, family)
    return families


def _sample(line: str, name: str, family: Family) -> None:
    match = _SAMPLE.fullmatch(line)
    assert match, line
    assert match[1] in {name + suffix for suffix in _SUFFIXES.get(family.kind, ("",))}, line
    labels = frozenset(re.findall(_LABEL, match[2] or ""))
    assert (match[1], labels) not in family.samples, f"twice: {line}"
    family.samples[match[1], labels] = float(match[len(match.groups())])


def _check(name: str, family: Family) -> None:
    if family.kind == "counter":
        assert name.endswith("_total"), name
        assert all(value >= 0 for value in family.samples.values()), name
    if family.kind == "histogram":
        for labels in {frozenset(p for p in labels if p[0] != "le") for _, labels in family.samples}:
            _check_buckets(name, family, labels)


def _check_buckets(name: str, family: Family, labels: Labels) -> None:
    bounds = {
        float(dict(given)["le"]): value
        for (sample, given), value in family.samples.items()
        if sample == f"{name}_bucket" and labels < given
    }
    counts = [bounds[bound] for bound in sorted(bounds)]
    assert counts == sorted(counts), f"{name} {labels}: buckets fall"
    assert bounds[float("inf")] == family.samples[f"{name}_count", labels], f"{name} {labels}"
    assert family.samples[f"{name}_sum", labels] >= 0
