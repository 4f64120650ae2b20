"""A transformed Python function: traced with fresh symbols, it builds on expressions and computes on values."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from graphc.compiler.function import Function, compile
from graphc.compiler.stable import fresh_symbol
from graphc.graph import tree
from graphc.graph.block import BOUND
from graphc.graph.leaf import as_exprs, is_symbol
from graphc.graph.node import Expr
from graphc.graph.types import as_dtype
from graphc.graph.walk import substitute, topological_order


class Transformed:
    """A function of a traced function: on expressions it builds, on values it compiles and computes."""

    def __init__(self, function: Callable[..., Any], transform: Callable[[Any, Sequence[Any]], Any]) -> None:
        self.function = function
        self.transform = transform
        self.compiled: dict[Any, Function] = {}
        functools.update_wrapper(self, function, updated=())

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        """Return expressions if an argument holds one or the function captures an input, else values.

        Options are never differentiated.
        """
        given = (arguments, options)
        leaves = tree.leaves(given)
        if any(isinstance(leaf, Expr) for leaf in leaves):
            return self._build(given, as_exprs(*leaves))
        arrays = [leaf if hasattr(leaf, "dtype") else np.asarray(leaf) for leaf in leaves]
        key = (repr(tree.structure(given)), *((as_dtype(array.dtype), array.shape) for array in arrays))
        found = self.compiled.get(key)
        if found is None:
            found = self._compile(given, arrays)
            if found is None:
                return self._build(given, as_exprs(*leaves))
            self.compiled[key] = found
        return found(*arrays)

    def _compile(self, given: Any, arrays: Sequence[Any]) -> Function | None:
        """Return the function compiled for arguments of these dtypes and shapes, None if it captures an input."""
        symbols = [fresh_symbol(array.shape, as_dtype(array.dtype)) for array in arrays]
        traced = self._traced(given, symbols)
        order = topological_order(as_exprs(*tree.leaves(traced)))
        if not {node for node in order if is_symbol(node) or node.op is BOUND} <= set(symbols):
            return None
        return compile(traced, inputs=symbols)

    def _build(self, given: Any, nodes: Sequence[Expr]) -> Any:
        """Return what the traced function becomes with the given expressions for its symbols."""
        symbols = [fresh_symbol(node.shape, node.dtype) for node in nodes]
        leaves, structure = tree.flatten(self._traced(given, symbols))
        replaced = substitute(as_exprs(*leaves), dict(zip(symbols, nodes, strict=True)))
        return tree.unflatten(structure, replaced)

    def _traced(self, given: Any, symbols: Sequence[Expr]) -> Any:
        """Return the transform of the function on symbols in place of the leaves of its arguments."""
        arguments, options = tree.unflatten(tree.structure(given), symbols)
        return self.transform(self.function(*arguments, **options), arguments)
