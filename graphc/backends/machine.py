"""What the compiled code runs on: versions, processor, libraries, devices."""

from __future__ import annotations

import llvmlite
import llvmlite.binding
import numba
import scipy
from numba import cuda

from graphc.backends.cores import thread_count

INTERESTING = ("avx2", "fma", "avx512f", "neon", "sve")


def versions() -> dict[str, str]:
    """Return the versions of the compilers and of SciPy."""
    return {"numba": numba.__version__, "llvmlite": llvmlite.__version__, "scipy": scipy.__version__}


def processor() -> str:
    """Return the processor's name for LLVM, and which vector units it has."""
    features = llvmlite.binding.get_host_cpu_features()
    return f"{llvmlite.binding.get_host_cpu_name()} ({', '.join(f for f in INTERESTING if features.get(f))})"


def threading_layer() -> str:
    """Return how many threads our own pool has, and Numba's layers, which are for the user's own loops."""
    layers = ", ".join(numba.config.THREADING_LAYER_PRIORITY)
    return f"{thread_count()} thread(s) of our own; Numba's layers: {layers}"


def cuda_devices() -> str:
    """Return the names of the CUDA devices, or why there are none."""
    try:
        if not cuda.is_available():
            return "none"
        return ", ".join(str(device.name) for device in cuda.gpus)
    except Exception as error:  # drivers fail in many ways, and a diagnosis must not
        return f"not usable: {error}"
