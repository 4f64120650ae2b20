"""Products with what is added to them: ``addend + scale * (left @ right)`` as one node, one library call.

``W - rate * (A.T @ G)`` needs no gradient in memory and no pass of its own: the product is added to a copy
of ``W`` as it is computed. A sum of products accumulates in one array.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from graphc.graph.leaf import constant, constant_value, is_constant
from graphc.graph.node import Expr, build
from graphc.graph.origin import inherit_origin
from graphc.graph.table import apply
from graphc.graph.walk import rebuild, topological_order, with_arguments
from graphc.kernel.partition import is_view, must_store
from graphc.kernel.product import ACCUMULATE, addend_of, is_product, scale_of
from graphc.ops.movement import BROADCAST, EXPAND, RESHAPE, SQUEEZE

REPEATING = (BROADCAST, EXPAND, RESHAPE, SQUEEZE)


def fold_into_products(roots: Sequence[Expr]) -> list[Expr]:
    """Return normalised roots in which sums that only products read, or nobody, are computed by a product in them."""
    folding = _Folding(roots)
    became = rebuild(roots, folding.fold)
    return [became[root] for root in roots]


class _Folding:
    """What is known of the nodes that lead, by sums and multiples used nowhere else, to a product.

    whole: the nodes that are needed as arrays alone: no loop goes over them that could add something.
    towards: from a sum or multiple to its argument that is a product or leads to one.
    loose: the new nodes that have one user.
    """

    def __init__(self, roots: Sequence[Expr]) -> None:
        order = topological_order(roots)
        looped = (argument for node in order if not (is_product(node) or is_view(node)) for argument in node.args)
        self.whole = must_store(order, roots).difference(looped)
        self.users = Counter(argument for node in order for argument in node.args)
        self.users.update(roots)
        self.towards: dict[Expr, Expr] = {}
        self.loose: set[Expr] = set()

    def fold(self, node: Expr, args: tuple[Expr, ...]) -> Expr:
        """Return what a node becomes, its arguments being folded."""
        new = with_arguments(node, args)
        following = self._argument_towards_product(new)
        if following is not None:
            self.towards[new] = following
            if node in self.whole or self._adds_to_product(new):
                with inherit_origin(node.origin):
                    new = self._folded(new)
        if self.users[node] == 1:
            self.loose.add(new)
        return new

    def _argument_towards_product(self, node: Expr) -> Expr | None:
        """Return the argument of a sum or multiple that leads to a product, of two the second."""
        if node.op.name not in ("add", "subtract", "negative", "multiply"):
            return None
        for argument, other in zip(node.args[::-1], node.args, strict=True):
            fits = node.op.name != "multiply" or scalar_of(other) is not None
            product = is_product(argument) and addend_of(argument) is None
            if fits and argument in self.loose and (product or argument in self.towards):
                return argument
        return None

    def _adds_to_product(self, node: Expr) -> bool:
        """Tell whether what a product would be added to is a product in memory nobody else reads."""
        first = node.args[0]
        if self.towards[node] is first:
            first = node.args[-1]
        return node.op.name in ("add", "subtract") and is_product(first) and first in self.loose

    def _folded(self, node: Expr) -> Expr:
        """Return a sum as the product it leads to, with scale and addend."""
        scale = constant(1.0, node.dtype)
        addend: Expr | None = None
        while not is_product(node):
            following = self.towards[node]
            second = node.args[-1] is following
            other = node.args[0] if second else node.args[-1]
            name = node.op.name
            if name in ("add", "subtract"):
                term = _multiple(_negated(scale) if name == "subtract" and not second else scale, other)
                addend = term if addend is None else apply("add", addend, term)
            if name == "multiply":
                scale = _times(scale, scalar_of(other))
            elif name == "negative" or (name == "subtract" and second):
                scale = _negated(scale)
            node = following
        terms = [_times(scale, scale_of(node))] + ([] if addend is None else [addend])
        return build(ACCUMULATE, *node.args[:2], *terms, **dict(node.attributes[:3]))


def scalar_of(node: Expr) -> Expr | None:
    """Return the number that a node holds everywhere, None if it holds several."""
    while node.shape and node.op in REPEATING:
        (node,) = node.args
    return None if node.shape else node


def _times(first: Expr, second: Expr | None) -> Expr:
    """Return the product of two scales; None is one."""
    if second is None or _is_number(first, 1):
        return first if second is None else second
    if is_constant(first) and is_constant(second):
        return constant(constant_value(first) * constant_value(second))
    return _negated(second) if _is_number(first, -1) else apply("multiply", first, second)


def _negated(scale: Expr) -> Expr:
    """Return minus a scale."""
    return constant(-constant_value(scale)) if is_constant(scale) else apply("negative", scale)


def _multiple(scale: Expr, term: Expr) -> Expr:
    """Return a term times a scale."""
    if _is_number(scale, 1):
        return term
    return apply("negative", term) if _is_number(scale, -1) else apply("multiply", scale, term)


def _is_number(scale: Expr, number: int) -> bool:
    """Tell whether a scale is a number known now."""
    return is_constant(scale) and bool(constant_value(scale) == number)
