"""What an expression can say: the operation tables, one row an operation."""

from graphc.ops import (
    composite,
    contraction,
    creation,
    cumulative,
    einsum,
    elementary,
    indexing,
    joining,
    losses,
    movement,
    powers,
    rearranging,
    reduction,
    scalar,
    slicing,
    statistics,
)

__all__ = [
    "composite",
    "contraction",
    "creation",
    "cumulative",
    "einsum",
    "elementary",
    "indexing",
    "joining",
    "losses",
    "movement",
    "powers",
    "rearranging",
    "reduction",
    "scalar",
    "slicing",
    "statistics",
]
