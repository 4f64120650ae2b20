"""The text of generated Python: tuples, and the names that lines use and give values to."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

WORD = re.compile(r"(?<![.\w])[^\W\d]\w*")
"""A name; not one behind a point."""
_TARGETS = re.compile(r" +([^=\[]*) = ")


def tuple_text(texts: Sequence[str]) -> str:
    """Return the text of a tuple."""
    return f"({', '.join(texts)}{',' * (len(texts) == 1)})"


def assigned(lines: Iterable[str]) -> dict[str, None]:
    """Return the names that lines give values to, in order of first appearance."""
    targets = (found[1] for line in lines if (found := _TARGETS.match(line)))
    return dict.fromkeys(name for target in targets for name in WORD.findall(target))
