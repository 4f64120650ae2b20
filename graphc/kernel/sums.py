"""Sums over products: an axis that one operand alone has is summed before the product, not after it.

The gradient of a vector taken from every row before a product is the sum of that product's rows: with the
operand's rows summed first, the product of one row is left. `einsum` takes such sums apart in the same way.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from graphc.graph.node import Expr
from graphc.graph.origin import inherit_origin
from graphc.graph.table import apply
from graphc.graph.types import is_float
from graphc.graph.walk import rebuild, topological_order, with_arguments
from graphc.ops.contraction import contract
from graphc.ops.contraction_row import CONTRACT


def sum_before_products(roots: Sequence[Expr]) -> list[Expr]:
    """Return roots in which sums of products, negated or not, that nothing else reads are products of sums."""
    order = topological_order(roots)
    users = Counter(argument for node in order for argument in node.args)
    users.update(roots)

    def replaced(node: Expr, args: tuple[Expr, ...]) -> Expr:
        new = with_arguments(node, args)
        if node.op.name != "sum" or not is_float(node.dtype) or users[node.args[0]] > 1:
            return new
        (product,) = args
        is_negated = product.op.name == "negative" and users[node.args[0].args[0]] == 1
        if is_negated:
            (product,) = product.args
        if product.op is not CONTRACT or not (alone := _axes_of_one(product, node.attribute("axes"))):
            return new
        with inherit_origin(node.origin):
            result = _product_of_sums(product, node.attribute("axes"), alone)
            return apply("negative", result) if is_negated else result

    became = rebuild(roots, replaced)
    return [became[root] for root in roots]


def _axes_of_one(product: Expr, axes: Sequence[int]) -> str:
    """Return the labels of axes of a product that one operand alone has."""
    left, right, out = (product.attribute(name) for name in ("left", "right", "out"))
    return "".join(out[axis] for axis in axes if (out[axis] in left) != (out[axis] in right))


def _product_of_sums(product: Expr, axes: Sequence[int], alone: str) -> Expr:
    """Return the sum of a product over axes, operands summed over those they have alone first."""
    left, right, labels = (product.attribute(name) for name in ("left", "right", "out"))
    out = "".join(label for label in labels if label not in alone)
    rest = tuple(out.index(labels[axis]) for axis in axes if labels[axis] not in alone)
    result = contract(product.args[0], left, product.args[1], right, out)
    return apply("sum", result, axis=rest) if rest else result
