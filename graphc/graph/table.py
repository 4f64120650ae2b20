"""The tables that `graphc.ops` fills: functions the user calls, rows the nodes refer to.

They stand below `Expr` so that its operators can look functions up by name without importing them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from graphc.errors import UnsupportedError
from graphc.graph.origin import here

if TYPE_CHECKING:
    from graphc.graph.node import Expr, Operation

FUNCTIONS: dict[str, Callable[..., Any]] = {}
"""Every function that builds nodes, by its public name and its NumPy aliases."""

FAMILIES: dict[str, Callable[[int], Operation]] = {}
"""Families of rows with an integer parameter, by name: what enters the member in the table."""


class _Operations(dict[str, "Operation"]):
    """The table of rows; a member of a family, as ``power[3]``, enters it when it is first looked up."""

    def __missing__(self, name: str) -> Operation:
        family, bracket, parameter = name.removesuffix("]").partition("[")
        if not bracket or family not in FAMILIES:
            raise KeyError(name)
        return FAMILIES[family](int(parameter))


OPERATIONS: dict[str, Operation] = _Operations()
"""Every operation row, by name."""


PRINTERS: dict[str, Callable[..., str]] = {}
"""How expressions print: "text", "latex" and "tree", filled by the modules of those names."""


def apply(name: str, *arguments: Any, **options: Any) -> Expr:
    """Return what the function called ``name`` builds.

    Raises:
        UnsupportedError: graphc has no such function.
    """
    function = FUNCTIONS.get(name)
    if function is None:
        raise UnsupportedError(
            f"graphc has no operation {name!r}",
            remedy="docs/operations.md lists the operations; gx.defop adds one",
            origin=here(),
        )
    result: Expr = function(*arguments, **options)
    return result
