"""The process that measures one peer at one size: started by `benchmarks.driver`, writes JSON lines."""

from __future__ import annotations

import argparse
import importlib
import json
import os
import resource
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from time import perf_counter
from typing import Any

from benchmarks.common import QUICK, TOLERANCE, Call, Effort, Workload, measure, relative_error
from benchmarks.peers import PEERS

STATUS = Path("/proc/self/status")


def pin(threads: int) -> None:
    """Keep the process on as many cores as it may use threads."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-threads:])


def peak_megabytes() -> float:
    """Return the most memory that this process has held."""
    if STATUS.exists():
        peaks = [line for line in STATUS.read_text().splitlines() if line.startswith("VmHWM")]
        return int(peaks[0].split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def load() -> float:
    """Return how many processes have wanted a core in the last minute."""
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0


def describe_failure(error: BaseException) -> str:
    """Return one line that says what went wrong."""
    message = next(iter(str(error).strip().splitlines()), "")
    return f"failed: {type(error).__name__}: {message[:200]}"


def measure_way(workload: Workload, make: Any, expected: Sequence[Any], options: argparse.Namespace) -> dict[str, Any]:
    """Return what was measured of one way, or why it was not."""
    start = perf_counter()
    call: Call = make()
    result = call()
    seconds = perf_counter() - start
    tolerance = TOLERANCE[workload.dtype]
    error = relative_error(result, expected)
    if not error <= tolerance:
        return {"status": f"wrong: relative error {error:.1e}"}
    start = perf_counter()
    result = call()
    steady = perf_counter() - start
    record: dict[str, Any] = {"compile_s": max(seconds - steady, 0.0), "rss_MB": peak_megabytes()}
    if options.compile_only:
        return record
    if not workload.stateful and not (error := relative_error(result, expected)) <= tolerance:
        return {"status": f"wrong at the second call: relative error {error:.1e}"}
    timing = measure(call, QUICK if options.quick else Effort())
    return {**record, "best_us": timing.best, "median_us": timing.median, "relative_error": error}


def measure_peer(workload: Workload, options: argparse.Namespace) -> None:
    """Print a record for each way of a peer, as soon as it is known."""
    problem = workload.make(workload.sizes[options.size])
    expected: Mapping[str, Sequence[Any]] = workload.expected(problem)
    start = perf_counter()
    module = importlib.import_module(f"benchmarks.peers.{PEERS[options.peer].module}")
    common = {"import_s": perf_counter() - start}
    offer = getattr(module, workload.name, None)
    if offer is None:
        return
    module.prime()
    common["rss_before_MB"] = peak_megabytes()
    for way, make in offer(problem).items():
        quantity, _, variant = way.partition(":")
        record = {"quantity": quantity, "variant": variant, "status": "ok", "load": load(), **common}
        try:
            record |= measure_way(workload, make, expected[quantity], options)
        except Exception as error:
            traceback.print_exc()
            record["status"] = describe_failure(error)
        print(json.dumps(record), flush=True)


def main() -> None:
    """Measure what the command line names."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("workload")
    parser.add_argument("size")
    parser.add_argument("peer", choices=PEERS)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--compile-only", action="store_true")
    options = parser.parse_args()
    pin(options.threads)
    workload = importlib.import_module(f"benchmarks.{options.workload}").WORKLOAD
    measure_peer(workload, options)


if __name__ == "__main__":
    main()
