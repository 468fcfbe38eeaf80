"""`@node`: a typed function becomes a `NodeSpec`. The signature is the only place where a node is described."""

from __future__ import annotations

import inspect
import types
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import (
    Annotated,
    Any,
    Generic,
    Literal,
    Protocol,
    TypeVar,
    Union,
    cast,
    get_args,
    get_origin,
    get_type_hints,
)

from executor.declared import Choice, Folder, Grows, Hidden, Names, Parts, Range, Text, Widget
from executor.files import Files
from executor.previews import Sketch
from executor.types import Facts, Socket

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])


Seed = Annotated[int, Range(0, 2**64 - 1), Widget(control_after_generate=True)]
Prompt = Annotated[dict[str, Any], Hidden("PROMPT")]
ExtraPngInfo = Annotated[dict[str, Any], Hidden("EXTRA_PNGINFO")]
UniqueId = Annotated[str, Hidden("UNIQUE_ID")]


# --- what a node may ask for or return -----------------------------------------------------------


class Cancelled(BaseException):
    """The run was cancelled. Not an Exception, so that no node swallows it."""


class Progress(Protocol):
    """Reports steps done, with the picture `preview` makes if one is wanted. It and `check` raise `Cancelled`."""

    def __call__(self, value: int, total: int, preview: Sketch | None = None) -> None: ...
    def check(self) -> None: ...


class _Silent:
    def __call__(self, value: int, total: int, preview: Sketch | None = None) -> None: ...
    def check(self) -> None: ...


silent: Progress = _Silent()


class Lazy(Generic[T]):
    """An input that is computed only when it is awaited: `await image()`."""

    def __init__(self, fetch: Callable[[], Awaitable[T]]):
        self._fetch = fetch

    async def __call__(self) -> T:
        return await self._fetch()


class Body(Protocol):
    """What lies in a loop, for the node that ends it (see `executor.loops`).

    A call runs it once. label: tells this round from others, for messages. values: what the outputs of the node that
    begins the loop hold in this round, each a list of items. Returns what then reaches each lazy input of the node that
    asks, those without a link left out; where that is behind something that blocks, the items are `Blocked`.
    """

    async def __call__(self, label: str, **values: list[Any]) -> dict[str, list[Any]]: ...


@dataclass(frozen=True)
class Blocked:
    """In place of a result: what is behind this output does not run, and nothing is wrong with that."""


@dataclass(frozen=True)
class Shown(Generic[T]):
    """A result that is also shown: `ui` goes to the clients as it is, e.g. `{"images": [{"filename": ...}]}`."""

    ui: Mapping[str, Any]
    result: T  # None for `Shown[None]`


@dataclass(frozen=True)
class Expand(Generic[T]):
    """A graph (API format) to run in place of the node; `result` holds its outputs, `["id", slot]` links or values."""

    graph: Mapping[str, Mapping[str, Any]]
    result: Sequence[Any]


# --- the description -----------------------------------------------------------------------------

REQUIRED: Any = object()  # the default of an input that has none
WIDGET_TYPES = {int: "INT", float: "FLOAT", str: "STRING", bool: "BOOLEAN"}
GIVEN: dict[Any, str] = {Progress: "progress", Files: "files", Body: "body"}


@dataclass(frozen=True)
class Input:
    name: str
    type: str  # a socket type; COMBO for menus
    default: Any = REQUIRED
    optional: bool = False  # in the optional section: absent means the default
    is_list: bool = False
    lazy: bool = False
    range: Range | None = None
    choices: Choice | Folder | None = None
    text: Text | None = None
    help: str = ""
    options: Mapping[str, Any] = field(default_factory=dict[str, Any])
    part_of: Grows | Parts | None = None

    @property
    def is_widget(self) -> bool:
        """Whether a literal may stand here."""
        return self.type in WIDGET_NAMES and not self.options.get("forceInput")

    def values(self, files: Files) -> list[Any]:
        """The menu as it is now; empty for what is not a menu."""
        match self.choices:
            case Folder(name):
                return list(files.names(name))
            case Choice(values):
                return list(values(files) if callable(values) else values)
            case None:
                return []


WIDGET_NAMES = {*WIDGET_TYPES.values(), "COMBO"}


@dataclass(frozen=True)
class Output:
    name: str
    type: str
    is_list: bool = False


@dataclass(frozen=True)
class NodeSpec:
    name: str
    function: Callable[..., Any]
    inputs: Mapping[str, Input]
    outputs: tuple[Output, ...]
    given: Mapping[str, str]  # parameter -> "progress" | "files" | "body"
    hidden: Mapping[str, str]  # parameter -> "PROMPT" | ...
    many: bool  # the function returns a NamedTuple: one field an output
    is_async: bool
    category: str = ""
    display_name: str = ""
    description: str = ""
    output_node: bool = False
    cache: bool = True
    version: int = 1
    deprecated: bool = False
    experimental: bool = False
    module: str = ""
    fingerprint: Callable[..., Any] | None = None
    validate: Callable[..., str | None] | None = None
    facts: Callable[..., Sequence[Facts]] | None = None

    @property
    def ends_loop(self) -> bool:
        """Whether it runs what lies between itself and the node that its input of type LOOP comes from."""
        return "body" in self.given.values()

    @property
    def input_is_list(self) -> bool:
        return any(i.is_list for i in self.inputs.values())


class DeclarationError(TypeError):
    """A node is declared wrongly; raised at import."""


registry: dict[str, NodeSpec] = {}


def node(
    name: str,
    *,
    category: str,
    display_name: str | None = None,
    output_node: bool = False,
    output_names: Sequence[str] | None = None,
    cache: bool = True,
    version: int = 1,
    deprecated: bool = False,
    experimental: bool = False,
    fingerprint: Callable[..., Any] | None = None,
    validate: Callable[..., str | None] | None = None,
    facts: Callable[..., Sequence[Facts]] | None = None,
    into: dict[str, NodeSpec] | None = None,
) -> Callable[[F], F]:
    """Register the decorated function as the node type `name`; the function itself stays as it is.

    name: the node's id in saved graphs, so a file format: the standard's where there is one.
    output_names: where they are neither the type (one output) nor the NamedTuple's fields.
    cache: False for what is not a function of its inputs and must run every time.
    version: part of every key; raise it when the results of the node change.
    fingerprint: called with `files` and the literal inputs that it names; its result joins the key.
    validate: likewise; returns None, or what is wrong with these values.
    facts: likewise; what a file's header tells of each output (see `executor.types.Facts`), without loading it.
    into: another registry than the global one (for tests).
    """

    def register(function: F) -> F:
        where = f"{function.__module__}.{function.__qualname__}"
        inputs, given, hidden = _parameters(function, where)
        outputs, many = _outputs(function, where, output_names)
        table = registry if into is None else into
        if name in table:
            raise DeclarationError(f"{where}: the node type {name!r} is already {table[name].function.__qualname__}")
        table[name] = NodeSpec(
            name=name,
            function=function,
            inputs=inputs,
            outputs=outputs,
            given=given,
            hidden=hidden,
            many=many,
            is_async=inspect.iscoroutinefunction(function),
            category=category,
            display_name=display_name or name,
            description=inspect.getdoc(function) or "",
            output_node=output_node,
            cache=cache,
            version=version,
            deprecated=deprecated,
            experimental=experimental,
            module=function.__module__,
            fingerprint=fingerprint,
            validate=validate,
            facts=facts,
        )
        return function

    return register


def _parameters(function: Callable[..., Any], where: str) -> tuple[dict[str, Input], dict[str, str], dict[str, str]]:
    hints = get_type_hints(function, include_extras=True)
    inputs: dict[str, Input] = {}
    given: dict[str, str] = {}
    hidden: dict[str, str] = {}
    for name, parameter in inspect.signature(function).parameters.items():
        many = _find(_take_apart(hints.get(name)), Names)
        if many and parameter.kind is inspect.Parameter.VAR_KEYWORD:
            inputs |= {each: _input(each, hints[name], many.default, where, many.grows) for each in many.names}
            continue
        parts = _find(_take_apart(hints.get(name)), Parts)
        if parts and parameter.kind is inspect.Parameter.VAR_KEYWORD:
            for option in parts.options.values():
                for each, (hint, default) in option.items():
                    inputs[f"{parts.name}.{each}"] = _input(f"{parts.name}.{each}", hint, default, where, parts)
            continue
        if parameter.kind is not inspect.Parameter.KEYWORD_ONLY:
            raise DeclarationError(f"{where}: {name} must be keyword-only (put `*` first)")
        if name not in hints:
            raise DeclarationError(f"{where}: {name} has no type")
        hint = hints[name]
        secret = _find(_take_apart(hint), Hidden)
        if secret:
            hidden[name] = secret.name
        elif hint in GIVEN:
            given[name] = GIVEN[hint]
        else:
            default = REQUIRED if parameter.default is parameter.empty else parameter.default
            inputs[name] = _input(name, hint, default, where)
            if inputs[name].lazy and not inspect.iscoroutinefunction(function):
                raise DeclarationError(f"{where}: {name} is lazy, so the node must be `async def` to await it")
    if "body" in given.values() and not inspect.iscoroutinefunction(function):
        raise DeclarationError(f"{where}: it takes a body, so the node must be `async def` to await it")
    return inputs, given, hidden


@dataclass(frozen=True)
class _Type:
    """A type expression taken apart."""

    base: Any
    metadata: tuple[Any, ...] = ()
    optional: bool = False
    is_list: bool = False
    lazy: bool = False


def _take_apart(hint: Any) -> _Type:
    origin = get_origin(hint)
    if origin is Annotated:
        inner, *metadata = get_args(hint)
        if any(isinstance(m, Socket) for m in metadata):
            return _Type(inner, tuple(metadata))
        part = _take_apart(inner)
        return _Type(part.base, (*part.metadata, *metadata), part.optional, part.is_list, part.lazy)
    if origin in (Union, types.UnionType):
        rest = [a for a in get_args(hint) if a is not type(None) and get_origin(a) is not Expand]
        if len(rest) == 1:
            part = _take_apart(rest[0])
            return _Type(part.base, part.metadata, type(None) in get_args(hint), part.is_list, part.lazy)
    if origin in (list, Lazy):
        part = _take_apart(get_args(hint)[0])
        return _Type(
            part.base, part.metadata, part.optional, origin is list or part.is_list, origin is Lazy or part.lazy
        )
    return _Type(hint)


def _socket(part: _Type, where: str) -> tuple[str, Choice | Folder | None]:
    """The socket type of a type, and its menu if it is one."""
    for m in part.metadata:
        if isinstance(m, Socket):
            return m.name, None
        if isinstance(m, Choice | Folder):
            return "COMBO", m
    if get_origin(part.base) is Literal:
        return "COMBO", Choice(get_args(part.base))
    if part.base in WIDGET_TYPES:
        return WIDGET_TYPES[part.base], None
    raise DeclarationError(f"{where}: {part.base!r} is no socket type; give it one with Annotated[..., Socket(NAME)]")


def _find(part: _Type, kind: type[T]) -> T | None:
    return next((m for m in part.metadata if isinstance(m, kind)), None)


def _input(name: str, hint: Any, default: Any, where: str, part_of: Grows | Parts | None = None) -> Input:
    part = _take_apart(hint)
    type_, choices = _socket(part, f"{where}: {name}")
    widget = _find(part, Widget)
    if part.optional and default is REQUIRED:
        raise DeclarationError(f"{where}: {name} may be None, so it needs the default None")
    return Input(
        name=name,
        type=type_,
        default=default,
        optional=part.optional or bool(widget and widget.optional),
        is_list=part.is_list,
        lazy=part.lazy,
        range=_find(part, Range),
        choices=choices,
        text=_find(part, Text),
        help=_find(part, str) or "",
        options=widget.options if widget else {},
        part_of=part_of,
    )


def _outputs(function: Callable[..., Any], where: str, names: Sequence[str] | None) -> tuple[tuple[Output, ...], bool]:
    returns = get_type_hints(function, include_extras=True).get("return", REQUIRED)
    if returns is REQUIRED:
        raise DeclarationError(f"{where}: the return type is missing")
    if get_origin(returns) in (Shown, Expand):
        returns = get_args(returns)[0]
    if returns is None or returns is type(None):
        return (), False
    fields = getattr(returns, "_fields", None)
    if fields is None:
        part = _take_apart(returns)
        type_, _ = _socket(part, where)
        return (Output(names[0] if names else type_, type_, part.is_list),), False
    hints = get_type_hints(returns, include_extras=True)
    parts = [_take_apart(hints[f]) for f in fields]
    return tuple(Output(n, _socket(p, where)[0], p.is_list) for n, p in zip(names or fields, parts, strict=True)), True


def results(spec: NodeSpec, returned: Any) -> tuple[Any, ...]:
    """What a node function returned, as one value an output."""
    if isinstance(returned, Shown):
        returned = cast("Shown[Any]", returned).result
    if not spec.outputs:
        return ()
    return tuple(returned) if spec.many else (returned,)
