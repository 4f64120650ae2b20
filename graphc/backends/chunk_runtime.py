"""What generated modules with loops in chunks import besides: it starts the pool, which takes some milliseconds."""

from __future__ import annotations

import numpy as np

from graphc.backends import pool
from graphc.backends.threads import chunk_count, in_chunks, in_one

empty = np.empty
pool.load()

__all__ = ["chunk_count", "empty", "in_chunks", "in_one"]
