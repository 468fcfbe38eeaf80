"""Prompts with choices: the texts of the Dynamic Prompts package, weights, files, and what is refused."""

from collections import Counter
from pathlib import Path
from random import Random

import pytest
from dynamicprompts.generators import CombinatorialPromptGenerator
from dynamicprompts.wildcards import WildcardManager

from diffusion.wildcard_files import drawn, state
from diffusion.wildcards import DEEPEST, parse

FILES = {
    "colours.txt": "# of things\nred\nblue   # the sky\n\n{dark|light} green\n",
    "sub/shapes.txt": "round\n__colours__ square\n",
    "sub/things.yaml": "clothes:\n  warm: [coat, hat]\n  cold:\n    - shirt\n  price: 5\n",
    "tree.json": '{"leaf": ["oak", "fir"]}',
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write(tmp_path / "wildcards", FILES)


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def texts(template: str, folder: Path, seeds: int = 300) -> set[str]:
    return {drawn(template, seed, folder) for seed in range(seeds)}


@pytest.mark.parametrize(
    "template",
    [
        "a cat",
        "a {red|blue} cat",
        "{ a | b }",
        "{a|}",
        "{}",
        "{a|{b|c}} d",
        "x {2$$a|b|c} y",
        "{2$$ and $$a|b}",
        "{-2$$a|b|c}",
        "{1-$$a|b}",
        "{1-2$$a|b|c}",
        "{5$$a|b}",
        "{0$$a|b}",
        "__colours__",
        "a __sub/shapes__ b",
        "{2$$__colours__}",
        "{__colours__|x}",
        "__sub/*__",
        "__c*__",
        "__sub/clothes/warm__",
        "__leaf__",
        "[a|b] } a | b",
        "a # b\nc",
    ],
)
@pytest.mark.filterwarnings("ignore::DeprecationWarning:dynamicprompts")
def test_draws_the_texts_that_dynamic_prompts_draws(template: str, folder: Path):
    theirs = CombinatorialPromptGenerator(wildcard_manager=WildcardManager(folder)).generate(template, 100)
    assert {plain(t) for t in texts(template, folder)} == {plain(str(t)) for t in theirs}


def plain(text: str) -> str:
    """Without spaces at the ends of options and around what joins them, which differ."""
    return " ".join(text.replace(",", " , ").split())


def test_one_seed_draws_one_text_everywhere(folder: Path):
    template = "a {red|blue|green} {2$$cat|dog|fish} in __colours__"
    assert [drawn(template, seed, folder) for seed in (0, 1, 2**64 - 1)] == [
        drawn(template, seed, folder) for seed in (0, 1, 2**64 - 1)
    ]
    random = Random(5).random()  # the only source of what is drawn: the same in every version of Python
    assert drawn("{a|b|c|d}", 5, folder) == "abcd"[int(random * 4)]


def test_weights_are_relative(folder: Path):
    counts = Counter(drawn("{3::a|b|0::c}", seed, folder) for seed in range(4000))
    assert set(counts) == {"a", "b"}
    assert 2.7 < counts["a"] / counts["b"] < 3.3
    write(folder, {"often.txt": "9::x\ny\n"})
    lines = Counter(drawn("__often__", seed, folder) for seed in range(2000))
    assert 7 < lines["x"] / lines["y"] < 12


def test_several_are_never_the_same(folder: Path):
    for seed in range(50):
        picked = drawn("{3$$__colours__}", seed, folder).split(", ")
        assert len({p.split()[-1] for p in picked}) == 3


def test_brackets_that_do_not_pair_up_and_escaped_ones_are_text(folder: Path):
    assert texts("a {b", folder, 9) == {"a {b"}
    assert texts("a } b | c", folder, 9) == {"a } b | c"}
    assert texts(r"\{a\|b\} \#c", folder, 9) == {"{a|b} #c"}
    assert texts(r"(a:1.2) \(b\) [c:d:0.4] a_b", folder, 9) == {r"(a:1.2) \(b\) [c:d:0.4] a_b"}


def test_a_name_is_found_in_whatever_case_and_in_the_only_folder_that_has_it(folder: Path):
    assert texts("__Colours__", folder, 30) == texts("__colours__", folder, 30)
    assert texts("__warm__", folder, 30) == {"coat", "hat"}


def test_the_state_of_the_folder_follows_its_files(folder: Path):
    before = state(folder)
    assert len(before) == 4
    (folder / "colours.txt").write_text("white\n")
    assert state(folder) != before
    assert state(folder / "none") == ()


@pytest.mark.parametrize(
    ("template", "told"),
    [
        ("{x::a|b}", r"'x::a' begins with the weight 'x'.*2::option"),
        ("{-1::a|b}", "no number from 0 on"),
        ("{nan::a|b}", "no number from 0 on"),
        ("{inf::a|b}", "no number from 0 on"),
        ("{two$$a|b}", r"two\$\$ is no number of options"),
        ("{1.5$$a|b}", r"1.5\$\$ is no number"),
        ("{3-1$$a|b}", r"from 3 down to 1; write 1-3\$\$"),
        ("{0::a|0::b}", "no option with a weight above 0"),
        ("{" * (DEEPEST + 1) + "a" + "}" * (DEEPEST + 1), f"more than {DEEPEST} deep"),
        ("__colors__", r"there is no wildcards/colors.txt; nearest: colours"),
        ("__zzz__", "there is no wildcards/zzz.txt; there are colours"),
        ("__../secret__", r"there is no wildcards/\.\./secret"),
        ("__/etc/passwd__", "there is no wildcards//etc/passwd"),
    ],
)
def test_what_cannot_be_drawn_is_told(template: str, told: str, folder: Path):
    with pytest.raises(ValueError, match=told):
        drawn(template, 0, folder)


@pytest.mark.parametrize(
    ("files", "told"),
    [
        ({"a.txt": "x\n__a__\n"}, "__a__ names itself: a -> a"),
        ({"a.txt": "x\n__b__", "b.txt": "{y|__c/*__}", "c/d.txt": "__a__"}, "names itself: a -> b -> c/d -> a"),
        ({"a.txt": "# nothing\n\n"}, "wildcards/a.txt holds no option"),
        ({"a.txt": "good\nx::bad"}, "wildcards/a.txt: 'x::bad' begins with the weight"),
        ({"b.txt": "x"}, "there is no wildcards/a.txt; there are b"),
        ({}, "holds no lists; put a.txt there"),
        ({"a.yaml": "a: [b"}, "a.yaml is no YAML"),
        ({"a.json": "{"}, "a.json is no JSON"),
        ({"a.txt": "__b__" * 300, "b.txt": "x" * 500}, "grows beyond 100000 characters"),
        ({f"{i or 'a'}.txt": f"__{i + 1}__" for i in range(DEEPEST + 2)}, "files deep"),
    ],
)
def test_files_that_cannot_be_used_are_told_whatever_the_seed(files: dict[str, str], told: str, tmp_path: Path):
    folder = write(tmp_path, files)
    for seed in range(8):
        with pytest.raises(ValueError, match=told):
            drawn("__a__", seed, folder)


def test_a_file_in_another_encoding_is_told_and_a_byte_order_mark_is_no_text(tmp_path: Path):
    (tmp_path / "a.txt").write_bytes("caf\xe9".encode("latin-1"))
    with pytest.raises(ValueError, match=r"a\.txt is not UTF-8 at byte 3"):
        drawn("__a__", 0, tmp_path)
    (tmp_path / "b.txt").write_bytes(b"\xef\xbb\xbfred\r\n")
    assert drawn("__b__", 0, tmp_path) == "red"


def test_the_time_is_linear():
    assert len(parse("{a|b}" * 20000)) == 20000
    assert parse("{" * 50000) == ("{" * 50000,)
