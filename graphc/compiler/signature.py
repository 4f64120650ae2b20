"""The arguments of a compiled function: by name or position, each an array, a number or a pytree of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from graphc.errors import ArgumentError
from graphc.graph import tree
from graphc.graph.block import BOUND
from graphc.graph.leaf import is_symbol, symbol_name
from graphc.graph.node import Expr
from graphc.graph.origin import describe_origin, here
from graphc.graph.types import format_shape
from graphc.graph.walk import topological_order


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument: its name, the structure of what is passed, and how many symbols that holds."""

    name: str
    structure: tree.Structure
    count: int


@dataclass(frozen=True, slots=True)
class Signature:
    """The arguments in order, and the symbols they hold in order."""

    arguments: tuple[Argument, ...]
    symbols: tuple[Expr, ...]
    explicit: bool
    """Whether the user gave the order, so that arguments may be passed by position."""

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the arguments, in order."""
        return tuple(argument.name for argument in self.arguments)

    @property
    def simple(self) -> bool:
        """Whether every argument is one symbol."""
        return all(isinstance(argument.structure, tree.Slot) for argument in self.arguments)

    def arrange(self, positional: Sequence[Any], named: Mapping[str, Any]) -> list[Any]:
        """Return the values of the symbols, in order.

        Raises:
            ArgumentError: an argument is missing, unknown or given twice, or its structure differs.
        """
        names = self.names
        if not positional and len(named) == len(names):
            try:
                values = [named[name] for name in names]
            except KeyError:
                raise self._wrong_names(0, named) from None
        else:
            values = self._mixed(positional, named)
        if self.simple:
            return values
        flat: list[Any] = []
        for argument, value in zip(self.arguments, values, strict=True):
            if isinstance(argument.structure, tree.Slot):
                flat.append(value)
            else:
                flat.extend(tree.require_structure(value, argument.structure, f"argument {argument.name!r}"))
        return flat

    def _mixed(self, positional: Sequence[Any], named: Mapping[str, Any]) -> list[Any]:
        """Return the arguments' values from a mixture of positions and names."""
        names = self.names
        if positional and not self.explicit and len(names) > 1:
            raise ArgumentError(
                f"arguments are passed by name here, since no order was given: {', '.join(names)}",
                remedy=f"call it as f({', '.join(f'{name}=...' for name in names)}), "
                f"or compile with inputs=[{', '.join(names)}]",
            )
        rest = names[len(positional) :]
        if len(positional) > len(names) or set(rest) != set(named):
            raise self._wrong_names(len(positional), named)
        return [*positional, *(named[name] for name in rest)]

    def _wrong_names(self, positions: int, named: Mapping[str, Any]) -> ArgumentError:
        """Return the error for arguments that do not match the names."""
        names = self.names
        expected = f"expected {', '.join(names) or 'no arguments'}"
        if positions > len(names):
            return ArgumentError(f"{positions} positional arguments given; {expected}")
        doubled = [name for name in names[:positions] if name in named]
        unknown = [name for name in named if name not in names]
        missing = [name for name in names[positions:] if name not in named]
        if doubled:
            return ArgumentError(f"argument {doubled[0]!r} is given twice, by position and by name")
        if unknown:
            return ArgumentError(f"unknown argument {unknown[0]!r}; {expected}")
        return ArgumentError(f"missing argument {missing[0]!r}; {expected}")


def make_signature(outputs: Sequence[Expr], inputs: Any) -> Signature:
    """Return the signature of expressions for the given inputs, or for the symbols in them.

    Raises:
        ArgumentError: an input is no symbol, stands twice, or a symbol in use is no input; the expressions
            use what only the body of a loop has.
    """
    order = topological_order(outputs)
    _require_closed(order)
    used = [node for node in order if is_symbol(node)]
    if inputs is None:
        _require_distinct_names(used)
        arguments = tuple(Argument(symbol_name(node), tree.Slot(), 1) for node in used)
        return Signature(arguments, tuple(used), explicit=len(used) < 2)
    if not isinstance(inputs, Iterable):
        raise ArgumentError(f"inputs: symbols expected, got {inputs!r}", origin=here())
    if isinstance(inputs, Expr):
        inputs = [inputs]
    entries = list(inputs.items()) if isinstance(inputs, Mapping) else [(None, entry) for entry in inputs]
    made, symbols = [], []
    for position, (name, entry) in enumerate(entries):
        leaves, structure = tree.flatten(entry)
        for leaf in leaves:
            if not isinstance(leaf, Expr) or not is_symbol(leaf):
                remedy = "list what gx.symbol, gx.tensor or gx.parameter returned, neither its name nor a value"
                raise ArgumentError(f"inputs: symbols expected, got {leaf!r}", remedy=remedy, origin=here())
        simple = isinstance(structure, tree.Slot)
        made.append(Argument(name or (symbol_name(entry) if simple else f"argument{position}"), structure, len(leaves)))
        symbols.extend(leaves)
    if len(set(symbols)) != len(symbols) or len({argument.name for argument in made}) != len(made):
        raise ArgumentError("inputs: a symbol or a name stands twice", origin=here())
    missing = [symbol_name(node) for node in used if node not in set(symbols)]
    if missing:
        raise ArgumentError(
            f"inputs: the expression also depends on {', '.join(missing)}",
            remedy="list every symbol in inputs, or leave inputs out",
            origin=here(),
        )
    return Signature(tuple(made), tuple(symbols), explicit=True)


def _require_closed(order: Sequence[Expr]) -> None:
    """Refuse expressions of what a loop gives its body, used outside of it."""
    for node in order:
        if node.op is BOUND:
            raise ArgumentError(
                "the expression uses a carry, element or index of a loop outside of the loop's body",
                remedy="return it from the body: as the carry, or with the outputs of each step",
                origin=describe_origin(node.origin),
            )


def _require_distinct_names(symbols: Sequence[Expr]) -> None:
    """Refuse two different symbols of one name."""
    seen: dict[str, Expr] = {}
    for node in symbols:
        other = seen.setdefault(symbol_name(node), node)
        if other is not node:
            types = f"{other.dtype} {format_shape(other.shape)} and {node.dtype} {format_shape(node.shape)}"
            raise ArgumentError(
                f"two symbols are called {symbol_name(node)!r}: {types}",
                remedy="give them different names, or pass inputs= with both",
                origin=here(),
            )
