"""The nodes of text, expressions and single values: what the standard recorded, and what must not hang."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from executor.node import registry
from nodes import regular_expressions
from nodes.regular_expressions import BadPattern
from tests.replay.nodes import replay

ENDLESS = {"string": "x" * 60, "regex_pattern": r"(?:x|x)*y|(.*)*\1z"}
TOO_LARGE = ["(" * 400 + ")" * 400, "(?:(?:a{60000}){60000}){60000}", "a{99999999999999999999}"]
TEXTS = st.text("ab {}e<=1\n", max_size=12)


def node(name: str, **inputs: Any) -> Any:
    return registry[name].function(**inputs)


def test_recorded_results(conformance: Path):
    records = json.loads((conformance / "nodes.json").read_text(encoding="utf-8"))
    found = list(replay({"strings": records["strings"]}, conformance))
    assert len(found) > 100
    assert not [f"{label}: {problem}" for label, problem in found if problem]


@given(TEXTS, TEXTS, TEXTS)
def test_plain_texts_obey_python(a: str, b: str, c: str):
    assert node("StringConcatenate", string_a=a, string_b=b, delimiter=c) == a + c + b
    assert node("StringReplace", string=a, find=b, replace=c) == a.replace(b, c)
    assert node("StringContains", string=a + b + c, substring=b)
    assert node("StringCompare", string_a=a + b, string_b=b.upper(), mode="Ends With", case_sensitive=False)


@given(TEXTS, TEXTS)
def test_patterns_mean_what_they_mean_in_python(pattern: str, string: str):
    """Braces among them: the engine that we use has approximate matches, which Python's has not."""
    try:
        want = re.search(pattern, string, re.IGNORECASE) is not None
    except (re.error, OverflowError):
        want = False
    assert node("RegexMatch", string=string, regex_pattern=pattern) == want


@pytest.mark.parametrize(
    ("pattern", "string", "want"),
    [
        ("(?:cots){e}", "cats", False),
        ("x{e}", "x{e}", True),
        (r"\{e\}", "{e}", True),
        ("[{}]", "}", True),
        (r"\N{HYPHEN-MINUS}", "-", True),
        (r"\p{L}", "a", False),
        ("a{2,}", "aa", True),
        ("a{,2}b", "b", True),
        ("a{1,2000} b{1,2000} c{1,2000}", "a b c", True),
        ("(?x) a # ) {", "a", True),
    ],
)
def test_braces(pattern: str, string: str, want: bool):
    assert node("RegexMatch", string=string, regex_pattern=pattern) is want


@pytest.mark.parametrize("mode", ["First Match", "All Matches", "First Group", "All Groups"])
def test_groups_that_took_no_part_are_empty(mode: str):
    got = node("RegexExtract", string="b b", regex_pattern="(a)?b", mode=mode, group_index=1)
    assert got == {"First Match": "b", "All Matches": "\n", "First Group": "", "All Groups": "\n"}[mode]


def test_replacements_may_hold_groups_and_end_at_the_count():
    got = node("RegexReplace", string="ab ab ab", regex_pattern="(?P<first>a)(b)", replace=r"\2\g<first>", count=2)
    assert got == "ba ba ab"


@pytest.mark.parametrize(("pattern", "replace"), [("[", ""), ("a", r"\1"), ("a", r"\g<x>"), ("a", "\\"), ("a", r"\y")])
def test_a_faulty_replacement_says_so(pattern: str, replace: str):
    with pytest.raises(BadPattern, match=r"^(regex_pattern|replace): "):
        node("RegexReplace", string="a", regex_pattern=pattern, replace=replace)


def test_a_hostile_pattern_is_stopped(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(regular_expressions, "LIMIT", 0.05)
    calls: dict[str, dict[str, Any]] = {"RegexMatch": {}, "RegexReplace": {"replace": ""}}
    calls["RegexExtract"] = {"mode": "All Matches"}
    for name, more in calls.items():
        with pytest.raises(TimeoutError, match=r"regex_pattern: .* was still searching after 0\.05 seconds"):
            node(name, **ENDLESS, **more)


@pytest.mark.parametrize("pattern", TOO_LARGE, ids=["nested", "multiplied", "long"])
def test_a_pattern_too_large_to_compile_is_refused_at_once(pattern: str):
    assert node("RegexMatch", string="a", regex_pattern=pattern) is False
    with pytest.raises(BadPattern):
        node("RegexReplace", string="a", regex_pattern=pattern, replace="")


PRIMITIVES = [("String", "a"), ("Int", -(2**63) + 1), ("Float", 0.5), ("Boolean", False)]


@pytest.mark.parametrize(("kind", "value"), PRIMITIVES)
def test_primitives_give_what_they_hold(kind: str, value: Any):
    assert node(f"Primitive{kind}", value=value) is value
