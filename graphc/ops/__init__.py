"""What an expression can say: the operation tables, one row an operation."""

from graphc.ops import contraction, movement, reduction, scalar

__all__ = ["contraction", "movement", "reduction", "scalar"]
