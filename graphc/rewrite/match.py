"""Whether a pattern fits a node, and the right side of a rule built from what its variables stood for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from graphc.graph.leaf import CONSTANT, SYMBOL, constant, constant_value, is_constant, is_symbol, symbol_name
from graphc.graph.node import Expr, build
from graphc.graph.table import apply
from graphc.graph.walk import topological_order
from graphc.ops.movement_row import MovementOperation
from graphc.ops.reduction_row import ReductionOperation
from graphc.rewrite.rule import Rule

_REPEATING = ("broadcast_to", "expand_dims", "squeeze", "reshape", "transpose")


@dataclass(slots=True)
class Binding:
    """What the variables of a pattern stand for in one match."""

    nodes: dict[str, Expr] = field(default_factory=dict)
    axes: Any = None
    """The axes of the reductions in the pattern, which must agree."""


def uniform_value(node: Expr) -> Any:
    """Return the one number a node holds everywhere, as a NumPy scalar; None if it is no such constant."""
    while isinstance(node.op, MovementOperation) and node.op.name in _REPEATING:
        node = node.args[0]
    if not is_constant(node):
        return None
    array = constant_value(node)
    return array.reshape(-1)[0] if array.size == 1 else None


def possibly_constant(operations: Sequence[str]) -> bool:
    """Tell whether arguments of these operations may all be constants, repeated or not."""
    return all(name == CONSTANT.name or name in _REPEATING for name in operations)


def same_number(value: Any, wanted: Any) -> bool:
    """Tell whether two numbers are equal with the same sign, so that 0 and -0 differ."""
    return bool(value == wanted) and bool(np.signbit(value) == np.signbit(wanted))


@dataclass(frozen=True, slots=True)
class Variant:
    """A form of a rule's left side, and what its own arguments say at a glance.

    numbers: positions of arguments that are numbers, with these.
    equal: pairs of positions of arguments that are the same variable.
    """

    pattern: Expr
    numbers: tuple[tuple[int, Any], ...]
    equal: tuple[tuple[int, int], ...]

    def fits_at_a_glance(self, node: Expr) -> bool:
        """Tell whether a node whose arguments have fitting operations may match: most do not."""
        arguments = node.args
        for first, second in self.equal:
            if arguments[first] is not arguments[second]:
                return False
        for position, number in self.numbers:
            argument = arguments[position]
            if argument.op is CONSTANT and not argument.shape and constant_value(argument).item() != number:
                return False
        return True


def fitting_variants(rule: Rule, node: Expr) -> tuple[Variant, ...]:
    """Return the forms of a rule's left side that the operations of the node's arguments do not exclude."""
    return tuple(
        _variant(pattern)
        for pattern in rule.variants
        if all(p.op is a.op or _could_fit(p, a) for p, a in zip(pattern.args, node.args, strict=True))
    )


def _variant(pattern: Expr) -> Variant:
    """Return a pattern with what its arguments say at a glance."""
    parts = list(enumerate(pattern.args))
    numbers = tuple((n, constant_value(part).item()) for n, part in parts if is_constant(part) and not part.shape)
    equal = tuple((n, m) for n, one in parts for m, other in parts if n < m and one is other and is_symbol(one))
    return Variant(pattern, numbers, equal)


def apply_variants(rule: Rule, variants: tuple[Variant, ...], node: Expr) -> Expr | None:
    """Return what a rule replaces a node by, trying some forms of its left side; None where none matches."""
    for variant in variants:
        if variant.fits_at_a_glance(node):
            binding = match(rule, variant.pattern, node)
            if binding is not None and (rule.proviso is None or rule.proviso(binding.nodes)):
                return instantiate(rule, binding, node)
    return None


def _could_fit(part: Expr, argument: Expr) -> bool:
    """Tell whether an operation and a different one may still fit: a variable, or a number repeated."""
    return part.op is SYMBOL or (part.op is CONSTANT and argument.op.name in _REPEATING)


def match(rule: Rule, pattern: Expr, node: Expr) -> Binding | None:
    """Return what the variables of a pattern stand for in a node; None if it does not fit."""
    binding = Binding()
    stack = [(pattern, node)]
    while stack:
        part, target = stack.pop()
        if part.args:
            if target.op is not part.op or not _bind_attributes(part, target, binding):
                return None
            stack.extend(zip(part.args, target.args, strict=True))
        elif not _bind_leaf(rule, part, target, binding):
            return None
    return binding


def _bind_leaf(rule: Rule, part: Expr, target: Expr, binding: Binding) -> bool:
    """Tell whether a variable or number of a pattern fits a node, and note what the variable stands for."""
    if not is_symbol(part):
        value = uniform_value(target)
        dtypes = ("bool",) if part.dtype == "bool" else rule.dtypes
        return value is not None and target.dtype in dtypes and same_number(value, constant_value(part)[()])
    name = symbol_name(part)
    bound = binding.nodes.setdefault(name, target)
    if bound is not target:
        return False
    if part.dtype == "bool":
        return target.dtype == "bool"
    return target.dtype in rule.dtypes and (name not in rule.constants.split() or uniform_value(target) is not None)


def _bind_attributes(part: Expr, target: Expr, binding: Binding) -> bool:
    """Tell whether the attributes agree; the axes of a reduction are a variable of their own."""
    if not isinstance(part.op, ReductionOperation):
        return part.attributes == target.attributes
    axes = target.attribute("axes")
    if binding.axes is None:
        binding.axes = axes
    return bool(binding.axes == axes)


def instantiate(rule: Rule, binding: Binding, node: Expr) -> Expr:
    """Return the right side of a rule with its variables replaced, in the dtype and shape of the node."""
    dtype = next((bound.dtype for bound in binding.nodes.values() if bound.dtype != "bool"), node.dtype)
    made: dict[Expr, Expr] = {}
    for part in topological_order([rule.right]):
        made[part] = _instantiate_node(part, [made[argument] for argument in part.args], binding, dtype)
    result = made[rule.right]
    if not rule.right.args and not is_symbol(rule.right):
        result = constant(constant_value(rule.right), node.dtype)
    return result if result.shape == node.shape else apply("broadcast_to", result, node.shape)


def _instantiate_node(part: Expr, arguments: list[Expr], binding: Binding, dtype: str) -> Expr:
    """Return what a node of the right side becomes."""
    if is_symbol(part):
        return binding.nodes[symbol_name(part)]
    if is_constant(part):
        return constant(constant_value(part), dtype if part.dtype != "bool" else "bool")
    if isinstance(part.op, ReductionOperation):
        return build(part.op, *arguments, axes=binding.axes)
    return apply(part.op.name, *arguments)
