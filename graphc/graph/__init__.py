"""What an expression is: types, nodes, origins, walks, trees, and how expressions print."""

from graphc.graph import latex, text, tree_text, walk

__all__ = ["latex", "text", "tree_text", "walk"]
