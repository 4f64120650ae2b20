"""Pytrees: nested dict, list, tuple, named tuple and dataclass containers of leaves.

Dict keys are visited in sorted order, None is an empty tree (JAX's rules).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeAlias

from graphc.errors import ArgumentError
from graphc.graph.origin import here

__all__ = ["flatten", "flatten_with_paths", "leaves", "map_tree", "structure", "unflatten"]

Structure: TypeAlias = Any
"""The shape of a tree: the same containers with `Slot` objects for leaves."""


class Slot:
    """The place of a leaf in a structure."""

    def __repr__(self) -> str:
        return "*"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Slot)

    def __hash__(self) -> int:
        return hash(Slot)


def _children(tree: Any) -> list[tuple[str, Any]] | None:
    """Return (path part, child) of each child of a container; None for a leaf."""
    if tree is None:
        return []
    if isinstance(tree, dict):
        return [(f"[{key!r}]", tree[key]) for key in sorted(tree)]
    if isinstance(tree, tuple) and hasattr(tree, "_fields"):
        return [(f".{name}", getattr(tree, name)) for name in tree._fields]
    if isinstance(tree, (list, tuple)):
        return [(f"[{index}]", child) for index, child in enumerate(tree)]
    if dataclasses.is_dataclass(tree) and not isinstance(tree, type):
        return [(f".{entry.name}", getattr(tree, entry.name)) for entry in dataclasses.fields(tree)]
    return None


def _with_children(tree: Any, children: list[Any]) -> Any:
    """Return a container like ``tree`` with other children."""
    if tree is None:
        return None
    if isinstance(tree, dict):
        by_key = dict(zip(sorted(tree), children, strict=True))
        return type(tree)((key, by_key[key]) for key in tree)
    if isinstance(tree, tuple) and hasattr(tree, "_fields"):
        return type(tree)(*children)
    if isinstance(tree, (list, tuple)):
        return type(tree)(children)
    names = [entry.name for entry in dataclasses.fields(tree)]
    return dataclasses.replace(tree, **dict(zip(names, children, strict=True)))


def flatten_with_paths(tree: Any) -> list[tuple[str, Any]]:
    """Return (path, leaf) of each leaf, in order.

    Example:
        >>> import graphc as gx
        >>> gx.tree.flatten_with_paths({"a": [1, 2]})
        [("['a'][0]", 1), ("['a'][1]", 2)]
    """
    found: list[tuple[str, Any]] = []
    stack: list[tuple[str, Any]] = [("", tree)]
    while stack:
        path, node = stack.pop()
        children = _children(node)
        if children is None:
            found.append((path, node))
        else:
            stack.extend((path + part, child) for part, child in reversed(children))
    return found


def leaves(tree: Any) -> list[Any]:
    """Return the leaves, in order.

    Example:
        >>> import graphc as gx
        >>> gx.tree.leaves({"b": 3, "a": [1, 2]})
        [1, 2, 3]
    """
    return [leaf for _, leaf in flatten_with_paths(tree)]


def map_tree(function: Callable[[Any], Any], tree: Any) -> Any:
    """Return the tree with ``function`` applied to each leaf.

    Example:
        >>> import graphc as gx
        >>> gx.tree.map_tree(lambda leaf: 10 * leaf, {"a": [1, 2]})
        {'a': [10, 20]}
    """
    children = _children(tree)
    if children is None:
        return function(tree)
    return _with_children(tree, [map_tree(function, child) for _, child in children])


def structure(tree: Any) -> Structure:
    """Return the tree with every leaf replaced by a `Slot`.

    Example:
        >>> import graphc as gx
        >>> gx.tree.structure({"a": [1, 2]})
        {'a': [*, *]}
    """
    return map_tree(lambda _: Slot(), tree)


def flatten(tree: Any) -> tuple[list[Any], Structure]:
    """Return leaves and structure.

    Example:
        >>> import graphc as gx
        >>> gx.tree.flatten({"a": [1, 2]})
        ([1, 2], {'a': [*, *]})
    """
    return leaves(tree), structure(tree)


def unflatten(shape: Structure, values: Sequence[Any]) -> Any:
    """Return the tree of a structure with the given leaves.

    Args:
        shape: the structure, as `structure` and `flatten` return it.
        values: the leaves, in order.

    Example:
        >>> import graphc as gx
        >>> gx.tree.unflatten(gx.tree.structure({"a": [1, 2]}), [3, 4])
        {'a': [3, 4]}
    """
    remaining: Iterator[Any] = iter(values)
    return map_tree(lambda _: next(remaining), shape)


def spread_prefix(prefix: Any, tree: Any, what: str) -> list[Any]:
    """Return for each leaf of a tree the value that a prefix of it gives: a number or None stands for all below.

    Raises:
        ArgumentError: it is no prefix of the tree.
    """
    if prefix is None or isinstance(prefix, int):
        return [prefix] * len(leaves(tree))
    above, below = _children(prefix), _children(tree)
    if above is None or below is None or [part for part, _ in above] != [part for part, _ in below]:
        raise ArgumentError(f"{what}: {prefix!r} does not fit the structure {structure(tree)}", origin=here())
    return [each for (_, one), (_, child) in zip(above, below, strict=True) for each in spread_prefix(one, child, what)]


def require_structure(tree: Any, expected: Structure, what: str) -> list[Any]:
    """Return the leaves of a tree, which must have the expected structure.

    Raises:
        ArgumentError: it has another; the message shows both.
    """
    got = structure(tree)
    if got != expected:
        raise ArgumentError(f"{what}: expected the structure {expected}, got {got}", origin=here())
    return leaves(tree)
