"""Parentheses: whether a text needs them, and what it is without."""

from __future__ import annotations


def is_atom(text: str) -> bool:
    """Tell whether a text is a name, number, call or something in parentheses as a whole."""
    depth = 0
    for position, character in enumerate(text):
        depth += (character in "([") - (character in ")]")
        if (depth == 0 and character in " -") or (depth == 0 and character in ")]" and position != len(text) - 1):
            return False
    return True


def bare(text: str) -> str:
    """Return a text without the parentheses around the whole of it."""
    return text[1:-1] if text.startswith("(") and is_atom(text) else text
