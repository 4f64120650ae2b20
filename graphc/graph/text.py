"""Expressions as Python would write them: what ``repr`` shows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from graphc.graph.dimensions import Dimension, Size, larger
from graphc.graph.layout import (
    ATOM,
    LOWEST,
    POWER,
    PRODUCT,
    UNARY,
    Layout,
    Part,
    binary,
    call,
    render,
    unary_minus,
    visible_operands,
)
from graphc.graph.leaf import CONSTANT, POSITIONS, SIZE, SYMBOL, constant_value, symbol_name
from graphc.graph.node import Expr
from graphc.graph.table import PRINTERS
from graphc.graph.types import format_shape

LARGEST_SHOWN_ARRAY = 6


def number_text(value: Any) -> str:
    """Return a number as short as it can be read back, whole floats without the point."""
    if isinstance(value, (bool, np.bool_)):
        return str(bool(value))
    if isinstance(value, (int, np.integer)):
        return str(int(value))
    text = str(value)
    whole = text.removesuffix(".0")
    return text if whole == "-0" else whole


def array_text(array: np.ndarray[Any, Any]) -> str:
    """Return an array's elements when they are few, else its shape."""
    if array.ndim == 0:
        return number_text(array[()])
    if array.ndim == 1 and array.size <= LARGEST_SHOWN_ARRAY:
        return "[" + ", ".join(number_text(element) for element in array) + "]"
    return f"array{format_shape(array.shape)}"


def matmul_operands(node: Expr) -> tuple[tuple[Expr, bool], tuple[Expr, bool]] | None:
    """Return the operands of a contraction that is a matrix product, each with whether it is transposed."""
    left, right, out = (node.attribute(name) for name in ("left", "right", "out"))
    if len(left) > 2 or len(right) > 2:
        same_batch = len(left) == len(right) == len(out) and left[:-2] == right[:-2] == out[:-2]
        plain = same_batch and left[-1] == right[-2] and out[-2:] == left[-2] + right[-1]
        return ((node.args[0], False), (node.args[1], False)) if plain else None
    summed = [label for label in left if label in right and label not in out]
    if len(summed) != 1:
        return None
    rest_left, rest_right = left.replace(summed[0], ""), right.replace(summed[0], "")
    if out != rest_left + rest_right:
        return None
    turned_left = len(left) == 2 and left[0] == summed[0]
    turned_right = len(right) == 2 and right[1] == summed[0]
    return (node.args[0], turned_left), (node.args[1], turned_right)


def _operand_text(operand: tuple[Expr, bool], least: int) -> list[Part]:
    """Return the parts of an operand and its transposition."""
    node, transposed = operand
    return [(node, ATOM), ".T"] if transposed else [(node, least)]


def _contraction(node: Expr) -> Layout:
    operands = matmul_operands(node)
    if operands is None:
        spec = f"{node.attribute('left')},{node.attribute('right')}->{node.attribute('out')}"
        return call(f'einsum("{spec}", ', node.args)
    left, right = operands
    return [*_operand_text(left, PRODUCT), " @ ", *_operand_text(right, PRODUCT + 1)], PRODUCT


def _symbol(node: Expr) -> Layout:
    return [symbol_name(node)], ATOM


def _constant(node: Expr) -> Layout:
    text = array_text(constant_value(node))
    return [text], UNARY if text.startswith("-") else ATOM


def _size(node: Expr) -> Layout:
    return [f'size("{node.attribute("size")}")'], ATOM


def _positions(node: Expr) -> Layout:
    return [f"positions({format_shape(node.shape)})"], ATOM


def _transpose(node: Expr) -> Layout:
    if node.attribute("axes") == (1, 0):
        return [(node.args[0], ATOM), ".T"], ATOM
    return _function(node)


def _expand_dims(node: Expr) -> Layout:
    """Return ``sum(x, axis=1, keepdims=True)`` for the axes a reduction removed, put back."""
    (argument,) = node.args
    axes = node.attribute("axes")
    if "axes" in dict(argument.attributes) and argument.attribute("axes") == axes and argument.shape != node.shape:
        (inner,) = argument.args
        if len(inner.shape) == len(node.shape) and argument.op.name not in ("squeeze", "transpose", "expand_dims"):
            return call(f"{argument.op.name}(", (inner,), f"{_options(argument)}, keepdims=True)")
    return _function(node)


def _square(node: Expr) -> Layout:
    return [(node.args[0], ATOM), "**2"], POWER


def _power(node: Expr) -> Layout:
    """Return ``x**n`` for a row of the family of integer powers, an operator for the general power."""
    _, _, exponent = node.op.name.partition("[")
    if exponent:
        return [(node.args[0], ATOM), f"**{exponent[:-1]}"], POWER
    base, power = visible_operands(node)
    return binary("**", base, power, "**")


def _slice(node: Expr) -> Layout:
    return _subscript(node, ())


def _squeeze(node: Expr) -> Layout:
    """Return ``x[i]`` for the slice of size 1 that an integer index is."""
    (argument,) = node.args
    return _subscript(argument, node.attribute("axes")) if argument.op.name == "slice" else _function(node)


def _subscript(node: Expr, dropped: Sequence[int]) -> Layout:
    """Return a slice in brackets; the axes ``dropped`` have an integer index."""
    texts = []
    cuts = zip(*(node.attribute(name) for name in ("starts", "steps", "sizes")), node.args[0].shape, strict=True)
    for axis, (start, step, size, whole) in enumerate(cuts):
        texts.append(str(start) if axis in dropped else _cut_text(start, step, size, whole))
    while len(texts) > 1 and texts[-1] == ":":
        texts.pop()
    return [(node.args[0], ATOM), f"[{', '.join(texts)}]"], ATOM


def _cut_text(start: Size, step: int, size: Size, whole: Size) -> str:
    """Return ``start:stop:step`` with what is the default left out."""
    stop = start + size * step
    if step > 0:
        first = "" if start == 0 else str(start)
        beyond = stop - whole
        last = "" if (isinstance(beyond, int) and beyond >= 0) or size == larger(whole - start, 0) else str(stop)
    else:
        first = "" if start == whole - 1 else str(start)
        last = "" if isinstance(stop, int) and stop < 0 else str(stop)
    return f"{first}:{last}" + ("" if step == 1 else f":{step}")


def _gather(node: Expr) -> Layout:
    """Return an index in brackets: index arrays, integers, slices."""
    x, *indices = node.args
    parts: list[Part] = [(x, ATOM), "["]
    places = node.attribute("places")
    for number, (out, which, start, step) in enumerate(places.axes):
        parts += [", "] * (number > 0)
        if which >= 0:
            parts.append((indices[which], LOWEST))
            parts += [f" + :{places.shape[out]}"] * (out >= 0)
        else:
            size = places.shape[out] if out >= 0 else 1
            parts.append(str(start) if out < 0 else _cut_text(start, step, size, x.shape[number]))
    return [*parts, "]"], ATOM


TEMPLATES: dict[str, Callable[[Expr], Layout]] = {
    SYMBOL.name: _symbol,
    CONSTANT.name: _constant,
    SIZE.name: _size,
    POSITIONS.name: _positions,
    "negative": unary_minus,
    "contract": _contraction,
    "transpose": _transpose,
    "expand_dims": _expand_dims,
    "square": _square,
    "power": _power,
    "reciprocal": lambda node: (["1/", (node.args[0], UNARY)], PRODUCT),
    "logical_not": lambda node: (["~", (node.args[0], UNARY)], UNARY),
    "gather": _gather,
    "slice": _slice,
    "squeeze": _squeeze,
}
"""The operations that print neither as an operator nor as a call of their name."""


def _options(node: Expr) -> str:
    """Return the attributes as keyword arguments; reductions over every axis name none."""
    texts = []
    value: Any
    for name, value in node.attributes:
        if name == "axes" and value == tuple(range(len(node.args[0].shape))):
            continue
        if value is False:
            continue
        if name == "axes":
            value = value[0] if len(value) == 1 else value
        texts.append(f", {'axis' if name == 'axes' else name}={_attribute_text(value)}")
    return "".join(texts)


def _attribute_text(value: Any) -> str:
    """Return an attribute as the user would write it."""
    if isinstance(value, tuple) and all(isinstance(item, (int, Dimension)) for item in value):
        return format_shape(value)
    return str(value)


def _function(node: Expr) -> Layout:
    """Return a call of the operation by name; the parameter of a family is its first argument."""
    name, _, parameter = node.op.name.partition("[")
    return call(f"{name}({parameter[:-1]}, " if parameter else f"{name}(", visible_operands(node), f"{_options(node)})")


def notation(node: Expr) -> Layout:
    """Return the layout of one node in Python's notation."""
    template = TEMPLATES.get(node.op.name.partition("[")[0])
    if template is not None:
        return template(node)
    operator = node.op.infix
    if operator and len(node.args) == 2:
        left, right = visible_operands(node)
        return binary(operator, left, right, operator if operator in ("*", "/", "**") else f" {operator} ")
    return _function(node)


def expression_text(root: Expr) -> str:
    """Return an expression in Python's notation, the parts furthest from the root as ``…`` when it is long."""
    return render(root, notation, ("(", ")"), "…")


PRINTERS["text"] = expression_text
