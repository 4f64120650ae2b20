"""`Expr`, the immutable interned node, and `Operation`, what a row of any kind must answer.

Interning (hash-consing): building the same operation on the same arguments gives the same object, so
common subexpressions are shared from the start and ``==`` is identity.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from graphc.graph.dimensions import Shape, product
from graphc.graph.interning import InternTable
from graphc.graph.operators import Operators
from graphc.graph.origin import Origin, current_origin
from graphc.graph.table import OPERATIONS, PRINTERS
from graphc.graph.types import DType, is_float

Attributes: TypeAlias = "tuple[tuple[str, Hashable], ...]"
Gradient: TypeAlias = "Expr | None"
"""A tangent or an adjoint; None stands for zero."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True, repr=False)
class Operation:
    """What every row of the operation tables answers; the kinds of rows are its subclasses."""

    name: str
    infix: str = ""
    """The operator the operation prints as, if it has one."""

    def infer(self, arguments: Sequence[Expr], attributes: dict[str, Any]) -> tuple[DType, Shape]:
        """Return dtype and shape of the result."""
        raise NotImplementedError

    def pushforward(self, node: Expr, tangents: Sequence[Gradient]) -> Gradient:
        """Return the tangent of the node from those of its arguments (forward mode)."""
        raise NotImplementedError

    def pullback(self, node: Expr, adjoint: Expr, wanted: Sequence[bool]) -> Sequence[Gradient]:
        """Return what the node's adjoint contributes to each wanted argument (reverse mode)."""
        raise NotImplementedError

    def push_results(self, node: Expr, tangents: Sequence[Gradient]) -> Sequence[Gradient]:
        """Return the tangent of each result of a bundle from those of its arguments (forward mode)."""
        raise NotImplementedError

    def pull_results(self, node: Expr, adjoints: Mapping[int, Expr], wanted: Sequence[bool]) -> Sequence[Gradient]:
        """Return what the adjoints of a bundle's results, by position, contribute to each wanted argument."""
        raise NotImplementedError

    def flops(self, node: Expr) -> Any:
        """Return the number of floating-point operations, a size."""
        return product(node.shape)

    def __repr__(self) -> str:
        return self.name

    def __reduce__(self) -> tuple[Callable[[str], Operation], tuple[str]]:
        return find_operation, (self.name,)


def find_operation(name: str) -> Operation:
    """Return the operation row of that name."""
    return OPERATIONS[name]


class Expr(Operators):
    """A node of the expression graph: an operation on arguments, with dtype and shape.

    Immutable and interned; ``==`` is identity. Make them with `graphc.symbol`, `graphc.tensor`,
    `graphc.constant`, operators and the functions of graphc or NumPy.

    Example:
        >>> import graphc as gx
        >>> x, y = gx.symbols("x y")
        >>> x * y + 1 is x * y + 1
        True
    """

    __slots__ = ("__weakref__", "args", "attributes", "dtype", "op", "origin", "shape")

    op: Operation
    args: tuple[Expr, ...]
    attributes: Attributes
    dtype: DType
    shape: Shape
    origin: Origin

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"expressions are immutable: cannot set {name}")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"expressions are immutable: cannot delete {name}")

    def attribute(self, name: str) -> Any:
        """Return the attribute of that name."""
        for key, value in self.attributes:
            if key == name:
                return value
        raise KeyError(name)

    @property
    def size(self) -> Any:
        """The number of elements, a size."""
        return product(self.shape)

    @property
    def is_differentiable(self) -> bool:
        """Whether the dtype has derivatives at all: floats have, integers and booleans have none."""
        return is_float(self.dtype)

    def __repr__(self) -> str:
        return PRINTERS["text"](self)

    def _repr_latex_(self) -> str:
        return PRINTERS["latex"](self)

    def tree(self, limit: int = 100) -> str:
        """Return the graph below as a text tree: dtype, shape and the user's line of each node.

        Args:
            limit: how many nodes to show at most; those nearest to the root are shown.

        A node with several users is shown once, with a number (``#2``) that stands for it elsewhere.

        Example:
            >>> import graphc as gx
            >>> print(gx.symbol("x").tree())  # doctest: +SKIP
            x  float64 ()  model.py:3
        """
        return PRINTERS["tree"](self, limit)

    def __copy__(self) -> Expr:
        return self

    def __deepcopy__(self, _memo: Any) -> Expr:
        return self


_set = object.__setattr__
_nodes: InternTable[Expr] = InternTable()


class _Records(threading.local):
    """The records of this thread that are being kept."""

    open: tuple[set[Expr], ...] = ()


_records = _Records()


@contextlib.contextmanager
def record_nodes() -> Iterator[set[Expr]]:
    """Yield a set that every node asked for meanwhile is added to, whether it is new or exists."""
    made: set[Expr] = set()
    _records.open = (*_records.open, made)
    try:
        yield made
    finally:
        _records.open = _records.open[:-1]


def make_node(op: Operation, args: tuple[Expr, ...], attributes: Attributes, dtype: DType, shape: Shape) -> Expr:
    """Return the node of these parts: the one that exists, or a new one."""
    parts = (op, args, attributes, dtype, shape)
    node = _nodes.find_or_make(parts, _new_node, *parts)
    for made in _records.open:
        made.add(node)
    return node


def _new_node(op: Operation, args: tuple[Expr, ...], attributes: Attributes, dtype: DType, shape: Shape) -> Expr:
    node = object.__new__(Expr)
    _set(node, "op", op)
    _set(node, "args", args)
    _set(node, "attributes", attributes)
    _set(node, "dtype", dtype)
    _set(node, "shape", shape)
    _set(node, "origin", current_origin())
    return node


def build(op: Operation, *args: Expr, **attributes: Hashable) -> Expr:
    """Return the node of an operation on arguments that already have their final dtypes and shapes."""
    dtype, shape = op.infer(args, attributes)
    return make_node(op, args, tuple(attributes.items()), dtype, shape)


def node_count() -> int:
    """Return the number of nodes alive in this process."""
    return len(_nodes)
