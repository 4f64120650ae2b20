"""How JAX is called: compiled, inputs on the device already, results awaited, in double precision."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from benchmarks.common import Call

jax.config.update("jax_enable_x64", True)


def awaited(function: Callable[..., Any], *arguments: Any) -> Call:
    """Return a call of a compiled function that waits for its results; arguments are moved to the device."""
    compiled = jax.jit(function)
    wait = jax.block_until_ready
    return Call(lambda *given: wait(compiled(*given)), tuple(jnp.asarray(value) for value in arguments))
