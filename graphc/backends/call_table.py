"""The table of a call: what the binder reads of the kernel it calls, a row of 8-byte words.

A head, then rows for inputs, outputs and workspaces, then the frame as it is before anything is bound.
"""

from __future__ import annotations

from enum import IntEnum


class Head(IntEnum):
    """The first words of a table: the kernel's function, sizes of the frame, the memory kept, numbers of rows.

    The last words of the frame are room for where the memory of each argument begins, then for where it ends.
    """

    FUNCTION, WORDS, TEMPLATE, ROOM, POOL, BYTES, INPUTS, OUTPUTS, WORKSPACES = range(9)


class Row(IntEnum):
    """The words of a row, which is an input, output or workspace. A workspace has its offset for its bytes.

    The handler is what a large result's memory is from, see `graphc.backends.result_memory`, 0 for NumPy's own.
    """

    KIND, POSITION, TYPE, RANK, BYTES, HANDLER = range(6)


class Kind(IntEnum):
    """What an argument or result is; numbers of other dtypes than the first three are NumPy's scalars."""

    ARRAY, FLOAT64, INT64, BOOL, FLOAT32, OTHER = range(6)


LANES = 8
"""The room for the memory of arguments is a multiple of this: it is looked through by as many at once."""
