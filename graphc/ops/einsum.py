"""Einstein's notation for sums of products, taken apart into contractions of two arrays."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from graphc.errors import ArgumentError, ShapeError
from graphc.graph.node import Expr
from graphc.graph.table import apply
from graphc.graph.types import format_shape
from graphc.ops.contraction import LETTERS, contract, operands, sum_alone
from graphc.ops.public import public


@public()
def einsum(subscripts: str, *arrays: Any) -> Expr:
    """Return the sum of products written in Einstein's notation, as ``numpy.einsum``.

    Args:
        subscripts: for example ``"bij,bjk->bik"``; without ``->`` the labels that stand once are kept in
            alphabetical order; ``...`` stands for leading axes, which broadcast; a label twice in one
            operand takes the diagonal.
        arrays: one for each part of the subscripts; contracted pairwise from the left.

    Raises:
        ArgumentError, ShapeError: the subscripts are no text, or do not fit the operands.

    Example:
        >>> import graphc as gx
        >>> gx.einsum("bi,ij,bj->b", gx.tensor("x", ("n", 3)), gx.tensor("A", (3, 3)), gx.tensor("y", ("n", 3))).shape
        (n,)
    """
    nodes = operands(*arrays)
    parts, out = _parse(subscripts, nodes)
    pairs = [_diagonal(node, labels) for node, labels in zip(nodes, parts, strict=True)]
    _check_labels(subscripts, pairs, out)
    node, labels = pairs[0]
    for number, (right, right_labels) in enumerate(pairs[1:], start=2):
        needed = set(out).union(*(set(later) for _, later in pairs[number:]))
        kept = _ordered_union(label for label in labels + right_labels if label in needed)
        target = out if number == len(pairs) else kept
        node, labels = contract(node, labels, right, right_labels, target), target
    node, labels = sum_alone(node, labels, out)
    return apply("transpose", node, [labels.index(label) for label in out])


def _ordered_union(labels: Iterable[str]) -> str:
    return "".join(dict.fromkeys(labels))


def _parse(subscripts: str, nodes: Sequence[Expr]) -> tuple[list[str], str]:
    """Return the labels of each operand and of the result, ``...`` replaced by fresh labels.

    Raises:
        ArgumentError, ShapeError: they are no text, or none for these operands.
    """
    if not isinstance(subscripts, str):
        raise ArgumentError(f'subscripts: a text such as "ij,jk->ik" expected, got {subscripts!r}')
    text = subscripts.replace(" ", "")
    inputs, arrow, out = text.partition("->")
    parts = inputs.split(",")
    if len(parts) != len(nodes):
        raise ShapeError(f"{subscripts!r} describes {len(parts)} operand(s), got {len(nodes)}")
    unused = [letter for letter in LETTERS if letter not in text]
    widest = max(
        (node.ndim - len(part) + 3 for node, part in zip(nodes, parts, strict=True) if "..." in part), default=0
    )
    spare = "".join(unused[: max(widest, 0)])
    result = []
    for node, part in zip(nodes, parts, strict=True):
        count = node.ndim - len(part.replace("...", ""))
        expanded = part.replace("...", spare[len(spare) - count :] if count > 0 else "", 1)
        if len(expanded) != node.ndim or not all(label in LETTERS for label in expanded):
            raise ShapeError(
                f"{part!r} in {subscripts!r} does not fit shape {format_shape(node.shape)}",
                remedy="write one letter for each axis",
            )
        result.append(expanded)
    if arrow:
        return result, out.replace("...", spare, 1)
    named = "".join(result)
    once = sorted(label for label in set(named) if named.count(label) == 1 and label not in spare)
    return result, spare + "".join(once)


def _check_labels(subscripts: str, pairs: Sequence[tuple[Expr, str]], out: str) -> None:
    """Check that the labels of the result exist and that each label stands for one size.

    Raises:
        ShapeError: one does not.
    """
    sizes: dict[str, Any] = {}
    for node, labels in pairs:
        for label, size in zip(labels, node.shape, strict=True):
            known = sizes.setdefault(label, size)
            if known == 1:
                sizes[label] = size
            elif size not in (1, known):
                shapes = " and ".join(format_shape(each.shape) for each, _ in pairs)
                raise ShapeError(
                    f"shapes {shapes} do not match in {subscripts!r}: label {label!r} is {known} and {size}"
                )
    for label in out:
        if label not in sizes or out.count(label) > 1:
            raise ShapeError(f"label {label!r} of the result in {subscripts!r} must stand in an operand, and once")


def _diagonal(node: Expr, labels: str) -> tuple[Expr, str]:
    """Return an operand with every doubled label reduced to one: the diagonal of these two axes.

    Raises:
        ShapeError: the two axes differ.
    """
    for label in dict.fromkeys(labels):
        while labels.count(label) > 1:
            first = labels.index(label)
            second = labels.index(label, first + 1)
            size = node.shape[first]
            if node.shape[second] != size:
                raise ShapeError(f"label {label!r} stands for {size} and {node.shape[second]}")
            node = apply("diagonal", node, 0, first, second)
            labels = labels[:first] + labels[first + 1 : second] + labels[second + 1 :] + label
    return node, labels
