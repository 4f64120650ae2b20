"""Named dimensions: sizes that stay open until a function is called, and the arithmetic on them.

A size is an ``int`` or a `Dimension`. A `Dimension` is a polynomial with integer coefficients over
atoms; an atom is a name (``"batch"``) or a floor division, minimum or maximum of two sizes. Two sizes
are the same when their normal forms are; so ``batch`` never silently broadcasts against ``time``.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn, TypeAlias, overload

from graphc.errors import ArgumentError
from graphc.graph.origin import here
from graphc.graph.table import apply

if TYPE_CHECKING:
    from graphc.graph.node import Expr

Size: TypeAlias = "int | Dimension"
Shape: TypeAlias = "tuple[Size, ...]"


@dataclass(frozen=True, slots=True, order=True)
class Quotient:
    """The atom ``function(left, right)`` with function one of ``//``, ``min``, ``max``."""

    function: str
    left: Size
    right: Size

    def __str__(self) -> str:
        if self.function == "//":
            return f"(({self.left}) // ({self.right}))"
        return f"{self.function}({self.left}, {self.right})"

    def evaluate(self, sizes: Mapping[str, int]) -> int:
        """Return the value under the given sizes of the names."""
        left, right = evaluate(self.left, sizes), evaluate(self.right, sizes)
        if self.function == "//":
            return left // right
        return min(left, right) if self.function == "min" else max(left, right)


Atom: TypeAlias = "str | Quotient"
Monomial: TypeAlias = "tuple[Atom, ...]"


@dataclass(frozen=True, slots=True, eq=False)
class Dimension:
    """A size known only by name, or made of such sizes by arithmetic; with floats it is the number it stands for.

    Example:
        >>> batch = dimension("batch")
        >>> print(2 * batch + 1)
        2*batch + 1
        >>> 0.5 * batch
        astype(size("batch"), dtype=float64)*0.5
    """

    terms: tuple[tuple[Monomial, int], ...]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Dimension) and self.terms == other.terms

    def __hash__(self) -> int:
        return hash(self.terms)

    def __lt__(self, other: object) -> NoReturn:
        raise ArgumentError(
            f"the dimension {self} has no size before the function is called, so it cannot be compared",
            remedy='compare the number it stands for: gx.astype(n, "int64") < 3; larger of two: gx.maximum(n, 3)',
            origin=here(),
        )

    __le__ = __gt__ = __ge__ = __lt__

    def __index__(self) -> NoReturn:
        raise ArgumentError(
            f"the dimension {self} is no integer before the function is called",
            remedy="use it as a size and in expressions, with gx.zeros, gx.fori_loop and others, or declare an integer",
            origin=here(),
        )

    def __str__(self) -> str:
        parts = []
        for monomial, coefficient in self.terms:
            factors = [str(atom) for atom in monomial]
            if coefficient != 1 or not factors:
                factors.insert(0, str(coefficient))
            parts.append("*".join(factors))
        return " + ".join(parts).replace("+ -", "- ").replace("- 1*", "- ")

    __repr__ = __str__

    def __add__(self, other: Size) -> Size:
        if not isinstance(other, (int, Dimension)):
            return NotImplemented
        return _polynomial([*self.terms, *_terms(other)])

    def __neg__(self) -> Size:
        return self * -1

    def __sub__(self, other: Size) -> Size:
        return self + other * -1

    def __rsub__(self, other: int) -> Size:
        return (-self) + other

    @overload
    def __mul__(self, other: Size) -> Size: ...
    @overload
    def __mul__(self, other: float) -> Expr: ...
    def __mul__(self, other: Size | float) -> Size | Expr:
        if isinstance(other, float):
            return apply("multiply", self, other)
        if not isinstance(other, (int, Dimension)):
            return NotImplemented
        return _polynomial((tuple(sorted((*m, *n), key=str)), c * d) for m, c in self.terms for n, d in _terms(other))

    __radd__, __rmul__ = __add__, __mul__

    def __truediv__(self, other: float | Size) -> Expr:
        return apply("divide", self, other)

    def __rtruediv__(self, other: float) -> Expr:
        return apply("divide", other, self)

    def __floordiv__(self, other: Size) -> Size:
        exact = _divide_exactly(self, other)
        return exact if exact is not None else _from_atom(Quotient("//", self, other))

    def __rfloordiv__(self, other: int) -> Size:
        return 0 if other == 0 else _from_atom(Quotient("//", other, self))

    def evaluate(self, sizes: Mapping[str, int]) -> int:
        """Return the value under the given sizes of the names."""
        total = 0
        for monomial, coefficient in self.terms:
            for atom in monomial:
                coefficient *= sizes[atom] if isinstance(atom, str) else atom.evaluate(sizes)
            total += coefficient
        return total

    def names(self) -> tuple[str, ...]:
        """Return the names in it, in order of first appearance."""
        found: dict[str, None] = {}
        for monomial, _ in self.terms:
            for atom in monomial:
                if isinstance(atom, str):
                    found[atom] = None
                else:
                    found.update(dict.fromkeys((*names(atom.left), *names(atom.right))))
        return tuple(found)


class Count(str):
    """The name of a size that only running tells: how often a loop with a condition ran."""

    __slots__ = ()


_counts = itertools.count(1)


def fresh_count() -> Dimension:
    """Return a dimension for the number of steps of a loop with a condition, unlike any other."""
    return Dimension((((Count(f"steps{next(_counts)}"),), 1),))


def is_open(size: Size) -> bool:
    """Tell whether a size depends on how often loops with conditions run."""
    return any(isinstance(name, Count) for name in names(size))


def dimension(name: str) -> Dimension:
    """Return the dimension called ``name``, which must be a Python identifier.

    Raises:
        ValueError: the name is no identifier.
    """
    if not name.isidentifier():
        raise ValueError(f"a dimension's name must be a Python identifier, got {name!r}")
    return Dimension((((name,), 1),))


def evaluate(size: Size, sizes: Mapping[str, int]) -> int:
    """Return the number a size stands for under the given sizes of the names."""
    return size if isinstance(size, int) else size.evaluate(sizes)


def concrete(shape: Shape, sizes: Mapping[str, int]) -> tuple[int, ...]:
    """Return a shape with every named dimension replaced by its size."""
    return tuple(evaluate(size, sizes) for size in shape)


def names(size: Size) -> tuple[str, ...]:
    """Return the names of dimensions in a size."""
    return () if isinstance(size, int) else size.names()


def smaller(left: Size, right: Size) -> Size:
    """Return the smaller of two sizes (sizes are never negative)."""
    return _extreme("min", left, right)


def larger(left: Size, right: Size) -> Size:
    """Return the larger of two sizes."""
    return _extreme("max", left, right)


def product(shape: Iterable[Size]) -> Size:
    """Return the number of elements of a shape."""
    total: Size = 1
    for size in shape:
        total = total * size
    return total


def divide_exactly(numerator: Size, denominator: Size) -> Size | None:
    """Return the quotient of two sizes if the division leaves no rest whatever the names stand for."""
    if isinstance(numerator, int) and isinstance(denominator, int):
        if denominator == 0:
            return None
        return numerator // denominator if numerator % denominator == 0 else None
    if isinstance(numerator, int):
        return 0 if numerator == 0 else None
    return _divide_exactly(numerator, denominator)


def _extreme(function: str, left: Size, right: Size) -> Size:
    if left == right:
        return left
    difference = left - right
    if isinstance(difference, int):
        return left if (difference < 0) == (function == "min") else right
    if function == "min" and 0 in (left, right):
        return 0
    if isinstance(left, int) and left <= 0 and function == "max" and _is_plain(right):
        return right
    if isinstance(right, int) and right <= 0 and function == "max" and _is_plain(left):
        return left
    return _from_atom(Quotient(function, left, right))


def _is_plain(size: Size) -> bool:
    """Tell whether a size has only positive terms, and so is never negative."""
    return isinstance(size, Dimension) and all(coefficient > 0 for _, coefficient in size.terms)


def _terms(size: Size) -> tuple[tuple[Monomial, int], ...]:
    return size.terms if isinstance(size, Dimension) else (((), int(size)),)


def _from_atom(atom: Atom) -> Dimension:
    return Dimension((((atom,), 1),))


def _polynomial(terms: Iterable[tuple[Monomial, int]]) -> Size:
    """Return the normal form of a sum of terms; an ``int`` when no name is left."""
    collected: dict[Monomial, int] = {}
    for monomial, coefficient in terms:
        collected[monomial] = collected.get(monomial, 0) + coefficient
    kept = sorted(((m, c) for m, c in collected.items() if c), key=lambda term: (not term[0], str(term[0])))
    if not kept:
        return 0
    if len(kept) == 1 and not kept[0][0]:
        return kept[0][1]
    return Dimension(tuple(kept))


def _divide_exactly(numerator: Dimension, denominator: Size) -> Size | None:
    """Divide term by term by a single term; None when a rest is left."""
    if numerator == denominator:
        return 1
    divisor = _terms(denominator)
    if len(divisor) != 1 or divisor[0][1] == 0:
        return None
    factors, coefficient = divisor[0]
    result = []
    for monomial, number in numerator.terms:
        rest = list(monomial)
        for atom in factors:
            if atom not in rest:
                return None
            rest.remove(atom)
        if number % coefficient:
            return None
        result.append((tuple(rest), number // coefficient))
    return _polynomial(result)
