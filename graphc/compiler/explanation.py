"""What a compilation did, in words: nodes, rules, kernels, memory, the time of each pass."""

from __future__ import annotations

from graphc.compiler.pipeline import Record
from graphc.kernel.describe import describe_kernel, describe_memory
from graphc.kernel.ir import Kernel


def explain(kind: str, backend: str, kernel: Kernel, record: Record) -> str:
    """Return the explanation of one program of a function."""
    nodes = ", ".join(f"{count} {stage}" for stage, count in record.nodes.items())
    times = [f"{seconds * 1e3:9.2f} ms  {name}" for name, seconds in record.seconds.items()]
    rules = sorted({step.rule.name for step in record.trace.steps})
    sections = [
        f"{kind} on backend {backend!r}: nodes {nodes}",
        f"rules fired: {', '.join(rules) or 'none'}",
        "kernels, in the order they run, in one native function:",
        _indent(describe_kernel(kernel)),
        "memory:",
        _indent(describe_memory(kernel)),
        "passes:",
        "\n".join(times),
    ]
    return "\n".join(sections)


def _indent(text: str) -> str:
    """Return a text with every line moved in."""
    return "\n".join("  " + line for line in text.splitlines())
