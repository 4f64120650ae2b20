"""Loops whose condition still holds after the steps they may take, and the error the user gets."""

from __future__ import annotations

from typing import Any

from graphc.errors import ArgumentError
from graphc.graph.origin import Origin, describe_origin
from graphc.kernel.ir import Fail, Kernel
from graphc.kernel.walk import walk_statements


class Unfinished(Exception):
    """What leaves a kernel: its argument is the number of the loop."""


def fail_if(condition: Any, number: int, _limit: int) -> None:
    """Leave a kernel that is plain Python where a condition holds."""
    if condition:
        raise Unfinished(number)


def message(limit: int) -> str:
    """Return what is wrong."""
    return f"the loop's condition still holds after {limit} steps"


def unfinished(limit: int, origin: Origin) -> ArgumentError:
    """Return the error for a loop."""
    return ArgumentError(
        message(limit), remedy="raise max_steps, or look at why it does not end", origin=describe_origin(origin)
    )


def explained(error: Unfinished, kernel: Kernel) -> ArgumentError:
    """Return the error for the loop whose number came out of a kernel."""
    (number,) = error.args
    found = next(s for s in walk_statements(kernel.body) if isinstance(s, Fail) and s.number == number)
    assert found.origin is not None
    return unfinished(found.limit, found.origin)
