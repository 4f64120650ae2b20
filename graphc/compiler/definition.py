"""What a compiled function is made from: outputs, inputs, what gradients are for; and each kind of call on it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from graphc.autodiff.transforms import default_targets, jvp, require_scalar, value_and_grad, vjp
from graphc.compiler.pipeline import Options, Record, simplified
from graphc.compiler.signature import Signature
from graphc.errors import ArgumentError
from graphc.graph import tree
from graphc.graph.leaf import symbol, symbol_name
from graphc.graph.node import Expr
from graphc.graph.walk import flatten_graph, topological_order, unflatten_graph

KINDS = ("call", "value_and_grad", "grad", "jvp", "vjp")


@dataclass(frozen=True, slots=True, eq=False)
class Definition:
    """The expressions of a function, flat and with their structure, its signature and options.

    Attributes:
        wrt: what gradients are taken for as the user gave it; None for the default.
    """

    outputs: tuple[Expr, ...]
    structure: tree.Structure
    signature: Signature
    wrt: Any
    options: Options

    @property
    def is_scalar(self) -> bool:
        """Whether there is one output and it has a gradient."""
        output = self.outputs[0]
        return isinstance(self.structure, tree.Slot) and not output.shape and output.is_differentiable

    def scalar(self) -> Expr:
        """Return the one scalar expression that gradients are taken of.

        Raises:
            ArgumentError, ShapeError, DTypeError: there are several outputs, or the one has no gradient.
        """
        if not isinstance(self.structure, tree.Slot):
            raise ArgumentError(
                "a gradient needs one scalar expression, and this function has several results",
                remedy="compile the loss alone, or put gx.grad(loss, wrt) among the results",
            )
        require_scalar(self.outputs[0])
        return self.outputs[0]

    def gradient_targets(self) -> Any:
        """Return the tree of symbols that the gradient of the scalar expression is taken for."""
        return default_targets(self.scalar()) if self.wrt is None else self.wrt

    def product_targets(self) -> Any:
        """Return the tree of symbols that products with Jacobians are taken for, whatever the shapes."""
        return default_targets(*self.outputs) if self.wrt is None else self.wrt

    def structure_of(self, kind: str) -> tree.Structure:
        """Return the structure of what a kind of call returns."""
        if kind == "call":
            return self.structure
        if kind == "jvp":
            return (self.structure, self.structure)
        if kind == "vjp":
            return (self.structure, tree.structure(self.product_targets()))
        gradients = tree.structure(self.gradient_targets())
        return gradients if kind == "grad" else (tree.Slot(), gradients)

    def expressions(self, kind: str, record: Record) -> tuple[list[Expr], list[Expr]]:
        """Return the outputs and inputs of the program for a kind of call; rewrites are noted in the record.

        Derivatives are taken of simplified expressions, so that they are those of the stable forms.

        Raises:
            ArgumentError: there is no such kind.
        """
        symbols = list(self.signature.symbols)
        if kind == "call":
            return list(self.outputs), symbols
        if kind not in KINDS:
            raise ArgumentError(f"one of {', '.join(KINDS)} expected, got {kind!r}")
        simple = simplified(self.outputs, self.options, record)
        if kind in ("value_and_grad", "grad"):
            self.scalar()
            value, gradients = value_and_grad(simple[0], self.gradient_targets())
            return ([value] if kind == "value_and_grad" else []) + tree.leaves(gradients), symbols
        targets = tree.leaves(self.product_targets())
        if kind == "jvp":
            seeds = [symbol(f"tangent_of_{symbol_name(node)}", node.shape, node.dtype) for node in targets]
            return [*simple, *jvp(simple, targets, seeds)], [*symbols, *seeds]
        seeds = [symbol(f"adjoint_of_{number}", node.shape, node.dtype) for number, node in enumerate(simple)]
        return [*simple, *vjp(simple, targets, seeds)], [*symbols, *seeds]

    def __reduce__(self) -> tuple[Callable[..., Definition], tuple[Any, ...]]:
        wrt, wrt_structure = (None, None) if self.wrt is None else tree.flatten(self.wrt)
        nodes = [*self.outputs, *self.signature.symbols, *(wrt or ())]
        order = {node: position for position, node in enumerate(topological_order(nodes))}
        graph = (flatten_graph(nodes), [order[node] for node in nodes], len(self.outputs))
        signature = (self.signature.arguments, self.signature.explicit)
        return _restore, (graph, self.structure, signature, wrt_structure, self.options)


def _restore(graph: Any, structure: Any, signature: Any, wrt_structure: Any, options: Options) -> Definition:
    """Return a pickled definition, its graph interned again."""
    (records, positions, count), (arguments, explicit) = graph, signature
    everything = unflatten_graph(records)
    nodes = [everything[position] for position in positions]
    following = count + sum(argument.count for argument in arguments)
    symbols = tuple(nodes[count:following])
    wrt = None if wrt_structure is None else tree.unflatten(wrt_structure, nodes[following:])
    return Definition(tuple(nodes[:count]), structure, Signature(arguments, symbols, explicit), wrt, options)
