"""Random graphs for hypothesis: mixed ranks, sizes 0 and 1 included, both float dtypes.

Values stay moderate by construction (products have a bounded factor), so that a difference is a
mistake and not a rounding error. Operations with kinks (abs, maximum, max, where) get inputs moved
about but not computed: no rounding can then decide which side of a kink a backend is on.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import hypothesis.strategies as st
import numpy as np

import graphc.ops  # noqa: F401 (fills the tables)
from graphc.errors import ShapeError
from graphc.graph.leaf import symbol
from graphc.graph.node import Expr
from graphc.graph.table import apply
from graphc.graph.types import broadcast_shapes
from graphc.graph.walk import topological_order

Draw = Callable[[st.SearchStrategy[Any]], Any]
DTYPES = ("float64", "float32")
SMOOTH = ("sin", "cos", "tanh", "atan", "asinh", "expit", "softplus", "erf", "negative")
COMPOSED: dict[str, Callable[[Expr], Expr]] = {
    "exp": lambda x: apply("exp", apply("sin", x)),
    "log": lambda x: apply("log", 1.5 + apply("tanh", x)),
    "log1p": lambda x: apply("log1p", apply("expit", x)),
    "sqrt": lambda x: apply("sqrt", 1 + apply("square", apply("sin", x))),
    "reciprocal": lambda x: 1 / (1.25 + apply("cos", x)),
    "power": lambda x: apply("sin", x) ** 3,
    "real power": lambda x: (1.5 + apply("sin", x)) ** apply("cos", x),
    "log of a sum of exponentials": lambda x: apply("log", 1 + apply("exp", apply("atan", x))),
}
SMOOTH_PAIRS: dict[str, Callable[[Expr, Expr], Expr]] = {
    "add": lambda x, y: x + y,
    "subtract": lambda x, y: x - y,
    "multiply": lambda x, y: x * apply("sin", y),
    "divide": lambda x, y: x / (1.5 + apply("cos", y)),
    "logaddexp": lambda x, y: apply("logaddexp", x, y),
    "atan2": lambda x, y: apply("atan2", x, 2.5 + apply("sin", y)),
    "hypot": lambda x, y: apply("hypot", x, 2.5 + apply("sin", y)),
}
KINKED: dict[str, Callable[[Expr, Expr], Expr]] = {
    "abs": lambda x, _: abs(x),
    "maximum": lambda x, y: apply("maximum", x, y),
    "minimum": lambda x, y: apply("minimum", x, y),
    "where": lambda x, y: apply("where", x < y, x * apply("sin", y), apply("cos", x)),
    "clip": lambda x, _: apply("clip", x, -0.75, 0.8125),
}
REDUCTIONS = ("sum", "mean", "prod", "logsumexp", "var")
EXTREMES = ("max", "min")


@dataclass
class Graph:
    """A graph under construction, and finished: its inputs with values, its outputs."""

    inputs: dict[Expr, Any] = field(default_factory=dict)
    pool: list[Expr] = field(default_factory=list)
    exact: list[Expr] = field(default_factory=list)
    """Inputs, and inputs moved about: no arithmetic."""

    @property
    def output(self) -> Expr:
        """The last node made."""
        return self.pool[-1]

    @property
    def loss(self) -> Expr:
        """A scalar that depends on everything made."""
        used = {argument for node in topological_order(self.pool) for argument in node.args}
        ends = [node for node in dict.fromkeys(self.pool) if node not in used or node is self.output]
        parts = [apply("sum", apply("sin", node)) for node in ends]
        return functools.reduce(lambda left, right: left + right, parts)

    def __repr__(self) -> str:
        values = {node.attribute("name"): value.tolist() for node, value in self.inputs.items()}
        return f"<{self.output!r} at {values}>"


@st.composite
def graphs(draw: Draw, max_nodes: int = 12, dtypes: tuple[str, ...] = DTYPES) -> Graph:
    """Return a random graph of up to ``max_nodes`` operations on one to three inputs."""
    graph = Graph()
    sizes = [1, draw(st.integers(1, 3)), draw(st.integers(1, 4)), draw(st.sampled_from([0, 0, 2, 5]))]
    generator = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    for name in "abc"[: draw(st.integers(1, 3))]:
        shape = tuple(draw(st.lists(st.sampled_from(sizes), max_size=3)))
        _add_input(graph, name, shape, draw(st.sampled_from(dtypes)), generator)
    for _ in range(draw(st.integers(1, max_nodes))):
        kind = draw(st.sampled_from(STEPS))
        try:
            kind(graph, draw, generator)
        except ShapeError:
            continue
    if len(graph.pool) == len(graph.inputs):
        graph.pool.append(apply("sin", graph.pool[-1]))
    return graph


def _add_input(graph: Graph, name: str, shape: tuple[int, ...], dtype: str, generator: Any) -> Expr:
    node = symbol(name, shape, dtype)
    graph.inputs[node] = np.asarray(generator.uniform(-1.5, 1.5, shape)).astype(dtype)
    graph.pool.append(node)
    graph.exact.append(node)
    return node


def _unary(graph: Graph, draw: Draw, _generator: Any) -> None:
    name = draw(st.sampled_from((*SMOOTH, *COMPOSED)))
    x = draw(st.sampled_from(graph.pool))
    graph.pool.append(COMPOSED[name](x) if name in COMPOSED else apply(name, x))


def _binary(graph: Graph, draw: Draw, _generator: Any) -> None:
    function = SMOOTH_PAIRS[draw(st.sampled_from(sorted(SMOOTH_PAIRS)))]
    x, y = draw(st.sampled_from(graph.pool)), draw(st.sampled_from(graph.pool))
    broadcast_shapes(x.shape, y.shape)
    graph.pool.append(function(x, y))


def _kinked(graph: Graph, draw: Draw, _generator: Any) -> None:
    function = KINKED[draw(st.sampled_from(sorted(KINKED)))]
    x, y = draw(st.sampled_from(graph.exact)), draw(st.sampled_from(graph.exact))
    broadcast_shapes(x.shape, y.shape)
    graph.pool.append(function(x, y))


def _reduction(graph: Graph, draw: Draw, _generator: Any) -> None:
    name = draw(st.sampled_from((*REDUCTIONS, *EXTREMES)))
    x = draw(st.sampled_from(graph.exact if name in EXTREMES else graph.pool))
    axes = draw(st.none() | st.sets(st.integers(0, x.ndim - 1)).map(tuple)) if x.ndim else None
    if 0 in x.shape and name not in ("sum", "prod"):
        return
    bounded = apply("sin", x) if name == "prod" else x
    graph.pool.append(apply(name, bounded, axis=axes, keepdims=draw(st.booleans())))


def _matmul(graph: Graph, draw: Draw, generator: Any) -> None:
    x = draw(st.sampled_from(graph.pool))
    if x.ndim == 0:
        return
    name = f"w{len(graph.inputs)}"
    columns = draw(st.sampled_from([(), (1,), (2,), (3,)]))
    weights = _add_input(graph, name, (x.shape[-1], *columns), x.dtype, generator)  # type: ignore[arg-type]
    graph.pool.append(x @ apply("sin", weights))


def _movement(graph: Graph, draw: Draw, _generator: Any) -> None:
    from_inputs = draw(st.booleans())
    x = draw(st.sampled_from(graph.exact if from_inputs else graph.pool))
    moved = _moved(x, draw)
    graph.pool.append(moved)
    if from_inputs:
        graph.exact.append(moved)


def _moved(x: Expr, draw: Draw) -> Expr:
    """Return the elements of a node somewhere else."""
    how = draw(
        st.sampled_from(("transpose", "ravel", "expand", "slice", "flip", "concatenate", "pad", "repeat", "stack"))
    )
    if how == "expand" or x.ndim == 0:
        return apply("expand_dims", x, draw(st.integers(0, x.ndim)))
    axis = draw(st.integers(0, x.ndim - 1))
    if how == "transpose":
        return apply("transpose", x, tuple(draw(st.permutations(range(x.ndim)))))
    if how == "ravel":
        return apply("reshape", x, (-1,)) if 0 not in x.shape else apply("flip", x, axis)
    if how == "slice":
        start, step = draw(st.integers(-2, 2)), draw(st.sampled_from([-2, -1, 1, 2]))
        return x[(slice(None),) * axis + (slice(start, None, step),)]
    if how == "flip":
        return apply("flip", x, axis)
    if how == "pad":
        return apply("pad", x, [(1, 0) if number == axis else (0, 1) for number in range(x.ndim)])
    if how == "repeat":
        return apply("broadcast_to", x, (2, *x.shape)) if x.ndim < 3 else x
    if how == "stack":
        return apply("stack", [x, apply("flip", x, axis)], axis) if x.ndim < 3 else x
    return apply("concatenate", [x, apply("flip", x, axis)], axis)


def _cast(graph: Graph, draw: Draw, _generator: Any) -> None:
    graph.pool.append(apply("astype", draw(st.sampled_from(graph.pool)), draw(st.sampled_from(DTYPES))))


STEPS = (_unary, _unary, _binary, _binary, _kinked, _reduction, _matmul, _movement, _movement, _cast)
