"""Dynamic prompts and the patterns of file names."""

import random
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from executor.workflow.prompts import date, dynamic, literal, patterns


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("a {only} b", "a only b"),
        ("{{nested}} {a|a}", "nested a"),
        (r"\{kept\} x\|y a | b", "{kept} x|y a | b"),
        ("one // to the end\ntwo /* over\nlines */ three", "one \ntwo  three"),
        ("see https://example.com/a//b and http://localhost:8188 // gone", "see https://example.com/a"),
        ("see http://localhost/x", "see http://localhost/x"),
        ("http://word", "http:"),
        ("(cat:1.2) [dog] \\(bird\\)", "(cat:1.2) [dog] \\(bird\\)"),
        ("{a", "{a"),
        ("a} {b|c {d}", "a} {b|c d"),
        ("", ""),
    ],
)
def test_dynamic_text(text: str, result: str) -> None:
    assert dynamic(text, random.Random(0)) == result


def test_every_nested_choice_is_taken_sometimes() -> None:
    rng = random.Random(1)
    assert {dynamic("{a|{b|c}|}", rng) for _ in range(100)} == {"a", "b", "c", ""}


def test_ten_thousand_braces() -> None:
    assert dynamic("{" * 10_000 + "x" + "}" * 10_000, random.Random(0)) == "x"
    assert dynamic("{" * 10_000, random.Random(0)) == "{" * 10_000


@given(st.text(alphabet="ab{}|\\/*:\n", max_size=30), st.randoms(use_true_random=False))
def test_literal_text_comes_back_whatever_is_chosen(text: str, rng: random.Random) -> None:
    assert dynamic(literal(text), rng) == text


def test_patterns_that_nothing_fits_stay() -> None:
    assert patterns("100% %a.b% %width% %%", lambda node, widget: None, None) == "100% %a.b% %width% %%"


def test_a_value_may_belong_to_a_node_whose_title_has_dots() -> None:
    found = {("v1.5", "seed"): 9}
    assert patterns("%v1.5.seed%", lambda node, widget: found.get((node, widget)), None) == "9"


@pytest.mark.parametrize(
    ("form", "result"),
    [("yyyy-MM-dd", "2031-02-03"), ("yy/M/d", "31/2/3"), ("hh.mm.ss", "04.05.06"), ("h:m:s", "4:5:6"), ("", "")],
)
def test_dates(form: str, result: str) -> None:
    assert date(form, datetime(2031, 2, 3, 4, 5, 6)) == result
