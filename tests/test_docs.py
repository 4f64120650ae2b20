"""What the documentation shows is what happens."""

from __future__ import annotations

import doctest
import importlib
import importlib.metadata
import os
import pkgutil
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import graphc
from tests import docs_runner
from tests.docs_runner import FLAGS, PAGES, ROOT, blocks_of, mismatches, renewed, tables_restored

MODULES = [
    graphc,
    *(importlib.import_module(entry.name) for entry in pkgutil.walk_packages(graphc.__path__, "graphc.")),
]


WITH_CODE = [
    page for page in PAGES if re.search("^```(python|console)", page.read_text(encoding="utf-8"), re.MULTILINE)
]


@pytest.mark.parametrize("page", WITH_CODE, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_page_prints_what_it_says(page: Path, tmp_path) -> None:
    """In a process of its own: symbols that other tests keep alive have the origins of these."""
    finished = subprocess.run(
        [sys.executable, "-W", "error", "-m", "tests.docs_runner", "--check", str(page)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    remedy = "to write what is printed now: python -m tests.docs_runner"
    assert finished.returncode == 0, f"{finished.stdout}\n{finished.stderr}\n{remedy}"


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
def test_the_examples_in_docstrings_hold(module: ModuleType, capsys) -> None:
    with tables_restored():
        failed, _ = doctest.testmod(module, optionflags=FLAGS)
    assert not failed, capsys.readouterr().out


def test_there_are_examples_to_hold() -> None:
    finder = doctest.DocTestFinder()
    assert sum(len(test.examples) for module in MODULES for test in finder.find(module)) > 100


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", text):
        if "://" not in target:
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_the_commands_of_the_readme_name_extras_that_exist() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    extras = importlib.metadata.metadata("graphc").get_all("Provides-Extra") or []
    commands = [line for block in blocks_of(text) if block.kind == "bash" for line in block.body.splitlines()]
    assert len(commands) == 2
    for command, extra, last in zip(commands, ("demo", "test"), ("graphc demo", "pytest -q -n auto"), strict=True):
        assert f'".[{extra}]"' in command
        assert extra in extras
        assert command.endswith(last)


PAGE = """
```python
print(1 + 1)
print("2.5 ms")
```

```text
{output}
... ms
```

```python
>>> 2 * 3
{product}
```

```python quoted
{quotation}
```

```bash
nobody runs this
```
"""
RIGHT = {"output": "2", "product": "6", "quotation": "FAILED, WRONG_INPUT = 1, 2"}


@pytest.mark.parametrize("wrong", [{}, {"output": "3"}, {"product": "7"}, {"quotation": "FAILED = 3"}])
def test_a_page_that_says_something_else_is_found(wrong: dict[str, str]) -> None:
    found = mismatches(PAGE.format(**{**RIGHT, **wrong}))
    assert len(found) == len(wrong)
    assert all(value in str(found[0]) for value in wrong.values())


def test_a_command_that_prints_something_else_is_found() -> None:
    page = '```console\n$ graphc eval "x*x" x=3\nx*x = {}\nd/dx = 6\n...\n```\n'
    assert not mismatches(page.format(9))
    assert len(mismatches(page.format(8))) == 1


def test_outputs_are_written_anew() -> None:
    page = PAGE.format(**{**RIGHT, "output": "3"})
    assert renewed(page) == PAGE.format(**RIGHT)
    assert not mismatches(renewed(page))


def test_code_of_a_page_that_fails_is_an_error() -> None:
    with pytest.raises(ZeroDivisionError):
        mismatches("```python\n1 / 0\n```\n")


def test_operations_a_page_defines_are_gone_afterwards() -> None:
    assert not mismatches('```python\nimport graphc as gx\ngx.defop("of_a_page", "x**3")\n```\n')
    assert "of_a_page" not in docs_runner.OPERATIONS
