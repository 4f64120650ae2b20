"""Starting one process for each peer and size, with threads pinned before anything is imported; the command line."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks.common import Workload
from benchmarks.peers import PEERS, Peer

ROOT = Path(__file__).resolve().parent.parent
THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMBA_NUM_THREADS",
    "GRAPHC_THREADS",
    "NPROC",
)
Record = dict[str, Any]


def environment(threads: int, caches: Path) -> dict[str, str]:
    """Return the environment of a worker: threads pinned, empty caches of its own."""
    xla = "" if threads > 1 else "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
    return {
        **os.environ,
        **dict.fromkeys(THREAD_VARIABLES, str(threads)),
        "XLA_FLAGS": xla,
        "JAX_PLATFORMS": "cpu",
        "JAX_COMPILATION_CACHE_DIR": str(caches / "jax"),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
        "GRAPHC_CACHE_DIR": str(caches / "graphc"),
        "PYTENSOR_FLAGS": f"base_compiledir={caches / 'pytensor'}",
        "TORCHINDUCTOR_CACHE_DIR": str(caches / "torch"),
        "PYTHONHASHSEED": "0",
    }


def read_records(text: str) -> list[Record]:
    """Return the records among the lines a worker wrote."""
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]


def start_worker(
    workload: str, size: str, peer: Peer, options: argparse.Namespace, caches: Path, *more: str
) -> tuple[list[Record], str]:
    """Return the records of one worker, and how it ended if that was badly."""
    command = [sys.executable, "-m", "benchmarks.worker", workload, size, peer.name, *more]
    command += ["--threads", str(options.threads)] + ["--quick"] * options.quick
    limit = min(options.limit or peer.seconds, peer.seconds)
    try:
        done = subprocess.run(
            command, cwd=ROOT, env=environment(options.threads, caches), capture_output=True, text=True, timeout=limit
        )
    except subprocess.TimeoutExpired as late:
        text = late.stdout.decode() if isinstance(late.stdout, bytes) else late.stdout or ""
        return read_records(text), f"timed out after {limit:.0f} s"
    if options.verbose and done.stderr:
        print(done.stderr, file=sys.stderr)
    last = next(iter(reversed(done.stderr.strip().splitlines())), "")
    ended = "" if done.returncode == 0 else f"ended with code {done.returncode}: {last[:200]}"
    return read_records(done.stdout), ended


def measure_peer(workload: Workload, size: str, peer: Peer, options: argparse.Namespace) -> Iterator[Record]:
    """Yield the records of one peer at one size; compiling is done again where a cache may help."""
    names = {"workload": workload.name, "size": size, "peer": peer.name, "threads": options.threads}
    names["versions"] = peer.versions()
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        records, ended = start_worker(workload.name, size, peer, options, Path(folder))
        warm: dict[tuple[str, str], float] = {}
        if peer.caches and not ended and any(record["status"] == "ok" for record in records):
            again, _ = start_worker(workload.name, size, peer, options, Path(folder), "--compile-only")
            warm = {(r["quantity"], r["variant"]): r["compile_s"] for r in again if "compile_s" in r}
    for record in records:
        key = record["quantity"], record["variant"]
        yield names | record | ({"compile_warm_s": warm[key]} if key in warm else {})
    if ended:
        quantity = missing_quantity(workload, records)
        done = any(record["quantity"] == quantity for record in records)
        yield names | {"quantity": quantity, "variant": "another way" if done else "", "status": ended}


def missing_quantity(workload: Workload, records: Sequence[Record]) -> str:
    """Return the first quantity without a record: what the worker was busy with when it ended."""
    quantities = list(workload.expected(workload.make(workload.tiny)))
    done = {record["quantity"] for record in records}
    return next((quantity for quantity in quantities if quantity not in done), quantities[-1])


def measure_workload(workload: Workload, options: argparse.Namespace) -> Iterator[Record]:
    """Yield the records of a workload: every size and peer asked for, one process after the other."""
    sizes = options.size or (workload.quick if options.quick and workload.quick else tuple(workload.sizes))
    for size in sizes:
        if size not in workload.sizes:
            raise SystemExit(f"{workload.name}: size {size!r} is not one of {', '.join(workload.sizes)}")
        for name in options.peer or PEERS:
            if PEERS[name].installed:
                yield from measure_peer(workload, size, PEERS[name], options)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add what every benchmark command understands."""
    parser.add_argument("--peer", action="append", choices=PEERS, help="one peer (repeat); default: all installed")
    parser.add_argument("--size", action="append", help="one size (repeat); default: all")
    parser.add_argument(
        "--threads", type=int, default=1, help="threads, and cores the process is kept on (%(default)s)"
    )
    parser.add_argument("--quick", action="store_true", help="shorter samples and fewer sizes")
    parser.add_argument("--limit", type=float, help="seconds that one peer may take for one size")
    parser.add_argument("--verbose", action="store_true", help="show what the workers write to standard error")


def main(workload: Workload) -> None:
    """Measure one workload as the command line asks for; print a record a line."""
    parser = argparse.ArgumentParser(description=workload.title)
    add_options(parser)
    for record in measure_workload(workload, parser.parse_args()):
        print(json.dumps(record), flush=True)
