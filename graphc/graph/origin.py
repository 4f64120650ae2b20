"""Where the user wrote a node: the first frame outside graphc, kept as (code, instruction).

Recording costs about 0.2 us a node, so it is always on; file and line are looked up only when shown.
"""

from __future__ import annotations

import os
import sys
import threading
from types import CodeType, FrameType
from typing import TypeAlias

PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
OURS = (PACKAGE, "<graphc ")
"""How the names of graphc's own files begin, those of generated code too."""

Origin: TypeAlias = "tuple[CodeType, int] | tuple[str, int]"
"""A code object and an instruction in it; or, after unpickling, a file and a line."""


PARSED = "<text>"
"""Where the nodes of `parse_expression` come from; the column stands for the line."""


class _Inherited(threading.local):
    """The origin that nodes made by a transformation take from the node they are made for."""

    origin: Origin | None = None


_inherited = _Inherited()


def current_origin() -> Origin:
    """Return the origin a node made now should have."""
    if _inherited.origin is not None:
        return _inherited.origin
    frame: FrameType = sys._getframe(1)
    while frame.f_code.co_filename.startswith(OURS) and frame.f_back is not None:
        frame = frame.f_back
    return frame.f_code, frame.f_lasti


class inherit_origin:  # noqa: N801 - used as a function is
    """Give every node made inside the block this origin: derived nodes point at the user's line."""

    __slots__ = ("origin", "previous")

    def __init__(self, origin: Origin) -> None:
        self.origin = origin
        self.previous: Origin | None = None

    def __enter__(self) -> None:
        self.previous, _inherited.origin = _inherited.origin, self.origin

    def __exit__(self, *_error: object) -> None:
        _inherited.origin = self.previous


def locate(origin: Origin) -> tuple[str, int]:
    """Return the file and line of an origin."""
    where, position = origin
    if isinstance(where, str):
        return where, position
    for index, (line, *_) in enumerate(where.co_positions()):
        if index == position // 2 and line is not None:
            return where.co_filename, line
    return where.co_filename, where.co_firstlineno


def describe_origin(origin: Origin) -> str:
    """Return ``file:line`` with the file as short as it is clear; the column of a text that was parsed."""
    path, line = locate(origin)
    if path == PARSED:
        return f"text, column {line}"
    if os.path.isabs(path):
        relative = os.path.relpath(path)
        path = path if relative.startswith("..") else relative
    return f"{path}:{line}"


def here() -> str:
    """Return ``file:line`` of the user's line being executed now."""
    return describe_origin(current_origin())
