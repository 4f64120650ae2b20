"""A graph made ready for checking: every size a number, every float a float64."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import count
from typing import Any

from graphc.graph.block import BOUND, ITEM, Block, block_of, runs_block
from graphc.graph.dimensions import Count, dimension, is_open, names
from graphc.graph.dimensions import evaluate as evaluate_size
from graphc.graph.leaf import SIZE, constant, constant_value, is_constant, is_symbol, symbol
from graphc.graph.node import Expr, build, make_node
from graphc.graph.origin import inherit_origin
from graphc.graph.types import is_float
from graphc.graph.walk import free_symbols, rebuild
from graphc.ops.scalar_row import ScalarOperation

SMALLEST_SIZE = 2
"""Named dimensions get different sizes from here on, so that no two are equal by accident."""


class _Sizes(dict[str, Any]):
    """Numbers for names; how often a loop with a condition runs stands for itself."""

    def __missing__(self, name: str) -> Any:
        if isinstance(name, Count):
            return dimension(name)
        raise KeyError(name)


def specialise(roots: Sequence[Expr], sizes: Mapping[str, int]) -> dict[Expr, Expr]:
    """Return what each node becomes with sizes for names and float64 for every float."""

    known = _Sizes(sizes)

    def replace(node: Expr, args: tuple[Expr, ...]) -> Expr:
        with inherit_origin(node.origin):
            return _specialise_node(node, args, known)

    return rebuild(roots, replace)


def _specialise_node(node: Expr, args: tuple[Expr, ...], sizes: Mapping[str, int]) -> Expr:
    """Return one node on specialised arguments."""
    if node.op is SIZE and not is_open(node.attribute("size")):
        return constant(evaluate_size(node.attribute("size"), sizes), _widened(node.dtype))
    if is_constant(node):
        return constant(constant_value(node).astype(_widened(node.dtype)))
    attributes = {name: _with_sizes(value, sizes) for name, value in node.attributes}
    if is_symbol(node) or node.op in (BOUND, ITEM):
        shape = tuple(evaluate_size(size, sizes) for size in node.shape)
        return make_node(node.op, args, tuple(attributes.items()), _widened(node.dtype), shape)
    if runs_block(node):
        block = block_of(node)
        became = specialise((*block.parameters, *block.outputs), sizes)
        attributes["block"] = Block(*(tuple(became[n] for n in nodes) for nodes in (block.parameters, block.outputs)))
        return make_node(node.op, args, tuple(attributes.items()), node.dtype, node.shape)
    if "dtype" in attributes:
        attributes["dtype"] = _widened(attributes["dtype"])
    return build(node.op, *args, **attributes)


def fixed_shape(node: Expr) -> tuple[int, ...]:
    """Return the shape of a node of a specialised graph, all numbers."""
    return tuple(int(str(size)) for size in node.shape)


def _widened(dtype: str) -> str:
    """Return float64 for a float dtype, another as it is."""
    return "float64" if is_float(dtype) else dtype


def _with_sizes(value: Any, sizes: Mapping[str, int]) -> Any:
    """Return an attribute with numbers for the sizes in it."""
    if isinstance(value, tuple):
        return tuple(_with_sizes(each, sizes) for each in value)
    return evaluate_size(value, sizes) if hasattr(value, "evaluate") else value


def choose_sizes(roots: Sequence[Expr]) -> dict[str, int]:
    """Return a small size for each named dimension of the symbols."""
    found: dict[str, int] = {}
    for node in free_symbols(roots):
        for size in node.shape:
            for name in names(size):
                found.setdefault(name, SMALLEST_SIZE + len(found))
    return found


def freeze(roots: Sequence[Expr]) -> tuple[list[Expr], dict[Expr, Expr]]:
    """Return the roots with a symbol in place of each node detached from differentiation, and these nodes.

    Differences would see such a node change; with a symbol, which keeps the value, they do not.
    """
    frozen: dict[Expr, Expr] = {}
    taken = {node.attribute("name") for node in free_symbols(roots)}
    fresh = (name for name in (f"frozen_{number}" for number in count()) if name not in taken)

    def replace(node: Expr, args: tuple[Expr, ...]) -> Expr:
        if isinstance(node.op, ScalarOperation) and node.op.detached:
            held = symbol(next(fresh), node.shape, node.dtype)
            frozen[held] = node
            return held
        return node if args == node.args else make_node(node.op, args, node.attributes, node.dtype, node.shape)

    became = rebuild(roots, replace)
    return [became[root] for root in roots], frozen
