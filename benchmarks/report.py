"""Tables and pictures of records: every peer, what failed too, and graphc against the best rival of the same run."""

from __future__ import annotations

import importlib
import os
import platform
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from benchmarks.peers import BY_HAND, PEERS

Record = dict[str, Any]
Case: TypeAlias = "tuple[str, str, int, str]"
CPU = Path("/proc/cpuinfo")
INTRODUCTION = """# Performance

Written by `python -m benchmarks.run`; to add to it or measure something else, see `--help`. Every peer computes the
same values as a NumPy adjoint written by hand (relative error 1e-8 in float64, 1e-4 in float32; checked before
timing). A time is the best of several samples, the median in brackets, in microseconds for a call (for a step, in
E). Each peer has processes of its own, kept on as many cores as it may use threads, with empty caches. Compile
seconds: the first call, with building the graph and differentiating it, less one steady call, after the process's
first compilation; "warm" is the same in a second process that finds the disk cache. MB: the most memory the process
held, the peer's own libraries included. JAX's inputs are on the device already and its results awaited; PyTorch's are
tensors. E is timed in each framework's natural loop over mini-batches; graphc's steps one by one from Python, and as a
loop of the graph, a whole epoch in one native call.

"Rivals" are peers that differentiate by themselves. numpy and numba are derivatives written by hand: what a
user saves himself. A ratio is the other's time by graphc's: above 1, graphc is faster.
"""


@dataclass(frozen=True)
class Comparison:
    """graphc beside the best rival, and beside the best of what was written by hand, in one case."""

    case: str
    microseconds: float
    rival: str = "-"
    ratio: float | None = None
    by_hand: str = "-"
    ratio_by_hand: float | None = None


def number(value: float | None, digits: int = 3) -> str:
    """Return a number with a few significant digits, thousands grouped, or a dash."""
    if value is None:
        return "-"
    return f"{value:,.0f}" if abs(value) >= 10 ** (digits - 1) else f"{value:.{digits}g}"


def name_of(record: Record) -> str:
    """Return the peer with its variant."""
    return f"{record['peer']}, {record['variant']}" if record["variant"] else str(record["peer"])


def case_of(record: Record) -> Case:
    """Return what must be equal for two times to be compared."""
    return record["workload"], record["size"], record["threads"], record["quantity"]


def title_of(case: Case) -> str:
    """Return what a case is called in tables."""
    workload, size, threads, quantity = case
    return f"{workload} {size}, {quantity}" + (f", {threads} threads" if threads > 1 else "")


def best(records: Iterable[Record]) -> Record | None:
    """Return the record of the shortest time."""
    return min(records, key=lambda record: float(record["best_us"]), default=None)


def comparison(records: Sequence[Record]) -> list[Comparison]:
    """Return graphc against the others, case by case, from the records that hold times."""
    timed = [record for record in records if "best_us" in record]
    rows = []
    for case in dict.fromkeys(case_of(record) for record in timed):
        peers = [record for record in timed if case_of(record) == case]
        own = best(record for record in peers if record["peer"] == "graphc")
        if own is None:
            continue
        rival = best(record for record in peers if record["peer"] not in ("graphc", *BY_HAND))
        by_hand = best(record for record in peers if record["peer"] in BY_HAND)
        rows.append(
            Comparison(
                title_of(case),
                own["best_us"],
                name_of(rival) if rival else "-",
                rival["best_us"] / own["best_us"] if rival else None,
                name_of(by_hand) if by_hand else "-",
                by_hand["best_us"] / own["best_us"] if by_hand else None,
            )
        )
    return rows


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table; the first column is text, the others numbers."""
    lines = [header, ["---", *["---:"] * (len(header) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def summary_table(records: Sequence[Record]) -> str:
    """Return graphc against the best rival in every case."""
    rows = [
        (
            row.case, number(row.microseconds), row.rival, number(row.ratio),
            row.by_hand, number(row.ratio_by_hand),
        )
        for row in comparison(records)
    ]  # fmt: skip
    return table(("case", "graphc us", "best rival", "ratio", "best by hand", "ratio"), rows)


ALONE = {"value_and_grad": "value", "jacobian": "residuals"}
"""By the name of a quantity: the function that it is the derivatives of."""


def ratio_table(records: Sequence[Record]) -> str:
    """Return how much longer derivatives take than the function alone, for each peer in each case."""
    times = {(case_of(record), name_of(record)): record["best_us"] for record in records if "best_us" in record}
    rows = []
    for (case, name), both in times.items():
        *where, quantity = case
        plain = times.get(((*where, ALONE.get(quantity)), name))
        if plain is not None:
            rows.append((title_of(case), name, number(plain), number(both), number(both / plain)))
    return table(("case", "peer", "function us", "with derivatives us", "ratio"), rows)


def workload_table(records: Sequence[Record]) -> str:
    """Return the times, compile seconds and memory of all peers in the cases of one workload."""
    rows = []
    for record in records:
        timed = "best_us" in record
        time = f"{number(record['best_us'])} ({number(record['median_us'])})" if timed else record["status"]
        cells = (
            name_of(record), record["size"], record["quantity"], str(record["threads"]), time,
            number(record.get("compile_s")), number(record.get("compile_warm_s")), number(record.get("rss_MB")),
        )  # fmt: skip
        rows.append(tuple(str(cell).replace("|", "/") for cell in cells))
    return table(("peer", "size", "what", "threads", "us", "compile s", "warm s", "MB"), rows)


def import_table(records: Sequence[Record]) -> str:
    """Return how long each peer takes to import (its benchmark module included), and its memory after a warm-up."""
    rows = []
    for peer in PEERS:
        own = [record for record in records if record["peer"] == peer and "import_s" in record]
        if own:
            seconds = min(record["import_s"] for record in own)
            rows.append((peer, number(seconds), number(min(record["rss_before_MB"] for record in own))))
    return table(("peer", "import s", "MB after warm-up"), rows)


def render_tables(records: Sequence[Record]) -> str:
    """Return all tables: the summary, each workload, importing."""
    sections = ["## graphc against the best of the others\n\n" + summary_table(records)]
    sections.append("## Time of the gradient over that of the function\n\n" + ratio_table(records))
    for name in dict.fromkeys(record["workload"] for record in records):
        title = importlib.import_module(f"benchmarks.{name}").WORKLOAD.title
        own = [record for record in records if record["workload"] == name]
        order = {size: place for place, size in enumerate(dict.fromkeys(record["size"] for record in own))}
        own.sort(key=lambda record: (order[record["size"]], record["quantity"], record.get("best_us", float("inf"))))
        sections.append(f"## {title}\n\n{workload_table(own)}")
    sections.append("## Importing\n\n" + import_table(records))
    return "\n\n".join(sections)


def machine() -> str:
    """Return the processor, cores and Python in a line."""
    model, vectors = platform.processor() or platform.machine(), ""
    if CPU.exists():
        fields = dict(line.split(":", 1) for line in CPU.read_text().splitlines() if ":" in line)
        fields = {name.strip(): text.strip() for name, text in fields.items()}
        model = fields.get("model name", model)
        flags = fields.get("flags", "").split()
        vectors = next((f", {name}" for name in ("avx512f", "avx2") if name in flags), "")
    return f"{model}, {os.cpu_count()} cores{vectors}; {platform.system()}; Python {platform.python_version()}"


def versions(records: Sequence[Record]) -> str:
    """Return the versions of everything measured, in a line."""
    found: dict[str, str] = {}
    for record in records:
        found.update(record["versions"])
    return ", ".join(f"{name} {version}" for name, version in sorted(found.items()))


def load(records: Sequence[Record]) -> str:
    """Return a sentence on how busy the machine was: above 1 for a pinned process, times are noisy."""
    loads = [record["load"] for record in records if "load" in record]
    if not loads:
        return ""
    middle = statistics.median(loads)
    return (
        f" Load average while measuring, the peer's own process included: median {middle:.1f}, most {max(loads):.1f}."
    )


def draw(records: Sequence[Record], path: Path) -> bool:
    """Draw the ratios to the best rival and the best by hand; return False where matplotlib is missing."""
    try:
        import matplotlib as mpl
        from matplotlib.figure import Figure
    except ImportError:
        return False
    mpl.rcParams.update({"svg.hashsalt": "graphc", "svg.fonttype": "none"})
    rows = [row for row in comparison(records) if row.ratio is not None or row.ratio_by_hand is not None]
    figure = Figure(figsize=(9, 1.2 + 0.3 * len(rows)), layout="constrained")
    axes = figure.subplots()
    for place, row in enumerate(rows):
        axes.plot([1, row.ratio or 1], [place, place], color="0.8", zorder=1)
        if row.ratio is not None:
            axes.plot(row.ratio, place, "o", color="C0" if row.ratio >= 1 else "C3")
            axes.annotate(row.rival, (row.ratio, place), xytext=(6, 3), textcoords="offset points", fontsize=6)
        if row.ratio_by_hand is not None:
            axes.plot(row.ratio_by_hand, place, "|", color="black", markersize=9)
    axes.axvline(1, color="black", linewidth=0.8)
    axes.set(xscale="log", xlabel="time of the best rival (dot) or of code by hand (bar), by graphc's: right is faster")
    axes.set_yticks(range(len(rows)), [row.case for row in rows], fontsize=7)
    axes.invert_yaxis()
    axes.grid(axis="x", alpha=0.3)
    figure.savefig(path, metadata={"Date": None}, bbox_inches="tight")
    return True


def write_page(records: Sequence[Record], path: Path, remark: str) -> None:
    """Write the page, and its picture beside it."""
    picture = path.with_suffix(".svg")
    parts = [INTRODUCTION]
    if remark:
        parts.append(f"**{remark}**\n")
    parts.append(f"Machine: {machine()}. Versions: {versions(records)}.{load(records)}\n")
    if draw(records, picture):
        parts.append(f"![ratios of graphc to the best rival]({picture.name})\n")
    path.write_text("\n".join([*parts, render_tables(records), ""]))
