from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphc.errors import ArgumentError
from graphc.graph import tree


class Layer(NamedTuple):
    weight: Any
    bias: Any


@dataclass
class Model:
    first: Layer
    scale: Any


trees = st.recursive(
    st.integers() | st.none(),
    lambda children: (
        st.lists(children, max_size=3)
        | st.tuples(children, children)
        | st.dictionaries(st.sampled_from("abc"), children, max_size=3)
        | st.builds(Layer, children, children)
        | st.builds(lambda layer, scale: Model(layer, scale), st.builds(Layer, children, children), children)
    ),
    max_leaves=12,
)


@given(trees)
def test_flatten_and_unflatten_are_inverse(drawn: Any) -> None:
    values, shape = tree.flatten(drawn)
    assert tree.unflatten(shape, values) == drawn


@given(trees)
def test_structure_does_not_depend_on_the_leaves(drawn: Any) -> None:
    assert tree.structure(drawn) == tree.structure(tree.map_tree(lambda leaf: (str(leaf),)[0], drawn))


def test_leaves_come_in_sorted_order_of_keys() -> None:
    assert tree.leaves({"b": 1, "a": [2, (3, None)]}) == [2, 3, 1]


def test_the_order_of_a_dict_is_kept_when_rebuilt() -> None:
    rebuilt = tree.map_tree(lambda leaf: leaf + 1, {"b": 1, "a": 2})
    assert list(rebuilt.items()) == [("b", 2), ("a", 3)]


def test_containers_keep_their_type() -> None:
    model = Model(Layer(1, 2), OrderedDict(a=3))
    doubled = tree.map_tree(lambda leaf: 2 * leaf, model)
    assert doubled == Model(Layer(2, 4), OrderedDict(a=6))
    assert isinstance(doubled.scale, OrderedDict)


def test_paths_name_each_leaf_as_python_would() -> None:
    paths = [path for path, _ in tree.flatten_with_paths({"w": Layer([1, 2], 3)})]
    assert paths == ["['w'].weight[0]", "['w'].weight[1]", "['w'].bias"]


def test_deep_trees_of_one_leaf_each_are_flattened_without_recursion() -> None:
    nested: Any = 1
    for _ in range(5000):
        nested = [nested]
    assert tree.leaves(nested) == [1]


def test_another_structure_is_refused_with_both() -> None:
    with pytest.raises(ArgumentError, match=r"params: expected the structure \{'a': \*\}, got \[\*\]"):
        tree.require_structure([1], tree.structure({"a": 1}), "params")
