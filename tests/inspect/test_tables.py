from __future__ import annotations

from pathlib import Path

import pytest

from graphc.graph.table import OPERATIONS
from graphc.inspect import tables
from graphc.ops.scalar_row import ScalarOperation
from graphc.rewrite.rules import RULES

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize("name", ["operations.md", "rewrites.md", "debugging.md"])
def test_the_committed_page_is_what_the_tables_say(name: str, run_python) -> None:
    text = "import sys; from pathlib import Path; from graphc.inspect.tables import pages\n"
    text += "sys.stdout.buffer.write(pages(Path(sys.argv[1]))[Path(sys.argv[1]) / sys.argv[2]].encode())"
    assert (DOCS / name).read_text(encoding="utf-8") == run_python(text, DOCS, name), f"run: {tables.COMMAND}"


def test_every_operation_and_rule_is_on_its_page() -> None:
    operations, rewrites = tables.operations_page(), tables.rewrites_page()
    assert all(f"`{row.name}`" in operations for row in tables.listed_rows() if isinstance(row, ScalarOperation))
    assert {row.name for row in OPERATIONS.values() if "[" not in row.name} <= {
        row.name for row in tables.listed_rows()
    }
    assert all(f"`{rule.name}`" in rewrites for rule in RULES)


def test_names_without_a_function_are_marked() -> None:
    assert tables.name_of("radians") == "`radians`"
    assert tables.name_of("power[3]") == "`power[3]`"
    assert tables.name_of("getitem") == "`getitem`†"
    assert tables.aliases_of("norm") == "`linalg.norm`, `linalg.vector_norm`†, `vector_norm`†"


def test_derivatives_are_shown_in_the_arguments() -> None:
    def texts(name: str) -> list[str]:
        row = OPERATIONS[name]
        assert isinstance(row, ScalarOperation)
        return tables.derivative_texts(row)

    assert texts("multiply") == ["y", "x"]
    assert texts("sin") == ["cos(x)"]
    assert texts("subtract") == ["g", "-g"]
    assert texts("where")[0] == "0"


def test_cells_escape_the_bar() -> None:
    assert tables.markdown_table(["a"], [["x | y"]]).splitlines()[-1] == r"| x \| y |"


def test_pages_are_written(tmp_path: Path) -> None:
    (tmp_path / "debugging.md").write_text(f"before {tables.BEGIN} old {tables.END} after")
    tables.main(str(tmp_path))
    text = (tmp_path / "debugging.md").read_text()
    assert text.startswith("before ")
    assert text.endswith(" after")
    assert "GRAPHC_JIT" in text
    assert " old " not in text
    assert (tmp_path / "operations.md").exists()
