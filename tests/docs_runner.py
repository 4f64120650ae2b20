"""Runs the code of a page of documentation and compares what it prints with what the page says it prints.

A ```python block is executed, all blocks of a page in one namespace; if the next block is ```text, that is its output.
Blocks with ``>>>`` are doctests. In a ```console block every line ``$ graphc ...`` is run, the lines below are its
output. A ```python quoted block must stand in graphc's own source, its layout aside. ``...`` in an output stands for
anything, and numbers such as 1.1e-16, the rounding errors of a machine, stand for each other.
Other blocks are left alone. ``python -m tests.docs_runner`` writes new outputs where they no longer agree.
"""

from __future__ import annotations

import contextlib
import doctest
import io
import re
import shlex
import sys
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from graphc.cli import main as graphc_command
from graphc.graph.table import FUNCTIONS, OPERATIONS

ROOT = Path(__file__).parents[1]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
FILE_NAME = "tour.py"
"""What the code of a page calls itself: generated code names the user's file and line."""
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
ROUNDING = re.compile(r"\b\d\.\de[-+]\d\d\b")
FENCE = re.compile(r"^```(?P<kind>[^\n`]*)\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A fenced block of a page.

    Attributes:
        kind: the words after the fence.
        body: the lines between the fences.
        line: the line of the page the body begins on.
        start, end: where the body is in the page.
    """

    kind: str
    body: str
    line: int
    start: int
    end: int


@dataclass(frozen=True)
class Mismatch:
    """An output that is not what the page says, and where the page says it."""

    block: Block
    expected: str
    got: str

    def __str__(self) -> str:
        return f"line {self.block.line}: expected\n{self.expected}\ngot\n{self.got}"


def blocks_of(text: str) -> list[Block]:
    """Return the fenced blocks of a page, in order."""
    found: list[Block] = []
    for match in FENCE.finditer(text):
        start, end = match.span("body")
        found.append(Block(match["kind"].strip(), match["body"], text.count("\n", 0, start) + 1, start, end))
    return found


@contextlib.contextmanager
def tables_restored() -> Iterator[None]:
    """Take the operations a page defines out of the tables again."""
    before = [(table, set(table)) for table in (FUNCTIONS, OPERATIONS)]
    try:
        yield
    finally:
        for table, names in before:
            for name in set(table) - names:
                del table[name]  # type: ignore[attr-defined]


def mismatches(text: str) -> list[Mismatch]:
    """Run a page and return every output that is not what the page says."""
    found: list[Mismatch] = []
    namespace: dict[str, Any] = {"__name__": "__main__"}
    printed: str | None = None
    with tables_restored():
        for block in blocks_of(text):
            if block.kind == "text" and printed is not None and not agrees(block.body, printed):
                found.append(Mismatch(block, block.body, printed))
            printed = None
            if block.kind == "python" and ">>>" in block.body:
                found.extend(run_doctest(block, namespace))
            elif block.kind == "python":
                printed = run_code(block, namespace)
            elif block.kind == "python quoted":
                found.extend(check_quotation(block))
            elif block.kind == "console":
                found.extend(run_console(block))
    return found


def agrees(expected: str, got: str) -> bool:
    """Return whether an output is the expected one, up to spaces, rounding errors, and what ``...`` stands for."""
    expected, got = (ROUNDING.sub("0.0e-16", text) for text in (expected, got))
    return doctest.OutputChecker().check_output(expected, got, FLAGS)


def run_code(block: Block, namespace: dict[str, Any]) -> str:
    """Run a block; return what it prints."""
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        exec(compile(block.body, FILE_NAME, "exec", dont_inherit=True), namespace)
    return output.getvalue()


def run_doctest(block: Block, namespace: dict[str, Any]) -> list[Mismatch]:
    """Run a block with prompts, its code named as that of other blocks; return its mismatches."""
    found = []
    for example in doctest.DocTestParser().get_examples(block.body):
        output = io.StringIO()
        try:
            with contextlib.redirect_stdout(output):
                exec(compile("\n" * example.lineno + example.source, FILE_NAME, "single", dont_inherit=True), namespace)
            got, expected = output.getvalue(), example.want
        except Exception as error:
            if example.exc_msg is None:
                raise
            got, expected = "".join(traceback.format_exception_only(error)), example.exc_msg
        if not agrees(expected, got):
            found.append(Mismatch(block, example.source + expected, got))
    return found


def run_console(block: Block) -> list[Mismatch]:
    """Run the commands of a block; return a mismatch if what it shows is not what they print."""
    got = []
    for command in re.findall(r"^\$ (.*)$", block.body, re.MULTILINE):
        output = io.StringIO()
        with contextlib.redirect_stdout(output):
            program, *arguments = shlex.split(command)
            assert program == "graphc", f"line {block.line}: only graphc runs in a console block, got {program}"
            graphc_command(arguments)
        got.append(f"$ {command}\n{output.getvalue()}")
    text = "".join(got)
    return [] if agrees(block.body, text) else [Mismatch(block, block.body, text)]


def check_quotation(block: Block) -> list[Mismatch]:
    """Return a mismatch if the block is not to be found in graphc's source."""
    sources = (without_layout(path.read_text(encoding="utf-8")) for path in sorted((ROOT / "graphc").rglob("*.py")))
    found = any(without_layout(block.body) in source for source in sources)
    return [] if found else [Mismatch(block, block.body, "nothing like it")]


def without_layout(text: str) -> str:
    """Return code without spaces, line ends and the commas that a formatter adds at line ends."""
    return re.sub(r"\s+", "", text).replace(",)", ")")


def renewed(text: str) -> str:
    """Return a page with the outputs its code has now; times are written as ``...``."""
    for mismatch in reversed(mismatches(text)):
        if mismatch.block.kind in ("text", "console"):
            got = re.sub(r"\d+\.\d+ ms", "... ms", mismatch.got)
            got = "\n".join(line.rstrip() for line in got.rstrip("\n").splitlines()) + "\n"
            text = text[: mismatch.block.start] + got + text[mismatch.block.end :]
    return text


def main(arguments: list[str]) -> int:
    """Write new outputs into pages (all, or those named); with ``--check`` say what is wrong instead."""
    pages = [Path(name) for name in arguments if name != "--check"] or PAGES
    wrong = 0
    for page in pages:
        text = page.read_text(encoding="utf-8")
        if "--check" in arguments:
            found = mismatches(text)
            wrong += len(found)
            print(*found, sep="\n")
        else:
            page.write_text(renewed(text), encoding="utf-8")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
