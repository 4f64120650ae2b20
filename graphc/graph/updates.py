"""``x.at[index].add(values)``: an expression with elements changed, written as an update."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from graphc.graph.table import apply

if TYPE_CHECKING:
    from graphc.graph.node import Expr


class At:
    """What ``x.at`` is: brackets behind it say which elements."""

    __slots__ = ("_node",)

    def __init__(self, node: Expr) -> None:
        self._node = node

    def __getitem__(self, index: Any) -> Elements:
        return Elements(self._node, index)


class Elements:
    """Elements of an expression; each method returns the whole expression with these changed.

    Values are of the expression's dtype, or of one that NumPy would promote to it, and broadcast to the shape of
    ``x[index]``. They are written one after the other: sums count each of several values for one element, of those
    set the last stays. ``mode="drop"`` means that values for places out of range are left out; otherwise these are
    errors, see `Expr.__getitem__`.
    """

    __slots__ = ("_index", "_node")

    def __init__(self, node: Expr, index: Any) -> None:
        self._node = node
        self._index = index

    def get(self) -> Expr:
        """Return the elements."""
        return apply("getitem", self._node, self._index)

    def set(self, values: Any, mode: str = "raise") -> Expr:
        """Return the expression with the elements replaced."""
        return apply("updated", self._node, self._index, values, "set", mode)

    def add(self, values: Any, mode: str = "raise") -> Expr:
        """Return the expression with values added to the elements."""
        return apply("updated", self._node, self._index, values, "add", mode)

    def multiply(self, values: Any, mode: str = "raise") -> Expr:
        """Return the expression with the elements multiplied."""
        return apply("updated", self._node, self._index, values, "multiply", mode)

    def max(self, values: Any, mode: str = "raise") -> Expr:
        """Return the expression with the elements raised to values above them; ties share the derivative evenly."""
        return apply("updated", self._node, self._index, values, "maximum", mode)

    def min(self, values: Any, mode: str = "raise") -> Expr:
        """Return the expression with the elements lowered to values below them; ties share the derivative evenly."""
        return apply("updated", self._node, self._index, values, "minimum", mode)
