"""What an expression can say: the operation tables, one row an operation."""

from graphc.ops import contraction, elementary, movement, powers, reduction, scalar

__all__ = ["contraction", "elementary", "movement", "powers", "reduction", "scalar"]
