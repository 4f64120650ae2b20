"""What generated modules with loops in chunks import besides: it starts the pool, which takes some milliseconds."""

from __future__ import annotations

import numpy as np

from graphc.backends import blas_threads, pool
from graphc.backends.blas_threads import free_blas, gemm_in_parts, limit_blas
from graphc.backends.threads import chunk_count, in_chunks, in_one

empty = np.empty
pool.load()
blas_threads.load()

__all__ = ["chunk_count", "empty", "free_blas", "gemm_in_parts", "in_chunks", "in_one", "limit_blas"]
