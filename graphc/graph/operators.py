"""Python's and NumPy's operators on expressions: each builds a node, none computes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NoReturn

from graphc.errors import ArgumentError, TruthValueError, UnsupportedError
from graphc.graph.dimensions import Shape
from graphc.graph.origin import here
from graphc.graph.table import FUNCTIONS, apply
from graphc.graph.updates import At

if TYPE_CHECKING:
    from graphc.graph.node import Expr

# `from __future__` keeps "Expr" a forward reference: node.py imports this module, not the reverse.


class Operators:
    """Operators, methods and NumPy protocols of `Expr`."""

    __slots__ = ()

    shape: Shape
    dtype: str

    def __add__(self, other: Any) -> Expr:
        return apply("add", self, other)

    def __radd__(self, other: Any) -> Expr:
        return apply("add", other, self)

    def __sub__(self, other: Any) -> Expr:
        return apply("subtract", self, other)

    def __rsub__(self, other: Any) -> Expr:
        return apply("subtract", other, self)

    def __mul__(self, other: Any) -> Expr:
        return apply("multiply", self, other)

    def __rmul__(self, other: Any) -> Expr:
        return apply("multiply", other, self)

    def __truediv__(self, other: Any) -> Expr:
        return apply("divide", self, other)

    def __rtruediv__(self, other: Any) -> Expr:
        return apply("divide", other, self)

    def __floordiv__(self, other: Any) -> Expr:
        return apply("floor_divide", self, other)

    def __rfloordiv__(self, other: Any) -> Expr:
        return apply("floor_divide", other, self)

    def __mod__(self, other: Any) -> Expr:
        return apply("mod", self, other)

    def __rmod__(self, other: Any) -> Expr:
        return apply("mod", other, self)

    def __pow__(self, other: Any) -> Expr:
        return apply("power", self, other)

    def __rpow__(self, other: Any) -> Expr:
        return apply("power", other, self)

    def __matmul__(self, other: Any) -> Expr:
        return apply("matmul", self, other)

    def __rmatmul__(self, other: Any) -> Expr:
        return apply("matmul", other, self)

    def __neg__(self) -> Expr:
        return apply("negative", self)

    def __pos__(self) -> Expr:
        return self  # type: ignore[return-value]

    def __abs__(self) -> Expr:
        return apply("abs", self)

    def __round__(self, decimals: int = 0) -> Expr:
        return apply("round", self, decimals)

    def __invert__(self) -> Expr:
        return apply("logical_not", self)

    def __and__(self, other: Any) -> Expr:
        return apply("logical_and", self, other)

    def __rand__(self, other: Any) -> Expr:
        return apply("logical_and", other, self)

    def __or__(self, other: Any) -> Expr:
        return apply("logical_or", self, other)

    def __ror__(self, other: Any) -> Expr:
        return apply("logical_or", other, self)

    def __xor__(self, other: Any) -> Expr:
        return apply("logical_xor", self, other)

    def __rxor__(self, other: Any) -> Expr:
        return apply("logical_xor", other, self)

    def __lt__(self, other: Any) -> Expr:
        return apply("less", self, other)

    def __le__(self, other: Any) -> Expr:
        return apply("less_equal", self, other)

    def __gt__(self, other: Any) -> Expr:
        return apply("greater", self, other)

    def __ge__(self, other: Any) -> Expr:
        return apply("greater_equal", self, other)

    def __getitem__(self, index: Any) -> Expr:
        return apply("getitem", self, index)

    def __setitem__(self, index: Any, value: Any) -> NoReturn:
        raise UnsupportedError(
            "expressions are immutable: x[i] = v has no meaning on a graph",
            remedy="build a new expression: x = x.at[i].set(v)",
            origin=here(),
        )

    def __bool__(self) -> NoReturn:
        raise TruthValueError(
            "an expression has no truth value before it is computed",
            remedy="use gx.where(condition, a, b) instead of if/and/or; gx.eq(a, b) builds a comparison",
            origin=here(),
        )

    def __float__(self) -> NoReturn:
        raise _not_a_number("float")

    def __int__(self) -> NoReturn:
        raise _not_a_number("int")

    def __index__(self) -> NoReturn:
        raise _not_a_number("index")

    def __array__(self, *_: Any, **__: Any) -> NoReturn:
        raise _not_a_number("NumPy array")

    def __len__(self) -> int:
        if not self.shape:
            raise ArgumentError("len() of an expression without dimensions", origin=here())
        if not isinstance(self.shape[0], int):
            raise ArgumentError(f"len() of the open dimension {self.shape[0]}", remedy="use .shape[0]", origin=here())
        return self.shape[0]

    def __iter__(self) -> Iterator[Expr]:
        if not self.shape:
            raise ArgumentError("cannot iterate over an expression without dimensions", origin=here())
        if not isinstance(self.shape[0], int):
            raise ArgumentError(
                f"cannot iterate over the open dimension {self.shape[0]}",
                remedy="index it, or declare the size",
                origin=here(),
            )
        return (self[index] for index in range(len(self)))

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        name = ufunc.__name__
        if method == "reduce":
            name = {"add": "sum", "multiply": "prod", "maximum": "max", "minimum": "min"}.get(name, f"{name}.reduce")
            options = {"axis": 0} | {key: value for key, value in options.items() if value is not None or key == "axis"}
        elif method != "__call__":
            name = f"{name}.{method}"
        if options.pop("out", None) is not None:
            raise UnsupportedError(f"np.{name}: out= has no meaning on a graph", origin=here())
        return apply(name, *inputs, **options)

    def __array_function__(self, function: Any, _types: Any, arguments: Any, options: Any) -> Any:
        name = function.__name__
        special = f"linalg.{name}"
        if function.__module__ == "numpy.linalg" and (special in FUNCTIONS or name not in FUNCTIONS):
            name = special
        return apply(name, *arguments, **options)

    @property
    def at(self) -> At:
        """The elements to change: ``x.at[index].add(values)`` is ``x`` with values added there; see `Elements`."""
        return At(self)  # type: ignore[arg-type]

    @property
    def ndim(self) -> int:
        """The number of dimensions."""
        return len(self.shape)

    @property
    def T(self) -> Expr:  # noqa: N802 (NumPy's name)
        """The transpose: all axes in reverse order."""
        return apply("transpose", self)

    @property
    def mT(self) -> Expr:  # noqa: N802 (NumPy's name)
        """The transpose of matrices: the last two axes exchanged."""
        return apply("matrix_transpose", self)

    def reshape(self, *shape: Any) -> Expr:
        """Return the same elements in another shape; see `graphc.reshape`."""
        return apply("reshape", self, shape[0] if len(shape) == 1 else shape)

    def transpose(self, *axes: Any) -> Expr:
        """Return the axes in another order; see `graphc.transpose`."""
        return apply("transpose", self, (axes[0] if len(axes) == 1 else axes) or None)

    def astype(self, dtype: Any) -> Expr:
        """Return the same values in another dtype."""
        return apply("astype", self, dtype)


def _not_a_number(kind: str) -> ArgumentError:
    return ArgumentError(
        f"an expression is no {kind}: it has no value before it is computed",
        remedy="use graphc functions on it, or compile it and call the result",
        origin=here(),
    )


def _method(name: str) -> Any:
    def method(self: Operators, *arguments: Any, **options: Any) -> Expr:
        return apply(name, self, *arguments, **options)

    method.__name__ = name
    method.__doc__ = f"See `graphc.{name}`."
    return method


for _name in (
    "sum", "mean", "prod", "max", "min", "any", "all", "var", "std", "argmax", "argmin", "cumsum",
    "dot", "clip", "round", "squeeze", "flatten", "ravel", "swapaxes", "take", "argsort",
):  # fmt: skip
    setattr(Operators, _name, _method(_name))
