"""`@node`: the signature is the schema."""

from typing import Annotated, Any, Literal, NamedTuple, cast

import pytest

from executor.describe import describe
from executor.files import Files
from executor.node import (
    REQUIRED,
    Choice,
    DeclarationError,
    Expand,
    Folder,
    Lazy,
    NodeSpec,
    Progress,
    Prompt,
    Range,
    Seed,
    Shown,
    Text,
    Widget,
    node,
    registry,
    results,
    silent,
)
from executor.types import Socket, compatible

Image = Annotated[Any, Socket("IMAGE")]
Mask = Annotated[Any, Socket("MASK")]


class Pair(NamedTuple):
    IMAGE: Image
    parts: list[Mask]


def declare(function: Any, **options: Any) -> NodeSpec:
    table: dict[str, NodeSpec] = {}
    node("Test", category="test", into=table, **options)(function)
    return table["Test"]


def test_every_kind_of_input_is_described(tmp_path: Any):
    (tmp_path / "models/vae").mkdir(parents=True)
    (tmp_path / "models/vae/a.safetensors").touch()

    async def function(
        *,
        image: Image,
        count: Annotated[int, Range(1, 9, step=2), "How many."],
        ratio: Annotated[float, Range(0, 1, step=0.1, slider=True)] = 0.5,
        text: Annotated[str, Text(multiline=True, dynamic=True)] = "a",
        flag: bool = False,
        kind: Literal["x", "y"] = "y",
        menu: Annotated[str, Choice(lambda files: ["1", "2"])],
        vae: Annotated[str, Folder("vae")],
        seed: Seed = 0,
        linked: Annotated[int, Widget(forceInput=True)] = 3,
        later: Lazy[Image],
        mask: Mask | None = None,
        extra: Annotated[float, Widget(optional=True, advanced=True)] = 1.0,
        prompt: Prompt | None = None,
        progress: Progress = silent,
    ) -> Image:
        """What it does."""

    info = describe(declare(function), Files(tmp_path))
    assert info["input"] == {
        "required": {
            "image": ["IMAGE", {}],
            "count": ["INT", {"min": 1, "max": 9, "step": 2, "tooltip": "How many."}],
            "ratio": [
                "FLOAT",
                {"default": 0.5, "min": 0.0, "max": 1.0, "step": 0.1, "display": "slider"},
            ],
            "text": ["STRING", {"default": "a", "multiline": True, "dynamicPrompts": True}],
            "flag": ["BOOLEAN", {"default": False}],
            "kind": [["x", "y"], {"default": "y"}],
            "menu": [["1", "2"], {}],
            "vae": [["a.safetensors"], {}],
            "seed": ["INT", {"default": 0, "min": 0, "max": 2**64 - 1, "control_after_generate": True}],
            "linked": ["INT", {"default": 3, "forceInput": True}],
            "later": ["IMAGE", {"lazy": True}],
        },
        "optional": {"mask": ["MASK", {}], "extra": ["FLOAT", {"default": 1.0, "advanced": True}]},
        "hidden": {"prompt": "PROMPT"},
    }
    assert info["input_order"]["optional"] == ["mask", "extra"]
    assert (info["output"], info["output_name"], info["description"]) == (["IMAGE"], ["IMAGE"], "What it does.")


def test_outputs_follow_the_return_type():
    def one(*, n: int) -> Image: ...
    def several(*, n: int) -> Pair: ...
    def none(*, n: int) -> None: ...
    def shown(*, n: int) -> Shown[None]: ...
    def grown(*, n: int) -> Expand[Pair]: ...
    def either(*, n: int) -> Image | Expand[Image]: ...

    describe_outputs = lambda f, **k: [(o.name, o.type, o.is_list) for o in declare(f, **k).outputs]  # noqa: E731
    assert describe_outputs(one) == describe_outputs(either) == [("IMAGE", "IMAGE", False)]
    assert describe_outputs(one, output_names=["picture"]) == [("picture", "IMAGE", False)]
    assert describe_outputs(several) == describe_outputs(grown) == [("IMAGE", "IMAGE", False), ("parts", "MASK", True)]
    assert describe_outputs(none) == describe_outputs(shown) == []


def test_results_are_one_value_an_output():
    def one(*, n: int) -> Image: ...
    def several(*, n: int) -> Pair: ...
    def shown(*, n: int) -> Shown[Image]: ...
    def none(*, n: int) -> Shown[None]: ...

    assert results(declare(one), (1, 2)) == ((1, 2),)
    assert results(declare(several), Pair(1, [2])) == (1, [2])
    assert results(declare(shown), Shown({"text": ["a"]}, 5)) == (5,)
    assert results(declare(none), Shown({}, None)) == ()


def test_a_node_stays_a_function():
    def double(*, n: int) -> int:
        return 2 * n

    assert node("Double", category="test", into={})(double) is double
    assert "Double" not in registry


def positional(n: int) -> Image: ...
def untyped(*, n) -> Image: ...  # type: ignore[no-untyped-def]
def unknown(*, n: complex) -> Image: ...
def silent_return(*, n: int): ...
def none_without_default(*, n: int | None) -> Image: ...
def lazy_but_not_async(*, n: Lazy[Image]) -> Image: ...


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (positional, "n must be keyword-only"),
        (untyped, "n has no type"),
        (unknown, "complex.* is no socket type"),
        (silent_return, "return type is missing"),
        (none_without_default, "needs the default None"),
        (lazy_but_not_async, "n is lazy, so the node must be `async def`"),
    ],
)
def test_a_fault_in_a_declaration_is_an_error_at_import(function: Any, message: str):
    with pytest.raises(DeclarationError, match=message) as error:
        declare(function)
    assert function.__name__ in str(error.value)


def test_a_name_is_given_once():
    def function(*, n: int) -> int: ...

    table: dict[str, NodeSpec] = {}
    node("Same", category="test", into=table)(function)
    with pytest.raises(DeclarationError, match="'Same' is already"):
        node("Same", category="test", into=table)(function)


def test_defaults_and_sections():
    def function(*, a: int, b: int = 2, c: Image | None = None) -> int: ...

    inputs = declare(function).inputs
    assert [cast(Any, i.default) for i in inputs.values()] == [REQUIRED, 2, None]
    assert [i.optional for i in inputs.values()] == [False, False, True]
    assert [i.is_widget for i in inputs.values()] == [True, True, False]


@pytest.mark.parametrize(
    ("source", "target", "fits"),
    [
        ("IMAGE", "IMAGE", True),
        ("IMAGE", "MASK", False),
        ("*", "MASK", True),
        ("IMAGE", "*", True),
        ("IMAGE", "MASK,IMAGE", True),
        ("INT,FLOAT", "FLOAT,STRING", True),
        ("INT,FLOAT", "STRING", False),
    ],
)
def test_sockets_are_compatible_by_type_union_and_wildcard(source: str, target: str, fits: bool):
    assert compatible(source, target) is fits
