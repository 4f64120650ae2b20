"""All workloads, one peer at a time, and the page of tables and pictures: `python -m benchmarks.run --quick`."""

from __future__ import annotations

import argparse
import importlib
import json
import sys
from pathlib import Path
from time import perf_counter

from benchmarks.driver import ROOT, Record, add_options, measure_workload
from benchmarks.report import write_page

WORKLOADS = (
    "a_small_calls",
    "b_unrolled_chain",
    "c_fused_elementwise",
    "d_logistic_regression",
    "e_training_step",
    "f_recurrent",
    "f_lstm",
    "g_rosenbrock",
    "h_dense_hessian",
    "i_mixture_model",
    "j_newton",
    "k_leapfrog",
    "l_min_max",
    "m_ode",
    "n_bundle_adjustment",
    "overhead",
    "limits",
)
RECORDS = ROOT / "build" / "benchmarks.jsonl"


def describe(record: Record) -> str:
    """Return a record in a line."""
    names = [record[name] for name in ("workload", "size", "peer", "quantity", "variant")]
    measured = f"{record['best_us']:,.2f} us" if "best_us" in record else record["status"]
    return " ".join([*filter(None, names), measured])


def read(path: Path) -> list[Record]:
    """Return the records of a file, the last one where something was measured twice."""
    kept: dict[tuple[object, ...], Record] = {}
    for line in path.read_text().splitlines():
        record = json.loads(line)
        kept[tuple(record[name] for name in ("workload", "size", "peer", "threads", "quantity", "variant"))] = record
    return list(kept.values())


def main() -> None:
    """Measure what the command line asks for, keep the records, write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    add_options(parser)
    parser.add_argument("--workload", action="append", choices=WORKLOADS, help="one workload (repeat); default: all")
    parser.add_argument("--records", type=Path, default=RECORDS, help="file of the records (%(default)s)")
    parser.add_argument("--keep", action="store_true", help="add to the records that the file holds")
    parser.add_argument("--report-only", action="store_true", help="write the page from the records, measure nothing")
    parser.add_argument("--page", type=Path, default=ROOT / "docs" / "performance.md", help="the page (%(default)s)")
    parser.add_argument("--remark", default="", help="a sentence on the circumstances, put above the tables")
    options = parser.parse_args()
    options.records.parent.mkdir(parents=True, exist_ok=True)
    if not options.report_only:
        start = perf_counter()
        with options.records.open("a" if options.keep else "w") as file:
            for name in options.workload or WORKLOADS:
                workload = importlib.import_module(f"benchmarks.{name}").WORKLOAD
                for record in measure_workload(workload, options):
                    print(json.dumps(record), file=file, flush=True)
                    print(f"{perf_counter() - start:6.0f} s  {describe(record)}", file=sys.stderr, flush=True)
    write_page(read(options.records), options.page, options.remark)
    print(options.page)


if __name__ == "__main__":
    main()
