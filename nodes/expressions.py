"""Arithmetic in text. It is read by Python's parser, and computed by a table of what may stand in it: nothing else
can be named, called or reached."""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Mapping
from typing import Annotated, Any, NamedTuple, cast

from executor.node import Grows, Text, node
from executor.types import Socket

LONGEST = 2000  # characters
MOST_BITS = 4096  # of a whole number on the way

Number = Annotated[Any, Socket("FLOAT,INT,BOOLEAN")]
VALUES = Grows("values", tuple("abcdefghijklmnopqrstuvwxyz"))


class Result(NamedTuple):
    FLOAT: float
    INT: int
    BOOL: bool


@node("ComfyMathExpression", category="logic", display_name="Math Expression")
def math_expression(
    *,
    expression: Annotated[
        str, Text(multiline=True), "Such as a * 2 + min(b, c). Functions: sum, min, max, abs, round, sqrt, floor, ..."
    ] = "a + b",
    **values: Annotated[Number | None, VALUES.all(), "Called a, b, c, ... in the expression; all are `values`."],
) -> Result:
    """Compute a number from numbers: + - * / // % **, comparisons, and, or, not, `x if y else z`, and functions."""
    given = {name.rpartition(".")[2]: value for name, value in values.items() if value is not None}
    result = evaluate(expression, given)
    try:
        number = float(result)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise ValueError(f"{expression.strip()!r} is {number}, and no finite number")
    return Result(number, int(result), bool(result))


def evaluate(expression: str, values: Mapping[str, float]) -> float:
    """The value of an expression. Raises ValueError for anything that is no arithmetic, or cannot be computed."""
    text = expression.strip()
    if not text:
        raise ValueError("expression is empty: write one, such as a + b")
    if len(text) > LONGEST:
        raise ValueError(f"expression has {len(text)} characters, and {LONGEST} are the most")
    names = {**values, "values": list(values.values()), **CONSTANTS}
    try:
        result = _value(ast.parse(" ".join(text.splitlines()), mode="eval").body, names)
    except SyntaxError as error:
        raise ValueError(f"{text!r} cannot be read at character {error.offset}: {error.msg}") from None
    except ZeroDivisionError:
        raise ValueError(f"{text!r} divides by zero") from None
    except (RecursionError, MemoryError):
        raise ValueError("expression has too many brackets within brackets") from None
    except (OverflowError, TypeError) as error:
        raise ValueError(f"{text!r} cannot be computed: {error}") from None
    if not isinstance(result, int | float):
        raise ValueError(f"{text!r} is no number, but {type(result).__name__}")
    return result


def _value(part: ast.AST, names: Mapping[str, Any]) -> Any:
    match part:
        case ast.Constant(value=int() | float() as value):
            return _bounded(value)
        case ast.Name(id=name):
            if name not in names:
                raise ValueError(f"there is no value {name!r}; there are {', '.join(names)}")
            return names[name]
        case ast.BinOp(left=left, op=op, right=right) if type(op) in BINARY:
            return _bounded(BINARY[type(op)](_value(left, names), _value(right, names)))
        case ast.UnaryOp(op=op, operand=operand) if type(op) in UNARY:
            return UNARY[type(op)](_value(operand, names))
        case ast.BoolOp(op=op, values=values):
            found = (_value(v, names) for v in values)
            return all(found) if isinstance(op, ast.And) else any(found)
        case ast.Compare(left=left, ops=ops, comparators=others) if all(type(op) in COMPARED for op in ops):
            sides = [_value(side, names) for side in (left, *others)]
            return all(COMPARED[type(op)](a, b) for op, a, b in zip(ops, sides, sides[1:], strict=False))
        case ast.IfExp(test=test, body=body, orelse=other):
            return _value(body if _value(test, names) else other, names)
        case ast.List(elts=items) | ast.Tuple(elts=items):
            return [_value(item, names) for item in items]
        case ast.Call(func=ast.Name(id=name), args=args, keywords=[]) if name in FUNCTIONS:
            return _bounded(FUNCTIONS[name](*(_value(arg, names) for arg in args)))
        case ast.Call(func=ast.Name(id=name)):
            raise ValueError(f"there is no function {name!r}; there are {', '.join(FUNCTIONS)}")
        case _:
            raise ValueError(f"{ast.unparse(part)!r} is no arithmetic: use numbers, values, operators and functions")


def _bounded(value: Any) -> Any:
    if isinstance(value, int) and value.bit_length() > MOST_BITS:
        raise ValueError("a number on the way is too large to go on")
    if isinstance(value, complex):
        raise ValueError("a root of a negative number is no real number")
    return cast("Any", value)


def _power(base: Any, exponent: Any) -> Any:
    whole = isinstance(base, int) and isinstance(exponent, int)
    if whole and abs(base) > 1 and base.bit_length() * exponent > 2 * MOST_BITS:
        raise ValueError("a number on the way is too large to go on")
    return base**exponent


def _times(a: Any, b: Any) -> Any:
    if isinstance(a, list) or isinstance(b, list):
        raise ValueError("a list cannot be multiplied")
    return a * b


def _plus(a: Any, b: Any) -> Any:
    if isinstance(a, list) or isinstance(b, list):
        raise ValueError("lists cannot be added: use sum(values)")
    return a + b


def _checked(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    def call(*args: Any) -> Any:
        try:
            return function(*args)
        except (TypeError, ValueError) as error:
            raise ValueError(f"{name}({', '.join(map(str, args))}) cannot be computed: {error}") from None

    return call


CONSTANTS: dict[str, Any] = {"pi": math.pi, "e": math.e, "True": True, "False": False}
BINARY: dict[type, Callable[[Any, Any], Any]] = {
    ast.Add: _plus,
    ast.Sub: operator.sub,
    ast.Mult: _times,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: _power,
}
UNARY: dict[type, Callable[[Any], Any]] = {ast.UAdd: operator.pos, ast.USub: operator.neg, ast.Not: operator.not_}
COMPARED: dict[type, Callable[[Any, Any], bool]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
FUNCTIONS: dict[str, Callable[..., Any]] = {
    name: _checked(name, function)
    for name, function in {
        "sum": lambda *args: math.fsum(args[0]) if len(args) == 1 and isinstance(args[0], list) else sum(args),
        "min": min,
        "max": max,
        "abs": abs,
        "round": round,
        "pow": _power,
        "sqrt": math.sqrt,
        "ceil": math.ceil,
        "floor": math.floor,
        "exp": math.exp,
        "log": math.log,
        "log2": math.log2,
        "log10": math.log10,
        "sin": math.sin,
        "cos": math.cos,
        "tan": math.tan,
        "int": int,
        "float": float,
    }.items()
}
